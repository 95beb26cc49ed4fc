//! What slod looks for in the metrics of a service: roles such as requests and queue depth, the
//! selectors that find them, and the table of the names that well-known libraries use. Pure.

mod role;
mod selector;
mod table;

pub use role::{Role, RoleKind};
pub use selector::{Labels, Selector};
pub use table::{Ecosystem, Row, TABLE};
