//! Stored and running load runs, for the pages, the API and the metrics.

mod digests;
pub mod metrics;
pub mod observed;
mod task;
mod view;

pub use digests::{Digest, Digests};
pub use task::{Deps, run};
pub use view::{Running, RunsView};
