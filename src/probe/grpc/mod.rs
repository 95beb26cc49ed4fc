//! The `grpc` kind: the standard gRPC health check.

mod exchange;
mod keys;
mod message;
mod read;
mod status;

use super::check::Check;
use super::deadline::within;
use super::dial::{Failure, Family, Place, Progress, Tls};
use super::quoted::quoted;
use super::{Attempt, Kind, Probe};
use crate::outcome::{Cause, CodeOf, DurationOf, Measurement, Measures, Outcome};
use async_trait::async_trait;
use exchange::Answer;
use http::HeaderMap;
use http::uri::Authority;
use hyper::body::Bytes;
use message::Serving;
use rustls::pki_types::ServerName;
use status::Code;
use std::sync::Arc;

/// The kind in the registry.
pub const KIND: Kind = Kind {
    name: "grpc",
    summary: "Checks the health of a gRPC server (`grpc.health.v1.Health/Check`), over a new HTTP/2 connection each time. An unexpected gRPC status, a service that is not serving and an HTTP status other than 200 are bad (`status`), and so are an answer that is not gRPC (`protocol`) and a message larger than 64 KiB (`body_too_large`).",
    keys: keys::KEYS,
    example: "{ address: \"127.0.0.1:50051\", service: my.package.MyService }",
    measures: Measures {
        duration: DurationOf::Attempt,
        measurements: Measurement::PHASES,
        code: Some(CodeOf::GrpcStatus),
    },
    read: |section| Some(Arc::new(read::read(section)?)),
};

#[derive(Debug)]
struct GrpcProbe {
    address: Place,
    family: Family,
    tls: Option<(Tls, ServerName<'static>)>,
    authority: Authority,
    /// Empty for the server as a whole.
    service: String,
    /// The framed request message.
    request: Bytes,
    metadata: HeaderMap,
    codes: Vec<Code>,
    serving: Vec<Serving>,
}

#[async_trait]
impl Probe for GrpcProbe {
    async fn run(&self, attempt: &mut Attempt) -> Outcome {
        let deadline = attempt.deadline;
        let mut progress = Progress::new(attempt);
        let work = self.ask(&mut progress);
        let result = within(deadline, work).await;
        progress.finish(result)
    }

    fn target(&self) -> String {
        let tls = if self.tls.is_some() { " (TLS)" } else { "" };
        let service = match self.service.as_str() {
            "" => String::new(),
            service => format!(" {service}"),
        };
        format!("{}{service}{tls}", self.address)
    }
}

impl GrpcProbe {
    async fn ask(&self, progress: &mut Progress<'_>) -> Result<(), Failure> {
        let answer = exchange::exchange(self, progress).await?;
        progress.leave();
        progress.code = Some(answer.code.0);
        self.judge(&answer, progress)
    }

    /// The status is checked first, since a failed call has no message.
    fn judge(&self, answer: &Answer, progress: &mut Progress<'_>) -> Result<(), Failure> {
        let Answer { code, words, .. } = answer;
        let wanted: Vec<String> = self.codes.iter().map(ToString::to_string).collect();
        let mut text = format!("gRPC status {code}, expected {}", wanted.join(", "));
        if !self.codes.contains(code) {
            if !words.is_empty() {
                text = format!("{text}: {}", quoted(words));
            }
            text += code.hint();
        }
        expect(self.codes.contains(code), text, progress)?;
        if *code != Code::OK {
            return Ok(());
        }
        let serving = answer.message.clone()?;
        let wanted: Vec<&str> = self.serving.iter().map(|one| one.label()).collect();
        let text = format!("{}, expected {}", serving.label(), wanted.join(", "));
        expect(self.serving.contains(&serving), text, progress)
    }
}

fn expect(holds: bool, text: String, progress: &mut Progress<'_>) -> Result<(), Failure> {
    let check = Check::new(holds, Cause::Status, text);
    check.record(progress).map_or(Ok(()), Err)
}
