//! Routes of the HTML pages.

use super::WebState;
use super::api::unknown_service;
use super::auth::Identity;
use super::page::charts::Charts;
use super::page::past::{HOURS, HourLatency, Past};
use super::page::signs::SignCharts;
use super::page::{
    Choice, Overview, PageQuery, ServicePage, View, Writer, render_overview, render_service, style,
};
use super::problem::Problem;
use super::store;
use crate::config::Config;
use crate::ledger::long_days;
use crate::outcome::{ProbeKey, Timestamp};
use crate::report::deploys::burned;
use crate::report::signals::HealthAnswer;
use crate::report::silences::SilenceEntry;
use crate::report::timeline::{TimelineOf, timeline};
use crate::runs::Digests;
use crate::slo::correction::Correction;
use crate::slo::occurrence::Cursor;
use crate::store::{Store, StoreError};
use crate::units::{DAY, HOUR};
use axum::Extension;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use std::sync::Arc;
use std::time::Duration;

/// Maximum number of probes on a page with a latency chart.
const DRAWN_PROBES: usize = 20;
/// Maximum age of listed alerts and events.
const EVENTS_SINCE: Duration = DAY.saturating_mul(30);
/// Maximum number of alerts of all services to search.
const MAX_ALERTS: u32 = 2000;

/// Maximum number of markers on a page: the latest.
const MAX_MARKERS: u32 = 100;
/// Maximum number of load runs on a page.
const RUNS: u32 = 5;

/// Content fetched with its hash in the URL never changes.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

pub async fn overview(
    State(state): State<WebState>,
    Extension(by): Extension<Identity>,
    RawQuery(query): RawQuery,
) -> Html<String> {
    let snapshot = state.ledger_view().snapshot();
    let system = Arc::clone(&state.system.borrow());
    let trouble = state.store.stats().trouble();
    let query = PageQuery::of(query.as_deref());
    let view = view(&state, query, trouble.as_deref()).of(writer(&by));
    let alerts = Arc::clone(&state.alerts.borrow());
    let findings = Arc::clone(&state.findings.borrow());
    let silences = silences(&state, snapshot.at).await;
    let shard = state.configs.borrow().shard_note();
    let shown = Overview {
        snapshot: &snapshot,
        firing: &alerts,
        findings: &findings,
        system: &system,
        silences: &silences,
        shard: shard.as_deref(),
    };
    Html(render_overview(shown, view))
}

/// All silences; those that mute nothing are marked if the store can be read.
pub async fn silences(state: &WebState, now: Timestamp) -> Vec<SilenceEntry> {
    let decisions = state.decisions.borrow().clone();
    if decisions.silences.is_empty() {
        return Vec::new();
    }
    let kept = decisions.clone();
    let read = move |store: &Store| SilenceEntry::list(store, &kept.silences, now);
    let plain = |one| SilenceEntry::of(one, now);
    let read = store::read(state, read).await;
    read.unwrap_or_else(|_| decisions.silences.iter().map(plain).collect())
}

