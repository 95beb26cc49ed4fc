//! The one thread that writes: group commits, then a little housekeeping.

use super::{Plan, Store, StoreError};
use crate::clock::Clock;
use crate::outcome::{ProbeKey, Record};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Outcomes that wait in memory while the disk fails: some 20 MB, and 16 minutes of 1000 probes
/// every 10 s. What comes beyond is lost, and counted.
pub const BACKLOG_MAX: usize = 100_000;
/// A killed process loses at most this much.
const COMMIT_EVERY: Duration = Duration::from_secs(1);
/// Outcomes per transaction, so that a long backlog does not become one huge transaction.
const BATCH: usize = 10_000;
/// Compacting may take this long between two commits.
const HOUSEKEEPING: Duration = Duration::from_millis(200);
/// While stopping, a failing disk is tried again sooner.
const LAST_TRIES_EVERY: Duration = Duration::from_millis(100);

/// How the store is doing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoreStats {
    /// Outcomes that wait to be committed.
    pub backlog: usize,
    /// Outcomes that found the backlog full.
    pub lost_total: u64,
    pub committed_total: u64,
    pub commits: u64,
    pub last_commit_seconds: f64,
    pub commit_seconds_sum: f64,
    pub size_bytes: u64,
    pub unreadable_blocks: u64,
    /// Why the latest attempt to write failed; `None` while all is well.
    pub last_error: Option<String>,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Record>,
    /// Outcomes that the thread has taken and not yet committed.
    in_flight: usize,
    /// Flushes asked for, and the last one that was answered.
    asked: u64,
    answered: u64,
    /// Set once: end when all is committed, and then at the latest.
    closing: Option<Instant>,
    ended: bool,
    stats: StoreStats,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    done: Condvar,
}

impl Shared {
    /// No holder of this lock can panic half-way through a change.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self, deadline: Instant) {
        self.state().closing.get_or_insert(deadline);
        self.wake.notify_one();
    }

    /// Waits until `done`, or the deadline; tells which.
    fn wait_until(&self, deadline: Instant, done: impl Fn(&State) -> bool) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        let waited = self
            .done
            .wait_timeout_while(self.state(), left, |state| !done(state) && !state.ended);
        done(&waited.unwrap_or_else(PoisonError::into_inner).0)
    }
}

/// Where outcomes go in. Cheap to clone.
#[derive(Clone, Debug)]
pub struct StoreHandle(Arc<Shared>);

impl StoreHandle {
    /// Takes an outcome to be committed within about a second. Never waits for the disk.
    pub fn append(&self, record: Record) {
        let mut state = self.0.state();
        if state.ended || state.queue.len() + state.in_flight >= BACKLOG_MAX {
            state.stats.lost_total += 1;
        } else {
            state.queue.push_back(record);
        }
    }

    pub fn stats(&self) -> StoreStats {
        let state = self.0.state();
        let backlog = state.queue.len() + state.in_flight;
        StoreStats {
            backlog,
            ..state.stats.clone()
        }
    }

    /// Commits now what was appended so far; `false` if that did not succeed in time. Blocks.
    pub fn flush(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mine = {
            let mut state = self.0.state();
            state.asked += 1;
            state.asked
        };
        self.0.wake.notify_one();
        self.0.wait_until(deadline, |state| state.answered >= mine)
    }
}

/// The writing thread, to be closed at the end.
#[derive(Debug)]
pub struct Writer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub fn handle(&self) -> StoreHandle {
        StoreHandle(Arc::clone(&self.shared))
    }

    /// Commits what is left and closes the store. `false` if that did not succeed in time: then
    /// [`StoreStats::backlog`] says how much is still waiting. Blocks.
    pub fn close(mut self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        self.shared.close(deadline);
        self.shared.wait_until(deadline, |state| state.ended);
        let state = self.shared.state();
        let (ended, left) = (state.ended, state.queue.len() + state.in_flight);
        drop(state);
        // A thread that hangs in the disk is left to itself: joining it would hang as well.
        match self.thread.take() {
            Some(thread) if ended => thread.join().is_ok() && left == 0,
            _ => false,
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.close(Instant::now());
    }
}

