//! What the daemon serves over HTTP.

pub mod page;
