//! Whether any request succeeded. Otherwise, thresholds have no meaning: all latencies would be those of
//! failures.

use super::advice;
use crate::load::verdict::{Answer, Statement};
use crate::load::{Ending, Figures, RunRecord, Usable};

/// The topic of the statement about a run without successful requests.
pub const TOPIC: &str = "requests";

/// States that no request succeeded, or that none was measured; `None` if one may have succeeded.
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
    // Failures while the generator was the limit are not the service's fault.
    let is_fair = Figures::of(usable.fair()).completed > 0;
    let answer = if is_fair {
        Answer::Bad
    } else {
        Answer::Unknown
    };
    Some(Statement::new(TOPIC, answer, evidence(run, all.errors)).advised(advice::FAILED))
}

/// `no request succeeded: all 6 failed; most frequent cause: refused (first: connecting to ...)`
fn evidence(run: &RunRecord, failed: u64) -> String {
    let cause = run.main_cause_in_words();
    let cause = cause.map_or_else(String::new, |words| format!("; {words}"));
    format!("no request succeeded: all {failed} failed{cause}")
}
