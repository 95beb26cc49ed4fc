//! Why a command failed.

use super::exit;
use super::output::print_error;
use crate::store::StoreError;
use std::fmt::Display;
use std::path::Path;

/// The exit code of a command, which may be a negative answer, or why it failed.
pub type CommandResult = Result<u8, Failure>;

#[derive(Debug)]
pub enum Failure {
    /// An exit code and the reason.
    Reason(u8, String),
    /// The errors of a config, with their lines.
    Config(String),
    Store(StoreError),
}

impl Failure {
    pub fn new(code: u8, reason: impl Display) -> Self {
        Self::Reason(code, reason.to_string())
    }

    /// The command line, or a file that it names, is invalid.
    pub fn usage(reason: impl Display) -> Self {
        Self::new(exit::USAGE, reason)
    }

    /// The daemon, its address or its store is unavailable, or the daemon rejects the request.
    pub fn unavailable(reason: impl Display) -> Self {
        Self::new(exit::START, reason)
    }

    /// Adds the path to an error of the store.
    pub fn of_store(self, path: &Path) -> Self {
        match self {
            Self::Store(error) => Self::unavailable(format!("{}: {error}", path.display())),
            other => other,
        }
    }

    /// Prints the reason, and returns the exit code.
    pub fn print(&self) -> u8 {
        let (code, text) = match self {
            Self::Reason(code, reason) => (*code, format!("slod: {reason}")),
            Self::Config(errors) => (exit::USAGE, errors.clone()),
            Self::Store(error) => (exit::START, format!("slod: {error}")),
        };
        print_error(&text);
        code
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
