//! Proportions of events, such as error rates: their uncertainty and trend.

use crate::units::whole;

/// The interval of a proportion from `hits` of `total` at `z` standard deviations: Wilson (1927), J. Am.
/// Stat. Assoc. 22. From 0 to 1 without events.
pub fn wilson(hits: u64, total: u64, z: f64) -> (f64, f64) {
    if total == 0 {
        return (0.0, 1.0);
    }
    let n = total as f64;
    let share = (hits.min(total) as f64) / n;
    let square = z * z / n;
    let center = share + square / 2.0;
    let spread = (square * (share * (1.0 - share) + square / 4.0)).sqrt();
    // At the ends, the exact bounds differ from the formula by rounding errors.
    let low = if hits == 0 {
        0.0
    } else {
        (center - spread) / (1.0 + square)
    };
    let high = if hits >= total {
        1.0
    } else {
        (center + spread) / (1.0 + square)
    };
    (low.clamp(0.0, 1.0), high.clamp(0.0, 1.0))
}

/// Whether a proportion exceeds `limit`, such that `hits` of `total` are less likely than `level` at the
/// limit. By the bound of Chernoff (1952), Ann. Math. Stat. 23, which also holds for few events.
pub fn exceeds(hits: u64, total: u64, limit: f64, level: f64) -> bool {
    let n = total as f64;
    let share = hits.min(total) as f64 / n.max(1.0);
    let rest = 1.0 - share;
    let misses = if rest > 0.0 {
        rest * (rest / (1.0 - limit)).ln()
    } else {
        0.0
    };
    share > limit && n * (share * (share / limit).ln() + misses) > -level.ln()
}

/// A number of events (`hits`) out of a total, such as those of one window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    pub hits: u64,
    pub total: u64,
}

impl Share {
    pub fn sum(shares: &[Self]) -> Self {
        shares.iter().fold(Self::default(), |sum, next| Self {
            hits: sum.hits.saturating_add(next.hits),
            total: sum.total.saturating_add(next.total),
        })
    }

    pub fn ratio(self) -> Option<f64> {
        (self.total > 0).then(|| self.hits as f64 / self.total as f64)
    }

    /// The equivalent number of independent events, given their [`overdispersion`].
    #[must_use]
    pub fn scaled(self, overdispersion: f64) -> Self {
        let independent = |count: u64| whole(count as f64 / overdispersion.max(1.0));
        Self {
            hits: independent(self.hits),
            total: independent(self.total),
        }
    }
}

/// How much more proportions vary around that of their group than those of independent events: Pearson's
/// `X^2 / (k - g)` for `k` proportions in `g` groups, at least 1 (`McCullagh` and Nelder, Generalized
/// Linear Models, 1989, 4.5). Groups with only one kind of event are ignored.
pub fn overdispersion<'a>(groups: impl IntoIterator<Item = &'a [Share]>) -> f64 {
    let (mut pearson, mut freedom) = (0.0, 0.0);
    for group in groups {
        let known = group.iter().filter(|share| share.total > 0);
        let known = known.map(|share| (share.hits.min(share.total) as f64, share.total as f64));
        let total: f64 = known.clone().map(|(_, n)| n).sum();
        let ratio = known.clone().map(|(hits, _)| hits).sum::<f64>() / total;
        if ratio > 0.0 && ratio < 1.0 {
            let variance = ratio * (1.0 - ratio);
            let square = |(hits, n): (f64, f64)| (hits - n * ratio).powi(2) / (n * variance);
            freedom += known.clone().count() as f64 - 1.0;
            pearson += known.map(square).sum::<f64>();
        }
    }
    if freedom > 0.0 {
        (pearson / freedom).max(1.0)
    } else {
        1.0
    }
}

/// The linear trend of a proportion over windows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShareTrend {
    /// The normal deviate, divided by the square root of `overdispersion`.
    pub z: f64,
    /// How much more the proportions vary around their line than independent events; at least 1.
    pub overdispersion: f64,
}

