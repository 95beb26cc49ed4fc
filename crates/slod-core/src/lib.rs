//! The pure part of `slod`: outcomes, how they count for objectives, and the resulting budgets, burn rates
//! and alerts. Data and `now` are inputs, data is the output: no clock, no files, no sockets, no async
//! runtime. The dependencies of this package enforce this.

#![forbid(unsafe_code)]

pub mod alert;
pub mod diagnostic;
pub mod format;
pub mod load;
pub mod outcome;
pub mod sample;
pub mod selector;
pub mod signal;
pub mod slo;
pub mod stats;
pub mod text;
pub mod trend;
pub mod units;
