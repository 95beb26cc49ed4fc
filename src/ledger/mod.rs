//! The single owner of live state.

pub mod snapshot;
