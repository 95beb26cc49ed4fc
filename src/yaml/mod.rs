//! YAML with places: a tree that knows line and column, and a reader that reports every fault
//! of a document at once instead of stopping at the first.
//!
//! A part of the config declares its keys as data ([`Key`]), then takes them out of a
//! [`Section`]. The same declarations make `docs/CONFIGURATION.md`.

mod file;
mod key;
mod reader;
mod redactions;
mod secret;
mod section;
mod stamp;
mod tree;

pub use file::{open_regular, read_regular, world_readable};
pub use key::{Key, Need, Shape};
pub use reader::{Reader, Spot, Traced, shown_name};
pub use redactions::Redactions;
pub use secret::Secret;
pub use section::Section;
pub use stamp::Stamp;
pub use tree::{Node, SIZE_LIMIT, Value, parse};
