//! What was sent to receivers, and what they answered.

use super::WebState;
use super::listing;
use super::page::notifications::{Notifications as Shown, ROWS, render_notifications};
use super::problem::Problem;
use super::status::view;
use crate::store::{Pending, Sent, Store, StoreError};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Html;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Messages of one answer at most.
const LIMIT: u32 = 1000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listing {
    /// The smallest `id` of the page before.
    before: Option<i64>,
    limit: Option<u32>,
}

#[derive(Debug, Serialize)]
pub struct Notifications {
    /// The newest first.
    sent: Vec<SentView>,
    /// How many notices wait for each receiver.
    waiting: BTreeMap<String, u64>,
    /// Those that are due first, up to the limit.
    pending: Vec<PendingView>,
}

#[derive(Debug, Serialize)]
struct PendingView {
    receiver: String,
    due: DateTime<Utc>,
    /// Whether it was tried, and failed.
    tried: bool,
    resolved: bool,
    labels: BTreeMap<String, String>,
}

#[derive(Debug, Serialize)]
struct SentView {
    id: i64,
    at: DateTime<Utc>,
    receiver: String,
    group: String,
    key: String,
    firing: u64,
    resolved: u64,
    delivered: bool,
    answer: String,
}

pub async fn list(
    State(state): State<WebState>,
    page: Result<Query<Listing>, QueryRejection>,
) -> Result<Json<Notifications>, Problem> {
    let Query(page) = page.map_err(|error| listing::invalid(&error))?;
    let limit = listing::limit(page.limit, LIMIT, LIMIT)?;
    let before = page.before.unwrap_or(i64::MAX);
    let read = move |store: &Store| {
        Ok((
            store.notifications(before, limit)?,
            store.waiting()?,
            store.pending_notices(limit)?,
        ))
    };
    let (sent, waiting, pending) = from_store(&state, read).await?;
    Ok(Json(Notifications {
        sent: sent.into_iter().map(SentView::from).collect(),
        waiting,
        pending: pending.into_iter().map(PendingView::from).collect(),
    }))
}

/// The page for people.
pub async fn page(
    State(state): State<WebState>,
    RawQuery(query): RawQuery,
) -> Result<Html<String>, Problem> {
    let query = query.unwrap_or_default();
    let mut parts = query.split('&');
    let before = parts.find_map(|part| part.strip_prefix("before=")?.parse().ok());
    let read = move |store: &Store| {
        Ok(Shown {
            sent: store.notifications(before.unwrap_or(i64::MAX), ROWS + 1)?,
            pending: store.pending_notices(ROWS)?,
            waiting: store.waiting()?.values().sum(),
            is_first: before.is_none(),
        })
    };
    let shown = from_store(&state, read).await?;
    let trouble = state.store.stats().trouble();
    let view = view(&state, Some(&query), trouble.as_deref());
    let at = state.ledger_view().at;
    Ok(Html(render_notifications(&shown, at, view)))
}

async fn from_store<T: Send + 'static>(
    state: &WebState,
    read: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Problem> {
    let path = state.history.clone();
    let read = move || read(&Store::open_read_only(&path)?);
    let failed = Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "the notifications cannot be read",
    );
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) => Err(failed.because(error.to_string())),
        Err(_panic) => Err(failed),
    }
}

impl From<Pending> for PendingView {
    fn from(pending: Pending) -> Self {
        let notice = pending.notice;
        Self {
            receiver: pending.receiver,
            due: pending.due.to_utc(),
            tried: pending.is_tried,
            resolved: notice.is_resolved(),
            labels: notice.labels,
        }
    }
}

impl From<Sent> for SentView {
    fn from(sent: Sent) -> Self {
        Self {
            id: sent.id,
            at: sent.at.to_utc(),
            receiver: sent.receiver,
            group: sent.group,
            key: sent.key,
            firing: sent.firing,
            resolved: sent.resolved,
            delivered: sent.delivered,
            answer: sent.answer,
        }
    }
}
