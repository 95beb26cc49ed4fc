//! The config: what users write, checked as a whole, as values without branches left for typos.

mod model;

pub use model::{Config, ProbeSpec, ServiceSpec, StoreSpec};
