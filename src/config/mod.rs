//! The config: parses what users write, checks it as a whole, and produces values that are valid.
//!
//! ```text
//! text -> yaml::Node -> Draft (values with source positions) -> lints -> Config
//! ```
//!
//! The keys are constants in `keys`, which both the reader and `docs/CONFIGURATION.md` are based on.

mod alert_labels;
mod alerts;
mod code;
mod correction;
mod counting;
mod data;
mod division;
mod docs;
mod draft;
mod keys;
mod labels;
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
mod remote_write;
mod schema;
mod sequence;
mod shard;
mod signals;
mod web;
mod window;

pub use alert_labels::AlertLabels;
pub use code::Code;
pub use data::{SIZE_MAX as DATA_SIZE_MAX, Table};
pub use docs::markdown;
pub use keys::ROOT as KEYS;
pub use lint::codes;
pub use load::{FileError, Loaded, read_file, read_stream, warn_of_readable_config};
pub use model::{
    Config, FoundBy, Inputs, LoadSpec, MetricsSource, MetricsSpec, ObserveSpec, Pattern, ProbeSpec,
    ProcessSpec, RemoteWriteSpec, Role, ScenarioSpec, ServiceSpec, StoreSpec, TokenSpec, WebSpec,
};
pub use name::label_fault;
pub use schema::schema;
pub use sequence::{
    BodySpec, CaptureSpec, DataSpec, RequestSpec, SequenceSpec, SpecPart, SpecText, WrittenSource,
};
pub use shard::Shard;
pub use web::TLS_SETTINGS;