pub async fn service(
    State(state): State<WebState>,
    Extension(by): Extension<Identity>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Html<String>, Problem> {
    let query = PageQuery::of(query.as_deref());
    let ledger = state.ledger_view();
    let service = ledger
        .service(&name)
        .ok_or_else(|| unknown_service(&state, &name))?;
    let alerts = Arc::clone(&state.alerts.borrow());
    let findings = Arc::clone(&state.findings.borrow());
    let health = HealthAnswer::of(Some(&service), &findings, alerts.firing());
    let probes = service.probes.iter().take(DRAWN_PROBES);
    let wanted = PastQuery {
        config: Arc::clone(&state.configs.borrow()),
        service: service.name.clone(),
        probes: probes.map(|probe| probe.key.clone()).collect(),
        choice: Choice::of(query),
        health: health.clone(),
        corrections: Arc::clone(&ledger.corrections),
        at: ledger.at,
    };
    let past = Past {
        // An invalid cursor starts at the beginning.
        older: query.value("corrections").and_then(|at| Cursor::parse(&at)),
        ..past(&state, wanted).await
    };
    let system = Arc::clone(&state.system.borrow());
    let trouble = state.store.stats().trouble();
    let view = view(&state, query, trouble.as_deref()).of(writer(&by));
    let shown = ServicePage {
        service: &service,
        corrections: &ledger.corrections,
        firing: &alerts,
        health: &health,
        system: &system,
        at: ledger.at,
        past: &past,
    };
    Ok(Html(render_service(shown, view)))
}

/// What to read of the history for a service's page.
struct PastQuery {
    config: Arc<Config>,
    service: Arc<str>,
    probes: Vec<ProbeKey>,
    choice: Choice,
    health: HealthAnswer,
    corrections: Arc<[Correction]>,
    at: Timestamp,
}

/// The stored history of the service. If the store cannot be read, the page is rendered without it.
async fn past(state: &WebState, wanted: PastQuery) -> Past {
    let digests = state.digests.clone();
    // 90 days are read from many blocks, so the number of concurrent readers is limited.
    let turn = if wanted.choice.long {
        state.histories.clone().turn().await
    } else {
        None
    };
    let long = turn.is_some();
    let read = store::read(state, move |store| {
        let past = wanted.read(store, &digests, long);
        drop(turn);
        past
    });
    read.await.unwrap_or_default()
}

impl PastQuery {
    fn read(&self, store: &Store, digests: &Digests, long: bool) -> Result<Past, StoreError> {
        let (service, at, choice) = (&*self.service, self.at, self.choice);
        let from = at.before(HOUR * u32::try_from(HOURS).unwrap_or(0));
        let mut latencies = Vec::new();
        for key in &self.probes {
            let hours = store.hours(key, from, at)?;
            latencies.push((key.clone(), hours.iter().map(HourLatency::of).collect()));
        }
        let since = at.before(EVENTS_SINCE);
        let alerts = store.alerts(since, at, MAX_ALERTS)?;
        let markers = store.markers(Some(service), (since, Timestamp(at.0 + 1)), MAX_MARKERS)?;
        let burned = burned(&self.config, store, &markers, at)?;
        let events = TimelineOf {
            service,
            probes: &self.probes,
            alerts: &alerts,
            corrections: &self.corrections,
            markers: &markers,
            burned: &burned,
            from: since,
            to: at,
        };
        let newest = store.runs(Some(service), RUNS)?;
        let days = || long_days(&self.config, &self.service, &self.corrections, store, at);
        Ok(Past {
            older: None,
            latencies,
            events: timeline(store, events)?,
            alerts,
            charts: Charts::read(store, service, choice.span, at)?,
            days: long.then(days).transpose()?,
            runs: digests.of(store, &self.config, newest, at)?,
            signs: SignCharts::read(store, service, &self.health, at)?,
        })
    }
}

pub fn view<'a>(
    state: &WebState,
    query: PageQuery<'a>,
    store_trouble: Option<&'a str>,
) -> View<'a> {
    View {
        now: state.clock.now(),
        query,
        store_trouble,
        writer: None,
    }
}

/// The sender of a request, if they may make changes.
pub fn writer(by: &Identity) -> Option<Writer> {
    by.can_write().then_some(Writer {
        has_name: by.is_authenticated,
    })
}

/// Whether the client has this version. Tags are compared weakly, because proxies that compress weaken them
/// (RFC 9110, 13.1.2).
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let lists = headers.get_all(header::IF_NONE_MATCH).iter();
    let mut seen = lists
        .filter_map(|list| list.to_str().ok())
        .flat_map(|list| list.split(','))
        .map(str::trim);
    seen.any(|seen| seen == "*" || opaque(seen) == opaque(tag))
}

/// The tag without its weakness prefix.
fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

pub async fn stylesheet(headers: HeaderMap) -> Response {
    // Weak: the same for the plain and the compressed body (RFC 9110, 8.8.3.3).
    let tag = format!("W/\"{}\"", *style::HASH);
    let known = is_known(&headers, &tag);
    let head = [
        (header::CONTENT_TYPE, "text/css; charset=utf-8".to_owned()),
        (header::CACHE_CONTROL, IMMUTABLE.to_owned()),
        (header::ETAG, tag),
        (header::VARY, header::ACCEPT_ENCODING.to_string()),
    ];
    if known {
        (StatusCode::NOT_MODIFIED, head).into_response()
    } else {
        (head, style::STYLE).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_etag_matches_in_every_form_that_clients_send() {
        for (sent, known) in [
            ("\"a\"", true),
            ("W/\"a\"", true),
            ("\"b\", W/\"a\"", true),
            ("*", true),
            ("\"b\"", false),
            ("a", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, sent.parse().expect("a value"));
            assert_eq!(is_known(&headers, "W/\"a\""), known, "{sent}");
        }
        assert!(!is_known(&HeaderMap::new(), "W/\"a\""));
    }

    #[tokio::test]
    async fn the_tag_of_the_style_is_of_each_of_its_encodings() {
        let whole = stylesheet(HeaderMap::new()).await;
        let tag = whole.headers()[header::ETAG].clone();
        assert!(tag.as_bytes().starts_with(b"W/"), "{tag:?}");
        let asked = HeaderMap::from_iter([(header::IF_NONE_MATCH, tag.clone())]);
        let known = stylesheet(asked).await;
        assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
        for response in [whole, known] {
            assert_eq!(response.headers()[header::ETAG], tag);
            assert_eq!(response.headers()[header::VARY], "accept-encoding");
        }
    }
}
