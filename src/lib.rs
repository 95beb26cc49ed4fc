//! `slod`, an SLO daemon.
//!
//! The data flow:
//!
//! ```text
//! schedule -> probe -> Outcome -> ledger -> LedgerView -> { metrics, web, cli }
//!                                   |            +-> alerting -> AlertsView -> { metrics, web }
//!                                   +-> store (SQLite): every outcome, hourly blocks, alerts
//! ```
//!
//! Imports point down only; `tests/project/layers.rs` checks the order. The pure core ([`outcome`],
//! [`slo`], [`alert`], [`stats`], [`trend`], [`diagnostic`]) takes `now` and data and returns data; everything that
//! waits, reads or writes lives above it. `docs/ARCHITECTURE.md` is the guided tour.

#![forbid(unsafe_code)]

pub mod alerting;
pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod demo;
pub mod export;
pub mod exposition;
pub mod format;
pub mod import;
pub mod ledger;
pub mod metrics;
pub mod notify;
pub mod observe;
pub mod probe;
pub mod receiver;
pub mod remote_write;
pub mod report;
pub mod roles;
pub mod rules;
pub mod runs;
pub mod schedule;
pub mod signals;
pub mod store;
pub mod tasks;
pub mod threshold;
pub mod version;
pub mod web;
pub mod yaml;

// The pure part, a package of its own: under one name for everything above it.
pub use slod_core::{
    alert, diagnostic, load, outcome, sample, signal, slo, stats, text, trend, units,
};
