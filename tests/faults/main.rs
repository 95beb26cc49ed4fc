//! What the world does to a daemon: no descriptors, no names, a disk that is away. Probing goes on,
//! the numbers stay true, and what was lost is counted.

mod descriptors;
mod names;
mod store;
#[path = "../daemon/support.rs"]
#[expect(dead_code, reason = "shared with other tests")]
mod support;
