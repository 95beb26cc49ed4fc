//! Alerts as JSON: those that fire, and those of a span of time.

use super::WebState;
use super::listing;
use super::problem::Problem;
use crate::alert::AlertRecord;
use crate::outcome::Timestamp;
use crate::report::alerts::AlertEntry;
use crate::store::{Store, StoreError};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use std::collections::HashMap;
use std::path::Path;

/// Alerts in one answer at most: the newest.
const LIMIT: u32 = 10_000;

/// Those that fired in it; what fires now, if both ends are left out.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
}

pub async fn alerts(
    State(state): State<WebState>,
    span: Result<Query<Span>, QueryRejection>,
) -> Result<Json<Vec<AlertEntry>>, Problem> {
    let Query(span) = span.map_err(|error| listing::invalid(&error))?;
    let span = listing::span(span.from, span.to)?;
    let rules = state.alerts.borrow().rules.clone();
    let entries = |alerts: Vec<AlertRecord>| {
        let entry = |one| AlertEntry::with_fingerprint(one, &rules);
        Json(alerts.iter().map(entry).collect())
    };
    let path = state.history.clone();
    let firing = now(&state);
    let is_failing = state.store.stats().trouble().is_some();
    let read = move || match span {
        // What could not be kept fires nevertheless.
        (None, None) if is_failing => Ok(firing),
        (None, None) => kept(&path, firing),
        (from, to) => {
            let from = from.unwrap_or(Timestamp(0));
            let to = to.unwrap_or(Timestamp(i64::MAX));
            Store::open_read_only(&path)?.alerts(from, to, LIMIT)
        }
    };
    let read = tokio::task::spawn_blocking(read).await;
    let failed = || {
        let title = "the store cannot be read";
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, title)
    };
    match read {
        Ok(Ok(alerts)) => Ok(entries(alerts)),
        Ok(Err(error)) => Err(failed().because(error.to_string())),
        Err(_panic) => Err(failed()),
    }
}

/// What fires, the newest first, with what is decided about it.
pub(super) fn now(state: &WebState) -> Vec<AlertRecord> {
    let decisions = state.decisions.borrow().clone();
    let mut firing = state.alerts.borrow().decided(&decisions, state.clock.now());
    firing.sort_by_key(|one| std::cmp::Reverse(one.from));
    firing
}

/// What fires as far as the store knows, as it is now: what was shown once is still there after a
/// kill. Blocks.
fn kept(path: &Path, firing: Vec<AlertRecord>) -> Result<Vec<AlertRecord>, StoreError> {
    let kept = Store::open_read_only(path)?.firing_alerts()?;
    let mut live: HashMap<_, _> = firing
        .into_iter()
        .map(|one| ((one.key.clone(), one.from), one))
        .collect();
    let now = |one: AlertRecord| live.remove(&(one.key.clone(), one.from)).unwrap_or(one);
    Ok(kept.into_iter().map(now).collect())
}
