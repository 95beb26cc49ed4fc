//! One attempt: the budget, the request, its answer, and the evaluation of the answer.

use super::LlmProbe;
use super::answer::Answer;
use super::api::check_error;
use super::limits::{rate_limits, retry_after};
use super::refusal::refused;
use super::stream;
use crate::outcome::{Cause, Outcome, Verdict, VoidReason};
use crate::probe::Attempt;
use crate::probe::check::record_all;
use crate::probe::deadline::within;
use crate::probe::dial::{Failure, Progress};
use crate::probe::http::body::{self, BodyBuffer};
use crate::probe::http::exchange::Receive;
use crate::probe::http::oauth2::Signed;
use crate::probe::json_text;
use crate::probe::quoted::quoted;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Response, response};
use hyper::body::Incoming;
use serde_json::Value;
use std::time::Duration;
use tokio::io::AsyncBufReadExt;

/// Maximum number of bytes read from the body of a rejection.
const REFUSAL_MAX: u64 = 64 << 10;

pub async fn run(probe: &LlmProbe, attempt: &mut Attempt) -> Outcome {
    let Some(budget) = &probe.budget else {
        return ask(probe, attempt).await;
    };
    match budget.reserve(probe.spending(), attempt.wall, probe.worst) {
        Ok(reserved) => {
            let outcome = ask(probe, attempt).await;
            probe.spending().settle(&reserved, &outcome);
            outcome
        }
        Err(reason) => {
            let started = attempt.started;
            attempt.trace.record(started, "budget", || reason.clone());
            let verdict = Verdict::Void(VoidReason::Quota);
            let mut outcome = Outcome::new(verdict, Duration::ZERO);
            outcome.detail.say(reason);
            outcome
        }
    }
}

async fn ask(probe: &LlmProbe, attempt: &mut Attempt) -> Outcome {
    let deadline = attempt.deadline;
    let mut progress = Progress::new(attempt);
    let signed = match probe.http.signed(&mut progress) {
        Ok(signed) => signed,
        Err(failure) => return progress.finish(Ok(Err(failure))),
    };
    let result = within(deadline, exchange(probe, &signed, &mut progress)).await;
    let mut outcome = progress.finish(result);
    signed.redact(&mut outcome, &mut attempt.trace);
    outcome
}

async fn exchange(
    probe: &LlmProbe,
    signed: &Signed<'_>,
    progress: &mut Progress<'_>,
) -> Result<(), Failure> {
    let receive = ReceiveAnswer { probe, signed };
    let answer = probe
        .http
        .transport
        .ask(&signed.request, true, receive, progress)
        .await?;
    progress.record("answer", || quoted(answer.text.as_bytes()));
    progress.record("usage", || match answer.figures().to_string() {
        figures if figures.is_empty() => "unknown".to_owned(),
        figures => figures,
    });
    judge(probe, answer, progress).await
}

/// Receives an answer, streamed if the request asked for it.
struct ReceiveAnswer<'a> {
    probe: &'a LlmProbe,
    signed: &'a Signed<'a>,
}

impl Receive for ReceiveAnswer<'_> {
    type Answer = Answer;

    async fn receive(
        self,
        response: Response<Incoming>,
        progress: &mut Progress<'_>,
    ) -> Result<Answer, Failure> {
        let Self { probe, signed } = self;
        let (head, incoming) = response.into_parts();
        signed.note(head.status);
        note_limits(&head.headers, progress);
        if !head.status.is_success() {
            return Err(refusal(probe, &head, incoming, progress).await);
        }
        let mut answer = Answer::default();
        let read = if probe.stream {
            read_stream(probe, &head, incoming, &mut answer, progress).await
        } else {
            read_whole(probe, &head, incoming, &mut answer).await
        };
        // The tokens of an incomplete answer were used as well.
        progress.figures = answer.figures();
        read?;
        progress.leave();
        Ok(answer)
    }
}

fn note_limits(headers: &HeaderMap, progress: &mut Progress<'_>) {
    let limits = rate_limits(headers);
    for one in limits.iter() {
        progress.record("limit", || match one.limit {
            Some(limit) => format!("{}: {} of {limit} left", one.name, one.remaining),
            None => format!("{}: {} left", one.name, one.remaining),
        });
    }
    progress.detail.rate_limits = limits;
}

async fn refusal(
    probe: &LlmProbe,
    head: &response::Parts,
    incoming: Incoming,
    progress: &Progress<'_>,
) -> Failure {
    let mut body = BodyBuffer::new(true);
    if let Err(unread) = body::read(incoming, head, REFUSAL_MAX, &mut body).await {
        // The status is enough if the body cannot be read.
        tracing::debug!("cannot read the body of a rejection: {}", unread.message);
    }
    let wait = retry_after(&head.headers, progress.wall());
    refused(head.status, &body.bytes, probe.api.usual_path(), wait)
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE);
    let value = value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let kind = value.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}

/// Reads a streamed answer. Some servers report an error as JSON when a stream was requested;
/// others declare a stream as JSON.
async fn read_stream(
    probe: &LlmProbe,
    head: &response::Parts,
    incoming: Incoming,
    answer: &mut Answer,
    progress: &mut Progress<'_>,
) -> Result<(), Failure> {
    let headers = &head.headers;
    let mut source = body::open(incoming, head).await?;
    let start = source.fill_buf().await;
    let start = start.map_err(|error| body::failure(&error, headers))?;
    let is_document = matches!(start.trim_ascii_start(), [] | [b'{' | b'[', ..]);
    if !is_document || !is_json(headers) {
        return stream::read(probe, headers, source, answer, progress).await;
    }
    let mut kept = BodyBuffer::new(true);
    body::rest(source, headers, probe.http.body_limit, &mut kept).await?;
    check_error(&document(headers, &kept.bytes)?)?;
    Err(no_stream())
}

async fn read_whole(
    probe: &LlmProbe,
    head: &response::Parts,
    incoming: Incoming,
    answer: &mut Answer,
) -> Result<(), Failure> {
    let mut kept = BodyBuffer::new(true);
    body::read(incoming, head, probe.http.body_limit, &mut kept).await?;
    probe
        .api
        .take_whole(answer, &document(&head.headers, &kept.bytes)?)
}

/// The content type for messages, such as `text/html`.
pub(super) fn content_type(headers: &HeaderMap) -> String {
    let value = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let kind = value.and_then(|value| value.split(|byte| *byte == b';').next());
    kind.map_or_else(
        || "of no content type".to_owned(),
        |kind| quoted(kind.trim_ascii()),
    )
}

fn document(headers: &HeaderMap, body: &[u8]) -> Result<Value, Failure> {
    json_text::parse(body).map_err(|error| {
        let (kind, begins) = (content_type(headers), quoted(body));
        let message = if is_json(headers) {
            format!("the answer is not valid JSON: {error}: {begins}")
        } else {
            format!("the answer is not JSON: it is {kind} and begins with {begins}")
        };
        Failure::bad(Cause::Protocol, message)
    })
}

fn no_stream() -> Failure {
    let message = "the server does not stream its answer: set `stream: false`";
    Failure::bad(Cause::Protocol, message)
}

async fn judge(
    probe: &LlmProbe,
    answer: Answer,
    progress: &mut Progress<'_>,
) -> Result<(), Failure> {
    answer.check_presence(probe.may_call)?;
    if probe.expect.is_empty() {
        return Ok(());
    }
    let expect = probe.expect.clone();
    let work = move || expect.check(&answer);
    let checks = probe
        .http
        .evaluator
        .evaluate(progress.deadline(), work)
        .await?;
    record_all(checks, progress)
}