impl Store {
    /// Hands the store over to a thread that appends, compacts and deletes what is older than
    /// `retention`. `plan` is asked for each hour that is compacted, so that it may change.
    pub fn writer(
        self,
        clock: Clock,
        retention: Duration,
        plan: impl Fn(&ProbeKey) -> Plan + Send + 'static,
    ) -> Result<Writer, StoreError> {
        let shared = Arc::new(Shared::default());
        let worker = Worker::new(self, Arc::clone(&shared), clock, retention, Box::new(plan));
        let thread = thread::Builder::new().name("slod-store".to_owned());
        let thread = thread.spawn(move || worker.run());
        Ok(Writer {
            shared,
            thread: Some(thread.map_err(StoreError::io("start the store's thread"))?),
        })
    }
}

struct Worker {
    store: Store,
    shared: Arc<Shared>,
    clock: Clock,
    retention: Duration,
    plan: Box<dyn Fn(&ProbeKey) -> Plan + Send>,
    /// Taken from the queue; stays until it is committed.
    batch: Vec<Record>,
}

/// Tells everybody that the thread has ended, however it did.
struct End(Arc<Shared>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.state().ended = true;
        self.0.done.notify_all();
    }
}

impl Worker {
    fn new(
        store: Store,
        shared: Arc<Shared>,
        clock: Clock,
        retention: Duration,
        plan: Box<dyn Fn(&ProbeKey) -> Plan + Send>,
    ) -> Self {
        shared.state().stats.size_bytes = store.size_bytes();
        Self {
            store,
            shared,
            clock,
            retention,
            plan,
            batch: Vec::new(),
        }
    }

    fn run(mut self) {
        let _end = End(Arc::clone(&self.shared));
        let mut healthy = true;
        loop {
            let closing = self.wait(healthy);
            let result = self.round(closing.is_none());
            healthy = result.is_ok();
            self.tell(result.err());
            if closing.is_some_and(|deadline| healthy || Instant::now() >= deadline) {
                break;
            }
        }
        // Closes the file and lets go of the lock before the end is told.
        drop(self.store);
    }

    /// Sleeps until the next round is due: after a second, or as soon as a flush or the end is
    /// wanted. While writing fails, a flush cannot hurry it.
    fn wait(&self, healthy: bool) -> Option<Instant> {
        let state = self.shared.state();
        let was_closing = state.closing.is_some();
        let pause = if was_closing && !healthy {
            LAST_TRIES_EVERY
        } else {
            COMMIT_EVERY
        };
        let idle = |state: &mut State| match (healthy, state.closing) {
            (true, closing) => closing.is_none() && state.asked == state.answered,
            (false, closing) => was_closing || closing.is_none(),
        };
        let waited = self.shared.wake.wait_timeout_while(state, pause, idle);
        waited.unwrap_or_else(PoisonError::into_inner).0.closing
    }

    /// Commits all that waits, then keeps house for a moment unless it is time to stop.
    fn round(&mut self, housekeeping: bool) -> Result<(), StoreError> {
        let asked = self.shared.state().asked;
        while self.take_batch() {
            self.commit()?;
        }
        self.shared.state().answered = asked;
        self.shared.done.notify_all();
        if housekeeping {
            self.keep_house()
        } else {
            Ok(())
        }
    }

    fn take_batch(&mut self) -> bool {
        if self.batch.is_empty() {
            let mut state = self.shared.state();
            let take = state.queue.len().min(BATCH);
            self.batch.extend(state.queue.drain(..take));
            state.in_flight = take;
        }
        !self.batch.is_empty()
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        let started = Instant::now();
        self.store.append(&self.batch)?;
        let seconds = started.elapsed().as_secs_f64();
        let mut state = self.shared.state();
        state.in_flight = 0;
        let stats = &mut state.stats;
        stats.committed_total += self.batch.len() as u64;
        stats.commits += 1;
        stats.last_commit_seconds = seconds;
        stats.commit_seconds_sum += seconds;
        drop(state);
        self.batch.clear();
        Ok(())
    }

    fn keep_house(&mut self) -> Result<(), StoreError> {
        let (started, now) = (Instant::now(), self.clock.now());
        while started.elapsed() < HOUSEKEEPING {
            let worked = self.store.compact_step(now, &*self.plan)?
                || self.store.expire_step(now.before(self.retention))?;
            if !worked {
                break;
            }
        }
        Ok(())
    }

