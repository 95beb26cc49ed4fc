//! The `dns` kind: one query to a name server, and its answer.

mod data;
mod exchange;
mod expect;
mod keys;
mod message;
mod name;
mod read;
mod reply;

use super::check::record_all;
use super::deadline::{Overdue, within};
use super::dial::{Address, Failure, Family, Progress, Tls};
use super::evaluate::Evaluator;
use super::{Attempt, Kind, Probe};
use crate::outcome::{CodeOf, DurationOf, Measurement, Measures, Outcome};
use async_trait::async_trait;
use expect::Expect;
use message::Question;
use reply::Reply;
use rustls::pki_types::ServerName;
use std::sync::Arc;

/// The kind in the registry.
pub const KIND: Kind = Kind {
    name: "dns",
    summary: "Asks a name server one question and checks its answer. The question goes to `server` only, never to the system's resolver, and is sent once: a lost datagram results in a `timeout`. If an answer over UDP is truncated, the question is repeated over TCP within the same attempt. Unexpected response codes (`status`), records (`answer`) or flags (`header`) are bad, and so are replies that do not match the question or cannot be parsed (`protocol`).",
    keys: keys::KEYS,
    example: "{ server: 192.0.2.53, name: www.example.org, type: A, expect: { answers: '^192\\.0\\.2\\.' } }",
    measures: Measures {
        duration: DurationOf::Attempt,
        measurements: &[
            Measurement::Resolve,
            Measurement::Connect,
            Measurement::Tls,
            Measurement::Processing,
        ],
        code: Some(CodeOf::DnsResponseCode),
    },
    read: |section| Some(Arc::new(read::read(section)?)),
};

/// How a query reaches its server.
#[derive(Debug)]
enum Transport {
    /// Falls back to TCP if an answer is truncated.
    Udp,
    Tcp,
    /// DNS over TLS (RFC 7858).
    Tls(Box<Tls>, ServerName<'static>),
}

#[derive(Debug)]
struct DnsProbe {
    server: Address,
    family: Family,
    transport: Transport,
    question: Question,
    expect: Arc<Expect>,
    evaluator: Evaluator,
}

#[async_trait]
impl Probe for DnsProbe {
    async fn run(&self, attempt: &mut Attempt) -> Outcome {
        let deadline = attempt.deadline;
        let mut progress = Progress::new(attempt);
        let mut skipped = message::Skipped::default();
        let work = self.ask(&mut progress, &mut skipped);
        let result = match within(deadline, work).await {
            Err(Overdue::Timeout) if !skipped.is_empty() => Ok(Err(skipped.failure())),
            result => result,
        };
        progress.finish(result)
    }

    fn target(&self) -> String {
        let transport = match &self.transport {
            Transport::Udp => "",
            Transport::Tcp => " (TCP)",
            Transport::Tls(..) => " (TLS)",
        };
        format!("{} at {}{transport}", self.question, self.server)
    }
}

impl DnsProbe {
    async fn ask(
        &self,
        progress: &mut Progress<'_>,
        skipped: &mut message::Skipped,
    ) -> Result<(), Failure> {
        let reply = exchange::exchange(self, progress, skipped).await?;
        progress.leave();
        progress.code = Some(reply.code());
        progress.record("response", || reply.to_string());
        self.judge(reply, progress).await
    }

    async fn judge(&self, reply: Reply, progress: &mut Progress<'_>) -> Result<(), Failure> {
        let expect = self.expect.clone();
        let work = move || expect.check(&reply);
        let checks = self.evaluator.evaluate(progress.deadline(), work).await?;
        record_all(checks, progress)
    }
}
