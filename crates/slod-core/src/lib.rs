//! The pure part of `slod`: what an outcome is, how it counts for an objective, and what budgets,
//! burn rates and alerts follow. Data and `now` in, data out: no clock, no files, no sockets, no
//! async runtime. The dependencies of this package keep it so.

#![forbid(unsafe_code)]

pub mod alert;
pub mod diagnostic;
pub mod load;
pub mod outcome;
pub mod sample;
pub mod signal;
pub mod slo;
pub mod stats;
pub mod text;
pub mod trend;
pub mod units;
