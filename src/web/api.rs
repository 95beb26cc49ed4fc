//! The state as JSON: what `slod status` reads, and one probe's stored outcomes.

use super::WebState;
use super::problem::Problem;
use crate::outcome::{CodeOf, Measurement, ProbeKey, Record, Timestamp};
use crate::report::status::{ServiceStatus, Status};
use crate::store::{Store, StoreError};
use crate::units::HOUR;
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::path::Path as FilePath;

/// Outcomes in one answer at most.
const LIMIT: usize = 10_000;

pub async fn services(State(state): State<WebState>) -> Json<Status> {
    Json(Status::of(&state.ledger_view().snapshot()))
}

pub async fn service(
    State(state): State<WebState>,
    Path(name): Path<String>,
) -> Result<Json<ServiceStatus>, Problem> {
    let found = state.ledger_view().service(&name);
    found
        .map(|service| Json(ServiceStatus::in_depth(&service)))
        .ok_or_else(|| unknown("service", &name))
}

/// One objective of one service.
#[derive(Serialize)]
pub struct NamedObjective {
    service: String,
    #[serde(flatten)]
    objective: crate::report::status::ObjectiveStatus,
}

pub async fn objectives(State(state): State<WebState>) -> Json<Vec<NamedObjective>> {
    let status = Status::of(&state.ledger_view().snapshot());
    let named = |service: ServiceStatus| {
        let name = service.name;
        service
            .objectives
            .into_iter()
            .map(move |objective| NamedObjective {
                service: name.clone(),
                objective,
            })
    };
    Json(status.services.into_iter().flat_map(named).collect())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// The last hour, if left out.
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    limit: Option<usize>,
}

#[derive(Debug, Serialize)]
pub struct OutcomeView {
    at: DateTime<Utc>,
    /// `good`, or the reason.
    verdict: &'static str,
    counts: bool,
    latency_seconds: f64,
    interval_seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_status: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Box<str>>,
    #[serde(skip_serializing_if = "serde_json::Map::is_empty")]
    phases_seconds: serde_json::Map<String, serde_json::Value>,
}

pub async fn outcomes(
    State(state): State<WebState>,
    Path((service, probe)): Path<(String, String)>,
    span: Result<Query<Span>, QueryRejection>,
) -> Result<Json<Vec<OutcomeView>>, Problem> {
    let Query(span) =
        span.map_err(|error| Problem::invalid(StatusCode::BAD_REQUEST, "invalid query", &error))?;
    let key = ProbeKey::new(&service, &probe);
    let (now, code) = {
        let ledger = state.ledger_view();
        let measures = ledger.measures(&key);
        let measures = measures.ok_or_else(|| unknown("probe", &key.to_string()))?;
        (ledger.at, measures.code)
    };
    // What is labelled later is of a clock that was ahead.
    let end = Timestamp(now.0 + 1);
    let to = span.to.map_or(end, stamp).min(end);
    let from = span.from.map_or(to.before(HOUR), stamp);
    let limit = span.limit.unwrap_or(1000).min(LIMIT);
    let read =
        tokio::task::spawn_blocking(move || newest(&state.history, &key, from, to, limit)).await;
    match read {
        Ok(Ok(records)) => Ok(Json(
            records
                .iter()
                .map(|one| OutcomeView::of(one, code))
                .collect(),
        )),
        Ok(Err(error)) => Err(unreadable().because(error.to_string())),
        Err(_panic) => Err(unreadable()),
    }
}

/// The newest outcomes of a span, oldest first. Blocks.
fn newest(
    path: &FilePath,
    key: &ProbeKey,
    from: Timestamp,
    to: Timestamp,
    limit: usize,
) -> Result<Vec<Record>, StoreError> {
    let mut records = std::collections::VecDeque::new();
    let store = Store::open_read_only(path)?;
    store.for_each_outcome(key, from, to, Measurement::ALL, |record| {
        records.push_back(record);
        if records.len() > limit {
            records.pop_front();
        }
    })?;
    Ok(records.into())
}

impl OutcomeView {
    fn of(record: &Record, code: Option<CodeOf>) -> Self {
        let outcome = &record.outcome;
        let phase = |phase: &Measurement| {
            Some((
                phase.label().to_owned(),
                outcome.measured.get(*phase)?.as_secs_f64().into(),
            ))
        };
        Self {
            at: record.at.to_utc(),
            verdict: outcome.verdict.label(),
            counts: outcome.verdict.counts(),
            latency_seconds: outcome.latency.as_secs_f64(),
            interval_seconds: record.interval.as_secs_f64(),
            http_status: outcome.code.filter(|_| code == Some(CodeOf::HttpStatus)),
            message: outcome.detail.message.clone(),
            phases_seconds: Measurement::PHASES.iter().filter_map(phase).collect(),
        }
    }
}

fn stamp(at: DateTime<Utc>) -> Timestamp {
    Timestamp(at.timestamp_millis())
}

fn unknown(what: &str, name: &str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("no {what} has this name")).because(name)
}

fn unreadable() -> Problem {
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "the store cannot be read",
    )
}
