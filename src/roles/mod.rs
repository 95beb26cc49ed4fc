//! The roles of a service's metrics, such as requests and queue depth, the selectors that find
//! them, and the table of names used by well-known libraries. Pure.

mod breaker_state;
mod role;
mod selector;
mod table;

pub use breaker_state::breaker_state;
pub use role::{Role, RoleKind};
pub use selector::{Labels, Selector};
pub use table::{Ecosystem, Row, TABLE};
