//! Markers of deployments as JSON.

use super::WebState;
use super::api::check_service;
use super::audit::{self, Act};
use super::auth::Identity;
use super::fields::{Fields, LINE_MAX};
use super::listing::{cut, link_next_in};
use super::problem::Problem;
use super::request::{JsonBody, Query};
use super::store;
use crate::outcome::Timestamp;
use crate::report::deploys::burned;
use crate::report::markers::MarkerEntry;
use crate::slo::correction::YEARS;
use crate::store::{Marker, MarkerCursor, Store};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use std::time::Duration;

/// Maximum length of a version.
const VERSION: usize = 100;
/// Maximum number of markers in one response: the latest.
const LIMIT: u32 = 1000;
/// Markers may be in the future by this much, because clocks differ.
const AHEAD: Duration = Duration::from_hours(1);

pub async fn add(
    State(state): State<WebState>,
    Extension(by): Extension<Identity>,
    body: JsonBody,
) -> Result<(StatusCode, Json<MarkerEntry>), Problem> {
    let keys = ["service", "text", "version", "at", "author"];
    let new = body.only("invalid marker", &keys)?;
    let now = state.clock.now();
    let marker = marker(&new, &by, now)?;
    check_service(&state, Some(&marker.service))?;
    let act = Act::new(now, by, "marker.add");
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

/// Parses a marker of a client; its default time is now.
fn marker(new: &Fields, by: &Identity, now: Timestamp) -> Result<Marker, Problem> {
    let marker = Marker {
        id: 0,
        at: new.time("at")?.unwrap_or(now),
        service: new.required_text("service")?.to_owned(),
        version: new.line("version", 0..=VERSION)?,
        text: new.line("text", 0..=LINE_MAX)?,
        author: new.author(by)?,
    };
    if marker.text.is_empty() && marker.version.is_empty() {
        return Err(new.fault("`text` or `version` is required"));
    }
    if marker.at > now.after(AHEAD) {
        return Err(new.fault("`at` is more than an hour in the future"));
    }
    if marker.at < YEARS.0 {
        return Err(new.fault("`at` is before the year 2000"));
    }
    Ok(marker)
}

/// Markers of one or all services, the latest first. The header `Link` has the URL of the next page.
pub async fn list(State(state): State<WebState>, query: Query) -> Result<Response, Problem> {
    let parameters = query.only(&["service", "from", "to", "cursor", "limit"])?;
    let (limit, cursor) = (
        parameters.limit(LIMIT, LIMIT)?,
        parameters.cursor::<MarkerCursor>()?,
    );
    let service = parameters.text("service")?.map(str::to_owned);
    let (from, to) = parameters.span()?;
    let from = from.unwrap_or(Timestamp(0));
    let span = (from, to.unwrap_or(Timestamp(i64::MAX)));
    let cursor = cursor.unwrap_or(MarkerCursor::FIRST);
    let (config, now) = (state.configs.borrow().clone(), state.clock.now());
    let of_service = service.clone();
    let read = move |store: &Store| {
        let found = store.markers_behind(cursor, of_service.as_deref(), span, limit + 1)?;
        let (found, has_more) = cut(found, limit);
        let last = found.last().filter(|_| has_more).map(MarkerCursor::behind);
        let burned = burned(&config, store, &found, now)?;
        Ok((MarkerEntry::list(&found, burned), last))
    };
    let (found, last) = store::read(&state, read).await?;
    if found.is_empty() {
        check_service(&state, service.as_deref())?;
    }
    let mut response = Json(found).into_response();
    if let Some(last) = last {
        let of_service = service.map(|name| ("service", name));
        link_next_in((from, to), limit, &last, of_service, &mut response);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Role;
    use serde_json::{Value, json};

    #[test]
    fn a_marker_has_text_author_and_time() {
        let now = Timestamp::from_secs(1_790_000_000);
        let by = Identity::anonymous([127, 0, 0, 1].into(), Role::Write);
        let judged = |key: &str, value: Value| {
            let mut body = json!({"service": "rag", "version": "v1.4.2", "author": "ci"});
            body[key] = value;
            let pairs = body.as_object().expect("an object").clone();
            let keys = ["service", "version", "text", "author", "at"];
            let new = Fields::of_body("invalid marker", pairs.into_iter().collect(), &keys);
            marker(&new.expect("known"), &by, now)
        };
        let kept = judged("text", json!(" new\ntokenizer ")).expect("valid");
        assert_eq!((kept.at, &*kept.text), (now, "new tokenizer"));
        for (key, value) in [
            ("version", json!("")),
            ("author", json!(" ")),
            ("author", Value::Null),
            ("service", Value::Null),
            ("version", json!("v".repeat(101))),
            ("text", json!("t".repeat(501))),
            ("at", json!(now.after(AHEAD * 2).to_utc())),
            ("at", json!("1990-01-01T00:00:00Z")),
        ] {
            assert!(judged(key, value.clone()).is_err(), "{key} {value}");
        }
    }
}
