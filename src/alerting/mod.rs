//! The alerts of the running daemon: evaluated for every view, recorded in the store, sent to
//! receivers, and published.

mod chart;
mod live;
pub mod metrics;
mod own;
mod task;
mod view;

pub use live::{Inputs, LiveAlerts, sign};
pub use own::SelfState;
pub use task::{Deps, Route, run};
pub use view::AlertsView;
