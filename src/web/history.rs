//! Stored outcomes of one probe: a bounded number per response, for a limited number of clients.

use super::WebState;
use super::api::in_other_shard;
use super::fields::Fields;
use super::listing::link_next;
use super::problem::Problem;
use super::request::Query;
use super::store;
use crate::outcome::{CodeOf, Figure, FinishReason, Measurement, ProbeKey, Record, Timestamp};
use crate::units::{DAY, HOUR, show_duration};
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use futures_util::{Stream, StreamExt, stream};
use serde::Serialize;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Maximum number of outcomes in one response.
const LIMIT: u32 = 10_000;
/// Default of `limit`.
const DEFAULT_LIMIT: u32 = 1000;
/// Maximum time range of one response.
const MAX_SPAN: Duration = DAY.saturating_mul(31);
/// Number of responses that are read and sent concurrently.
const ANSWERS: usize = 2;
/// Maximum number of waiting requests.
const WAITING: usize = 32;
/// Number of outcomes serialized at a time.
const PIECE: usize = 200;

/// Limits concurrent reads of the history. Cheap to clone.
#[derive(Clone, Debug)]
pub struct HistoryLimits {
    places: Arc<Semaphore>,
    reading: Arc<Semaphore>,
}

impl Default for HistoryLimits {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(ANSWERS + WAITING)),
            reading: Arc::new(Semaphore::new(ANSWERS)),
        }
    }
}

/// Permit to read, until dropped.
pub(super) type Turn = (OwnedSemaphorePermit, OwnedSemaphorePermit);

impl HistoryLimits {
    /// Waits for a permit; `None` if too many requests are waiting.
    pub(super) async fn turn(self) -> Option<Turn> {
        let place = self.places.try_acquire_owned().ok()?;
        let reading = self.reading.acquire_owned().await.ok()?;
        Some((reading, place))
    }
}

#[derive(Debug, Serialize)]
struct OutcomeView<'a> {
    at: DateTime<Utc>,
    /// `good`, or the cause.
    verdict: &'static str,
    counts: bool,
    latency_seconds: f64,
    interval_seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_status: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dns_response_code: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grpc_status: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "serde_json::Map::is_empty")]
    phases_seconds: serde_json::Map<String, serde_json::Value>,
    /// Timings other than phases.
    #[serde(skip_serializing_if = "serde_json::Map::is_empty")]
    times_seconds: serde_json::Map<String, serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finish_reason: Option<&'static str>,
}

/// The newest outcomes of a time range, oldest first. The header `Link` has the URL of those before them.
pub async fn outcomes(
    State(state): State<WebState>,
    Path((service, probe)): Path<(String, String)>,
    query: Query,
) -> Result<Response, Problem> {
    let parameters = query.only(&["from", "to", "limit"])?;
    let key = ProbeKey::new(&service, &probe);
    let (now, code) = {
        let ledger = state.ledger_view();
        let measures = ledger.measures(&key);
        let measures = measures.ok_or_else(|| {
            let unknown = Problem::new(StatusCode::NOT_FOUND, "no probe has this name");
            in_other_shard(&state, &service).unwrap_or_else(|| unknown.named(&key.to_string()))
        })?;
        (ledger.at, measures.code)
    };
    let (from, to) = bounds(&parameters, now)?;
    let limit = parameters.limit(DEFAULT_LIMIT, LIMIT)?;
    let turn = state.histories.clone().turn().await.ok_or_else(too_many)?;
    // Dropped with this request when the client disconnects.
    let client = Arc::new(());
    let waiting = Arc::downgrade(&client);
    let (mut records, turn) = store::read(&state, move |store| {
        let is_wanted = || waiting.strong_count() > 0;
        let most = limit as usize + 1;
        let records = store.newest_outcomes(&key, (from, to), most, is_wanted)?;
        Ok((records, turn))
    })
    .await?;
    drop(client);
    let cut = records.len().saturating_sub(limit as usize);
    let older = records.drain(..cut).next_back();
    let body = Body::from_stream(written(records, code, turn));
    let mut response = ([(header::CONTENT_TYPE, "application/json")], body).into_response();
    // The newest outcome that does not fit is the last one of the next page.
    if let Some(older) = older {
        let next = [
            ("from", from.to_rfc3339()),
            ("to", Timestamp(older.at.0 + 1).to_rfc3339()),
            ("limit", limit.to_string()),
        ];
        link_next(&mut response, &next);
    }
    Ok(response)
}

