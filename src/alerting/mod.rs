//! The alerts of the running daemon: evaluated for every view, recorded in the store, sent to
//! receivers, and published.

mod chart;
mod failing;
mod live;
pub mod metrics;
mod own;
mod task;
mod view;

pub use chart::add as add_charts;
pub use failing::FailingReceivers;
pub use live::{Inputs, LiveAlerts, sign};
pub use own::{RELOAD_FAILED, SelfState};
pub use task::{Deps, Route, run};
pub use view::AlertsView;
