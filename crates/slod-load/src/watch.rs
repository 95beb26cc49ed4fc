//! Responses that are processed while they arrive, such as those of language models.

use slod_core::outcome::Cause;
use std::fmt;
use std::sync::Arc;

/// A fault of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub cause: Cause,
    /// May quote the response.
    pub words: String,
}

/// Processes the body of one response.
pub trait Watch {
    /// Processes the next bytes.
    fn feed(&mut self, bytes: &[u8]) -> Result<(), Fault>;

    /// Whether the first token has arrived.
    fn has_begun(&self) -> bool;

    /// Checks the completed response.
    fn finish(&mut self) -> Result<(), Fault>;

    /// The fault of a response with an unsuccessful status.
    fn refusal(&self, status: u16) -> Fault;
}

/// Creates the watch of a response.
#[derive(Clone)]
pub struct NewWatch(pub Arc<dyn Fn() -> Box<dyn Watch> + Send + Sync>);

impl fmt::Debug for NewWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewWatch")
    }
}
