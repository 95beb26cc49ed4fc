//! The alerts of the running daemon: evaluated for every snapshot, recorded in the store, published
//! to whoever shows them.

mod live;
pub mod metrics;
mod notices;
mod task;
mod view;

pub use live::LiveAlerts;
pub use task::{Deps, run};
pub use view::AlertsView;
