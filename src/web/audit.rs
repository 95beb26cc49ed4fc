//! The audit log: who changed what. Refused requests are counted and logged, and not kept here, so
//! that whoever may not write cannot push out what others did.

use super::WebState;
use super::auth::Identity;
use super::corrections::on_store;
use super::listing;
use super::problem::Problem;
use crate::outcome::Timestamp;
use crate::store::{AuditEntry, Store, StoreError, StoredAuditEntry};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Entries on a page at most.
const LIMIT: u32 = 10_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listing {
    /// Where the page before ended.
    cursor: Option<i64>,
    limit: Option<u32>,
}

#[derive(Debug, Serialize)]
struct EntryView {
    id: i64,
    at: DateTime<Utc>,
    name: String,
    action: String,
    object: String,
    outcome: String,
}

/// A page of the log, the newest first. The header `Link` has the address of the next page.
pub async fn list(
    State(state): State<WebState>,
    page: Result<Query<Listing>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(page) = page.map_err(|error| listing::invalid(&error))?;
    let limit = listing::limit(page.limit, LIMIT, LIMIT)?;
    let (path, before) = (state.history, page.cursor.unwrap_or(i64::MAX));
    let read = move || Store::open_read_only(&path)?.audit(before, limit + 1);
    let failed = Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "the audit log cannot be read",
    );
    let mut found = match tokio::task::spawn_blocking(read).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => return Err(failed.because(error.to_string())),
        Err(_panic) => return Err(failed),
    };
    let has_more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let cursor = found.last().filter(|_| has_more).map(|last| last.id);
    let views: Vec<_> = found.into_iter().map(EntryView::from).collect();
    let mut response = Json(views).into_response();
    let next = cursor.map(|cursor| format!("/api/v1/audit?limit={limit}&cursor={cursor}"));
    listing::link_next(&mut response, next);
    Ok(response)
}

impl From<StoredAuditEntry> for EntryView {
    fn from(entry: StoredAuditEntry) -> Self {
        Self {
            id: entry.id,
            at: entry.at.to_utc(),
            name: entry.name,
            action: entry.action,
            object: entry.object,
            outcome: entry.outcome,
        }
    }
}

/// What somebody does to an object.
#[derive(Clone, Debug)]
pub struct Act {
    pub at: Timestamp,
    pub by: Identity,
    pub action: &'static str,
}

impl Act {
    pub fn entry(self, object: &str, outcome: &str) -> AuditEntry {
        AuditEntry {
            at: self.at,
            name: self.by.name.to_string(),
            action: self.action,
            object: object.to_owned(),
            outcome: outcome.to_owned(),
        }
    }
}

/// Makes a change in the store and keeps who made it: both or none. `entry` says what was changed
/// and with what outcome.
pub async fn change<T: Send + 'static>(
    state: &WebState,
    act: Act,
    change: impl FnOnce(&mut Store) -> Result<T, StoreError> + Send + 'static,
    entry: impl FnOnce(&T, Act) -> AuditEntry + Send + 'static,
) -> Result<T, Problem> {
    let keep = move |store: &mut Store| store.audited(change, |done| entry(done, act));
    on_store(state, keep).await
}

/// Keeps something that was done outside of the store. It is done whatever becomes of the entry.
pub async fn keep(state: &WebState, entry: AuditEntry) {
    let kept = on_store(state, move |store| store.add_audit(&entry)).await;
    if kept.is_err() {
        tracing::warn!("cannot save an entry of the audit log");
    }
}
