//! Corrections as JSON: list in pages, add, and revoke.

use super::WebState;
use super::audit::{self, Act};
use super::auth::Identity;
use super::fields::{Fields, LINE_MAX};
use super::listing::link_next;
use super::problem::{Problem, stopping};
use super::request::{JsonBody, Query};
use super::store::join_failed;
use crate::diagnostic::nearest;
use crate::ledger::{Changed, LedgerView, Recount};
use crate::outcome::Timestamp;
use crate::slo::correction::{Correction, IN_CONFIG, MAX_NAMES, span_fault};
use crate::slo::occurrence::{Cursor, Occurrence, latest};
use crate::store::Store;
use crate::tasks::blocking;
use crate::text::printable;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Maximum number of occurrences on a page.
const LIMIT: u32 = 10_000;
/// Size in bytes at which a page ends early.
const PAGE_BYTES: usize = 4 << 20;

/// A correction in the API.
#[derive(Debug, Serialize)]
pub struct CorrectionView<'a> {
    id: &'a str,
    from: DateTime<Utc>,
    /// Exclusive.
    to: DateTime<Utc>,
    /// Empty means all services.
    services: &'a [String],
    slos: &'a [String],
    reason: &'a str,
    author: &'a str,
}

/// Occurrences of corrections from the config and the API, the latest first. The header `Link` has the URL
/// of the next page.
pub async fn list(State(state): State<WebState>, query: Query) -> Result<Response, Problem> {
    let parameters = query.only(&["cursor", "limit"])?;
    let limit = parameters.limit(LIMIT, LIMIT)? as usize;
    let fault = || parameters.fault("`cursor` must be taken from a `Link` header");
    let cursor = parameters.text("cursor")?;
    let cursor = cursor.map(|text| Cursor::parse(text).ok_or_else(fault));
    let cursor = cursor.transpose()?;
    let (all, now) = {
        let ledger = state.ledger_view();
        (Arc::clone(&ledger.corrections), ledger.at)
    };
    let written = move || write_page(&all, now, cursor.as_ref(), limit);
    let written = blocking(written).await;
    let (body, next) = written.map_err(join_failed)?;
    let mut response = ([(header::CONTENT_TYPE, "application/json")], body).into_response();
    if let Some(cursor) = next {
        let next = [("limit", limit.to_string()), ("cursor", cursor.text())];
        link_next(&mut response, &next);
    }
    Ok(response)
}

/// Writes a page as JSON; returns the cursor of the next one, if any.
fn write_page(
    all: &[Correction],
    now: Timestamp,
    cursor: Option<&Cursor>,
    limit: usize,
) -> (Vec<u8>, Option<Cursor>) {
    let all: Vec<&Correction> = all.iter().collect();
    let found = latest(&all, now, cursor, limit + 1);
    let (mut body, mut written) = (vec![b'['], 0);
    for occurrence in found.iter().take(limit) {
        if body.len() > PAGE_BYTES {
            break;
        }
        if written > 0 {
            body.push(b',');
        }
        let view = CorrectionView::of(occurrence.correction, occurrence.from, occurrence.to);
        // Serializing text and numbers to memory cannot fail.
        let _ = serde_json::to_writer(&mut body, &view);
        written += 1;
    }
    body.push(b']');
    let last = found[..written].last().filter(|_| written < found.len());
    (body, last.map(Occurrence::cursor))
}

pub async fn add(
    State(state): State<WebState>,
    Extension(by): Extension<Identity>,
    body: JsonBody,
) -> Result<Response, Problem> {
    let keys = ["from", "to", "services", "slos", "reason", "author"];
    let new = body.only("invalid correction", &keys)?;
    let new = correction(&new, &by, &state.ledger_view())?;
    let now = state.clock.now();
    let act = Act::new(now, by, "correction.add");
    let add = move |store: &mut Store| store.add_correction(&new, now);
    let entry = |kept: &Correction, act: Act| act.entry(&kept.id, "ok");
    let kept = audit::change(&state, act, add, entry).await?;
    tracing::info!(
        id = kept.id,
        author = kept.author,
        reason = kept.reason,
        "correction added"
    );
    counted(&state).await?;
    let view = CorrectionView::of(&kept, kept.from, kept.to);
    Ok((StatusCode::CREATED, Json(view)).into_response())
}

