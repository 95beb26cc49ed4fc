//! Whether growth approaches a level, like a cache that fills, or is linear.

/// Candidate time constants, as shares of the span. With a longer one, the curve is linear within the span.
const CONSTANTS: [f64; 24] = [
    0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.065, 0.08, 0.1, 0.125, 0.15, 0.18, 0.21, 0.25, 0.3,
    0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0,
];

/// The Bayesian information criteria of least-squares fits to a series (Schwarz 1978, Ann. Stat. 6):
/// `n ln(RSS / n) + parameters ln n`. The lower one describes the series better; a difference above 6 is strong
/// evidence (Kass and Raftery 1995, J. Am. Stat. Assoc. 90).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurveFits {
    /// `a + b t`
    pub line: f64,
    /// `a + c (1 - exp(-t / tau))`
    pub saturation: f64,
    /// The best `tau`, in the unit of the times.
    pub tau: f64,
}

/// Fits both models. `None` for fewer than four points, or if all values are equal. Times begin at 0.
pub fn fits(points: &[(f64, f64)]) -> Option<CurveFits> {
    let (first, last) = (points.first()?.0, points.last()?.0);
    let span = last - first;
    let scaled = scaled(points)?;
    let curve = |share: f64| {
        let bent = scaled.iter().map(|(time, value)| {
            let elapsed = (time - first) / span;
            (-(-elapsed / share).exp_m1(), *value)
        });
        (residual(&bent.collect::<Vec<_>>()), share)
    };
    let (best, share) = CONSTANTS
        .into_iter()
        .map(curve)
        .min_by(|(a, _), (b, _)| a.total_cmp(b))?;
    Some(CurveFits {
        line: criterion(residual(&scaled), points.len(), 2),
        saturation: criterion(best, points.len(), 3),
        tau: share * span,
    })
}

/// Scales the values to between -1 and 1, so that squares neither overflow nor underflow.
pub(super) fn scaled(points: &[(f64, f64)]) -> Option<Vec<(f64, f64)>> {
    let n = points.len() as f64;
    let mean: f64 = points.iter().map(|(_, value)| value / n).sum();
    let largest = points
        .iter()
        .fold(0.0_f64, |most, (_, value)| most.max((value - mean).abs()));
    let differ = largest.is_finite() && largest > mean.abs() * f64::EPSILON * 8.0;
    let scale = |(time, value): &(f64, f64)| (*time, (value - mean) / largest);
    (points.len() >= 4 && differ).then(|| points.iter().map(scale).collect())
}

/// The information criterion of a fit. The residual has a lower bound, so that the logarithm is finite.
pub(super) fn criterion(residual: f64, points: usize, parameters: u32) -> f64 {
    let n = points as f64;
    n * (residual / n).max(1e-12).ln() + f64::from(parameters) * n.ln()
}

/// The residual sum of squares of the least-squares line.
fn residual(points: &[(f64, f64)]) -> f64 {
    let n = points.len() as f64;
    let (x, y) = points
        .iter()
        .fold((0.0, 0.0), |(x, y), (a, b)| (x + a / n, y + b / n));
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for (a, b) in points {
        xx += (a - x) * (a - x);
        xy += (a - x) * (b - y);
        yy += (b - y) * (b - y);
    }
    if xx > 0.0 {
        (yy - xy * xy / xx).max(0.0)
    } else {
        yy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(value: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
        // A fixed disturbance, so that no fit is perfect.
        let noise = |at: u32| f64::from(at * 7919 % 13) / 13.0 - 0.5;
        (0..48_u32)
            .map(|at| (f64::from(at), value(f64::from(at)) + noise(at)))
            .collect()
    }

    #[test]
    fn distinguishes_a_line_from_a_filling_cache() {
        let line = fits(&series(|t| 100.0 + t / 4.0)).unwrap();
        assert!(line.line < line.saturation + 1.0, "{line:?}");
        let cache = fits(&series(|t| 100.0 + 30.0 * (1.0 - (-t / 10.0).exp()))).unwrap();
        assert!(cache.line - cache.saturation > 50.0, "{cache:?}");
        assert!((8.0..12.5).contains(&cache.tau), "{cache:?}");
    }

    #[test]
    fn too_few_or_constant_values_are_not_fitted() {
        assert_eq!(fits(&[]), None);
        assert_eq!(fits(&series(|_| 0.0)[..3]), None);
        assert_eq!(
            fits(&[(0.0, 5.0), (1.0, 5.0), (2.0, 5.0), (3.0, 5.0)]),
            None
        );
    }

    #[test]
    fn sizes_do_not_matter() {
        for size in [1e-300, 1e-9, 1e140] {
            let points: Vec<_> = series(|t| t)
                .into_iter()
                .map(|(t, v)| (t, v * size))
                .collect();
            let found = fits(&points).unwrap();
            let plain = fits(&series(|t| t)).unwrap();
            assert!((found.line - plain.line).abs() < 1e-6, "{size}: {found:?}");
        }
    }
}
