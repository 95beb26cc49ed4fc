//! What the daemon serves: metrics, state, and the way to reload it. Every answer is made from
//! memory; every error is problem JSON (RFC 9457).

mod alerts;
mod api;
mod corrections;
mod heartbeat;
mod metrics;
pub mod page;
mod problem;
mod reason;
mod server;
mod status;
mod stream;

pub use server::serve;
pub use stream::Streams;

use crate::alerting::AlertsView;
use crate::clock::Clock;
use crate::ledger::{LedgerView, Recount};
use crate::metrics::SelfMetrics;
use crate::observe::SystemView;
use crate::probe::heartbeat::HeartbeatBoard;
use crate::store::StoreHandle;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::Response;
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

/// No request but a heartbeat has a larger body.
const BODY_LIMIT: usize = 64 * 1024;
/// A reload of thousands of probes reads the store; everything else is done in milliseconds.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// A request to read the config again.
#[derive(Debug)]
pub struct ReloadRequest {
    /// Answered with what went wrong.
    pub done: oneshot::Sender<Result<(), String>>,
}

/// What requests are answered from.
#[derive(Clone, Debug)]
pub struct WebState {
    pub clock: Clock,
    pub heartbeats: HeartbeatBoard,
    pub ledger_views: watch::Receiver<Arc<LedgerView>>,
    pub alerts: watch::Receiver<Arc<AlertsView>>,
    pub system: watch::Receiver<Arc<SystemView>>,
    pub own: SelfMetrics,
    pub streams: Streams,
    pub store: StoreHandle,
    /// The store's file, for reading back single outcomes.
    pub history: PathBuf,
    pub reload: mpsc::Sender<ReloadRequest>,
    pub ledger: mpsc::Sender<Recount>,
}

impl WebState {
    /// The newest state.
    fn ledger_view(&self) -> Arc<LedgerView> {
        Arc::clone(&self.ledger_views.borrow())
    }
}

/// All routes.
pub fn router(state: WebState) -> Router {
    Router::new()
        .route("/", get(status::overview))
        .route("/services/{service}", get(status::service))
        .route("/style.css", get(status::stylesheet))
        .route("/metrics", get(metrics::metrics))
        .route("/-/healthy", get(|| async { "slod is healthy\n" }))
        // The daemon serves only after it has read its history, so whoever gets an answer may use it.
        .route("/-/ready", get(|| async { "slod is ready\n" }))
        .route("/-/reload", post(reload))
        .route("/api/v1/services", get(api::services))
        .route("/api/v1/services/{service}", get(api::service))
        .route("/api/v1/objectives", get(api::objectives))
        .route("/api/v1/alerts", get(alerts::alerts))
        .route(
            "/api/v1/corrections",
            get(corrections::list).post(corrections::add),
        )
        .route("/api/v1/corrections/{id}", delete(corrections::revoke))
        .route(
            "/api/v1/probes/{service}/{probe}/outcomes",
            get(api::outcomes),
        )
        .fallback(problem::not_found)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(RequestBodyLimitLayer::new(BODY_LIMIT))
        // A report is taken however long its text is.
        .route(
            "/api/v1/heartbeat/{service}/{probe}",
            post(heartbeat::beat).fallback(heartbeat::use_post),
        )
        .layer(CompressionLayer::new().quality(tower_http::CompressionLevel::Fastest))
        .layer(middleware::from_fn(problem::explain))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            REQUEST_TIMEOUT,
        ))
        .layer(CatchPanicLayer::custom(|_| problem::defect()))
        .layer(middleware::from_fn(guard))
        .with_state(state)
}

async fn reload(State(state): State<WebState>) -> Result<&'static str, Problem> {
    let (done, finished) = oneshot::channel();
    let request = ReloadRequest { done };
    let sent = state.reload.send(request).await;
    sent.map_err(|_| problem::stopping())?;
    let refused = "the config was not reloaded; the old one stays active";
    match finished.await.map_err(|_| problem::stopping())? {
        Ok(()) => Ok("reloaded\n"),
        Err(reason) => Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, refused).because(reason)),
    }
}

/// Nothing that is served may be framed, sniffed, scripted or sent on.
async fn guard(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let fixed: [(HeaderName, &'static str); 5] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
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
