//! YAML with source positions: a tree with line and column numbers, and a reader that reports all
//! errors of a document at once instead of stopping at the first.
//!
//! Each part of the config declares its keys as constants ([`Key`]), and reads their values from a
//! [`Section`]. `docs/CONFIGURATION.md` is generated from the same declarations.

mod file;
mod form;
mod hint;
mod key;
pub mod mask;
mod name;
mod odd;
mod outline;
mod quoted;
mod reader;
mod redactions;
mod scalar;
mod secret;
mod section;
mod stamp;
mod syntax;
mod tree;

pub use file::{open_regular, read_regular, without_mark, world_readable};
pub use form::{
    Form, List, Map, Mapping, OutOfRange, ProbeKind, Scalar, SecretMap, SecretText, Structure,
};
pub use key::{Declared, Key, Keys, Need};
pub use name::shown_name;
pub use outline::Outline;
pub use quoted::quoted;
pub use reader::{Piece, Reader, Spot, Traced, from_environment};
pub use redactions::Redactions;
pub use scalar::{
    Bool, Choice, FilePath, Integer, Parsed, RateForm, Ratio, Size, Span, Text, ZoneForm,
};
pub use secret::{Secret, names_a_secret};
pub use section::Section;
pub use stamp::Stamp;
pub use tree::{Node, SIZE_LIMIT, Value, parse};
