//! What people read in a terminal.

pub mod numbers;
pub mod state;
pub mod status;
