//! Other runs that made load at the same time.

use crate::load::RunRecord;
use crate::load::verdict::{Answer, Statement};

/// The topic of the statement about other runs.
pub const TOPIC: &str = "other runs";

/// States which other runs made load meanwhile; `None` without any. The service handled their load as well, or it
/// shared the generator's machine with them, so the planned load was not the only cause of what was measured.
pub fn statement(run: &RunRecord) -> Option<Statement> {
    let names = run.concurrent.join(", ");
    let evidence =
        format!("the figures include the effect of other load at the same time: {names}");
    (!names.is_empty()).then(|| Statement::new(TOPIC, Answer::Unknown, evidence))
}
