//! Load scenarios and runs as data: which load is due when, and what was measured.

mod run;
mod scenario;

pub use run::{Ending, LoadWindow, RunRecord};
pub use scenario::{Model, Scenario, Stage};
