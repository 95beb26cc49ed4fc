//! HTML pages, rendered from a snapshot. Pure, and without scripts.
//!
//! The pages need only `default-src 'none'; style-src 'self'`: their only resource is [`style::STYLE`] at
//! [`style::NAME`]. Links are relative, so they also work below a path prefix of a reverse proxy. Pages
//! reload only on request, because a reload moves keyboard and screen reader users back to the top.

pub mod alert_list;
mod alerts;
mod attempts;
mod card;
pub mod charts;
mod corrections;
mod days;
pub mod decision_forms;
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
pub mod silence_form;
mod silences;
pub mod style;
mod system;
mod timeline;

pub use frame::{RELOAD, View, Writer};
pub use overview::{Overview, render_overview};
pub use query::{Choice, PageQuery};
pub use service::{ServicePage, render_service};
