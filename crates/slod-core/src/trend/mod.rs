//! Detectors of slow changes: growth of a resource, drift of latencies, climb of error ratios. Each
//! says what it saw, or the smallest effect that it would have seen.

mod climb;
mod drift;
mod growth;
mod line;
mod windows;

pub use climb::{ClimbVerdict, Errors, climb};
pub use drift::{DriftVerdict, Rise, drift};
pub use growth::{Growth, GrowthRules, GrowthVerdict, growth};
pub use windows::{MAX_WINDOWS, MIN_WINDOWS, Windows, load_rises};

/// A series that is watched is tested again and again, and one of many tests finds a trend by chance.
/// A sign is active when this many evaluations in a row, five minutes apart, found it.
pub const CONFIRMATIONS: u32 = 3;
