//! The single owner of live state: outcomes in, immutable snapshots out.

mod restore;
pub mod snapshot;
mod state;

pub use snapshot::Snapshot;
pub use state::Ledger;
