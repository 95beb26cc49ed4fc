//! Comparison of a run with its baseline.

use super::judge::{ERRORS_UNKNOWN, success};
use super::usable::Chunk;
use super::verdict::{Answer, Statement};
use super::{Ending, Figures, OBSERVED, RunRecord, Usable};
use crate::format::{count, failed};
use crate::stats::autocorrelation::{inflation, lag_one};
use crate::stats::normal::{Z_95, Z_995, two_sided};
use crate::stats::order::median_of;
use crate::stats::proportion::{Share, overdispersion};
use crate::stats::shift::MannWhitney;
use std::fmt::Write as _;
use std::time::Duration;

/// Minimum window length; windows are also long enough for a 95th percentile.
const WINDOW: Duration = Duration::from_secs(5);
const REQUESTS_PER_WINDOW: f64 = 80.0;
/// Minimum number of windows in each run: with fewer, no difference can be significant at [`LEVEL`].
const WINDOWS_MIN: usize = 8;
/// The significance level of all comparisons combined.
const LEVEL: f64 = 0.01;
/// Upper bound for estimates of the correlation between neighboring windows.
const CORRELATION_MAX: f64 = 0.95;
/// The smallest relevant difference of medians, as a ratio.
const CHANGE_MIN: f64 = 0.05;
/// The smallest relevant difference of error ratios.
const ERRORS_MIN: f64 = 0.001;
/// The comparison of errors is unknown if the runs could detect neither this increase nor a doubling.
const ERRORS_SEEN: f64 = 0.01;

/// A quantity that is compared window by window.
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
        of: |figures| Some(figures.good_rate()),
        show: |rate| format!("{rate:.1}/s"),
        is_worse_if_higher: false,
    },
];

fn ms(seconds: f64) -> String {
    format!("{:.1} ms", seconds * 1000.0)
}

/// A comparison before its p-value is adjusted for the number of comparisons.
struct Compared {
    topic: &'static str,
    /// Two-sided p-value; `None` if there is too little data.
    p: Option<f64>,
    is_worse: bool,
    is_relevant: bool,
    /// Whether a relevant difference would have been detected.
    is_sharp: bool,
    evidence: String,
}

impl Compared {
    /// A comparison with too little data; `needs` says what it requires.
    fn unknown(topic: &'static str, needs: impl Into<String>) -> Self {
        Self {
            topic,
            p: None,
            is_worse: false,
            is_relevant: false,
            is_sharp: false,
            evidence: needs.into(),
        }
    }
}

/// Returns one statement for each of p50, p95, throughput (unless the load was only observed) and errors.
///
/// Latencies and throughput of windows are compared by the Mann-Whitney test. Its deviate is divided by the
/// square root of the [`inflation`], because neighboring windows are correlated. Error ratios are compared
/// as two proportions with the correction of Yates (1934), J. R. Stat. Soc. Suppl. 1. Errors come in
/// bursts, so their variance is multiplied by the larger [`overdispersion`] of both runs. The four p-values
/// are adjusted by Holm (1979), Scand. J. Stat. 6. A difference counts if it is significant at 1% and at
/// least 5% of the median (0.1 percentage points for errors).
pub fn compare(baseline: &RunRecord, run: &RunRecord) -> Vec<Statement> {
    if let Some(reason) = not_comparable(baseline, run) {
        return vec![Statement::new("comparison", Answer::Unknown, reason)];
    }
    let usable = [baseline, run].map(Usable::of);
    let figures = |usable| windows(usable).iter().map(Chunk::figures).collect();
    let sides = [figures(&usable[0]), figures(&usable[1])];
    let is_limited = usable.iter().any(|one| one.limit().is_some());
    // The amount of a load that slod did not generate says nothing about the service.
    let is_ours = run.engine != OBSERVED;
    let mut all: Vec<Compared> = MEASURES
        .iter()
        .filter(|measure| is_ours || measure.topic != "throughput")
        .map(|measure| by_windows(measure, &sides, is_limited))
        .collect();
    all.push(errors(&usable));
    let adjusted = holm(&all.iter().map(|one| one.p).collect::<Vec<_>>());
    all.into_iter()
        .zip(adjusted)
        .map(|(one, p)| statement(one, p))
        .collect()
}

