//! What people read in a terminal.

pub mod backtest;
pub mod notes;
pub mod scenario;
pub mod slo;
pub mod state;
pub mod status;
mod table;
mod walk;
