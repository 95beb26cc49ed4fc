//! Warning signs and healthy indicators as JSON.

use super::WebState;
use super::problem::Problem;
use crate::report::signals::{IndicatorEntry, SignalEntry};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use serde::Deserialize;

/// Those of a service; all, with the host's, without it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    service: Option<String>,
}

pub async fn list(
    State(state): State<WebState>,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Result<Json<Vec<SignalEntry>>, Problem> {
    let Query(Filter { service }) = filter
        .map_err(|error| Problem::invalid(StatusCode::BAD_REQUEST, "invalid query", &error))?;
    let findings = state.findings.borrow().clone();
    let wanted = findings
        .all
        .iter()
        .filter(|one| service.is_none() || one.service.as_deref() == service.as_deref());
    Ok(Json(wanted.map(SignalEntry::of).collect()))
}

pub async fn indicators(
    State(state): State<WebState>,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Result<Json<Vec<IndicatorEntry>>, Problem> {
    let Query(Filter { service }) = filter
        .map_err(|error| Problem::invalid(StatusCode::BAD_REQUEST, "invalid query", &error))?;
    let findings = state.findings.borrow().clone();
    let wanted = findings
        .indicators
        .iter()
        .filter(|one| service.as_deref().is_none_or(|name| *one.service == *name));
    Ok(Json(wanted.map(IndicatorEntry::of).collect()))
}
