//! Warning signs of the running daemon: recent histories of what is sampled, judged by the rules of
//! `signal`, and published to whoever shows them or alerts.

pub mod chart;
mod counts;
mod host;
mod indicators;
pub mod metrics;
mod numbers;
mod own;
mod past;
mod probes;
mod process;
mod provider;
mod service;
mod task;
mod texts;
mod usual;
mod watcher;

pub use past::{Kept, replay, replay_host};
pub use task::{Deps, run};
pub use watcher::Watcher;

use crate::signal::{Finding, Presence, SignalKind};
use std::sync::Arc;

/// A finding about a service, or about the host without one.
fn finding(
    kind: &'static SignalKind,
    service: Option<&Arc<str>>,
    subject: &str,
    (presence, evidence): (Presence, String),
) -> Finding {
    Finding {
        kind,
        service: service.cloned(),
        subject: subject.into(),
        presence,
        evidence: evidence.into(),
        chart: "".into(),
    }
}
