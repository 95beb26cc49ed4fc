//! What people read in a terminal.

pub mod backtest;
pub mod numbers;
pub mod slo;
pub mod state;
pub mod status;
pub mod story;
mod table;
mod walk;
