//! Reports and lists for terminals, pages and files.

pub mod alerts;
pub mod audit;
pub mod backtest;
pub mod corrections;
pub mod deploys;
pub mod families;
pub mod health;
pub mod load_run;
pub mod log_file;
pub mod maintenance;
pub mod markers;
pub mod metrics;
pub mod notes;
pub mod quantiles;
pub mod runs;
pub mod scenario;
pub mod series;
pub mod sheet;
pub mod signals;
pub mod silences;
pub mod slo;
pub mod state;
pub mod status;
pub mod table;
pub mod timeline;
mod walk;
