//! Throughput as a function of concurrency: the universal scalability law of Gunther (2007), Guerrilla
//! Capacity Planning, chapter 4.

/// `X(N) = lambda N / (1 + sigma (N - 1) + kappa N (N - 1))`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scalability {
    /// Throughput of one user.
    pub lambda: f64,
    /// The serialized share of the work (contention).
    pub sigma: f64,
    /// The cost of each pair of users (coherency).
    pub kappa: f64,
    /// The root mean squared error, as a share of the mean throughput.
    pub error: f64,
}

/// Three parameters require one more point.
pub const MIN_LEVELS: usize = 4;

const STEPS: usize = 100;
const HALVINGS: usize = 20;
/// A relative improvement of the sum of squares below this ends the iteration.
const CONVERGED: f64 = 1e-13;

impl Scalability {
    /// Fits users and throughputs by least squares with `sigma >= 0` and `kappa >= 0`. `None` for fewer
    /// than four different numbers of users.
    ///
    /// With `lambda = 1 / a`, `sigma = b / a` and `kappa = c / a`, the law is
    /// `X = N / (a + b (N - 1) + c N (N - 1))`. The Gauss-Newton iteration starts from the weighted linear fit of
    /// `N / X`. A parameter that would be negative is fixed at 0, and the others are fitted again.
    pub fn fit(points: &[(f64, f64)]) -> Option<Self> {
        let usable = |(users, rate): &&(f64, f64)| {
            *users > 0.0 && *rate > 0.0 && users.is_finite() && rate.is_finite()
        };
        let points: Vec<(f64, f64)> = points.iter().filter(usable).copied().collect();
        let mut levels: Vec<f64> = points.iter().map(|(users, _)| *users).collect();
        levels.sort_by(f64::total_cmp);
        levels.dedup_by(|a, b| (*a - *b).abs() <= 0.01 * *b);
        if levels.len() < MIN_LEVELS {
            return None;
        }
        let subsets: [&[usize]; 4] = [&[0, 1, 2], &[0, 1], &[0, 2], &[0]];
        let fits = subsets.iter().filter_map(|free| fitted(&points, free));
        let valid = fits.filter(|(p, _)| p[0] > 0.0 && p[1] >= 0.0 && p[2] >= 0.0);
        let ([a, b, c], squares) = valid.min_by(|x, y| x.1.total_cmp(&y.1))?;
        let n = points.len() as f64;
        let mean = points.iter().map(|(_, rate)| rate / n).sum::<f64>();
        let found = Self {
            lambda: 1.0 / a,
            sigma: b / a,
            kappa: c / a,
            error: (squares / n).sqrt() / mean,
        };
        (found.lambda.is_finite() && found.error.is_finite()).then_some(found)
    }

    pub fn throughput(&self, users: f64) -> f64 {
        let waiting = self.sigma * (users - 1.0) + self.kappa * users * (users - 1.0);
        self.lambda * users / (1.0 + waiting)
    }

    /// The number of users with the highest throughput; `None` if throughput has no peak.
    pub fn peak(&self) -> Option<f64> {
        let peak = ((1.0 - self.sigma).max(0.0) / self.kappa).sqrt().max(1.0);
        (self.kappa > 0.0 && peak.is_finite()).then_some(peak)
    }

    /// The limit of the throughput without a peak; `None` if it is unbounded.
    pub fn ceiling(&self) -> Option<f64> {
        let ceiling = self.lambda / self.sigma;
        (self.sigma > 0.0 && ceiling.is_finite()).then_some(ceiling)
    }
}

/// The factors of `a`, `b` and `c`.
fn factors(users: f64) -> [f64; 3] {
    [1.0, users - 1.0, users * (users - 1.0)]
}

fn model(parameters: [f64; 3], users: f64) -> f64 {
    let terms = factors(users).into_iter().zip(parameters);
    users / terms.map(|(factor, value)| factor * value).sum::<f64>()
}

fn squares(points: &[(f64, f64)], parameters: [f64; 3]) -> f64 {
    let residual = |(users, rate): &(f64, f64)| (rate - model(parameters, *users)).powi(2);
    points.iter().map(residual).sum()
}

/// The best values of the `free` parameters with the others at 0, and the sum of squares.
fn fitted(points: &[(f64, f64)], free: &[usize]) -> Option<([f64; 3], f64)> {
    let line = points.iter().map(|(users, rate)| {
        // Converts errors of `N / X` to errors of the throughput.
        let weight = rate * rate / users;
        let row = factors(*users).map(|factor| weight * factor);
        (row, weight * users / rate)
    });
    let mut best = solve(line, free)?;
    let mut error = squares(points, best);
    for _ in 0..STEPS {
        let tangent = points.iter().map(|(users, rate)| {
            let value = model(best, *users);
            let row = factors(*users).map(|factor| -value * value / users * factor);
            (row, rate - value)
        });
        let step = solve(tangent, free)?;
        let mut share = 1.0;
        let next = (0..HALVINGS).find_map(|_| {
            let tried = [0, 1, 2].map(|at| best[at] + share * step[at]);
            share /= 2.0;
            let squares = squares(points, tried);
            (squares < error).then_some((tried, squares))
        });
        let Some((tried, squares)) = next else { break };
        let gain = (error - squares) / error;
        (best, error) = (tried, squares);
        if gain < CONVERGED {
            break;
        }
    }
    error.is_finite().then_some((best, error))
}

