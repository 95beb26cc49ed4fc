//! `slod`, an SLO daemon.
//!
//! One way through the house:
//!
//! ```text
//! schedule -> probe -> Outcome -> ledger -> Snapshot -> { metrics, web, cli }
//!                                   |
//!                                   +-> store (SQLite): every outcome, hourly blocks
//! ```
//!
//! Imports point down only; `tests/layers.rs` holds the order. The pure centre ([`outcome`],
//! [`slo`], [`stats`], [`diagnostic`]) takes `now` and data and returns data; everything that
//! waits, reads or writes lives above it. `docs/ARCHITECTURE.md` is the guided tour.

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod demo;
pub mod exposition;
pub mod ledger;
pub mod metrics;
pub mod observe;
pub mod probe;
pub mod report;
pub mod schedule;
pub mod store;
pub mod tasks;
pub mod version;
pub mod web;
pub mod yaml;

// The pure part, a package of its own: under one name for everything above it.
pub use slod_core::{diagnostic, outcome, printable, slo, stats, units};