fn not_comparable(baseline: &RunRecord, run: &RunRecord) -> Option<String> {
    let has_failed = |run: &RunRecord| matches!(run.ending, Ending::Failed { .. });
    if levels(baseline) != levels(run) || baseline.scenario.model != run.scenario.model {
        let reason = "the plans of the two runs differ: record a baseline of the current plan";
        return Some(reason.to_owned());
    }
    // Engines measure latencies differently: slod from the intended start including the time to connect,
    // the others from the actual start, k6 without the time to connect.
    let (before, now) = (&baseline.engine, &run.engine);
    if before != now {
        return Some(format!(
            "the engines of the two runs ({before} before, {now} now) measure latencies differently: record a baseline with {now}"
        ));
    }
    if has_failed(run) {
        return Some("the load generator failed: repeat the run".to_owned());
    }
    unfit_as_baseline(baseline)
        .map(|reason| format!("the baseline is unusable: {reason}; record another one"))
}

/// Why no later run can be compared with this one: it shows nothing about the service, or only failures.
/// `None` if it can.
pub fn unfit_as_baseline(run: &RunRecord) -> Option<String> {
    if let Ending::Failed { why } = &run.ending {
        return Some(format!("the load generator failed ({why})"));
    }
    success::statement(&Usable::of(run)).map(|none| none.evidence)
}

/// Planned load at the boundaries of the stages.
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
                (false, _) if !compared.is_sharp => ": too few requests to detect a difference",
                (false, true) if compared.is_relevant => {
                    ": perhaps worse, but not significantly: use longer runs"
                }
                (false, false) if compared.is_relevant => ": no significant difference",
                (false, _) => ": no relevant difference",
            };
            if p < 0.001 {
                evidence.push_str(" (p < 0.001)");
            } else {
                write!(evidence, " (p = {p:.3})").unwrap_or_default();
            }
            match (is_change, compared.is_worse) {
                (true, true) => Answer::Bad,
                (false, _) if !compared.is_sharp => Answer::Unknown,
                // A possible change for the worse is no proof of the absence of one.
                (false, true) if compared.is_relevant => Answer::Unknown,
                _ => Answer::Good,
            }
        }
    };
    Statement::new(compared.topic, answer, evidence)
}

/// Windows that are wide enough for the request rate of the run.
fn windows<'a>(usable: &Usable<'a>) -> Vec<Chunk<'a>> {
    let rate = Figures::of(usable.loaded()).rate().max(0.01);
    let width = WINDOW.max(Duration::from_secs_f64(REQUESTS_PER_WINDOW / rate));
    usable.chunks(width)
}

/// `is_limited`: windows are missing because the generator was the limit.
fn by_windows(measure: &Measure, sides: &[Vec<Figures>; 2], is_limited: bool) -> Compared {
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
        let (without, help) = if is_limited {
            (
                " excluding the seconds in which the generator was the limit",
                "give it more processors, or use longer runs",
            )
        } else {
            ("", "use longer runs or a higher load")
        };
        let needs = format!(
            "needs {WINDOWS_MIN} windows of about {REQUESTS_PER_WINDOW} requests in each run; there are {few}{without}: {help}"
        );
        return Compared::unknown(measure.topic, needs);
    };
    let spread = dependence(&[(&before, from), (&after, to)]);
    let change = if from > 0.0 { to / from - 1.0 } else { 0.0 };
    let (shown, percent) = ([from, to].map(measure.show), change * 100.0);
    Compared {
        topic: measure.topic,
        p: Some(two_sided(test.z / spread.sqrt())),
        is_worse: (change > 0.0) == measure.is_worse_if_higher,
        is_relevant: change.abs() >= CHANGE_MIN,
        is_sharp: true,
        evidence: format!(
            "median {} before, {} now ({percent:+.1}%; higher in {:.0}% of pairs)",
            shown[0],
            shown[1],
            test.superiority * 100.0
        ),
    }
}