/// Linear least squares by the normal equations, with columns scaled to similar magnitudes.
fn solve(rows: impl Iterator<Item = ([f64; 3], f64)> + Clone, free: &[usize]) -> Option<[f64; 3]> {
    let mut scale = [0.0_f64; 3];
    for (row, _) in rows.clone() {
        for (scale, value) in scale.iter_mut().zip(row) {
            *scale = scale.max(value.abs());
        }
    }
    let n = free.len();
    let mut matrix = [[0.0_f64; 4]; 3];
    for (row, target) in rows {
        let scaled = [0, 1, 2].map(|at| row[at] / scale[at].max(f64::MIN_POSITIVE));
        for (i, line) in matrix.iter_mut().take(n).enumerate() {
            for (j, cell) in line.iter_mut().take(n).enumerate() {
                *cell += scaled[free[i]] * scaled[free[j]];
            }
            line[3] += scaled[free[i]] * target;
        }
    }
    let found = eliminated(matrix, n)?;
    let mut all = [0.0; 3];
    for (at, value) in free.iter().zip(found) {
        all[*at] = value / scale[*at].max(f64::MIN_POSITIVE);
    }
    Some(all)
}

/// Gaussian elimination with pivoting; the last column is the right-hand side.
fn eliminated(mut matrix: [[f64; 4]; 3], n: usize) -> Option<[f64; 3]> {
    for at in 0..n {
        let pivot = (at..n).max_by(|a, b| matrix[*a][at].abs().total_cmp(&matrix[*b][at].abs()))?;
        matrix.swap(at, pivot);
        let row = matrix[at];
        if row[at].abs() < 1e-14 || !row[at].is_finite() {
            return None;
        }
        for (other, line) in matrix.iter_mut().enumerate().take(n) {
            if other != at {
                let factor = line[at] / row[at];
                for (cell, value) in line.iter_mut().zip(row) {
                    *cell -= factor * value;
                }
            }
        }
    }
    let mut found = [0.0; 3];
    for (at, value) in found.iter_mut().enumerate().take(n) {
        *value = matrix[at][3] / matrix[at][at];
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// SPEC SDM 91 on a Sun `SPARCcenter` 2000: the data set `specsdm91` of the R package `usl`, whose
    /// manual lists the coefficients 0.0277285, 0.0001044 and 89.9952330 with the standard errors
    /// 0.0091217, 0.0000199 and 14.2134894, and a residual standard error of 82.8 with 4 degrees of
    /// freedom.
    const SPEC: [(f64, f64); 7] = [
        (1.0, 64.9),
        (18.0, 995.9),
        (36.0, 1652.4),
        (72.0, 1853.2),
        (108.0, 1828.9),
        (144.0, 1775.0),
        (216.0, 1702.2),
    ];

    #[test]
    fn the_benchmark_of_gunther_and_moeding() {
        let found = Scalability::fit(&SPEC).expect("seven levels");
        assert!((found.sigma - 0.027_728_5).abs() < 5e-7, "{found:?}");
        assert!((found.kappa - 0.000_104_4).abs() < 5e-8, "{found:?}");
        assert!((found.lambda - 89.995_233).abs() < 5e-5, "{found:?}");
        let mean = SPEC.iter().map(|(_, rate)| rate / 7.0).sum::<f64>();
        let standard_error = found.error * mean * (7.0_f64 / 4.0).sqrt();
        assert!((standard_error - 82.8).abs() < 0.05, "{standard_error}");
        assert!((found.peak().unwrap() - 96.5).abs() < 0.05, "{found:?}");
        // `limit.scalability` of the same package.
        assert!((found.ceiling().unwrap() - 3245.589).abs() < 0.01);
    }

    #[test]
    fn a_perfect_law_is_recovered() {
        for (lambda, sigma, kappa) in [
            (10.0, 0.0, 0.0),
            (1000.0, 0.05, 0.0),
            (0.9, 0.0, 1e-5),
            (50.0, 0.02, 0.0005),
        ] {
            let law = Scalability {
                lambda,
                sigma,
                kappa,
                error: 0.0,
            };
            let users = [1.0, 4.0, 16.0, 50.0, 120.0, 200.0];
            let found = Scalability::fit(&users.map(|n| (n, law.throughput(n)))).unwrap();
            assert!((found.lambda / lambda - 1.0).abs() < 1e-6, "{found:?}");
            assert!((found.sigma - sigma).abs() < 1e-6, "{found:?}");
            assert!((found.kappa - kappa).abs() < 1e-8, "{found:?}");
        }
    }

    #[test]
    fn too_few_levels_are_not_fitted() {
        assert_eq!(Scalability::fit(&SPEC[..3]), None);
        assert_eq!(
            Scalability::fit(&[SPEC[0], SPEC[1], SPEC[2], SPEC[2]]),
            None
        );
        let zero = [(1.0, 0.0), (2.0, 0.0), (3.0, 0.0), (4.0, 0.0)];
        assert_eq!(Scalability::fit(&zero), None);
    }

    proptest! {
        #[test]
        fn parameters_are_never_negative(
            points in prop::collection::vec((0.1_f64..1e5, 0.0_f64..1e6), 0..20),
        ) {
            if let Some(found) = Scalability::fit(&points) {
                prop_assert!(found.lambda > 0.0 && found.sigma >= 0.0 && found.kappa >= 0.0);
                prop_assert!(found.error >= 0.0 && found.peak().is_none_or(|peak| peak >= 1.0));
            }
        }
    }
}
