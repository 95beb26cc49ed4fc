//! Whether a series has a single step.

use super::saturation::{criterion, scaled};

/// Minimum number of windows on each side of a step.
const MIN_SIDE: usize = 3;

/// The information criterion of the best single step, comparable with those of
/// [`fits`](super::saturation::fits). The time of the step counts as a parameter, too.
pub fn criterion_of_step(points: &[(f64, f64)]) -> Option<f64> {
    let values: Vec<f64> = scaled(points)?
        .into_iter()
        .map(|(_, value)| value)
        .collect();
    let n = values.len();
    let total: f64 = values.iter().sum();
    let squares: f64 = values.iter().map(|value| value * value).sum();
    let mut before = 0.0;
    let mut best: Option<f64> = None;
    for (at, value) in values.iter().enumerate() {
        if at >= MIN_SIDE && n - at >= MIN_SIDE {
            let after = total - before;
            let explained = before * before / at as f64 + after * after / (n - at) as f64;
            let residual = (squares - explained).max(0.0);
            best = Some(best.map_or(residual, |best| best.min(residual)));
        }
        before += value;
    }
    best.map(|residual| criterion(residual, n, 3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::saturation::fits;

    #[test]
    fn distinguishes_a_step_from_a_line() {
        let noise = |at: u32| f64::from(at * 7919 % 13) / 13.0;
        let series = |value: &dyn Fn(u32) -> f64| -> Vec<(f64, f64)> {
            (0..48)
                .map(|at| (f64::from(at), value(at) + noise(at)))
                .collect()
        };
        let step = series(&|at| if at < 40 { 0.0 } else { 4.0 });
        let line = series(&|at| f64::from(at) / 8.0);
        assert!(criterion_of_step(&step).unwrap() + 6.0 < fits(&step).unwrap().line);
        assert!(criterion_of_step(&line).unwrap() > fits(&line).unwrap().line);
        assert_eq!(criterion_of_step(&step[..5]), None);
    }
}
