//! The config: what users write, checked as a whole, as values without branches left for typos.
//!
//! ```text
//! text -> yaml::Node -> Draft (values with places) -> lints -> Config
//! ```
//!
//! The keys are constants in `keys`; the reader and `docs/CONFIGURATION.md` both come from it.

mod alerts;
mod code;
mod correction;
mod counting;
mod docs;
mod draft;
mod keys;
mod lint;
mod load;
mod load_test;
mod metrics;
mod model;
mod name;
mod notify;
mod objective;
mod observe;
mod probe;
mod read;
mod schema;
mod signals;
mod web;
mod window;

pub use code::Code;
pub use docs::markdown;
pub use keys::ROOT as KEYS;
pub use load::{FileError, Loaded, codes, read_file};
pub use model::{
    Config, FoundBy, Inputs, LoadSpec, MetricsSource, MetricsSpec, ObserveSpec, Pattern, ProbeSpec,
    ProcessSpec, Role, ServiceSpec, StoreSpec, TokenSpec, WebSpec,
};
pub use schema::schema;
