//! Responses while the daemon is starting: it opens its store and reads its history, which may take minutes.

use super::problem::{self, Problem};
use super::{Access, guard, status};
use crate::clock::Clock;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware;
use axum::routing::get;
use std::time::Duration;
use tokio::time::Instant;

/// After this time, a start counts as hanging. Earlier, a restart would only begin it again.
const START_MAX: Duration = Duration::from_mins(15);
/// In seconds. Short, because a usual start takes less; `curl --retry` waits this long before each retry.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// The routes until the daemon is ready. Everything except liveness is to be requested again later.
pub fn starting(access: Access, clock: Clock) -> Router {
    Router::new()
        .route("/-/healthy", get(healthy))
        .with_state(Instant::now())
        .route("/style.css", get(status::stylesheet))
        .fallback(not_ready)
        .layer(middleware::from_fn_with_state(clock, problem::explain))
        .layer(middleware::from_fn_with_state(access, guard))
}

async fn healthy(State(since): State<Instant>) -> Result<&'static str, Problem> {
    let elapsed = since.elapsed();
    if elapsed <= START_MAX {
        return Ok("slod is starting\n");
    }
    let (status, minutes) = (StatusCode::SERVICE_UNAVAILABLE, elapsed.as_secs() / 60);
    Err(Problem::new(status, "slod hangs")
        .because(format!("it has been starting for {minutes} min")))
}

async fn not_ready() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the daemon is starting")
        .because("it is reading its history; try again in a few seconds")
        .with(header::RETRY_AFTER, RETRY_AFTER)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::WebSpec;
    use crate::metrics::SelfMetrics;
    use crate::web::serve_during;
    use axum::body::Body;
    use axum::http::Request;
    use axum::response::Response;
    use std::net::Ipv4Addr;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::oneshot;
    use tokio::time::advance;
    use tower::ServiceExt;

    fn access() -> Access {
        let own = SelfMetrics::new().expect("metrics");
        Access::new(&WebSpec::default(), None, true, own).expect("no file")
    }

    async fn ask(router: &Router, request: Request<Body>) -> Response {
        router.clone().oneshot(request).await.expect("infallible")
    }

    #[tokio::test(start_paused = true)]
    async fn everything_except_liveness_is_to_be_requested_later() {
        let router = starting(access(), Clock::system());
        for (method, path) in [
            ("GET", "/"),
            ("GET", "/-/ready"),
            ("GET", "/metrics"),
            ("POST", "/api/v1/heartbeat/nightly/index"),
        ] {
            let request = Request::builder().method(method).uri(path);
            let answer = ask(&router, request.body(Body::empty()).expect("valid")).await;
            assert_eq!(answer.status(), 503, "{path}");
            assert_eq!(answer.headers()[header::RETRY_AFTER], RETRY_AFTER, "{path}");
        }
        let healthy = || {
            Request::get("/-/healthy")
                .body(Body::empty())
                .expect("valid")
        };
        advance(START_MAX).await;
        assert_eq!(ask(&router, healthy()).await.status(), 200);
        advance(Duration::from_mins(1)).await;
        assert_eq!(ask(&router, healthy()).await.status(), 503);
    }

    #[tokio::test]
    async fn a_slow_client_does_not_delay_the_start() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let address = listener.local_addr().expect("bound");
        let (opened, opening) = oneshot::channel();
        let router = starting(access(), Clock::system());
        let server =
            tokio::spawn(async move { serve_during(&listener, router, access(), opening).await });
        let mut slow = TcpStream::connect(address).await.expect("it listens");
        slow.write_all(b"GET / HTTP/1.1\r\n").await.expect("sent");
        let mut quick = TcpStream::connect(address).await.expect("it listens");
        let request = b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        quick.write_all(request).await.expect("sent");
        let mut answer = String::new();
        quick.read_to_string(&mut answer).await.expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
        assert!(answer.contains("retry-after: 5"), "{answer}");
        opened.send("opened").expect("still waiting");
        assert_eq!(server.await.expect("no panic"), Ok("opened"));
        slow.write_all(b"Host: a\r\n\r\n").await.expect("sent");
        let mut answer = String::new();
        slow.read_to_string(&mut answer).await.expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    }
}
