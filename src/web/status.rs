//! The status page's routes.

use super::WebState;
use super::page::charts::Charts;
use super::page::choice::Choice;
use super::page::past::{HOURS, HourLatency, Past};
use super::page::{View, render_overview, render_service, style};
use super::problem::Problem;
use crate::config::Config;
use crate::ledger::snapshot::ServiceView;
use crate::ledger::{LedgerView, long_days};
use crate::outcome::{ProbeKey, Timestamp};
use crate::slo::correction::Correction;
use crate::slo::occurrence::Cursor;
use crate::store::{Store, StoreError};
use crate::units::HOUR;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Response times of so many probes are drawn on a page at most.
const DRAWN_PROBES: usize = 20;
/// Incidents since then are listed.
const INCIDENTS_SINCE: Duration = Duration::from_secs(30 * 86_400);
/// So many alerts of all services are looked through.
const MAX_ALERTS: u32 = 2000;

/// What the pages fetch under its hash never changes.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

pub async fn overview(State(state): State<WebState>, RawQuery(query): RawQuery) -> Html<String> {
    let snapshot = state.ledger_view().snapshot();
    let system = Arc::clone(&state.system.borrow());
    let trouble = state.store.stats().trouble();
    let view = view(&state, query.as_deref(), trouble.as_deref());
    let alerts = Arc::clone(&state.alerts.borrow());
    let page = render_overview(&snapshot, &alerts, &system, view);
    Html(unfolded(page, query.as_deref()))
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
    let choice = Choice::of(query.as_deref().unwrap_or_default());
    let past = Past {
        older: query.as_deref().and_then(older),
        ..past(&state, &service, &ledger, choice).await
    };
    let system = Arc::clone(&state.system.borrow());
    let alerts = Arc::clone(&state.alerts.borrow());
    let trouble = state.store.stats().trouble();
    let view = view(&state, query.as_deref(), trouble.as_deref());
    let page = render_service(
        &service,
        &ledger.corrections,
        &alerts,
        &system,
        ledger.at,
        view,
        &past,
    );
    Ok(Html(unfolded(page, query.as_deref())))
}

/// Opens everything that is folded, for readers who asked for it: a reload would fold it again. In text
/// from elsewhere, `<` is escaped.
fn unfolded(page: String, query: Option<&str>) -> String {
    if query.is_some_and(|query| Choice::of(query).unfold) {
        page.replace("<details>", "<details open>").replace(
            "<details class=\"lines\">",
            "<details class=\"lines\" open>",
        )
    } else {
        page
    }
}

/// What the store has of the service; the page is complete without it where the store cannot be
/// read.
async fn past(
    state: &WebState,
    service: &ServiceView,
    ledger: &LedgerView,
    choice: Choice,
) -> Past {
    let probes = service.probes.iter().take(DRAWN_PROBES);
    let reading = Reading {
        path: state.history.clone(),
        config: Arc::clone(&state.configs.borrow()),
        corrections: ledger.corrections.clone(),
        service: service.name.clone(),
        probes: probes.map(|probe| probe.key.clone()).collect(),
        at: ledger.at,
        choice,
    };
    // Many days are read from many blocks: not for everybody at once.
    let turn = if choice.long {
        state.histories.clone().turn().await
    } else {
        None
    };
    let long = turn.is_some();
    let read = tokio::task::spawn_blocking(move || {
        let past = reading.read(long);
        drop(turn);
        past
    });
    read.await.ok().and_then(Result::ok).unwrap_or(Past {
        choice,
        ..Past::default()
    })
}

/// What is to be read from the store for a page.
struct Reading {
    path: PathBuf,
    config: Arc<Config>,
    corrections: Arc<[Correction]>,
    service: Arc<str>,
    probes: Vec<ProbeKey>,
    at: Timestamp,
    choice: Choice,
}

impl Reading {
    fn read(self, long: bool) -> Result<Past, StoreError> {
        let (at, choice) = (self.at, self.choice);
        let store = Store::open_read_only(&self.path)?;
        let from = at.before(HOUR * u32::try_from(HOURS).unwrap_or(0));
        let mut latencies = Vec::new();
        for key in self.probes {
            let hours = store.hours(&key, from, at)?;
            latencies.push((key, hours.iter().map(HourLatency::of).collect()));
        }
        let days = || long_days(&self.config, &self.service, &self.corrections, &store, at);
        Ok(Past {
            older: None,
            latencies,
            alerts: store.alerts(at.before(INCIDENTS_SINCE), at, MAX_ALERTS)?,
            charts: Charts::read(&store, &self.service, choice.span, at)?,
            choice,
            days: long.then(days).transpose()?,
        })
    }
}

/// Where the list of corrections goes on; from its start on where that is no place in it.
fn older(query: &str) -> Option<Cursor> {
    let mut parts = query.split('&');
    parts.find_map(|part| Cursor::parse(part.strip_prefix("corrections=")?))
}

fn view<'a>(state: &WebState, query: Option<&str>, store_trouble: Option<&'a str>) -> View<'a> {
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
