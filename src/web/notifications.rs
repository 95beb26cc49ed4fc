//! Notifications sent to receivers, and their responses.

use super::WebState;
use super::listing::{IdPage, cut};
use super::page::PageQuery;
use super::page::notifications::{Notifications as Shown, ROWS, render_notifications};
use super::problem::Problem;
use super::request::Query;
use super::status::view;
use super::store;
use crate::store::{Pending, Sent, Store};
use axum::extract::{RawQuery, State};
use axum::response::{Html, Response};
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::collections::BTreeMap;

/// Maximum number of messages in one response.
const LIMIT: u32 = 1000;

#[derive(Debug, Serialize)]
pub struct Notifications {
    /// The newest first.
    sent: Vec<SentView>,
    /// Number of pending notices per receiver.
    waiting: BTreeMap<String, u64>,
    /// The earliest due notices, up to the limit.
    pending: Vec<PendingView>,
}

#[derive(Debug, Serialize)]
struct PendingView {
    receiver: String,
    due: DateTime<Utc>,
    /// Whether a delivery attempt failed.
    tried: bool,
    /// Why the last attempt failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
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

/// A page of messages, with the pending ones. The header `Link` has the URL of the next page.
pub async fn list(State(state): State<WebState>, query: Query) -> Result<Response, Problem> {
    let page = IdPage::of(&query.only(&["cursor", "limit"])?, LIMIT)?;
    let read = move |store: &Store| {
        Ok((
            store.notifications(page.before, page.limit + 1)?,
            store.waiting()?,
            store.pending_notices(page.limit)?,
        ))
    };
    let (sent, waiting, pending) = store::read(&state, read).await?;
    let (sent, has_more) = cut(sent, page.limit);
    let last = sent.last().filter(|_| has_more).map(|last| last.id);
    let all = Notifications {
        sent: sent.into_iter().map(SentView::from).collect(),
        waiting,
        pending: pending.into_iter().map(PendingView::from).collect(),
    };
    Ok(page.respond(&all, last))
}

/// HTML page of notifications.
pub async fn page(
    State(state): State<WebState>,
    RawQuery(query): RawQuery,
) -> Result<Html<String>, Problem> {
    let query = PageQuery::of(query.as_deref());
    let before = query.number("cursor");
    let read = move |store: &Store| {
        Ok(Shown {
            sent: store.notifications(before.unwrap_or(i64::MAX), ROWS + 1)?,
            pending: store.pending_notices(ROWS)?,
            waiting: store.waiting()?.values().sum(),
            is_first: before.is_none(),
        })
    };
    let shown = store::read(&state, read).await?;
    let trouble = state.store.stats().trouble();
    let view = view(&state, query, trouble.as_deref());
    let at = state.ledger_view().at;
    Ok(Html(render_notifications(&shown, at, view)))
}

impl From<Pending> for PendingView {
    fn from(pending: Pending) -> Self {
        let notice = pending.notice;
        Self {
            receiver: pending.receiver,
            due: pending.due.to_utc(),
            tried: pending.is_tried,
            failure: pending.failure,
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
