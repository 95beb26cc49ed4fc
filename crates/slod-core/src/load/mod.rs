//! Load scenarios and runs as data: which load is due when, and what was measured.

mod builtin;
mod run;
mod scenario;

pub use builtin::{BUILTIN, builtin};
pub use run::{Ending, LoadWindow, RunRecord};
pub use scenario::{Model, Scenario, Stage};
