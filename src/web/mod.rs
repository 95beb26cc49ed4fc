//! The HTTP server: metrics, pages, API, and reload. Current state is served from memory; errors are
//! problem JSON (RFC 9457).

mod accept;
mod alerts;
mod answers;
mod api;
mod audit;
pub mod auth;
mod badge;
mod connections;
mod corrections;
mod decisions;
mod fields;
mod heartbeat;
mod history;
mod listing;
mod liveness;
mod markers;
mod metrics;
mod notifications;
mod openapi;
pub mod page;
mod problem;
mod request;
mod runbook;
mod runs;
mod series;
mod server;
mod signals;
mod starting;
mod status;
mod store;
mod stream;

pub use auth::Access;
pub use history::HistoryLimits;
pub use liveness::Liveness;
pub use server::{serve, serve_during};
pub use starting::starting;
pub use stream::Streams;

use crate::alert::Decisions;
use crate::alerting::AlertsView;
use crate::clock::Clock;
use crate::config::Config;
use crate::ledger::{LedgerView, Recount};
use crate::metrics::Sources;
use crate::observe::SystemView;
use crate::probe::heartbeat::HeartbeatBoard;
use crate::runs::{Digests, RunsView};
use crate::signal::Findings;
use crate::store::StoreHandle;
use answers::AnswerLimits;
use audit::Act;
use auth::Identity;
use axum::Extension;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use problem::Problem;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;

/// Maximum body size of all requests except heartbeats, in bytes.
const BODY_LIMIT: usize = 64 * 1024;
/// A reload of thousands of probes reads the store; everything else takes milliseconds.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// A request to reload the config.
#[derive(Debug)]
pub struct ReloadRequest {
    /// Receives the result.
    pub done: oneshot::Sender<Result<(), String>>,
}

/// Shared state of all request handlers.
#[derive(Clone, Debug)]
pub struct WebState {
    pub clock: Clock,
    pub heartbeats: HeartbeatBoard,
    pub ledger_views: watch::Receiver<Arc<LedgerView>>,
    pub alerts: watch::Receiver<Arc<AlertsView>>,
    /// Silences and acknowledgements.
    pub decisions: watch::Sender<Arc<Decisions>>,
    pub system: watch::Receiver<Arc<SystemView>>,
    /// Findings of warning signs.
    pub findings: watch::Receiver<Arc<Findings>>,
    /// What `/metrics` is written from.
    pub metrics: Sources,
    pub streams: Streams,
    pub access: Access,
    pub histories: HistoryLimits,
    /// The active config.
    pub configs: watch::Receiver<Arc<Config>>,
    pub liveness: Liveness,
    pub digests: Digests,
    pub runs: watch::Receiver<Arc<RunsView>>,
    pub store: StoreHandle,
    /// Path of the store, for reading stored outcomes.
    pub history: PathBuf,
    pub reload: mpsc::Sender<ReloadRequest>,
    pub ledger: mpsc::Sender<Recount>,
}

impl WebState {
    /// The latest snapshot.
    fn ledger_view(&self) -> Arc<LedgerView> {
        Arc::clone(&self.ledger_views.borrow())
    }
}

/// All routes.
pub fn router(state: WebState) -> Router {
    let (access, clock) = (state.access.clone(), state.clock.clone());
    Router::new()
        .merge(views())
        .merge(changes())
        .route("/style.css", get(status::stylesheet))
        .route("/badge/{service}/{file}", get(badge::badge))
        .route("/runbook", get(runbook::runbook))
        .route("/api/v1/openapi.json", get(openapi::openapi))
        .route("/metrics", get(metrics::metrics))
        .route("/-/healthy", get(liveness::healthy))
        .route("/-/ready", get(ready))
        .route(
            "/api/v1/probes/{service}/{probe}/outcomes",
            get(history::outcomes),
        )
        .fallback(problem::not_found)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(RequestBodyLimitLayer::new(BODY_LIMIT))
        // Reports are accepted with texts of any length.
        .route(
            "/api/v1/heartbeat/{service}/{probe}",
            post(heartbeat::beat).fallback(heartbeat::use_post),
        )
        .route(
            "/api/v1/heartbeat/{service}/{probe}/",
            post(heartbeat::beat).fallback(heartbeat::use_post),
        )
        .route(
            "/api/v1/heartbeat/{service}/{probe}/{status}",
            post(heartbeat::beat).fallback(heartbeat::use_post),
        )
        .route(
            "/api/v1/heartbeat/{service}/{probe}/{status}/",
            post(heartbeat::beat).fallback(heartbeat::use_post),
        )
        .layer(middleware::from_fn(to_the_end))
        .layer(CompressionLayer::new().quality(tower_http::CompressionLevel::Fastest))
        .layer(middleware::from_fn_with_state(access.clone(), auth::admit))
        .layer(time_limit())
        .layer(middleware::from_fn_with_state(clock, problem::explain))
        .layer(CatchPanicLayer::custom(|_| problem::defect()))
        .layer(middleware::from_fn_with_state(access, guard))
        .with_state(state)
}

