//! When each probe runs: spread over its interval by a stable hash, on an absolute clock.

mod attempt;
mod plan;
mod pulse;
mod runner;
mod threads;

pub use plan::{Due, Plan};
pub use runner::{Event, Wiring, run};
pub use threads::ProbeThreads;
