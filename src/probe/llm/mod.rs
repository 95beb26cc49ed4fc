//! The `llm` kind: one question to a language model, and its answer as it is streamed.

mod answer;
mod api;
mod budget;
pub mod driven;
mod expect;
mod keys;
mod limits;
mod names;
mod read;
mod refusal;
mod run;
mod sse;
mod stream;
mod worst;

use super::evaluate::Evaluator;
use super::http::request::Request;
use super::http::transport::Transport;
use super::{Attempt, Kind, Probe};
use crate::outcome::{CodeOf, DurationOf, Measurement, Measures, Outcome, Record, Timestamp};
use crate::yaml::{Keys, Section};
use api::Api;
use async_trait::async_trait;
use budget::{Budget, Spending, Tokens};
use expect::Expect;
pub use names::Convention;
use std::sync::{Arc, OnceLock};

/// The kind's place in the registry.
#[derive(Debug)]
pub struct Llm;

impl Kind for Llm {
    fn name(&self) -> &'static str {
        "llm"
    }

    fn summary(&self) -> &'static str {
        "Asks a language model one question and reads its answer, streamed or not. Every attempt uses a new connection. `time_to_first_chunk` and `time_to_first_token` are measured from the start of the attempt; reasoning is no part of the answer. Bad are a refused request (`rate_limited` for status 429, `overloaded` for a provider at its capacity, otherwise `status`), a stream that breaks off or ends without its terminator (`stream_broken`), an error inside of an answer (`stream_error`), an empty answer (`empty_answer`), and one other than expected (`answer`)."
    }

    fn keys(&self) -> Keys {
        keys::KEYS
    }

    fn example(&self) -> &'static str {
        "{ url: \"http://127.0.0.1:8000/v1/chat/completions\", model: my-model, prompt: \"What is the capital of France?\", expect: { text: Paris } }"
    }

    fn measures(&self) -> &'static Measures {
        &Measures {
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
        }
    }

    fn read(&self, section: &Section<'_>) -> Option<Arc<dyn Probe>> {
        read::read(section).map(|probe| Arc::new(probe) as Arc<dyn Probe>)
    }
}

/// Who is asked, as metrics name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    pub model: Arc<str>,
    /// OpenTelemetry's name of the provider.
    pub provider: &'static str,
    /// OpenTelemetry's name of what is asked for.
    pub operation: &'static str,
    /// Under which of its names metrics are exported as well.
    pub convention: Convention,
}

/// A question that is ready to be asked.
#[derive(Debug)]
pub struct LlmProbe {
    subject: Subject,
    api: Api,
    stream: bool,
    /// Whether the call of a tool is an answer: tools are offered, or calls are expected.
    may_call: bool,
    request: Request,
    expect: Arc<Expect>,
    evaluator: Evaluator,
    /// Bytes of a decoded response that are read at most.
    body_limit: u64,
    transport: Transport,
    budget: Option<Budget>,
    /// What an attempt can take.
    worst: Tokens,
    /// Set once: a probe of a new config continues that of the old one.
    spending: OnceLock<Spending>,
}

impl LlmProbe {
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    pub fn has_budget(&self) -> bool {
        self.budget.is_some()
    }

    /// Shares what was spent with the probe that it replaces, whose attempt may still run.
    pub fn continue_from(&self, old: &Self) {
        // An attempt before it would be one of nobody's: probes run once their config is in force.
        let _ = self.spending.set(old.spending().clone());
    }

    /// Takes what was spent before, by stored outcomes in the order of time up to `now`.
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

    fn target(&self) -> String {
        format!("{} ({})", self.request.shown(), self.subject.model)
    }
}
