//! The faults of a service under too high a load.

use crate::format::failed;
use crate::load::usable::at_least;
use crate::load::verdict::Limit;
use crate::load::{Figures, Model, RunRecord, SLOD};
use std::time::Duration;

/// Maximum error ratio.
const ERRORS_MAX: f64 = 0.01;
/// The significance level of an exceeded error ratio.
const LEVEL: f64 = 0.001;
/// Minimum share of the offered load that must be answered.
const ACHIEVED_MIN: f64 = 0.95;
/// Maximum share of dropped starts.
const DROPPED_MAX: f64 = 0.01;
/// Minimum number of starts for a decision on the answered share.
const STARTS_MIN: f64 = 100.0;

/// Why a window is bad.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fault {
    /// `p99 exceeded its objective`
    pub event: String,
    /// The same with the numbers.
    pub why: String,
    pub kind: FaultKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::load) enum FaultKind {
    /// The service rejected requests on purpose, because of their rate.
    RateLimit,
    Failures,
    /// Responses took too long, or too few were made.
    Slowness,
}

/// The fault of a window under the planned load.
pub(super) fn fault(figures: &Figures, run: &RunRecord, limit: Option<Limit>) -> Option<Fault> {
    of_answers(figures, limit, Duration::ZERO).or_else(|| achieved(figures, run))
}

/// The fault of the responses, whatever the load was. The generator may have added `late` to the latencies.
pub(super) fn of_answers(figures: &Figures, limit: Option<Limit>, late: Duration) -> Option<Fault> {
    errors(figures).or_else(|| latency(figures, limit?, late))
}

/// Whether a rate limit rejected too many requests, rather than the service failing.
pub(super) fn is_rate_limited(figures: &Figures) -> bool {
    figures.fail_more_than(ERRORS_MAX, LEVEL) && 2 * figures.rate_limited > figures.errors
}

fn errors(figures: &Figures) -> Option<Fault> {
    figures.fail_more_than(ERRORS_MAX, LEVEL).then(|| {
        let ratio = failed(figures.error_ratio().unwrap_or_default());
        if is_rate_limited(figures) {
            let rejected = failed(figures.rate_limited as f64 / figures.completed as f64);
            return Fault {
                event: "a rate limit rejected requests".to_owned(),
                why: format!("{rejected} of the requests were rejected with status 429"),
                kind: FaultKind::RateLimit,
            };
        }
        Fault {
            event: "requests failed".to_owned(),
            why: format!("{ratio} of the requests failed"),
            kind: FaultKind::Failures,
        }
    })
}

/// Formats a quantile as `p99.9`. Rounds, because 100 times 0.58 is not exactly 58.
pub(super) fn name(quantile: f64) -> String {
    format!("p{}", (quantile * 1e8).round() / 1e6)
}

fn latency(figures: &Figures, limit: Limit, late: Duration) -> Option<Fault> {
    let least = figures.quantile_at_least(limit.quantile)?;
    (least > limit.below + late).then(|| {
        let p = name(limit.quantile);
        let (least, below) = (least.as_millis(), limit.below.as_millis());
        Fault {
            event: format!("{p} exceeded its objective"),
            why: format!("{p} was at least {least} ms, above {below} ms"),
            kind: FaultKind::Slowness,
        }
    })
}

/// Whether a given rate was achieved. Only slod's own engine reports the actual starts; with several
/// requests per start, there are more requests than `due`.
fn achieved(figures: &Figures, run: &RunRecord) -> Option<Fault> {
    if matches!(run.scenario.model, Model::Closed { .. }) {
        return None;
    }
    // Starts dropped for lack of resources on the generator's machine are not a fault of the service.
    let dropped = figures.dropped - figures.lacking;
    if dropped as f64 > DROPPED_MAX * (figures.started + dropped) as f64 {
        return Some(Fault {
            event: "starts were dropped".to_owned(),
            why: format!(
                "{dropped} starts were dropped, because too many requests were in progress"
            ),
            kind: FaultKind::Slowness,
        });
    }
    let started = match run.engine.as_str() {
        SLOD => figures.started as f64,
        _ => figures.due,
    };
    let answered = figures.completed as f64;
    let is_short = started >= STARTS_MIN && answered < at_least(ACHIEVED_MIN, started);
    is_short.then(|| Fault {
        event: "the service fell behind the rate".to_owned(),
        why: format!("{answered:.0} of {started:.0} requests were answered"),
        kind: FaultKind::Slowness,
    })
}
