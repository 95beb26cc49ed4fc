//! Whether response times or errors rise over time.

use super::{load_explains, slots};
use crate::format::{count, failed};
use crate::load::judge::{ERRORS_UNKNOWN, advice};
use crate::load::verdict::{Answer, Statement};
use crate::load::{Figures, Usable};
use crate::trend::{ClimbVerdict, DriftVerdict, Errors, Windows, climb, drift};

/// Number of windows of a soak in which drift and errors are evaluated.
const DRIFT_WINDOWS: u32 = 24;
/// Minimum relevant drift of the 95th percentile over the whole soak.
const DRIFT_LEAST: f64 = 0.1;
/// If a larger rise could go undetected, the answer is unknown: a service with such a rise is not
/// consistent.
const DRIFT_HIDDEN_MAX: f64 = 0.5;
/// Larger rises than this are not named as the smallest detectable one.
const DRIFT_UNKNOWN: f64 = 10.0;
/// Minimum relevant rise of the error ratio.
const CLIMB_LEAST: f64 = 0.001;

/// Whether an increasing share of the requests fails.
pub(in crate::load::judge) fn errors(usable: &Usable<'_>) -> Statement {
    let topic = "error growth";
    let (slots, width) = slots(usable, DRIFT_WINDOWS);
    let of = |figures: &Option<Figures>| {
        figures
            .as_ref()
            .map_or_else(Errors::default, |figures| Errors {
                errors: figures.errors,
                total: figures.failures().total,
            })
    };
    if Figures::of(usable.fair()).are_errors_unknown() {
        return Statement::new(topic, Answer::Unknown, ERRORS_UNKNOWN);
    }
    let windows: Vec<Errors> = slots.iter().map(of).collect();
    match climb(&windows, CLIMB_LEAST) {
        ClimbVerdict::Climbing {
            from,
            to,
            errors,
            total,
        } => {
            let evidence = format!(
                "the error rate rose from {} in the first third to {} in the last ({} of {} requests failed)",
                failed(from),
                failed(to),
                count(errors),
                count(total)
            );
            Statement::new(topic, Answer::Bad, evidence).advised(advice::ERRORS)
        }
        ClimbVerdict::Steady { smallest } => {
            let all = Figures::of(usable.fair()).error_ratio().unwrap_or_default();
            let evidence = format!(
                "the error rate does not rise ({} of all requests); a rise of {:.2} percentage points would have been detected",
                failed(all),
                smallest * 100.0
            );
            Statement::new(topic, Answer::Good, evidence)
        }
        ClimbVerdict::Unknown { needed } => {
            let evidence = format!(
                "the run is too short or has too few requests: {needed} windows of {} s with requests are required",
                width.as_secs().max(1)
            );
            Statement::new(topic, Answer::Unknown, evidence)
        }
    }
}

/// Whether response times rise.
pub(in crate::load::judge) fn degradation(usable: &Usable<'_>) -> Statement {
    let topic = "degradation";
    let (slots, width) = slots(usable, DRIFT_WINDOWS);
    let p95 = |figures: &Option<Figures>| {
        let p95 = figures.as_ref()?.quantile(0.95)?;
        Some(p95.as_secs_f64())
    };
    let values: Vec<Option<f64>> = slots.iter().map(p95).collect();
    let windows = Windows {
        width,
        values: &values,
    };
    match drift(windows, DRIFT_LEAST) {
        DriftVerdict::Rising(rise) => {
            let evidence = format!(
                "p95 rose by {:.0}%, from {:.0} to {:.0} ms",
                rise.share * 100.0,
                rise.from * 1000.0,
                rise.to * 1000.0
            );
            // A load that slod does not generate is not known to be constant.
            if load_explains(usable, DRIFT_WINDOWS) {
                let evidence = format!("{evidence}; so did the load");
                return Statement::new(topic, Answer::Unknown, evidence);
            }
            Statement::new(topic, Answer::Bad, evidence).advised(advice::DRIFT)
        }
        DriftVerdict::Steady { smallest } if smallest > DRIFT_UNKNOWN => {
            let evidence = "no rise was detected, but p95 varied too much to exclude one; use a longer run, or begin it when the service has warmed up";
            Statement::new(topic, Answer::Unknown, evidence)
        }
        DriftVerdict::Steady { smallest } if smallest > DRIFT_HIDDEN_MAX => {
            let evidence = format!(
                "no rise was detected, but p95 varied so much that a rise below {:.0}% would have been missed",
                smallest * 100.0
            );
            Statement::new(topic, Answer::Unknown, evidence)
        }
        DriftVerdict::Steady { smallest } => {
            let evidence = format!(
                "p95 did not rise; a rise of {:.0}% would have been detected",
                smallest * 100.0
            );
            Statement::new(topic, Answer::Good, evidence)
        }
        DriftVerdict::Unknown { needed } => {
            let evidence = format!(
                "the run is too short or has too few requests: {needed} windows of {} s with a p95 are required",
                width.as_secs().max(1)
            );
            Statement::new(topic, Answer::Unknown, evidence)
        }
    }
}
