//! Whether a run is worse than the one that was recorded as the baseline.

use super::stats::chunks;
use super::verdict::{Answer, Statement};
use super::{Figures, OBSERVED, RunRecord};
use crate::stats::autocorrelation::{inflation, of_residuals};
use crate::stats::normal::two_sided;
use crate::stats::order::median_of;
use crate::stats::shift::MannWhitney;
use std::fmt::Write as _;
use std::time::Duration;

/// Windows are at least this long, and long enough for a 95th percentile.
const WINDOW: Duration = Duration::from_secs(5);
const REQUESTS_PER_WINDOW: f64 = 80.0;
/// With fewer windows on one side, no difference could be found at this level.
const WINDOWS_MIN: usize = 8;
/// Of all comparisons together.
const LEVEL: f64 = 0.01;
/// Smaller differences of medians do not matter.
const CHANGE_MIN: f64 = 0.05;
/// Likewise of error ratios.
const ERRORS_MIN: f64 = 0.001;

/// What is compared window by window.
struct Measure {
    topic: &'static str,
    of: fn(&Figures) -> Option<f64>,
    show: fn(f64) -> String,
    is_worse_if_higher: bool,
}

const MEASURES: [Measure; 3] = [
    Measure {
        topic: "p50",
        of: |figures| figures.quantile(0.5).map(|p50| p50.as_secs_f64()),
        show: ms,
        is_worse_if_higher: true,
    },
    Measure {
        topic: "p95",
        of: |figures| figures.quantile(0.95).map(|p95| p95.as_secs_f64()),
        show: ms,
        is_worse_if_higher: true,
    },
    Measure {
        topic: "throughput",
        of: |figures| Some(figures.rate()),
        show: |rate| format!("{rate:.1}/s"),
        is_worse_if_higher: false,
    },
];

fn ms(seconds: f64) -> String {
    format!("{:.1} ms", seconds * 1000.0)
}

/// A comparison before its probability is set against the number of comparisons.
struct Compared {
    topic: &'static str,
    /// Two-sided; `None` where there is too little data.
    p: Option<f64>,
    is_worse: bool,
    is_relevant: bool,
    evidence: String,
}

/// One statement for each of p50, p95, throughput (unless the load was only watched) and errors.
///
/// Latencies and throughput of windows are compared by the test of Mann and Whitney, whose deviate
/// is divided by the square root of the larger [`inflation`] of both runs, because neighboring
/// windows are correlated. Error ratios are compared as two proportions. The four probabilities are
/// adjusted by Holm (1979), Scand. J. Stat. 6. A difference counts if it is significant at 1 % and
/// at least 5 % of the median (0.1 percentage points of errors).
pub fn compare(baseline: &RunRecord, run: &RunRecord) -> Vec<Statement> {
    if levels(baseline) != levels(run) || baseline.scenario.model != run.scenario.model {
        return vec![Statement::new(
            "comparison",
            Answer::Unknown,
            "the plans of the two runs differ: record a baseline of the current plan",
        )];
    }
    let sides = [baseline, run].map(figures);
    // How much load there was of somebody else says nothing about the service.
    let is_ours = run.engine != OBSERVED;
    let mut all: Vec<Compared> = MEASURES
        .iter()
        .filter(|measure| is_ours || measure.topic != "throughput")
        .map(|measure| by_windows(measure, &sides))
        .collect();
    all.push(errors(baseline, run));
    let adjusted = holm(&all.iter().map(|one| one.p).collect::<Vec<_>>());
    all.into_iter()
        .zip(adjusted)
        .map(|(one, p)| statement(one, p))
        .collect()
}

/// What is due at the borders of the stages.
fn levels(run: &RunRecord) -> Vec<(f64, f64)> {
    let stages = run.scenario.stages.iter();
    stages.map(|stage| (stage.from, stage.to)).collect()
}

fn statement(compared: Compared, p: Option<f64>) -> Statement {
    let mut evidence = compared.evidence;
    let answer = match p {
        None => Answer::Unknown,
        Some(p) => {
            let is_change = p < LEVEL && compared.is_relevant;
            evidence += match (is_change, compared.is_worse) {
                (true, true) => ": worse",
                (true, false) => ": better",
                (false, _) if compared.is_relevant => ": no significant difference",
                (false, _) => ": no relevant difference",
            };
            if p < 0.001 {
                evidence.push_str(" (p < 0.001)");
            } else {
                write!(evidence, " (p = {p:.3})").unwrap_or_default();
            }
            if is_change && compared.is_worse {
                Answer::Bad
            } else {
                Answer::Good
            }
        }
    };
    Statement::new(compared.topic, answer, evidence)
}

