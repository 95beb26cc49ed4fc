//! Answers that are read while they arrive, such as those of language models.

use slod_core::outcome::Cause;
use std::fmt;
use std::sync::Arc;

/// Reads the body of one answer.
pub trait Watch {
    /// Takes the next bytes; an error is what is wrong with the answer.
    fn feed(&mut self, bytes: &[u8]) -> Result<(), Cause>;

    /// Whether the first token of the answer has arrived.
    fn has_begun(&self) -> bool;

    /// What is wrong with an answer that is over.
    fn finish(&mut self) -> Result<(), Cause>;
}

/// Makes the reader of an answer.
#[derive(Clone)]
pub struct NewWatch(pub Arc<dyn Fn() -> Box<dyn Watch> + Send + Sync>);

impl fmt::Debug for NewWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewWatch")
    }
}
