//! One simulated service as a real HTTP server.

use super::incident::{Trouble, trouble};
use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// How a simulated service behaves when nothing is wrong.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    pub name: &'static str,
    pub description: &'static str,
    /// The band of usual response times.
    pub usual: (Duration, Duration),
}

/// The services, with the bands that their owners gave.
pub const SERVICES: [Profile; 3] = [
    Profile {
        name: "concierge",
        description: "Chat assistant",
        usual: (Duration::from_millis(200), Duration::from_millis(400)),
    },
    Profile {
        name: "rag",
        description: "Retrieval of documents",
        usual: (Duration::from_millis(100), Duration::from_millis(200)),
    },
    Profile {
        name: "guardrails",
        description: "Checks of prompts and answers",
        usual: (Duration::from_millis(50), Duration::from_millis(100)),
    },
];

/// A simulated service that runs.
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
        let started = Instant::now();
        let answer = move || answer(index as u64, profile, started);
        let app = Router::new().route("/health", get(answer));
        let serve = async move {
            let server = axum::serve(listener, app).with_graceful_shutdown(stop.cancelled_owned());
            if let Err(error) = server.await {
                tracing::warn!("the simulated {} ended: {error}", profile.name);
            }
        };
        Ok((Self { profile, address }, serve))
    }
}

async fn answer(index: u64, profile: Profile, started: Instant) -> Response {
    let trouble = trouble(index, started.elapsed());
    let mut pause = usual_latency(profile);
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

/// Mostly the lower part of the band; one answer in a hundred takes twice as long.
fn usual_latency(profile: Profile) -> Duration {
    let (from, to) = profile.usual;
    let place = fastrand::f64() * fastrand::f64();
    let latency = from + to.saturating_sub(from).mul_f64(place);
    if fastrand::u8(0..100) == 0 {
        latency * 2
    } else {
        latency
    }
}
