//! Markers of deployments as JSON.

use super::WebState;
use super::api::unknown;
use super::audit::{self, Act};
use super::auth::Identity;
use super::listing;
use super::problem::Problem;
use crate::outcome::Timestamp;
use crate::report::deploys::burned;
use crate::report::markers::MarkerEntry;
use crate::store::{Marker, Store, StoreError};
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use std::time::Duration;

/// Characters of a text or an author,
const TEXT: usize = 500;
/// and of a version.
const VERSION: usize = 100;
/// Markers in one answer at most: the latest.
const LIMIT: u32 = 1000;
/// One may be noted down before what it marks, by clocks that differ.
const AHEAD: Duration = Duration::from_secs(3600);

/// A marker as clients write it.
#[derive(Debug, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "an object with `service`, `text` or `version` or both, `author` (unless authenticated), and optionally `at`"
)]
pub struct NewMarker {
    service: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    version: String,
    /// Now, if it is left out.
    at: Option<DateTime<Utc>>,
    /// Replaced by the name of who is authenticated.
    #[serde(default)]
    author: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listing {
    service: Option<String>,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
}

pub async fn add(
    State(state): State<WebState>,
    Extension(by): Extension<Identity>,
    body: Result<Json<NewMarker>, JsonRejection>,
) -> Result<(StatusCode, Json<MarkerEntry>), Problem> {
    let title = "invalid marker";
    let Json(new) = body.map_err(|error| Problem::invalid(error.status(), title, &error))?;
    let now = state.clock.now();
    let mut marker = marker(new, now);
    if by.is_authenticated {
        marker.author = by.name.to_string();
    }
    if let Some(fault) = fault(&marker, now) {
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, title).because(fault));
    }
    if state.ledger_view().service(&marker.service).is_none() {
        return Err(unknown("service", &marker.service));
    }
    let act = Act {
        at: now,
        by,
        action: "marker.add",
    };
    let add = move |store: &mut Store| store.add_marker(&marker);
    let entry = |kept: &Marker, act: Act| act.entry(&kept.id.to_string(), "ok");
    let kept = audit::change(&state, act, add, entry).await?;
    tracing::info!(
        id = kept.id,
        service = kept.service,
        author = kept.author,
        "marker added: {}",
        kept.words()
    );
    Ok((StatusCode::CREATED, Json(MarkerEntry::of(&kept))))
}

fn marker(new: NewMarker, now: Timestamp) -> Marker {
    Marker {
        id: 0,
        at: new.at.map_or(now, |at| Timestamp(at.timestamp_millis())),
        service: new.service,
        version: new.version.trim().to_owned(),
        text: new.text.trim().to_owned(),
        author: new.author.trim().to_owned(),
    }
}

/// What is invalid.
fn fault(marker: &Marker, now: Timestamp) -> Option<String> {
    let is_long = |text: &str, most: usize| text.chars().count() > most;
    if marker.text.is_empty() && marker.version.is_empty() {
        return Some("`text` or `version` is required".to_owned());
    }
    for (key, text, most) in [
        ("text", &marker.text, TEXT),
        ("version", &marker.version, VERSION),
        ("author", &marker.author, TEXT),
    ] {
        if is_long(text, most) {
            return Some(format!("`{key}` has more than {most} characters"));
        }
    }
    if marker.author.is_empty() {
        return Some("`author` is required".to_owned());
    }
    if marker.at > now.after(AHEAD) {
        return Some("`at` is more than an hour in the future".to_owned());
    }
    (marker.at < Timestamp(0)).then(|| "`at` is before 1970".to_owned())
}

/// The latest first.
pub async fn list(
    State(state): State<WebState>,
    page: Result<Query<Listing>, QueryRejection>,
) -> Result<Json<Vec<MarkerEntry>>, Problem> {
    let Query(page) = page.map_err(|error| listing::invalid(&error))?;
    // One that is configured no more still has those of its time.
    let unconfigured = page.service.clone();
    let unconfigured = unconfigured.filter(|name| state.ledger_view().service(name).is_none());
    let (from, to) = listing::span(page.from, page.to)?;
    let (path, now) = (state.history, state.clock.now());
    let config = state.configs.borrow().clone();
    let span = (
        from.unwrap_or(Timestamp(0)),
        to.unwrap_or(Timestamp(i64::MAX)),
    );
    let read = move || {
        let store = Store::open_read_only(&path)?;
        let found = store.markers(page.service.as_deref(), span, LIMIT)?;
        let burned = burned(&config, &store, &found, now)?;
        Ok::<_, StoreError>(MarkerEntry::list(&found, burned))
    };
    let failed = Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "the markers cannot be read",
    );
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok(found)) => match unconfigured.filter(|_| found.is_empty()) {
            Some(name) => Err(unknown("service", &name)),
            None => Ok(Json(found)),
        },
        Ok(Err(error)) => Err(failed.because(error.to_string())),
        Err(_panic) => Err(failed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_says_what_was_done_by_whom_and_when() {
        let now = Timestamp::from_secs(1_000_000);
        let good = Marker {
            id: 0,
            at: now,
            service: "rag".to_owned(),
            version: "v1.4.2".to_owned(),
            text: String::new(),
            author: "ci".to_owned(),
        };
        let judged = |change: fn(&mut Marker)| {
            let mut marker = good.clone();
            change(&mut marker);
            fault(&marker, now)
        };
        assert_eq!(judged(|_| ()), None);
        assert!(judged(|one| one.version.clear()).is_some());
        assert!(judged(|one| one.author.clear()).is_some());
        assert!(judged(|one| one.version = "v".repeat(101)).is_some());
        assert!(judged(|one| one.text = "t".repeat(501)).is_some());
        assert!(judged(|one| one.at = one.at.after(AHEAD * 2)).is_some());
        assert!(judged(|one| one.at = Timestamp(-1)).is_some());
    }
}
