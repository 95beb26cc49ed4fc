//! Open connections, limited in number. If the limit is reached, a connection that waits for its client is
//! closed before the next one is served.

use hyper::body::{Body, Frame, SizeHint};
use hyper::body::{Bytes, Incoming};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Maximum number of open connections.
pub const CONNECTIONS: usize = 1024;
/// A connection may be closed for another one if its response takes longer than this.
const ANSWER_TIME: Duration = Duration::from_secs(1);
/// How long an evicted connection may take to close.
const CLOSE_TIME: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub struct ConnectionTable {
    most: usize,
    next: AtomicU64,
    open: Mutex<BTreeMap<u64, Arc<Slot>>>,
    closed: Notify,
}

#[derive(Debug)]
struct Slot {
    evicted: CancellationToken,
    /// Whether a request has begun.
    is_used: AtomicBool,
    /// Requests in progress on the connection.
    busy: AtomicUsize,
    /// Requests among them whose body has not arrived completely.
    uploads: AtomicUsize,
    /// Time of the latest start or end of a request.
    since: Mutex<Instant>,
}

/// Slot of one connection, released on drop.
#[derive(Debug)]
pub struct ConnectionSlot {
    id: u64,
    connections_table: Arc<ConnectionTable>,
    slot: Arc<Slot>,
    /// Cancelled when the connection must close.
    pub evicted: CancellationToken,
}

/// A request in progress.
pub struct ActiveRequest(Arc<Slot>);

/// Body of a request; it has arrived when the stream ends.
pub struct Upload {
    body: Incoming,
    slot: Option<Arc<Slot>>,
}

/// The maximum number of connections of a process that may open this number of files: clients leave most of them
/// for probes and the store.
fn most(open_files: u64) -> usize {
    let quarter = usize::try_from(open_files / 4).unwrap_or(CONNECTIONS);
    quarter.clamp(1, CONNECTIONS)
}

impl ConnectionTable {
    pub fn new() -> Self {
        let open_files = rlimit::Resource::NOFILE.get_soft();
        Self {
            most: open_files.map_or(CONNECTIONS, most),
            next: AtomicU64::default(),
            open: Mutex::default(),
            closed: Notify::new(),
        }
    }

    /// Takes a slot; `None` if all connections are busy with responses.
    pub async fn take(self: &Arc<Self>) -> Option<ConnectionSlot> {
        loop {
            if let Some(slot) = self.insert() {
                return Some(slot);
            }
            if !self.evict() {
                return None;
            }
            let _ = timeout(CLOSE_TIME, self.closed.notified()).await;
        }
    }

    fn insert(self: &Arc<Self>) -> Option<ConnectionSlot> {
        let mut open = self.open.lock();
        if open.len() >= self.most {
            return None;
        }
        let evicted = CancellationToken::new();
        let slot = Arc::new(Slot {
            evicted: evicted.clone(),
            is_used: AtomicBool::new(false),
            busy: AtomicUsize::new(0),
            uploads: AtomicUsize::new(0),
            since: Mutex::new(Instant::now()),
        });
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        open.insert(id, slot.clone());
        Some(ConnectionSlot {
            id,
            connections_table: self.clone(),
            slot,
            evicted,
        })
    }

    /// Evicts the connection that has waited for its client the longest, otherwise the one whose response
    /// takes the longest.
    fn evict(&self) -> bool {
        let open = self.open.lock();
        let staying = open.values().filter(|slot| !slot.evicted.is_cancelled());
        let late = Instant::now().checked_sub(ANSWER_TIME);
        let victim = staying
            .map(|slot| (!slot.waits_for_client(), *slot.since.lock(), slot))
            .min_by_key(|(answering, since, _)| (*answering, *since))
            .filter(|(answering, since, _)| !answering || late.is_some_and(|late| *since < late));
        if let Some((_, _, slot)) = &victim {
            slot.evicted.cancel();
        }
        // A connection that is already closing makes room too.
        victim.is_some() || open.values().any(|slot| slot.evicted.is_cancelled())
    }
}

impl Slot {
    fn waits_for_client(&self) -> bool {
        self.uploads.load(Ordering::Acquire) >= self.busy.load(Ordering::Acquire)
    }

    fn touch(&self) {
        *self.since.lock() = Instant::now();
    }
}

impl ConnectionSlot {
    /// Marks the connection as busy until the first return value is dropped.
    pub fn request(&self, body: Incoming) -> (ActiveRequest, Upload) {
        self.slot.touch();
        self.slot.is_used.store(true, Ordering::Release);
        self.slot.busy.fetch_add(1, Ordering::AcqRel);
        let slot = (!body.is_end_stream()).then(|| self.slot.clone());
        if let Some(slot) = &slot {
            slot.uploads.fetch_add(1, Ordering::AcqRel);
        }
        (ActiveRequest(self.slot.clone()), Upload { body, slot })
    }

    /// Completes if no request has begun in time. Until the first bytes show the version of HTTP, hyper waits for
    /// them without a limit.
    pub async fn unused(&self, limit: Duration) {
        sleep(limit).await;
        if self.slot.is_used.load(Ordering::Acquire) {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.connections_table.open.lock().remove(&self.id);
        self.connections_table.closed.notify_one();
    }
}

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        self.0.touch();
        self.0.busy.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Upload {
    fn end(&mut self) {
        if let Some(slot) = self.slot.take() {
            slot.uploads.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.end();
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.end();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_leave_open_files_for_probes() {
        for (open_files, connections) in [(0, 1), (64, 16), (1024, 256), (65_536, 1024)] {
            assert_eq!(most(open_files), connections, "{open_files}");
        }
        assert_eq!(most(u64::MAX), CONNECTIONS);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_a_request_is_unused() {
        let table = Arc::new(ConnectionTable::new());
        let slot = table.take().await.expect("free");
        let limit = Duration::from_secs(15);
        assert!(timeout(limit * 2, slot.unused(limit)).await.is_ok());
        slot.slot.is_used.store(true, Ordering::Release);
        assert!(timeout(limit * 2, slot.unused(limit)).await.is_err());
    }
}
