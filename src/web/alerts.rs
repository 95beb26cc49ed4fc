//! Alerts as JSON: firing alerts and alerts of a time range.

use super::WebState;
use super::auth::Identity;
use super::listing::{cut, link_next_in};
use super::page::PageQuery;
use super::page::alert_list::{Alerts as Shown, render_alerts};
use super::problem::Problem;
use super::request::Query;
use super::status::{silences, view, writer};
use super::store;
use crate::alert::AlertRecord;
use crate::alerting::sign;
use crate::outcome::Timestamp;
use crate::report::alerts::AlertEntry;
use crate::store::{AlertCursor, Store, StoreError};
use axum::extract::{RawQuery, State};
use axum::response::{Html, IntoResponse, Response};
use axum::{Extension, Json};
use std::collections::HashMap;

/// Maximum number of alerts in one response: the newest.
const LIMIT: u32 = 10_000;

/// Alerts that fired in a time range, the newest first; firing alerts if both ends are omitted. The header
/// `Link` has the URL of the next page.
pub async fn alerts(State(state): State<WebState>, query: Query) -> Result<Response, Problem> {
    let rules = state.alerts.borrow().rules.clone();
    let entries = |alerts: &[AlertRecord]| {
        let entry = |one| AlertEntry::with_fingerprint(one, &rules);
        Json(alerts.iter().map(entry).collect::<Vec<_>>()).into_response()
    };
    let parameters = query.only(&["from", "to", "cursor", "limit"])?;
    let (limit, cursor) = (
        parameters.limit(LIMIT, LIMIT)?,
        parameters.cursor::<AlertCursor>()?,
    );
    let (from, to) = match parameters.span()? {
        (None, None) if parameters.has("limit") || parameters.has("cursor") => {
            let title = "`limit` and `cursor` require `from` or `to`";
            return Err(parameters.fault(title));
        }
        (None, None) => return Ok(entries(&firing(&state).await)),
        (from, to) => (from.unwrap_or(Timestamp(0)), to),
    };
    let span = (from, to.unwrap_or(Timestamp(i64::MAX)));
    let read = move |store: &Store| match cursor {
        None => store.alerts(span.0, span.1, limit + 1),
        Some(cursor) => store.alerts_behind(&cursor, span, limit + 1),
    };
    let (found, has_more) = cut(store::read(&state, read).await?, limit);
    let mut response = entries(&found);
    if let Some(last) = found.last().filter(|_| has_more) {
        let cursor = AlertCursor::behind(last);
        link_next_in((from, to), limit, &cursor, None, &mut response);
    }
    Ok(response)
}

/// HTML page of alerts.
pub async fn page(
    State(state): State<WebState>,
    Extension(by): Extension<Identity>,
    RawQuery(query): RawQuery,
) -> Html<String> {
    let query = PageQuery::of(query.as_deref());
    let read = |store: &Store| store.alerts(Timestamp(0), Timestamp(i64::MAX), LIMIT);
    let over = store::read(&state, read).await.ok().map(|mut kept| {
        kept.retain(|one| one.to.is_some());
        kept
    });
    let shown = Shown {
        firing: firing(&state).await,
        pending: pending(&state),
        over,
        silences: silences(&state, state.clock.now()).await,
        rules: state.alerts.borrow().rules.clone(),
    };
    let trouble = state.store.stats().trouble();
    let view = view(&state, query, trouble.as_deref()).of(writer(&by));
    Html(render_alerts(&shown, state.ledger_view().at, view))
}

/// Pending alerts, with the findings of warning signs.
fn pending(state: &WebState) -> Vec<AlertRecord> {
    let findings = state.findings.borrow().clone();
    let mut pending = state.alerts.borrow().pending.clone();
    for alert in &mut pending {
        let found = findings.all.iter().find(|one| sign(one).key == alert.key);
        if let Some(found) = found {
            alert.evidence = found.evidence.clone();
        }
    }
    pending
}

async fn firing(state: &WebState) -> Vec<AlertRecord> {
    let firing = now(state);
    // Alerts that could not be stored, or cannot be read, are firing nevertheless.
    if state.store.stats().trouble().is_some() {
        return firing;
    }
    let live = firing.clone();
    let kept = store::read(state, |store| stored_firing(store, live)).await;
    kept.unwrap_or(firing)
}

/// Firing alerts, the newest first, with silences and acknowledgements.
pub(super) fn now(state: &WebState) -> Vec<AlertRecord> {
    let decisions = state.decisions.borrow().clone();
    let mut firing = state.alerts.borrow().decided(&decisions, state.clock.now());
    firing.sort_by_key(|one| std::cmp::Reverse(one.from));
    firing
}

/// Firing alerts that are stored, in their current state: an alert that was shown once must still be known
/// after a kill.
fn stored_firing(store: &Store, firing: Vec<AlertRecord>) -> Result<Vec<AlertRecord>, StoreError> {
    let kept = store.firing_alerts()?;
    let mut live: HashMap<_, _> = firing
        .into_iter()
        .map(|one| ((one.key.clone(), one.from), one))
        .collect();
    let now = |one: AlertRecord| live.remove(&(one.key.clone(), one.from)).unwrap_or(one);
    Ok(kept.into_iter().map(now).collect())
}