/// Changes, which take no query parameters: everything is in their path and body.
fn changes() -> Router<WebState> {
    Router::new()
        .route("/-/reload", post(reload))
        .route(
            "/api/v1/alerts/{fingerprint}/acknowledge",
            post(decisions::acknowledge),
        )
        .route(
            "/alerts/{fingerprint}/acknowledge",
            post(decisions::forms::acknowledge),
        )
        .route(
            "/alerts/{fingerprint}/silence",
            post(decisions::forms::silence),
        )
        .route("/silences/{id}/end", post(decisions::forms::end))
        .route("/api/v1/silences", post(decisions::add_silence))
        .route("/api/v1/silences/{id}", delete(decisions::remove_silence))
        .route("/api/v1/corrections", post(corrections::add))
        .route("/api/v1/corrections/{id}", delete(corrections::revoke))
        .route("/api/v1/markers", post(markers::add))
        .route("/api/v1/runs", post(runs::add))
        .route_layer(middleware::from_fn(request::without_parameters))
}

/// Pages and lists, whose responses are built in memory: their number and sizes are limited.
fn views() -> Router<WebState> {
    let bounded = middleware::from_fn_with_state(AnswerLimits::default(), answers::bounded);
    let plain = Router::new()
        .route("/api/v1/services", get(api::services))
        .route("/api/v1/services/{service}", get(api::service))
        .route("/api/v1/objectives", get(api::objectives))
        .route("/api/v1/silences", get(decisions::silences))
        .route("/api/v1/runs/{id}", get(runs::one))
        .route("/api/v1/health", get(signals::host))
        .route("/api/v1/health/{service}", get(signals::health))
        .route_layer(middleware::from_fn(request::without_parameters));
    plain
        .route("/", get(status::overview))
        .route("/services/{service}", get(status::service))
        .route("/runs", get(runs::overview))
        .route("/runs/{id}", get(runs::page))
        .route("/alerts", get(alerts::page))
        .route("/series", get(series::page))
        .route("/notifications", get(notifications::page))
        .route("/api/v1/alerts", get(alerts::alerts))
        .route("/api/v1/silences/preview", get(decisions::preview))
        .route("/api/v1/corrections", get(corrections::list))
        .route("/api/v1/runs", get(runs::list))
        .route("/api/v1/series", get(series::list))
        .route("/api/v1/series/{id}", get(series::one))
        .route("/api/v1/signals", get(signals::list))
        .route("/api/v1/audit", get(audit::list))
        .route("/api/v1/notifications", get(notifications::list))
        .route("/api/v1/markers", get(markers::list))
        .route_layer(bounded)
}

/// Completes a change that was started, including its entry in the audit log and everything that follows
/// from it, even if the client disconnects.
async fn to_the_end(request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    match tokio::spawn(next.run(request)).await {
        Ok(response) => response,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_cancelled) => problem::stopping().into_response(),
    }
}

fn time_limit() -> TimeoutLayer {
    TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, REQUEST_TIMEOUT)
}

/// These routes are served once the history has been read, so the daemon is ready as long as it can write.
async fn ready(State(state): State<WebState>) -> Result<&'static str, Problem> {
    match state.store.stats().trouble() {
        None => Ok("slod is ready\n"),
        Some(trouble) => {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            Err(Problem::new(status, "slod is not ready").because(trouble))
        }
    }
}

async fn reload(
    State(state): State<WebState>,
    Extension(by): Extension<Identity>,
    headers: HeaderMap,
) -> Result<&'static str, Problem> {
    if headers.contains_key(header::CONTENT_TYPE) {
        let title = "a reload has no body, and no content type";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, title));
    }
    let (done, finished) = oneshot::channel();
    let request = ReloadRequest { done };
    let sent = state.reload.send(request).await;
    sent.map_err(|_| problem::stopping())?;
    let refused = "the config was not reloaded; the old one stays active";
    let result = finished.await.map_err(|_| problem::stopping())?;
    let act = Act::new(state.clock.now(), by, "reload");
    let outcome = if result.is_ok() { "ok" } else { "refused" };
    audit::record(&state, act.entry("config", outcome)).await;
    match result {
        Ok(()) => Ok("reloaded\n"),
        Err(reason) => Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, refused).because(reason)),
    }
}

/// Sets security headers: responses must not be framed, sniffed or scripted, and reveal nothing to other origins,
/// unless the web configuration file overrides this. The referrer is kept for slod itself, because browsers send
/// `Origin: null` with forms of pages without one.
async fn guard(State(access): State<Access>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in &access.rules().file.headers {
        headers.insert(name.clone(), value.clone());
    }
    let fixed: [(HeaderName, &'static str); 5] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in fixed {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use tokio::time::Instant;
    use tower::ServiceExt;

    #[tokio::test(start_paused = true)]
    async fn a_request_without_an_answer_ends() {
        let never = || std::future::pending::<&'static str>();
        let router = Router::new().route("/", get(never)).layer(time_limit());
        let (started, request) = (Instant::now(), Request::get("/").body(Body::empty()));
        let answer = router.oneshot(request.expect("valid")).await;
        assert_eq!(answer.expect("infallible").status(), 503);
        assert_eq!(started.elapsed().as_secs(), REQUEST_TIMEOUT.as_secs());
    }
}