/// The default of `from` is one hour before `to`.
fn bounds(parameters: &Fields, now: Timestamp) -> Result<(Timestamp, Timestamp), Problem> {
    let (from, to) = parameters.span()?;
    // Later outcomes were recorded while the clock was ahead.
    let end = Timestamp(now.0 + 1);
    let to = to.unwrap_or(end).min(end);
    let from = from.unwrap_or(to.before(HOUR));
    if from < to.before(MAX_SPAN) {
        let title = format!("the time range is longer than {}", show_duration(MAX_SPAN));
        let detail =
            "request a part of it with `from` and `to`; `slod report` covers longer ranges";
        return Err(Problem::new(StatusCode::BAD_REQUEST, title).because(detail));
    }
    Ok((from, to))
}

/// Writes a JSON array in pieces, as the client reads it. The permit is released with the last piece. The stream may be
/// polled after its end, which the compression does.
fn written(
    records: Vec<Record>,
    code: Option<CodeOf>,
    turn: Turn,
) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + 'static {
    stream::unfold(Some((records, 0, turn)), move |state| async move {
        let (records, from, turn) = state?;
        let to = records.len().min(from + PIECE);
        let mut piece = Vec::new();
        for (at, record) in records[from..to].iter().enumerate() {
            piece.push(if from + at == 0 { b'[' } else { b',' });
            // Serializing text and numbers to memory cannot fail.
            let _ = serde_json::to_writer(&mut piece, &OutcomeView::of(record, code));
        }
        let ends = to == records.len();
        if ends {
            piece.extend_from_slice(if records.is_empty() { b"[]" } else { b"]" });
        }
        let rest = (!ends).then_some((records, to, turn));
        Some((Ok(Bytes::from(piece)), rest))
    })
    .fuse()
}

impl<'a> OutcomeView<'a> {
    fn of(record: &'a Record, code: Option<CodeOf>) -> Self {
        let outcome = &record.outcome;
        let measured = outcome.measured.iter();
        let measured = measured.map(|(one, took)| (one, took.as_secs_f64().into()));
        let (phases, times): (Vec<(Measurement, serde_json::Value)>, Vec<_>) =
            measured.partition(|(one, _)| Measurement::PHASES.contains(one));
        let by_label = |values: Vec<(Measurement, serde_json::Value)>| {
            let values = values.into_iter();
            let values = values.map(|(one, value)| (one.label().to_owned(), value));
            values.collect()
        };
        let code_of = |of| outcome.code.filter(|_| code == Some(of));
        Self {
            at: record.at.to_utc(),
            verdict: outcome.verdict.label(),
            counts: outcome.verdict.counts(),
            latency_seconds: outcome.latency.as_secs_f64(),
            interval_seconds: record.interval.as_secs_f64(),
            http_status: code_of(CodeOf::HttpStatus),
            dns_response_code: code_of(CodeOf::DnsResponseCode),
            grpc_status: code_of(CodeOf::GrpcStatus),
            message: outcome.detail.message.as_deref(),
            phases_seconds: by_label(phases),
            times_seconds: by_label(times),
            input_tokens: outcome.figures.get(Figure::InputTokens),
            output_tokens: outcome.figures.get(Figure::OutputTokens),
            finish_reason: outcome.figures.finish_reason().map(FinishReason::label),
        }
    }
}

fn too_many() -> Problem {
    let title = "too many concurrent requests for history";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, title).because("try again in a few seconds")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_history_is_read_by_few_at_a_time() {
        let limits = HistoryLimits::default();
        let mut reading = Vec::new();
        for _ in 0..ANSWERS {
            reading.push(limits.clone().turn().await.expect("free"));
        }
        let waiting: Vec<_> = (0..WAITING)
            .map(|_| tokio::spawn(limits.clone().turn()))
            .collect();
        tokio::task::yield_now().await;
        assert!(waiting.iter().all(|turn| !turn.is_finished()));
        assert!(limits.clone().turn().await.is_none(), "too many wait");
        drop(reading);
        for turn in waiting {
            assert!(turn.await.expect("no panic").is_some());
        }
        assert!(limits.turn().await.is_some());
    }
}
