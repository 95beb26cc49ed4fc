//! When each probe runs: spread over its interval by a stable hash, on an absolute clock.

mod attempt;
mod lag;
mod plan;
mod pulse;
mod runner;
mod threads;

pub use attempt::Event;
pub use plan::{Due, Plan};
pub use runner::{Wiring, run};
pub use threads::ProbeThreads;
