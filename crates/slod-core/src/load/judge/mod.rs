//! The judgements of a run, one file for each topic.

pub mod advice;
pub(super) mod after_spike;
pub(super) mod bottleneck;
pub(super) mod breaking;
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
pub(super) mod soak;
pub mod success;
/// Where no request is known to have failed or not.
pub(super) const ERRORS_UNKNOWN: &str = "the metrics of the service do not count errors";

#[cfg(test)]
mod tests;
