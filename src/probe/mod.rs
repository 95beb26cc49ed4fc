//! The contract of a probe kind, and the registry of all kinds.
//!
//! A new kind is one file in this folder plus one line in [`KINDS`]: the file holds a [`Kind`]
//! (its name, its keys, an example, how to read it from the config) and a [`Probe`] (how to run it).

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

use crate::outcome::{Measures, Outcome, Timestamp};
use crate::yaml::{Keys, Redactions, Section};
use async_trait::async_trait;
pub use redacted::{of_type, redacted, redactions};
use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Every probe kind there is. Tests walk it; the config reader and the generated docs use it.
pub const KINDS: &[&dyn Kind] = &[
    &http::Http,
    &heartbeat::Heartbeat,
    &tcp::Tcp,
    &dns::Dns,
    &grpc::Grpc,
    &icmp::Icmp,
    &llm::Llm,
];

/// A way of looking at a service, as the config names it.
pub trait Kind: Sync {
    /// The key in the config, such as `http`.
    fn name(&self) -> &'static str;

    /// One sentence for the generated docs.
    fn summary(&self) -> &'static str;

    /// The keys under [`Kind::name`].
    fn keys(&self) -> Keys;

    /// A complete value in YAML, such as `{ url: "http://127.0.0.1:8000/health" }`; a test reads it.
    fn example(&self) -> &'static str;

    /// What outcomes of its probes say.
    fn measures(&self) -> &'static Measures;

    /// Builds a probe, or reports every fault to the section and returns `None`.
    fn read(&self, section: &Section<'_>) -> Option<Arc<dyn Probe>>;
}

/// A probe that is ready to run, any number of times and at the same time. A part of the program that
/// works with one kind only finds its probes by their type ([`of_type`]), so that no other part knows of it.
#[async_trait]
pub trait Probe: Any + Send + Sync + fmt::Debug {
    /// Makes one attempt. It ends by [`Attempt::deadline`] and never panics or fails: whatever
    /// happens is the outcome.
    async fn run(&self, attempt: &mut Attempt) -> Outcome;

    /// What is probed, for people, without credentials: such as `https://example.org/health`.
    fn target(&self) -> String;
}

/// What one attempt is given, and where it records what it does.
#[derive(Debug)]
pub struct Attempt {
    pub started: Instant,
    /// When it started, by the wall clock.
    pub wall: Timestamp,
    /// The whole attempt ends by then.
    pub deadline: Instant,
    pub trace: Trace,
}

impl Attempt {
    /// An attempt that starts now.
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

/// The steps of one attempt; not recorded if nobody reads them.
#[derive(Debug, Default)]
pub struct Trace(Option<Vec<Step>>);

/// One decision of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Since the attempt started.
    pub after: Duration,
    /// What kind of decision, such as `resolve` or `expect`.
    pub topic: &'static str,
    /// What was seen, without secrets.
    pub text: String,
}

impl Trace {
    pub fn silent() -> Self {
        Self(None)
    }

    pub fn listening() -> Self {
        Self(Some(Vec::new()))
    }

    /// Adds a step; `text` is only made when somebody listens.
    pub fn record(&mut self, started: Instant, topic: &'static str, text: impl FnOnce() -> String) {
        if let Some(steps) = &mut self.0 {
            steps.push(Step {
                after: started.elapsed(),
                topic,
                text: text(),
            });
        }
    }

    /// Removes secrets from all steps so far.
    fn redact(&mut self, redactions: &Redactions) {
        for step in self.0.iter_mut().flatten() {
            step.text = redactions.clean(&step.text).into_owned();
        }
    }

    pub fn steps(&self) -> &[Step] {
        self.0.as_deref().unwrap_or_default()
    }
}
