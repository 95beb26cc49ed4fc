//! The shipped dashboards and rules in a real Prometheus.

mod alerts;
mod burn;
mod dashboards;
mod own_metrics;
mod secured;
pub mod server;
