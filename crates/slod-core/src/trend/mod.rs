//! Detectors of slow changes: growth of a resource, drift of latencies, climb of error ratios. Each
//! says what it saw, or the smallest effect that it would have seen.

mod climb;
mod drift;
mod growth;
mod line;
#[cfg(test)]
mod tests;
mod windows;

pub use climb::{ClimbVerdict, Errors, climb};
pub use drift::{DriftVerdict, Rise, drift};
pub use growth::{Growth, GrowthRules, GrowthVerdict, MIN_GROWTH_WINDOWS, growth};
pub use windows::{MAX_WINDOWS, MIN_WINDOWS, Windows, load_rises};

/// A watched series is tested many times, and one of many tests finds a trend by chance.
/// A sign is active when this many evaluations in a row found it, each 1/24 of the watched span after
/// the one before it: for an hour, if the last two hours are tested every five minutes.
///
/// Of 1,000 days each, so many had a false sign with 1, 6 and 12 evaluations in a row: memory with
/// AR(0.98) noise 34 %, 2 % and 0; latency with AR(0.6) noise 42 %, 4.4 % and 0. A leak of 5 % per hour
/// is found in 100 % with 1 and in 99.9 % with 12. `docs/SIGNALS.md` has the tables.
pub const CONFIRMATIONS: u32 = 12;
