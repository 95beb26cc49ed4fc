//! The shipped dashboards and rules in a real Prometheus.

mod burn;
mod dashboards;
mod server;
