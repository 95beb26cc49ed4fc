//! Latency objectives: as in the objective itself, a request is bad if it failed or was slow.

use crate::load::Figures;
use crate::stats::proportion::exceeds;
use crate::stats::quantile::needed;
use crate::threshold::{Decision, LEVEL, NotMeasured};
use std::time::Duration;

/// Tolerance: products of ratios are not exactly counts.
const SLACK: f64 = 1e-6;

/// Measures and judges an objective that a ratio of `target` of the requests succeeds within `limit` seconds.
pub fn judge(figures: &Figures, target: f64, limit: f64) -> (Result<f64, NotMeasured>, Decision) {
    let requests = figures.completed;
    if requests == 0 {
        return (Err(NotMeasured::Nothing), Decision::Unmeasured);
    }
    let limit = Duration::try_from_secs_f64(limit).unwrap_or(Duration::MAX);
    let (failed, (slow, slow_at_most)) = (figures.errors, figures.slow_successes(limit));
    let slow_at_most = slow_at_most + figures.untimed;
    let bad = NotMeasured::Bad {
        failed,
        slow,
        requests,
    };
    let needed = needed(target);
    if requests < needed {
        return if exceeds(failed + slow, requests, 1.0 - target, LEVEL) {
            (Err(bad), Decision::Missed)
        } else {
            (
                Err(NotMeasured::TooFewRequests { requests, needed }),
                Decision::Undecided,
            )
        };
    }
    let allowed = (1.0 - target) * requests as f64 + SLACK;
    let quantile = figures
        .quantile_of_good(target)
        .map(|one| one.as_secs_f64());
    if (failed + slow) as f64 > allowed {
        // Too many failed for a quantile, or the latency of the failed ones is unknown.
        let reached = quantile.filter(|value| *value >= limit.as_secs_f64());
        return (reached.ok_or(bad), Decision::Missed);
    }
    if !figures.has_latencies() {
        return (Err(NotMeasured::Times), Decision::Unmeasured);
    }
    if (failed + slow_at_most) as f64 > allowed {
        let unclear = NotMeasured::Unclear {
            failed,
            slow: slow_at_most,
            requests,
        };
        return (Err(unclear), Decision::Undecided);
    }
    (quantile.ok_or(NotMeasured::Times), Decision::Met)
}
