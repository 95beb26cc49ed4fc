//! The audit log: who changed what. Rejected requests are counted and logged, but not stored here, so that
//! clients without write access cannot displace entries of others.

use super::WebState;
use super::auth::Identity;
use super::listing::{IdPage, cut};
use super::problem::Problem;
use super::request::Query;
use super::store;
use crate::outcome::Timestamp;
use crate::store::{AuditEntry, Store, StoreError, StoredAuditEntry};
use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Serialize;

/// Maximum number of entries per page.
const LIMIT: u32 = 10_000;

#[derive(Debug, Serialize)]
struct EntryView {
    id: i64,
    at: DateTime<Utc>,
    name: String,
    action: String,
    object: String,
    outcome: String,
}

/// A page of the log, the newest first. The header `Link` has the URL of the next page.
pub async fn list(State(state): State<WebState>, query: Query) -> Result<Response, Problem> {
    let page = IdPage::of(&query.only(&["cursor", "limit"])?, LIMIT)?;
    let read = move |store: &Store| store.audit(page.before, page.limit + 1);
    let (found, has_more) = cut(store::read(&state, read).await?, page.limit);
    let last = found.last().filter(|_| has_more).map(|last| last.id);
    let views: Vec<_> = found.into_iter().map(EntryView::from).collect();
    Ok(page.respond(&views, last))
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

/// An action on an object, by a user.
#[derive(Clone, Debug)]
pub struct Act {
    at: Timestamp,
    by: Identity,
    action: &'static str,
}

impl Act {
    pub const fn new(at: Timestamp, by: Identity, action: &'static str) -> Self {
        Self { at, by, action }
    }

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

/// Changes the store and records the author in one transaction. `entry` describes the change and its outcome.
pub async fn change<T: Send + 'static>(
    state: &WebState,
    act: Act,
    change: impl FnOnce(&mut Store) -> Result<T, StoreError> + Send + 'static,
    entry: impl FnOnce(&T, Act) -> AuditEntry + Send + 'static,
) -> Result<T, Problem> {
    let keep = move |store: &mut Store| store.audited(change, |done| entry(done, act));
    store::write(state, keep).await
}

/// Records an action outside of the store. The action stands even if the entry cannot be stored.
pub async fn record(state: &WebState, entry: AuditEntry) {
    let kept = store::write(state, move |store| store.add_audit(&entry)).await;
    if kept.is_err() {
        tracing::warn!("cannot save an audit log entry");
    }
}
