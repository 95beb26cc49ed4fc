//! A small HTTP server for measurements: responds to every request with 200 and about 100 bytes,
//! after a delay in milliseconds given as its argument. Prints its address, and serves until it is
//! killed. `Server-Timing` reports the server's own processing time.

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

const BODY: &[u8] = br#"{"status":"ok","padding":"........................................................................"}"#;

async fn answer(
    _: Request<Incoming>,
    after: Duration,
) -> Result<Response<Full<Bytes>>, hyper::http::Error> {
    let started = Instant::now();
    if !after.is_zero() {
        sleep(after).await;
    }
    let took = started.elapsed().as_secs_f64() * 1000.0;
    Response::builder()
        .header("server-timing", format!("app;dur={took:.3}"))
        .body(Full::new(Bytes::from_static(BODY)))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let argument = std::env::args().nth(1);
    let after = argument.and_then(|ms| ms.parse().ok()).unwrap_or(0);
    let after = Duration::from_millis(after);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            let served = hyper::server::conn::http1::Builder::new();
            let service = service_fn(move |request| answer(request, after));
            // A client that disconnects does not invalidate a measurement.
            let _ = served.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
