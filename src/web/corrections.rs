//! Corrections as JSON: what is in force a page at a time, a new one, and one taken back.

use super::WebState;
use super::audit::{self, Act};
use super::auth::Identity;
use super::listing;
use super::problem::{Problem, stopping};
use crate::diagnostic::nearest;
use crate::ledger::{Changed, LedgerView, Recount};
use crate::outcome::Timestamp;
use crate::slo::correction::{Correction, IN_CONFIG, MAX_NAMES, span_fault};
use crate::slo::occurrence::{Cursor, Occurrence, latest};
use crate::store::{Store, StoreError};
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// How long a client waits for the disk.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// Characters of a reason or an author.
const TEXT: usize = 500;
/// Occurrences on a page,
const LIMIT: u32 = 10_000;
/// which ends early where it grows beyond this.
const PAGE_BYTES: usize = 4 << 20;

/// A correction as clients write and read it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "an object with `from`, `to`, `reason`, `author` (unless authenticated), and optionally `services` and `slos`"
)]
pub struct CorrectionView<'a> {
    /// Given by the daemon.
    #[serde(default, skip_deserializing)]
    id: Cow<'a, str>,
    from: DateTime<Utc>,
    /// Exclusive.
    to: DateTime<Utc>,
    /// A set. Empty or left out means all.
    #[serde(default)]
    services: Cow<'a, [String]>,
    #[serde(default)]
    slos: Cow<'a, [String]>,
    reason: Cow<'a, str>,
    /// Replaced by the name of who is authenticated.
    #[serde(default)]
    author: Cow<'a, str>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listing {
    /// Where the page before ended.
    cursor: Option<String>,
    limit: Option<u32>,
}

/// The occurrences of those of the config and of those made by hand, the latest first. The header
/// `Link` has the address of the next page.
pub async fn list(
    State(state): State<WebState>,
    page: Result<Query<Listing>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(page) = page.map_err(|error| listing::invalid(&error))?;
    let limit = listing::limit(page.limit, LIMIT, LIMIT)? as usize;
    let cursor = page.cursor.map(|text| {
        let faulty = || {
            let reason = "`cursor` must be taken from a `Link` header";
            Problem::new(StatusCode::BAD_REQUEST, "invalid query").because(reason)
        };
        Cursor::parse(&text).ok_or_else(faulty)
    });
    let cursor = cursor.transpose()?;
    let (all, now) = {
        let ledger = state.ledger_view();
        (Arc::clone(&ledger.corrections), ledger.at)
    };
    let written = move || write_page(&all, now, cursor.as_ref(), limit);
    let written = tokio::task::spawn_blocking(written).await;
    let (body, next) = written.map_err(|_panic| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal error of slod")
    })?;
    let mut response = ([(header::CONTENT_TYPE, "application/json")], body).into_response();
    let next = next.map(|cursor| {
        let cursor = cursor.text();
        format!("/api/v1/corrections?limit={limit}&cursor={cursor}")
    });
    listing::link_next(&mut response, next);
    Ok(response)
}

/// A page as JSON, and where the next one begins if there is one.
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
        // Text and numbers in memory can always be written.
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
    body: Result<Json<CorrectionView<'static>>, JsonRejection>,
) -> Result<(StatusCode, Json<CorrectionView<'static>>), Problem> {
    let Json(view) =
        body.map_err(|error| Problem::invalid(error.status(), "invalid correction", &error))?;
    let mut view = view.with_sets();
    if by.is_authenticated {
        view.author = by.name.to_string().into();
    }
    view.check(&state.ledger_view())
        .map_err(|reason| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, reason))?;
    let (new, now) = (view.correction(), state.clock.now());
    let act = Act {
        at: now,
        by,
        action: "correction.add",
    };
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
    let id = kept.id.into();
    Ok((StatusCode::CREATED, Json(CorrectionView { id, ..view })))
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
    let act = Act {
        at: now,
        by,
        action: "correction.revoke",
    };
    let object = shortened(&id);
    let revoke = move |store: &mut Store| store.take_back_correction(&wanted, now);
    let entry = move |found: &bool, act: Act| {
        let outcome = if *found { "ok" } else { "not found" };
        act.entry(&object, outcome)
    };
    let found = audit::change(&state, act, revoke, entry).await?;
    if !found {
        let title = "no active correction has this id";
        return Err(Problem::new(StatusCode::NOT_FOUND, title).because(id));
    }
    tracing::info!(id, "correction revoked");
    counted(&state).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ids are numbers; whatever else was sent is not kept in full.
