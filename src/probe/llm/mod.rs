//! The `llm` kind: one question to a language model, and its answer, streamed or not.

mod answer;
mod api;
mod budget;
mod expect;
mod keys;
mod limits;
pub mod load_target;
mod names;
mod read;
mod refusal;
mod reported;
mod run;
mod sse;
mod stream;
mod think;
mod worst;

use super::http::HttpProbe;
use super::{Attempt, Kind, Probe};
use crate::outcome::{CodeOf, DurationOf, Measurement, Measures, Outcome, Record, Timestamp};
use api::Api;
use async_trait::async_trait;
use budget::{Budget, Spending, Tokens};
use expect::Expect;
use futures_util::future::BoxFuture;
pub use names::Convention;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// The kind in the registry.
pub const KIND: Kind = Kind {
    name: "llm",
    summary: "Asks a language model one question and reads its answer, streamed or not. Every attempt uses a new connection. `time_to_first_chunk` and `time_to_first_token` are measured from the start of the attempt; reasoning is not part of the answer. The following are bad: a rejected request (`rate_limited` for status 429, `overloaded` for a provider at its capacity, otherwise `status`), a stream that is interrupted or ends without its terminator (`stream_broken`), an error inside an answer (`stream_error`), an empty answer (`empty_answer`), and an unexpected answer (`answer`).",
    keys: keys::KEYS,
    example: "{ url: \"http://127.0.0.1:8000/v1/chat/completions\", model: my-model, prompt: \"What is the capital of France?\", expect: { text: Paris } }",
    measures: Measures {
        duration: DurationOf::Attempt,
        measurements: &[
            Measurement::Resolve,
            Measurement::Connect,
            Measurement::Tls,
            Measurement::Processing,
            Measurement::Transfer,
            Measurement::FirstChunk,
            Measurement::FirstToken,
            Measurement::PerOutputToken,
        ],
        code: Some(CodeOf::HttpStatus),
    },
    read: |section| Some(Arc::new(read::read(section)?)),
};

/// The subject of the request, in the terms of the metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    pub model: Arc<str>,
    /// OpenTelemetry's name of the provider.
    pub provider: &'static str,
    /// OpenTelemetry's name of the operation.
    pub operation: &'static str,
    /// The convention under whose names the metrics are also exported.
    pub convention: Convention,
}

/// A request that can be made any number of times.
#[derive(Debug)]
pub struct LlmProbe {
    subject: Subject,
    api: Api,
    stream: bool,
    /// Whether a tool call is an answer: tools are offered, or tool calls are expected.
    may_call: bool,
    http: HttpProbe,
    expect: Arc<Expect>,
    budget: Option<Budget>,
    /// The most tokens that an attempt can use.
    worst: Tokens,
    /// Set once: a probe of a new config continues the spending of its predecessor.
    spending: OnceLock<Spending>,
}

impl LlmProbe {
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    pub fn has_budget(&self) -> bool {
        self.budget.is_some()
    }

    /// Shares the spending of the probe that it replaces, whose attempt may still be running.
    pub fn continue_from(&self, old: &Self) {
        // Already set only if an attempt was made before, and probes run only once their config is
        // in force.
        let _ = self.spending.set(old.spending().clone());
    }

    /// Adds what was spent before, from stored outcomes in chronological order up to `now`.
    pub fn recall(&self, outcomes: &[Record], now: Timestamp) {
        if let Some(budget) = &self.budget {
            budget.recall(self.spending(), outcomes, now, self.worst);
        }
    }

    fn spending(&self) -> &Spending {
        self.spending.get_or_init(Spending::default)
    }
}

#[async_trait]
impl Probe for LlmProbe {
    async fn run(&self, attempt: &mut Attempt) -> Outcome {
        run::run(self, attempt).await
    }

    fn prepare(&self, wait: Duration) -> Option<BoxFuture<'_, ()>> {
        self.http.prepare(wait)
    }

    fn target(&self) -> String {
        format!("{} ({})", self.http.request.shown(), self.subject.model)
    }
}
