//! Warning signs of the running daemon: recent histories of samples, evaluated by the rules of
//! `signal`, and published for display and alerting.

mod breakers;
pub mod chart;
mod counts;
mod host;
mod indicators;
pub mod metrics;
mod numbers;
mod outcomes;
mod own;
mod past;
mod probes;
mod process;
mod provider;
mod scope;
mod service;
mod task;
mod texts;
mod unread;
mod usual;
mod watcher;

pub use past::{NOT_REPLAYED, StoredSeries, replay, replay_host};
pub use scope::Scope;
pub use task::{Deps, restored, run};
pub use watcher::Watcher;

use crate::signal::rules::Answer;
use crate::signal::{Finding, Presence, SignalKind};
use std::sync::Arc;

/// The evidence if there are no recent samples.
const NOT_SAMPLED: &str = "no samples in the last 15 minutes";
/// The evidence for signs that require a service's own metrics.
const NO_PROBES: &str =
    "the service has no probes, and its metrics do not contain this or cannot be read";
const NO_METRICS: &str = "`metrics` is not configured for the service, or was not read yet";

/// Receives the answers about signs, each with its subject.
type Push<'a> = dyn FnMut(&'static SignalKind, &str, Answer) + 'a;

/// The answer about a sign that cannot be evaluated.
fn unknown(why: &str) -> Answer {
    (Presence::Unknown, why.to_owned())
}

/// A finding about a service, or about the host if `service` is `None`.
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
        chart: Arc::default(),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    /// A config without files and environment variables.
    pub(super) fn config(text: &str) -> Config {
        text.parse().expect("a valid config")
    }
}
