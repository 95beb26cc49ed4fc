//! The interface of probe kinds, and the registry of all kinds.
//!
//! A new kind is a file in this folder and a line in [`KINDS`]. The file contains a [`Kind`] (name, keys,
//! example, config reader) and a [`Probe`] (how to run it).

mod check;
pub mod deadline;
pub mod dial;
mod dns;
mod evaluate;
mod grpc;
pub mod heartbeat;
pub mod http;
mod icmp;
mod json_text;
pub mod llm;
pub mod pattern;
mod quoted;
mod redacted;
mod tcp;
mod websocket;

use crate::outcome::{Measures, Outcome, Timestamp};
use crate::yaml::{Keys, Redactions, Section};
use async_trait::async_trait;
use futures_util::future::BoxFuture;
pub use redacted::{of_type, redacted, unwrapped};
use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// All probe kinds, used by the config reader, the generated docs and the tests.
pub const KINDS: &[&Kind] = &[
    &http::KIND,
    &heartbeat::KIND,
    &websocket::KIND,
    &tcp::KIND,
    &dns::KIND,
    &grpc::KIND,
    &icmp::KIND,
    &llm::KIND,
];

/// A kind of probe that can be configured.
pub struct Kind {
    /// The config key, such as `http`.
    pub name: &'static str,
    /// Description for the generated docs.
    pub summary: &'static str,
    /// The keys below [`Kind::name`].
    pub keys: Keys,
    /// A complete value in YAML, such as `{ url: "http://127.0.0.1:8000/health" }`; it is read by a test.
    pub example: &'static str,
    /// What the outcomes of its probes measure.
    pub measures: Measures,
    /// Builds a probe. Returns `None` after reporting every error to the section.
    pub read: fn(&Section<'_>) -> Option<Arc<dyn Probe>>,
}

/// A probe that is ready to run, any number of times and concurrently. Code that works with one kind only
/// gets its probes by type ([`of_type`]), so that no other code depends on the kind.
#[async_trait]
pub trait Probe: Any + Send + Sync + fmt::Debug {
    /// Makes one attempt. It ends by [`Attempt::deadline`], and never panics or returns an error: every
    /// failure is an outcome.
    async fn run(&self, attempt: &mut Attempt) -> Outcome;

    /// What must be done before an attempt, such as requesting a token, and is not a part of it: its latency
    /// must not include it. It ends within `wait`; if it fails, so does the attempt.
    fn prepare(&self, _wait: Duration) -> Option<BoxFuture<'_, ()>> {
        None
    }

    /// The target for display, without credentials, such as `https://example.org/health`.
    fn target(&self) -> String;
}

/// The input of one attempt, and the record of its steps.
#[derive(Debug)]
pub struct Attempt {
    pub started: Instant,
    /// The wall-clock time at which it started.
    pub wall: Timestamp,
    /// When the whole attempt must end.
    pub deadline: Instant,
    pub trace: Trace,
}

impl Attempt {
    /// Starts an attempt now.
    pub fn new(wall: Timestamp, timeout: Duration, trace: Trace) -> Self {
        let started = Instant::now();
        Self {
            started,
            wall,
            deadline: started + timeout,
            trace,
        }
    }
}

/// The steps of one attempt; recorded only on request.
#[derive(Debug, Default)]
pub struct Trace(Option<Vec<Step>>);

/// One step of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Time since the attempt started.
    pub after: Duration,
    /// The kind of step, such as `resolve` or `expect`.
    pub topic: &'static str,
    /// What happened, without secrets.
    pub text: String,
}

impl Trace {
    pub fn silent() -> Self {
        Self(None)
    }

    pub fn listening() -> Self {
        Self(Some(Vec::new()))
    }

    /// Adds a step; `text` is only called if steps are recorded.
    pub fn record(&mut self, started: Instant, topic: &'static str, text: impl FnOnce() -> String) {
        if let Some(steps) = &mut self.0 {
            steps.push(Step {
                after: started.elapsed(),
                topic,
                text: text(),
            });
        }
    }

    /// Removes secrets from all steps recorded so far.
    fn redact(&mut self, redactions: &Redactions) {
        for step in self.0.iter_mut().flatten() {
            step.text = redactions.clean(&step.text).into_owned();
        }
    }

    pub fn steps(&self) -> &[Step] {
        self.0.as_deref().unwrap_or_default()
    }
}
