//! The status page: a snapshot in, HTML out. Pure, and without a script.
//!
//! The pages need `default-src 'none'; style-src 'self'` and nothing else: their only resource
//! is [`style::STYLE`] at [`style::NAME`]. Links are relative, so they also work below a prefix that a
//! reverse proxy adds. A page does not reload itself unless its reader asked for it, since a
//! reload throws keyboard and screen reader users back to the top.

pub mod alert_list;
mod alerts;
mod attempts;
mod card;
pub mod charts;
mod corrections;
mod days;
mod frame;
mod headline;
mod list;
pub mod notifications;
mod now;
mod overview;
mod parts;
pub mod past;
mod probe;
pub mod problem;
mod query;
pub mod run;
pub mod runs;
pub mod series_list;
mod service;
mod service_metrics;
pub mod signs;
mod silences;
pub mod style;
mod system;
mod timeline;

pub use frame::{RELOAD, View};
pub use overview::{Overview, render_overview};
pub use query::{Choice, PageQuery};
pub use service::{ServicePage, render_service};
