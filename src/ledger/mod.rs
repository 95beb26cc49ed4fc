//! The single owner of live state: outcomes in, immutable snapshots out.

mod alerts;
mod corrections;
mod hours;
pub mod metrics;
mod objective;
mod probe;
mod replay;
mod restore;
mod service;
pub mod snapshot;
mod state;
mod task;

pub use corrections::in_force;
pub use snapshot::Snapshot;
pub use state::Ledger;
pub use task::{Plans, Reload, Wiring, run};
