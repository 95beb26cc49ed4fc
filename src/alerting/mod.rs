//! The alerts of the running daemon: evaluated for every snapshot, recorded in the store, given to
//! receivers, and published to whoever shows them.

mod chart;
mod live;
pub mod metrics;
mod own;
mod task;
mod view;

pub use live::{Inputs, LiveAlerts, sign};
pub use own::Own;
pub use task::{Deps, Route, run};
pub use view::AlertsView;
