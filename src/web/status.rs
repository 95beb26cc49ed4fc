//! The status page's routes.

use super::WebState;
use super::page::charts::{ChartSpan, Charts};
use super::page::past::{HOURS, HourLatency, Past};
use super::page::{View, render_overview, render_service, style};
use super::problem::Problem;
use crate::ledger::snapshot::ServiceView;
use crate::outcome::{ProbeKey, Timestamp};
use crate::slo::occurrence::Cursor;
use crate::store::{Store, StoreError};
use crate::units::HOUR;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use std::sync::Arc;
use std::time::Duration;

/// Response times of so many probes are drawn on a page at most.
const DRAWN_PROBES: usize = 20;
/// Incidents since then are listed.
const INCIDENTS_SINCE: Duration = Duration::from_secs(30 * 86_400);
/// So many alerts of all services are looked through.
const MAX_ALERTS: u32 = 2000;

/// Load runs that are listed on a page.
const RUNS: u32 = 5;

/// What the pages fetch under its hash never changes.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

pub async fn overview(State(state): State<WebState>, RawQuery(query): RawQuery) -> Html<String> {
    let snapshot = state.ledger_view().snapshot();
    let system = Arc::clone(&state.system.borrow());
    let trouble = state.store.stats().trouble();
    let view = view(&state, query.as_deref(), trouble.as_deref());
    let alerts = Arc::clone(&state.alerts.borrow());
    Html(render_overview(&snapshot, &alerts, &system, view))
}

pub async fn service(
    State(state): State<WebState>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Html<String>, Problem> {
    let ledger = state.ledger_view();
    let service = ledger.service(&name).ok_or_else(|| {
        Problem::new(StatusCode::NOT_FOUND, "no service has this name").because(name)
    })?;
    let past = Past {
        older: query.as_deref().and_then(older),
        ..past(
            &state,
            &service,
            ledger.at,
            ChartSpan::of(query.as_deref().unwrap_or_default()),
        )
        .await
    };
    let system = Arc::clone(&state.system.borrow());
    let alerts = Arc::clone(&state.alerts.borrow());
    let trouble = state.store.stats().trouble();
    let view = view(&state, query.as_deref(), trouble.as_deref());
    Ok(Html(render_service(
        &service,
        &ledger.corrections,
        &alerts,
        &system,
        ledger.at,
        view,
        &past,
    )))
}

/// What the store has of the service; the page is complete without it where the store cannot be
/// read.
async fn past(state: &WebState, service: &ServiceView, at: Timestamp, span: ChartSpan) -> Past {
    let path = state.history.clone();
    let probes = service.probes.iter().take(DRAWN_PROBES);
    let keys: Vec<ProbeKey> = probes.map(|probe| probe.key.clone()).collect();
    let name = service.name.clone();
    let (digests, config) = (state.digests.clone(), state.configs.borrow().clone());
    let read = move || {
        let store = Store::open_read_only(&path)?;
        let newest = store.runs(Some(&name), RUNS)?;
        let runs = digests.of(&store, &config, newest, at)?;
        let past = read_past(&store, keys, at, (&name, span))?;
        Ok::<_, StoreError>(Past { runs, ..past })
    };
    let read = tokio::task::spawn_blocking(read).await;
    read.ok().and_then(Result::ok).unwrap_or_default()
}

fn read_past(
    store: &Store,
    keys: Vec<ProbeKey>,
    at: Timestamp,
    (service, span): (&str, ChartSpan),
) -> Result<Past, StoreError> {
    let from = at.before(HOUR * u32::try_from(HOURS).unwrap_or(0));
    let mut latencies = Vec::new();
    for key in keys {
        let hours = store.hours(&key, from, at)?;
        latencies.push((key, hours.iter().map(HourLatency::of).collect()));
    }
    Ok(Past {
        older: None,
        latencies,
        alerts: store.alerts(at.before(INCIDENTS_SINCE), at, MAX_ALERTS)?,
        charts: Charts::read(store, service, span, at)?,
        runs: Vec::new(),
    })
}

/// Where the list of corrections goes on; from its start on where that is no place in it.
fn older(query: &str) -> Option<Cursor> {
    let mut parts = query.split('&');
    parts.find_map(|part| Cursor::parse(part.strip_prefix("corrections=")?))
}

pub fn view<'a>(state: &WebState, query: Option<&str>, store_trouble: Option<&'a str>) -> View<'a> {
    let asked = |query: &str| {
        query
            .split('&')
            .any(|part| part.split('=').next() == Some("reload"))
    };
    View {
        now: state.clock.now(),
        reload: query.is_some_and(asked),
        store_trouble,
    }
}

pub async fn stylesheet(headers: HeaderMap) -> Response {
    let tag = format!("\"{}\"", *style::HASH);
    let known = headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|seen| seen.as_bytes() == tag.as_bytes());
    let head = [
        (header::CONTENT_TYPE, "text/css; charset=utf-8".to_owned()),
        (header::CACHE_CONTROL, FOR_EVER.to_owned()),
        (header::ETAG, tag),
    ];
    if known {
        (StatusCode::NOT_MODIFIED, head).into_response()
    } else {
        (head, style::STYLE).into_response()
    }
}
