//! The accept loop. It is slod's own, because it must remain responsive when clients misbehave: slow
//! headers and unread responses time out, and when all slots are taken a connection is evicted.

use super::accept;
use super::auth::{Access, Rules};
use super::connections::{ConnectionSlot, ConnectionTable};
use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// Timeout for a request's headers and for the first request; also the timeout of idle connections.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// Maximum size of a request's headers in bytes.
const HEAD_LIMIT: usize = 32 * 1024;
/// How long a client may not read from a response.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum number of concurrent requests on an HTTP/2 connection.
const STREAMS: u32 = 16;
/// Send buffer per HTTP/2 request in bytes.
const STREAM_BUFFER: usize = 64 * 1024;
/// Flow-control window per HTTP/2 request in bytes.
const WINDOW: u32 = 64 * 1024;
/// How long requests may continue after a stop request.
const DRAIN: Duration = Duration::from_secs(5);
/// Minimum time between two log messages about failed accepts.
const LOGGED_EVERY: Duration = Duration::from_secs(10);
/// Pause after an accept that failed for lack of file descriptors.
const BREATHER: Duration = Duration::from_millis(50);

/// Serves until `stop`, then waits for requests in progress.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    access: Access,
    stop: impl Future<Output = ()>,
) {
    let ((), connections) = accept_until(&listener, router, access, stop).await;
    drain(connections).await;
}

/// Serves while `work` runs, and returns its result. Requests in progress end in the background, so that
/// a slow client delays nothing.
pub async fn serve_during<T>(
    listener: &TcpListener,
    router: Router,
    access: Access,
    work: impl Future<Output = T>,
) -> T {
    let (result, connections) = accept_until(listener, router, access, work).await;
    tokio::spawn(drain(connections));
    result
}

/// Accepts connections until a future is done. Returns its result, and the connections, which end after
/// their requests in progress.
async fn accept_until<T>(
    listener: &TcpListener,
    router: Router,
    access: Access,
    end: impl Future<Output = T>,
) -> (T, JoinSet<()>) {
    let connections_table = Arc::new(ConnectionTable::new());
    let closing = CancellationToken::new();
    let mut connections = JoinSet::new();
    let mut failures = AcceptFailures::default();
    tokio::pin!(end);
    let result = loop {
        let accepted = tokio::select! {
            result = &mut end => break result,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, address)) => {
                let Some(connection_slot) = connections_table.take().await else {
                    continue;
                };
                connections.spawn(serve_connection(
                    (stream, address),
                    router.clone(),
                    access.rules(),
                    connection_slot,
                    closing.clone(),
                ));
            }
            Err(error) => failures.backoff(&error).await,
        }
    };
    closing.cancel();
    (result, connections)
}

async fn drain(mut connections: JoinSet<()>) {
    let all_ended = async { while connections.join_next().await.is_some() {} };
    if timeout(DRAIN, all_ended).await.is_err() {
        tracing::warn!("some requests did not end in time and were aborted");
    }
}

/// Reports failed accepts, at most once in [`LOGGED_EVERY`].
#[derive(Default)]
struct AcceptFailures {
    logged: Option<Instant>,
}

impl AcceptFailures {
    /// A client that is already gone needs no pause; other errors would repeat immediately.
    async fn backoff(&mut self, error: &io::Error) {
        let gone = [
            io::ErrorKind::ConnectionAborted,
            io::ErrorKind::ConnectionReset,
            io::ErrorKind::Interrupted,
        ];
        if gone.contains(&error.kind()) {
            return;
        }
        if self.logged.is_none_or(|at| at.elapsed() >= LOGGED_EVERY) {
            self.logged = Some(Instant::now());
            tracing::warn!("cannot accept connections: {error}");
        }
        sleep(BREATHER).await;
    }
}

async fn serve_connection(
    (stream, address): (TcpStream, SocketAddr),
    router: Router,
    rules: Arc<Rules>,
    connection_slot: ConnectionSlot,
    closing: CancellationToken,
) {
    // Responses are small and complete: waiting for more data only delays them.
    let _ = stream.set_nodelay(true);
    let evicted = connection_slot.evicted.clone();
    let opened = tokio::select! {
        opened = accept::open(stream, address, rules.file.tls.as_ref()) => opened,
        () = evicted.cancelled() => return,
        () = closing.cancelled() => return,
    };
    let Some((stream, peer)) = opened else {
        return;
    };
    // Released after the connection is dropped: a slot is free when its socket is closed.
    let connection_slot = Arc::new(connection_slot);
    let slot = connection_slot.clone();
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let (mut head, body) = request.into_parts();
        head.extensions.insert(peer.clone());
        let (busy, upload) = slot.request(body);
        let (router, body) = (router.clone(), axum::body::Body::new(upload));
        async move {
            let answer = router.oneshot(Request::from_parts(head, body)).await;
            drop(busy);
            answer
        }
    });
    let protocols = protocols(rules.file.http2);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIMEOUT));
    let stream = TokioIo::new(Box::pin(stream));
    let connection = protocols.serve_connection(stream, service);
    tokio::pin!(connection);
    tokio::select! {
        // Errors caused by the client are ignored.
        _ = connection.as_mut() => return,
        () = evicted.cancelled() => return,
        () = connection_slot.unused(HEAD_TIMEOUT) => return,
        () = closing.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// HTTP/1 and HTTP/2 with their limits.
fn protocols(has_http2: bool) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        // As in other servers: a client may close its side after sending the request, as `nc -N` does.
        .half_close(true)
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_LIMIT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(HEAD_TIMEOUT)
        .max_concurrent_streams(STREAMS)
        .max_send_buf_size(STREAM_BUFFER)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW);
    if has_http2 {
        builder
    } else {
        builder.http1_only()
    }
}
