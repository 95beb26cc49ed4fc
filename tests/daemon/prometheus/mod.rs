//! The shipped dashboards and rules in a real Prometheus.

mod alerts;
mod burn;
mod dashboards;
mod secured;
mod server;