    /// Says in the log, once, that writing began to fail or works again; and in the figures always.
    fn tell(&self, error: Option<StoreError>) {
        let error = error.map(|error| error.to_string());
        let mut state = self.shared.state();
        let backlog = state.queue.len() + state.in_flight;
        let stats = &mut state.stats;
        match (&stats.last_error, &error) {
            (None, Some(error)) => {
                tracing::error!(
                    backlog,
                    "the store cannot write, outcomes wait in memory: {error}"
                );
            }
            (Some(_), None) => {
                tracing::info!(lost_total = stats.lost_total, "the store writes again");
            }
            _ => {}
        }
        stats.last_error = error;
        stats.size_bytes = self.store.size_bytes();
        stats.unreadable_blocks = self.store.unreadable_blocks();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Outcome, Timestamp, Verdict};

    const HOUR: i64 = 3_600_000;

    fn record(number: i64) -> Record {
        let mut outcome = Outcome::new(Verdict::Good, Duration::from_millis(80));
        outcome
            .detail
            .say("a sentence that takes some room on the disk");
        Record {
            key: ProbeKey::new("concierge", "health"),
            at: Timestamp(1000 * HOUR + number),
            interval: Duration::from_secs(10),
            outcome,
        }
    }

    fn worker(folder: &tempfile::TempDir) -> (Worker, StoreHandle) {
        let store = Store::open(&folder.path().join("slod.db")).expect("opens");
        let shared = Arc::new(Shared::default());
        let handle = StoreHandle(Arc::clone(&shared));
        let clock = Clock::manual(Timestamp(1000 * HOUR));
        let retention = Duration::from_secs(86_400);
        let plan = Box::new(|_: &ProbeKey| Plan::default());
        (Worker::new(store, shared, clock, retention, plan), handle)
    }

    fn round(worker: &mut Worker) {
        let result = worker.round(true);
        worker.tell(result.err());
    }

    #[test]
    fn a_full_disk_keeps_the_backlog_counts_the_loss_and_recovers() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut worker, handle) = worker(&folder);
        handle.append(record(0));
        round(&mut worker);
        assert_eq!(handle.stats().committed_total, 1);

        // SQLite's own limit makes it fail as a full disk does, with SQLITE_FULL.
        let limit = |worker: &Worker, pages: i64| {
            let set = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
            let sql = format!("PRAGMA max_page_count = {pages}");
            worker.store.conn.query_row(&sql, [], set).expect("sets");
        };
        limit(&worker, 20);
        for number in 1..=100_005 {
            handle.append(record(number));
        }
        for _ in 0..3 {
            round(&mut worker);
        }
        let stats = handle.stats();
        assert_eq!(
            (stats.backlog, stats.lost_total, stats.committed_total),
            (BACKLOG_MAX, 5, 1)
        );
        let error = stats.last_error.expect("the disk is full");
        assert!(error.contains("full"), "{error}");
        assert!(!handle.flush(Duration::ZERO));

        limit(&worker, 1_000_000);
        round(&mut worker);
        let stats = handle.stats();
        assert_eq!(
            (stats.backlog, stats.lost_total, stats.committed_total),
            (0, 5, 100_001)
        );
        assert_eq!(stats.last_error, None);
        let (from, to) = (Timestamp(0), Timestamp(2000 * HOUR));
        let kept = worker
            .store
            .outcomes(&record(0).key, from, to)
            .expect("reads");
        assert_eq!(kept.len(), 100_001);
    }

    #[test]
    fn a_backlog_of_a_new_probe_survives_the_rollback_of_its_id() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut worker, handle) = worker(&folder);
        let other = rusqlite::Connection::open(folder.path().join("slod.db")).expect("opens");
        let lock =
            "CREATE TRIGGER refuse BEFORE INSERT ON outcome BEGIN SELECT RAISE(ABORT, 'no'); END";
        other.execute_batch(lock).expect("locks");
        handle.append(record(0));
        round(&mut worker);
        assert_eq!(handle.stats().backlog, 1);
        assert_eq!(worker.store.probes(), []);
        other.execute_batch("DROP TRIGGER refuse").expect("unlocks");
        round(&mut worker);
        assert_eq!(handle.stats().committed_total, 1);
        assert_eq!(worker.store.probes(), [record(0).key]);
    }
}