/// The test of Cochran (1954), Biometrics 10, and Armitage (1955), Biometrics 11:
/// `sum r_i (t_i - T) / sqrt(p (1 - p) sum n_i (t_i - T)^2)`, with the number of the window as `t` and its
/// weighted mean as `T`. Errors come in bursts, so the variance is multiplied by `X^2 / (k - 2)` (Pearson's
/// statistic around the fitted line), at least 1.
///
/// `None` if fewer than three windows have events, or all events are alike.
pub fn cochran_armitage(windows: &[Share]) -> Option<ShareTrend> {
    let known: Vec<(f64, f64, f64)> = windows
        .iter()
        .enumerate()
        .filter(|(_, share)| share.total > 0)
        .map(|(at, share)| {
            (
                at as f64,
                share.hits.min(share.total) as f64,
                share.total as f64,
            )
        })
        .collect();
    let total: f64 = known.iter().map(|(_, _, n)| n).sum();
    let ratio = known.iter().map(|(_, r, _)| r).sum::<f64>() / total;
    if known.len() < 3 || !(ratio > 0.0 && ratio < 1.0) {
        return None;
    }
    let center = known.iter().map(|(t, _, n)| t * n).sum::<f64>() / total;
    let covariance: f64 = known.iter().map(|(t, r, _)| r * (t - center)).sum();
    let square: f64 = known.iter().map(|(t, _, n)| n * (t - center).powi(2)).sum();
    let variance = ratio * (1.0 - ratio);
    let slope = covariance / square;
    let pearson: f64 = known
        .iter()
        .map(|(t, r, n)| {
            let fitted = n * (ratio + slope * (t - center));
            (r - fitted).powi(2) / (n * variance)
        })
        .sum();
    let overdispersion = (pearson / (known.len() - 2) as f64).max(1.0);
    Some(ShareTrend {
        z: covariance / (variance * square * overdispersion).sqrt(),
        overdispersion,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::normal::Z_975;
    use proptest::prelude::*;

    /// Newcombe (1998), Stat. Med. 17, table I, method 3.
    #[test]
    fn intervals_match_the_table_of_newcombe() {
        let table = [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ];
        for (hits, total, low, high) in table {
            let found = wilson(hits, total, Z_975);
            assert!((found.0 - low).abs() < 5.1e-5, "{hits}/{total}: {found:?}");
            assert!((found.1 - high).abs() < 5.1e-5, "{hits}/{total}: {found:?}");
        }
        assert_eq!(wilson(0, 0, Z_975), (0.0, 1.0));
        assert_eq!(wilson(20, 20, Z_975).1, 1.0);
    }

    #[test]
    fn a_share_exceeds_a_limit_only_if_significant() {
        // At 0.1%, one of 50 fails in 5% of all cases, and 3 of 50 in 0.002%.
        for (hits, total, expected) in [
            (0, 0, false),
            (0, 50, false),
            (1, 50, false),
            (3, 50, true),
            (11, 12_000, false),
            (30, 12_000, true),
            (5, 5, true),
        ] {
            let found = exceeds(hits, total, 0.001, 0.001);
            assert_eq!(found, expected, "{hits} of {total}");
        }
    }

    /// R: `prop.trend.test(c(83, 90, 129, 70), c(86, 93, 136, 82))`, Fisher's smokers of its
    /// documentation: X-squared = 8.2249.
    #[test]
    fn the_trend_matches_a_published_example() {
        let windows =
            [(83, 86), (90, 93), (129, 136), (70, 82)].map(|(hits, total)| Share { hits, total });
        let found = cochran_armitage(&windows).unwrap();
        let square = found.z * found.z * found.overdispersion;
        assert!((square - 8.2249).abs() < 5e-5, "{square}");
        assert!(found.z < 0.0);
    }

    #[test]
    fn overdispersed_shares_count_as_fewer_events() {
        let share = |hits| Share { hits, total: 100 };
        let of = |groups: &[&[Share]]| overdispersion(groups.iter().copied());
        assert_eq!(of(&[]), 1.0);
        assert_eq!(of(&[&[share(0); 5]]), 1.0);
        assert_eq!(of(&[&[share(10); 5]]), 1.0);
        // 10 and -10 around 10: each 100 / 9.
        let found = of(&[&[share(0), share(20)]]);
        assert!((found - 200.0 / 9.0).abs() < 1e-9, "{found}");
        // Different levels of groups do not count as variation.
        assert_eq!(of(&[&[share(10); 5], &[share(60); 5]]), 1.0);
        let scaled = Share {
            hits: 40,
            total: 4000,
        }
        .scaled(10.0);
        assert_eq!((scaled.hits, scaled.total), (4, 400));
    }

    #[test]
    fn bursts_are_not_a_trend() {
        let calm = Share {
            hits: 0,
            total: 100,
        };
        let burst = Share {
            hits: 60,
            total: 100,
        };
        let mut windows = [calm; 24];
        windows[22] = burst;
        let found = cochran_armitage(&windows).unwrap();
        assert!(found.overdispersion > 10.0 && found.z < 2.326, "{found:?}");
    }

    proptest! {
        #[test]
        fn trends_and_intervals_are_finite_for_any_counts(windows in prop::collection::vec((0_u64..=u64::MAX, 0_u64..=u64::MAX), 0..30)) {
            let windows: Vec<Share> = windows.into_iter()
                .map(|(hits, total)| Share { hits, total }).collect();
            if let Some(found) = cochran_armitage(&windows) {
                prop_assert!(found.z.is_finite() && found.overdispersion.is_finite());
            }
            for share in windows {
                let (low, high) = wilson(share.hits, share.total, 3.0);
                prop_assert!(0.0 <= low && low <= high && high <= 1.0);
                prop_assert!(!exceeds(share.hits, share.total, 1.0, 0.001));
            }
        }
    }
}
