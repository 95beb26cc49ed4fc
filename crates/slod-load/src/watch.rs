//! Answers that are read while they arrive, such as those of language models.

use slod_core::outcome::Cause;
use std::fmt;
use std::sync::Arc;

/// What is wrong with an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub cause: Cause,
    /// It may quote the answer.
    pub words: String,
}

/// Reads the body of one answer.
pub trait Watch {
    /// Takes the next bytes.
    fn feed(&mut self, bytes: &[u8]) -> Result<(), Fault>;

    /// Whether the first token of the answer has arrived.
    fn has_begun(&self) -> bool;

    /// Looks at an answer that is over.
    fn finish(&mut self) -> Result<(), Fault>;

    /// What an answer with a status of no success is.
    fn refusal(&self, status: u16) -> Fault;
}

/// Makes the reader of an answer.
#[derive(Clone)]
pub struct NewWatch(pub Arc<dyn Fn() -> Box<dyn Watch> + Send + Sync>);

impl fmt::Debug for NewWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewWatch")
    }
}
