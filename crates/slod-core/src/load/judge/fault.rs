//! How a service shows that its load is too high.

use super::super::usable::at_least;
use super::super::verdict::Limit;
use super::super::{Figures, Model, RunRecord, SLOD};
use std::time::Duration;

/// Errors beyond this share break a service.
const ERRORS_MAX: f64 = 0.01;
/// The significance level of the decision that errors exceed it.
const LEVEL: f64 = 0.001;
/// A service that answers less than this share of what is offered has broken.
const ACHIEVED_MIN: f64 = 0.95;
/// A service has also broken if more than this share of the starts was dropped.
const DROPPED_MAX: f64 = 0.01;
/// The least starts for that decision.
const STARTS_MIN: f64 = 100.0;

/// Why a window is bad.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fault {
    /// `p99 left its objective`
    pub event: String,
    /// The same with its numbers.
    pub why: String,
}

/// The fault under the planned load.
pub(super) fn fault(figures: &Figures, run: &RunRecord, limit: Option<Limit>) -> Option<Fault> {
    of_answers(figures, limit, Duration::ZERO).or_else(|| achieved(figures, run))
}

/// The fault of the answers, whatever the load was. The generator may have added `late` to latencies.
pub(super) fn of_answers(figures: &Figures, limit: Option<Limit>, late: Duration) -> Option<Fault> {
    errors(figures).or_else(|| latency(figures, limit?, late))
}

fn errors(figures: &Figures) -> Option<Fault> {
    figures.fail_more_than(ERRORS_MAX, LEVEL).then(|| {
        let ratio = figures.error_ratio().unwrap_or_default() * 100.0;
        Fault {
            event: "requests failed".to_owned(),
            why: format!("{ratio:.1} % of the requests failed"),
        }
    })
}

/// `p99.9`, without the error of a number such as 0.58, of which 100 times are not 58.
pub(super) fn name(quantile: f64) -> String {
    format!("p{}", (quantile * 1e8).round() / 1e6)
}

fn latency(figures: &Figures, limit: Limit, late: Duration) -> Option<Fault> {
    let least = figures.quantile_at_least(limit.quantile)?;
    (least > limit.below + late).then(|| {
        let p = name(limit.quantile);
        let (least, below) = (least.as_millis(), limit.below.as_millis());
        Fault {
            event: format!("{p} left its objective"),
            why: format!("{p} was at least {least} ms, above {below} ms"),
        }
    })
}

/// Whether a given rate was achieved. For its own engine slod knows the starts: with several requests
/// for each start, there are more than are due.
fn achieved(figures: &Figures, run: &RunRecord) -> Option<Fault> {
    if matches!(run.scenario.model, Model::Closed { .. }) {
        return None;
    }
    // A lack on the generator's machine is not a fault of the service.
    let dropped = figures.dropped - figures.lacking;
    if dropped as f64 > DROPPED_MAX * (figures.started + dropped) as f64 {
        return Some(Fault {
            event: "starts were dropped".to_owned(),
            why: format!("{dropped} starts were dropped, since too many requests were open"),
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
    })
}
