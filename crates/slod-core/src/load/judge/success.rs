//! Whether any request succeeded. Otherwise thresholds have no meaning: latencies would be those of
//! failures.

use super::super::verdict::{Answer, Statement};
use super::super::{Ending, Figures, RunRecord, Usable};
use super::advice;

/// The topic of a run without a success.
pub const TOPIC: &str = "requests";

/// That no request succeeded, or that none was measured; `None` if one may have succeeded.
pub fn statement(usable: &Usable<'_>) -> Option<Statement> {
    let run = usable.run;
    let all = Figures::of(&run.windows);
    if all.completed > all.errors {
        return None;
    }
    if all.completed == 0 {
        let answer = match run.ending {
            Ending::Completed | Ending::Aborted { .. } => Answer::Bad,
            Ending::Interrupted | Ending::Failed { .. } => Answer::Unknown,
        };
        return Some(Statement::new(TOPIC, answer, "no request was measured"));
    }
    // Failures while the generator was the limit are not a fault of the service.
    let is_fair = Figures::of(usable.fair()).completed > 0;
    let answer = if is_fair {
        Answer::Bad
    } else {
        Answer::Unknown
    };
    Some(Statement::new(TOPIC, answer, evidence(run, all.errors)).advised(advice::FAILED))
}

/// `no request succeeded: all 6 failed, most often by refused (connecting to ...: connection refused)`
fn evidence(run: &RunRecord, failed: u64) -> String {
    let causes = run.causes();
    let often = if causes.len() > 1 { "most often " } else { "" };
    let frequent = causes.first().map_or_else(String::new, |(cause, _)| {
        let first = run.example(*cause);
        let first = first.map_or_else(String::new, |words| format!(" (first: {words})"));
        format!(", {often}by {}{first}", cause.label())
    });
    format!("no request succeeded: all {failed} failed{frequent}")
}
