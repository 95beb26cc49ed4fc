//! The verdicts on a run, one file per topic.

pub mod advice;
pub(super) mod after_spike;
pub(super) mod bottleneck;
pub(super) mod breaking;
pub mod concurrent;
mod fault;
pub(super) mod indicators;
pub(super) mod knee;
pub(super) mod law;
mod levels;
pub(super) mod measures;
mod needs;
mod processors;
pub(super) mod recovery;
pub(super) mod resources;
pub(super) mod restarts;
pub(super) mod soak;
pub mod success;
/// The evidence where it is unknown whether any request failed.
pub(super) const ERRORS_UNKNOWN: &str = "the metrics of the service do not count errors";

#[cfg(test)]
mod tests;
