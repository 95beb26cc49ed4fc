//! The single owner of live state: takes outcomes, publishes immutable views.

mod attempts;
mod bounds;
mod corrections;
mod days;
mod index;
mod judging;
pub mod llm;
pub mod metrics;
mod numbers;
mod objective;
mod plans;
mod probe;
mod restore;
mod service;
pub mod snapshot;
mod state;
mod task;
mod traffic;
mod transitions;
mod view;
mod watch;

pub use corrections::in_force;
pub use days::{LONG_DAYS, long_days};
pub use judging::recalled;
pub use metrics::EXPORTED_WINDOWS;
pub use numbers::{LiveObjective, LiveService};
pub use plans::plans;
pub use restore::{RestoreFrom, RestoredState, Unread, recount, reload, restore};
pub use snapshot::Snapshot;
pub use state::Ledger;
pub use task::{Changed, Deps, Plans, Recount, log_ahead, run};
pub use traffic::TrafficHistory;
pub use view::LedgerView;
