//! What people read in a terminal.

pub mod alerts;
pub mod audit;
pub mod backtest;
pub mod corrections;
pub mod health;
pub mod log_file;
pub mod metrics;
pub mod notes;
pub mod run;
pub mod scenario;
pub mod series;
pub mod slo;
pub mod state;
pub mod status;
pub mod table;
mod walk;