/// The variance inflation due to the correlation of neighboring windows, assumed to be equal in both runs
/// and estimated from both. The bias of an estimate around one level, `-(1 + 4 r) / n`, is corrected
/// (Marriott and Pope 1954, Biometrika 41).
fn dependence(sides: &[(&[f64], f64); 2]) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for (values, median) in sides {
        let residuals: Vec<f64> = values.iter().map(|one| one - median).collect();
        let n = values.len() as f64;
        sum += n * (n * lag_one(&residuals) + 1.0) / (n - 4.0);
        count += n;
    }
    let longest = sides.iter().map(|(values, _)| values.len()).max();
    inflation(
        (sum / count).clamp(0.0, CORRELATION_MAX),
        longest.unwrap_or_default(),
    )
}

/// Compares two proportions with a pooled variance.
fn errors(usable: &[Usable<'_>; 2]) -> Compared {
    let topic = "errors";
    let [before, after] = [&usable[0], &usable[1]].map(|one| Figures::of(one.fair()).failures());
    let (Some(from), Some(to)) = (before.ratio(), after.ratio()) else {
        let mut sides = usable.iter().map(|one| Figures::of(one.fair()));
        let needs = if sides.any(|side| side.are_errors_unknown()) {
            ERRORS_UNKNOWN
        } else {
            "needs responses in both runs"
        };
        return Compared::unknown(topic, needs);
    };
    let spread = dispersion(&usable[0]).max(dispersion(&usable[1]));
    let both = Share::sum(&[before, after]);
    let each = 1.0 / before.total as f64 + 1.0 / after.total as f64;
    let deviation = |ratio: f64| (spread * ratio * (1.0 - ratio) * each).sqrt();
    let difference = to - from;
    let least = deviation(both.ratio().unwrap_or_default());
    let beyond_steps = (difference.abs() - each / 2.0).max(0.0);
    let z = if least > 0.0 {
        beyond_steps / least
    } else {
        0.0
    };
    // Half an error more than observed: zero observed errors do not mean that none are possible.
    let possible = (both.hits as f64 + 0.5) / (both.total as f64 + 1.0);
    let smallest = ((Z_995 + Z_95) * deviation(possible)).min(1.0);
    Compared {
        topic,
        p: Some(two_sided(z)),
        is_worse: difference > 0.0,
        is_relevant: difference.abs() >= ERRORS_MIN,
        is_sharp: smallest <= ERRORS_SEEN.max(from),
        evidence: format!(
            "{} of {} requests failed before ({}), {} of {} now ({}), {:+.2} percentage points; {:.2} would have been detected",
            count(before.hits),
            count(before.total),
            failed(from),
            count(after.hits),
            count(after.total),
            failed(to),
            difference * 100.0,
            smallest * 100.0
        ),
    }
}

/// Overdispersion within stages, because each load has its own error ratio. 1 with too few windows to
/// estimate it, as for independent errors.
fn dispersion(usable: &Usable<'_>) -> f64 {
    let chunks = windows(usable);
    if chunks.len() < WINDOWS_MIN {
        return 1.0;
    }
    let stage = |chunk: &Chunk<'_>| chunk.windows.first().map(|one| one.stage);
    let stages = chunks.chunk_by(|a, b| stage(a) == stage(b));
    let share = |chunk: &Chunk<'_>| chunk.figures().failures();
    let stages: Vec<Vec<Share>> = stages.map(|one| one.iter().map(share).collect()).collect();
    overdispersion(stages.iter().map(Vec::as_slice))
}

/// Holm's adjustment: the smallest p-value times the number of p-values, the next one times one less, and
/// so on. The results are never smaller than a preceding one.
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
    fn p_values_are_adjusted_by_holms_method() {
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
