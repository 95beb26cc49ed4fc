//! Detectors of slow changes: growth of a resource, drift of latencies, climb of error ratios. Each reports
//! its finding, or the smallest effect that it would have detected.

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

/// Number of consecutive evaluations that must find a trend for a sign to become active.
///
/// A series is tested many times, and one of many tests finds a trend by chance. Each evaluation is 1/24 of
/// the evaluated span after the previous one, so this means one hour if the last two hours are tested every
/// five minutes.
///
/// Share of 1,000 days with a false sign for 1, 6 and 12 consecutive evaluations: memory with AR(0.98)
/// noise 34%, 2% and 0; latency with AR(0.6) noise 42%, 4.4% and 0. A leak of 5% per hour is detected
/// on 100% of the days with 1, and on 99.9% with 12. The tables are in `docs/SIGNALS.md`.
pub const CONFIRMATIONS: u32 = 12;
