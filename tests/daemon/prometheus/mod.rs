//! The shipped dashboards and rules in a real Prometheus.

mod alerts;
mod application;
mod burn;
mod dashboards;
mod native;
mod own_metrics;
mod remote_write;
mod rule_files;
mod rules;
mod secured;
pub mod server;