/// Figures of a run's windows. They are as wide as the slower run needs, within its own run.
fn figures(run: &RunRecord) -> Vec<Figures> {
    let rate = Figures::of(&run.windows).rate().max(0.01);
    let width = WINDOW.max(Duration::from_secs_f64(REQUESTS_PER_WINDOW / rate));
    let windows = chunks(&run.windows, width).into_iter();
    windows.map(Figures::of).collect()
}

fn by_windows(measure: &Measure, sides: &[Vec<Figures>; 2]) -> Compared {
    let [before, after]: [Vec<f64>; 2] = [&sides[0], &sides[1]].map(|side| {
        side.iter()
            .filter_map(|figures| (measure.of)(figures))
            .collect()
    });
    let few = before.len().min(after.len());
    let medians = (
        median_of(before.iter().copied()),
        median_of(after.iter().copied()),
    );
    let ((Some(from), Some(to)), Some(test), WINDOWS_MIN..) =
        (medians, MannWhitney::of(&before, &after), few)
    else {
        return Compared {
            topic: measure.topic,
            p: None,
            is_worse: false,
            is_relevant: false,
            evidence: format!(
                "needs {WINDOWS_MIN} windows with at least 59 requests in each run; there are {few}"
            ),
        };
    };
    let spread = dependence(&before, from).max(dependence(&after, to));
    let change = if from > 0.0 { to / from - 1.0 } else { 0.0 };
    let (shown, percent) = ([from, to].map(measure.show), change * 100.0);
    Compared {
        topic: measure.topic,
        p: Some(two_sided(test.z / spread.sqrt())),
        is_worse: (change > 0.0) == measure.is_worse_if_higher,
        is_relevant: change.abs() >= CHANGE_MIN,
        evidence: format!(
            "median {} before, {} now ({percent:+.1} %; higher in {:.0} % of pairs)",
            shown[0],
            shown[1],
            test.superiority * 100.0
        ),
    }
}

fn dependence(values: &[f64], median: f64) -> f64 {
    let residuals: Vec<f64> = values.iter().map(|one| one - median).collect();
    inflation(of_residuals(&residuals), values.len())
}

/// The difference of two proportions, with their common one as variance.
fn errors(baseline: &RunRecord, run: &RunRecord) -> Compared {
    let [before, after] = [baseline, run].map(|run| Figures::of(&run.windows));
    let (Some(from), Some(to)) = (before.error_ratio(), after.error_ratio()) else {
        return Compared {
            topic: "errors",
            p: None,
            is_worse: false,
            is_relevant: false,
            evidence: "needs responses in both runs".to_owned(),
        };
    };
    let (n, m) = (before.completed as f64, after.completed as f64);
    let common = (before.errors + after.errors) as f64 / (n + m);
    let deviation = (common * (1.0 - common) * (1.0 / n + 1.0 / m)).sqrt();
    let z = if deviation > 0.0 {
        (to - from) / deviation
    } else {
        0.0
    };
    Compared {
        topic: "errors",
        p: Some(two_sided(z)),
        is_worse: to > from,
        is_relevant: (to - from).abs() >= ERRORS_MIN,
        evidence: format!("{:.2} % before, {:.2} % now", from * 100.0, to * 100.0),
    }
}

/// The smallest probability times the number of them, the next one times one less, and so on;
/// never smaller than one before it.
fn holm(probabilities: &[Option<f64>]) -> Vec<Option<f64>> {
    let mut order: Vec<(usize, f64)> = probabilities
        .iter()
        .enumerate()
        .filter_map(|(at, p)| p.map(|p| (at, p)))
        .collect();
    order.sort_by(|a, b| a.1.total_cmp(&b.1));
    let (mut adjusted, mut least) = (vec![None; probabilities.len()], 0.0_f64);
    let count = order.len();
    for (rank, (at, p)) in order.into_iter().enumerate() {
        least = least.max((p * (count - rank) as f64).min(1.0));
        adjusted[at] = Some(least);
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_adjusted_as_holm_has_it() {
        let found = holm(&[Some(0.01), None, Some(0.04), Some(0.03)]);
        let expected = [Some(0.03), None, Some(0.06), Some(0.06)];
        for (found, expected) in found.iter().zip(expected) {
            match (found, expected) {
                (Some(found), Some(expected)) => assert!((found - expected).abs() < 1e-12),
                (found, expected) => assert_eq!(*found, expected),
            }
        }
    }
}
