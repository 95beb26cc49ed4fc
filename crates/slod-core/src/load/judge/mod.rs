//! The judgements of a run, one file for each topic.

pub(super) mod advice;
pub(super) mod bottleneck;
pub(super) mod breaking;
pub(super) mod knee;
pub(super) mod measures;
pub(super) mod recovery;
pub(super) mod resources;
pub(super) mod soak;
#[cfg(test)]
mod tests;