pub async fn revoke(
    State(state): State<WebState>,
    Extension(by): Extension<Identity>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    if id.starts_with(IN_CONFIG) {
        let title = "this correction is defined in the config: remove it there";
        return Err(Problem::new(StatusCode::CONFLICT, title));
    }
    let (wanted, now) = (id.clone(), state.clock.now());
    let act = Act::new(now, by, "correction.revoke");
    let object = shortened(&id);
    let revoke = move |store: &mut Store| store.revoke_correction(&wanted, now);
    let entry = move |found: &bool, act: Act| {
        let outcome = if *found { "ok" } else { "not found" };
        act.entry(&object, outcome)
    };
    let found = audit::change(&state, act, revoke, entry).await?;
    if !found {
        let title = "no active correction has this id";
        return Err(Problem::new(StatusCode::NOT_FOUND, title).named(&id));
    }
    tracing::info!(id, "correction revoked");
    counted(&state).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Valid IDs are numbers; other text is truncated for the audit log.
fn shortened(id: &str) -> String {
    id.chars().take(20).collect()
}

/// Waits until the numbers include the changed corrections.
async fn counted(state: &WebState) -> Result<(), Problem> {
    let counted = Recount::request(&state.ledger, Changed::Corrections).await;
    counted.ok_or_else(stopping)?.map_err(|error| {
        let title = "the correction is saved, but not applied yet";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, title).because(error.to_string())
    })
}

impl<'a> CorrectionView<'a> {
    fn of(correction: &'a Correction, from: Timestamp, to: Timestamp) -> Self {
        Self {
            id: &correction.id,
            from: from.to_utc(),
            to: to.to_utc(),
            services: &correction.services,
            slos: &correction.slos,
            reason: &correction.reason,
            author: &correction.author,
        }
    }
}

/// Parses a correction of a client.
fn correction(new: &Fields, by: &Identity, ledger: &LedgerView) -> Result<Correction, Problem> {
    let (from, to) = (new.required_time("from")?, new.required_time("to")?);
    if let Some(fault) = span_fault(from, to) {
        return Err(new.fault(fault));
    }
    let services: BTreeSet<String> = ledger.names().map(str::to_owned).collect();
    let slos = ledger.objectives();
    let slos: BTreeSet<String> = slos.map(|slo| slo.objective().name.clone()).collect();
    Ok(Correction {
        id: String::new(),
        from,
        to,
        repeats: None,
        services: names(new, "services", "service", &services)?,
        slos: names(new, "slos", "objective", &slos)?,
        reason: new.line("reason", 1..=LINE_MAX)?,
        author: new.author(by)?,
    })
}

/// Parses a list of known names, without duplicates.
fn names(
    new: &Fields,
    key: &str,
    what: &str,
    known: &BTreeSet<String>,
) -> Result<Vec<String>, Problem> {
    let names: BTreeSet<String> = new.strings(key)?.into_iter().collect();
    if names.len() > MAX_NAMES {
        return Err(new.fault(format!(
            "`{key}` has {} names; the maximum is {MAX_NAMES}, and an empty list means all",
            names.len()
        )));
    }
    if let Some(name) = names.iter().find(|name| !known.contains(*name)) {
        let near = nearest(name, known.iter().map(String::as_str));
        let near = near.map(|near| format!("; did you mean `{near}`?"));
        let near = near.unwrap_or_default();
        return Err(new.fault(format!("no {what} is named `{}`{near}", printable(name))));
    }
    Ok(names.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_page_ends_early_and_the_next_one_continues() {
        let correction = |number: i64| Correction {
            id: number.to_string(),
            author: "ada".to_owned(),
            ..Correction::once(Timestamp(number), Timestamp(number + 1), &"x".repeat(1000))
        };
        let all: Vec<_> = (0..9000).map(correction).collect();
        let (mut cursor, mut pages, mut seen) = (None, 0, 0);
        loop {
            let (body, next) = write_page(&all, Timestamp(0), cursor.as_ref(), 10_000);
            assert!(body.len() < PAGE_BYTES + 2000);
            let page: Vec<serde_json::Value> = serde_json::from_slice(&body).expect("JSON");
            (pages, seen) = (pages + 1, seen + page.len());
            cursor = next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!((pages, seen), (3, 9000));
    }
}
