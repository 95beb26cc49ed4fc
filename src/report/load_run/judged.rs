//! Judges the thresholds of a run by the requests that say something about the service.

use super::Requirement;
use crate::format::{numbers, times};
use crate::load::{Figures, LoadWindow, RunRecord, Usable};
use crate::threshold::{Decision, NotMeasured, ThresholdMetric, ThresholdResult};

/// Judges the requests that say something about the service: for requests just after late starts, only
/// whether they failed; rates only while load was generated.
pub fn judged(requirement: &Requirement, run: &RunRecord) -> ThresholdResult {
    if let Some(name) = &requirement.threshold.request {
        return of_request(requirement, name, run);
    }
    if requirement.is_of_tokens() {
        return requirement.judge_tokens(&run.requests);
    }
    let usable = Usable::of(run);
    let relevant: Vec<&LoadWindow> = match requirement.threshold.of {
        ThresholdMetric::Rate => usable.loaded().collect(),
        ThresholdMetric::Errors => usable.fair().collect(),
        _ => usable.timely().collect(),
    };
    let result = requirement.judge(relevant.iter().copied());
    let result = match result.measured {
        Err(NotMeasured::Nothing) => not_measured(result, requirement, run),
        _ => result,
    };
    // Rates also exclude the time after the load.
    let others = usable.limited();
    let others = others.filter(|one| requirement.concerns(one) && !relevant.contains(one));
    match left_out(others) {
        Some(left) if !relevant.is_empty() => ThresholdResult {
            source: format!("{}, without {left}", result.source),
            ..result
        },
        _ => result,
    }
}

/// Judges one request over the whole run, since its figures by window are not kept. A threshold that it missed
/// while the generator was the limit for a time is not decided.
fn of_request(requirement: &Requirement, name: &str, run: &RunRecord) -> ThresholdResult {
    let Some(request) = run.requests.iter().find(|one| one.name == name) else {
        return requirement.unknown_request();
    };
    let length = run.windows.iter().map(|one| one.length).sum();
    let result = requirement.judge_request(request, length);
    match left_out(Usable::of(run).limited()) {
        Some(limited) if result.decision == Decision::Missed => ThresholdResult {
            source: format!("{}, including {limited}", result.source),
            decision: Decision::Undecided,
            ..result
        },
        _ => result,
    }
}

/// `10 s with 120 requests in which the generator was the limit`; `None` without such requests.
pub fn left_out<'a>(windows: impl Iterator<Item = &'a LoadWindow>) -> Option<String> {
    let figures = Figures::of(windows);
    let length = times::length(figures.length.as_secs_f64());
    let requests = numbers::plural(figures.completed, "request");
    (figures.completed > 0)
        .then(|| format!("{length} with {requests} in which the generator was the limit"))
}

/// A threshold without a measurement is missed, unless the service is not the reason.
fn not_measured(
    result: ThresholdResult,
    requirement: &Requirement,
    run: &RunRecord,
) -> ThresholdResult {
    let windows = || run.windows.iter();
    let has_requests = |window: &LoadWindow| window.completed() > 0;
    let concerns = |window: &&LoadWindow| requirement.concerns(window);
    let why = if windows().filter(concerns).any(has_requests) {
        NotMeasured::GeneratorLimited
    } else if !windows().any(|one| concerns(&one)) && windows().any(has_requests) {
        NotMeasured::LoadNotReached
    } else {
        return result;
    };
    ThresholdResult {
        measured: Err(why),
        decision: Decision::Undecided,
        ..result
    }
}
