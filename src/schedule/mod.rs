//! The schedule of probes: spread over their intervals by a stable hash, on an absolute clock.

mod attempt;
mod lag;
mod plan;
mod runner;
mod slots;
mod stall;
mod threads;

pub use attempt::ScheduleEvent;
pub use plan::{Due, Plan};
pub use runner::{Deps, run};
pub use stall::StallDetector;
pub use threads::ProbeThreads;
