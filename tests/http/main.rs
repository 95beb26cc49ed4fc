//! The http probe against real servers: well-meaning ones and hostile ones.

mod hostile;
mod probe;
mod probing;
mod server;
mod trust;
