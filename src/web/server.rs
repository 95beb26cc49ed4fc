//! The accept loop: our own, because it must stay answerable when clients misbehave. Slow headers
//! time out, and when every place is taken the connection that is idle longest makes room.

use super::accept;
use super::auth::{Access, Rules};
use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// Connections at the same time.
const CONNECTIONS: usize = 1024;
/// A request's head must be complete within this; also how long an idle connection is kept.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// Bytes of a request's head.
const HEAD_LIMIT: usize = 32 * 1024;
/// How long requests may go on after a stop request.
const DRAIN: Duration = Duration::from_secs(5);
/// Pause after an accept that failed for want of file descriptors.
const BREATHER: Duration = Duration::from_millis(50);

/// Serves until `stop`, then lets the requests that run end.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    access: Access,
    stop: impl Future<Output = ()>,
) {
    let connections_table = Arc::new(ConnectionTable::default());
    let closing = CancellationToken::new();
    let mut connections = JoinSet::new();
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, address)) => {
                let connection_slot = connections_table.take();
                connections.spawn(serve_connection(
                    (stream, address),
                    router.clone(),
                    access.rules(),
                    connection_slot,
                    closing.clone(),
                ));
            }
            Err(error) => accept_backoff(&error).await,
        }
    }
    closing.cancel();
    let all_ended = async { while connections.join_next().await.is_some() {} };
    if timeout(DRAIN, all_ended).await.is_err() {
        tracing::warn!("some requests did not end in time and were aborted");
    }
}

/// A client that is gone already is nothing; anything else would come again at once.
async fn accept_backoff(error: &io::Error) {
    let gone = [
        io::ErrorKind::ConnectionAborted,
        io::ErrorKind::ConnectionReset,
        io::ErrorKind::Interrupted,
    ];
    if !gone.contains(&error.kind()) {
        tracing::warn!("cannot accept a connection: {error}");
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
    // Answers are small and complete: waiting for more to send only delays them.
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
    let connection_slot = Arc::new(connection_slot);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        let (router, busy) = (router.clone(), connection_slot.busy());
        request.extensions_mut().insert(peer.clone());
        async move {
            let answer = router
                .oneshot(request.map(axum::body::Body::new) as Request)
                .await;
            drop(busy);
            answer
        }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_LIMIT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(HEAD_TIMEOUT)
        .max_concurrent_streams(32);
    if !rules.file.http2 {
        builder = builder.http1_only();
    }
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        // A client's fault is the client's.
        _ = connection.as_mut() => return,
        () = evicted.cancelled() => return,
        () = closing.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// The connections that are open, and since when each is idle.
#[derive(Debug, Default)]
struct ConnectionTable {
    next: AtomicU64,
    open: Mutex<BTreeMap<u64, Arc<Slot>>>,
}

#[derive(Debug)]
struct Slot {
    evicted: CancellationToken,
    /// Requests that run on it now.
    busy: AtomicUsize,
    idle_since: Mutex<Instant>,
}

/// One connection's place, given back when it is dropped.
#[derive(Debug)]
struct ConnectionSlot {
    id: u64,
    connections_table: Arc<ConnectionTable>,
    slot: Arc<Slot>,
    evicted: CancellationToken,
}

/// A request that runs.
struct Busy(Arc<Slot>);

impl ConnectionTable {
    /// Takes a place; the connection that is idle longest loses its own if all are taken.
    fn take(self: &Arc<Self>) -> ConnectionSlot {
        let evicted = CancellationToken::new();
        let slot = Arc::new(Slot {
            evicted: evicted.clone(),
            busy: AtomicUsize::new(0),
            idle_since: Mutex::new(Instant::now()),
        });
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let mut open = locked(&self.open);
        if open.len() >= CONNECTIONS {
            let idle = open
                .iter()
                .filter(|(_, slot)| slot.busy.load(Ordering::Acquire) == 0);
            let longest = idle
                .min_by_key(|(_, slot)| *locked(&slot.idle_since))
                .map(|(id, _)| *id);
            if let Some(slot) = longest.and_then(|id| open.remove(&id)) {
                slot.evicted.cancel();
            }
        }
        open.insert(id, slot.clone());
        ConnectionSlot {
            id,
            connections_table: self.clone(),
            slot,
            evicted,
        }
    }
}

impl ConnectionSlot {
    fn busy(&self) -> Busy {
        self.slot.busy.fetch_add(1, Ordering::AcqRel);
        Busy(self.slot.clone())
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        locked(&self.connections_table.open).remove(&self.id);
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        *locked(&self.0.idle_since) = Instant::now();
        self.0.busy.fetch_sub(1, Ordering::AcqRel);
    }
}

/// No holder of these locks can panic half-way through a change.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