fn shortened(id: &str) -> String {
    id.chars().take(20).collect()
}

/// Asks the thread that writes.
pub(super) async fn on_store<T: Send + 'static>(
    state: &WebState,
    errand: impl FnOnce(&mut Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Problem> {
    let store = state.store.clone();
    let asked = tokio::task::spawn_blocking(move || store.ask(PATIENCE, errand)).await;
    let failed = Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "the store cannot save this now",
    );
    match asked {
        Ok(Some(Ok(done))) => Ok(done),
        Ok(Some(Err(error))) => Err(failed.because(error.to_string())),
        Ok(None) => Err(failed.because("the store did not respond in time")),
        Err(_panic) => Err(failed),
    }
}

/// Waits until the numbers are those of the changed corrections.
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
            id: (&correction.id).into(),
            from: from.to_utc(),
            to: to.to_utc(),
            services: (&correction.services).into(),
            slos: (&correction.slos).into(),
            reason: (&correction.reason).into(),
            author: (&correction.author).into(),
        }
    }

    /// With each name once.
    fn with_sets(self) -> Self {
        let set = |names: Cow<'a, [String]>| {
            let names: BTreeSet<String> = names.iter().cloned().collect();
            names.into_iter().collect::<Vec<_>>().into()
        };
        Self {
            services: set(self.services),
            slos: set(self.slos),
            ..self
        }
    }

    fn correction(&self) -> Correction {
        Correction {
            id: String::new(),
            from: Timestamp(self.from.timestamp_millis()),
            to: Timestamp(self.to.timestamp_millis()),
            repeats: None,
            services: self.services.to_vec(),
            slos: self.slos.to_vec(),
            reason: self.reason.to_string(),
            author: self.author.to_string(),
        }
    }

    fn check(&self, ledger: &LedgerView) -> Result<(), String> {
        let Correction { from, to, .. } = self.correction();
        if let Some(fault) = span_fault(from, to) {
            return Err(fault);
        }
        for (key, text) in [("reason", &self.reason), ("author", &self.author)] {
            if text.trim().is_empty() || text.chars().count() > TEXT {
                return Err(format!("`{key}` must have 1 to {TEXT} characters"));
            }
        }
        for (key, names) in [("services", &self.services), ("slos", &self.slos)] {
            if names.len() > MAX_NAMES {
                return Err(format!(
                    "`{key}` has {} names; the maximum is {MAX_NAMES}, and an empty list means all",
                    names.len()
                ));
            }
        }
        check_names(
            "service",
            &self.services,
            &ledger.names().collect::<Vec<_>>(),
        )?;
        let slos = ledger.objectives();
        let slos: BTreeSet<String> = slos.map(|slo| slo.objective().name.clone()).collect();
        let slos: Vec<&str> = slos.iter().map(String::as_str).collect();
        check_names("objective", &self.slos, &slos)
    }
}

fn check_names(what: &str, names: &[String], known: &[&str]) -> Result<(), String> {
    let unknown = names.iter().find(|name| !known.contains(&name.as_str()));
    let Some(name) = unknown else { return Ok(()) };
    Err(match nearest(name, known.iter().copied()) {
        Some(near) => format!("no {what} is named `{name}`; did you mean `{near}`?"),
        None => format!("no {what} is named `{name}`"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_ends_where_it_is_long_and_the_next_one_goes_on() {
        let correction = |number: i64| Correction {
            id: number.to_string(),
            from: Timestamp(number),
            to: Timestamp(number + 1),
            services: Vec::new(),
            slos: Vec::new(),
            reason: "x".repeat(1000),
            author: "ada".to_owned(),
            repeats: None,
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
