//! A simulated service as a real HTTP server.

use super::incident::{Trouble, trouble};
use super::traffic::Traffic;
use super::{Profile, SERVICES};
use crate::clock::Clock;
use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use parking_lot::Mutex;
use std::future::ready;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// A running simulated service.
#[derive(Clone, Copy, Debug)]
pub struct Simulated {
    pub profile: Profile,
    pub address: SocketAddr,
}

impl Simulated {
    /// Starts service number `index` of [`SERVICES`] on a free port of 127.0.0.1.
    pub async fn start(
        index: usize,
        profile: Profile,
        stop: CancellationToken,
    ) -> io::Result<(Self, impl Future<Output = ()>)> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let first_probe = Arc::<OnceLock<Instant>>::default();
        let begun = first_probe.clone();
        let answer = move || {
            let since = begun.get_or_init(Instant::now).elapsed();
            let trouble = trouble(index as u64, SERVICES.len() as u64, since);
            answer(profile, trouble)
        };
        let traffic = Arc::<Mutex<Traffic>>::default();
        let started = Instant::now();
        let first = first_probe.clone();
        let metrics = move || {
            let since = first.get().map_or(Duration::ZERO, Instant::elapsed);
            let trouble = trouble(index as u64, SERVICES.len() as u64, since);
            let mut traffic = traffic.lock();
            let now = Clock::system().now();
            let now = (started.elapsed(), now);
            traffic.advance(profile, trouble, now, &mut fastrand::Rng::new());
            ready(traffic.page())
        };
        let app = Router::new()
            .route("/health", get(answer))
            .route("/metrics", get(metrics));
        let serve = async move {
            let server = axum::serve(listener, app).with_graceful_shutdown(stop.cancelled_owned());
            if let Err(error) = server.await {
                tracing::warn!("the simulated {} ended: {error}", profile.name);
            }
        };
        Ok((Self { profile, address }, serve))
    }
}

async fn answer(profile: Profile, trouble: Trouble) -> Response {
    let mut pause = profile.latency(Clock::system().now(), &mut fastrand::Rng::new());
    if let Trouble::Slow(more) = trouble {
        pause += more;
    }
    sleep(pause).await;
    match trouble {
        Trouble::Failing => {
            (StatusCode::SERVICE_UNAVAILABLE, "upstream unavailable").into_response()
        }
        Trouble::None | Trouble::Slow(_) => {
            Json(serde_json::json!({ "status": "ok" })).into_response()
        }
    }
}
