//! Handles for appending outcomes, and starting and stopping the writer thread.

use super::beats::{PendingBeat, add_beats};
use super::worker::Worker;
use super::{CountingPlan, NewDelivery, OUTBOX_MAX, Stage, Store, StoreError, StoreStats, Tick};
use crate::alert::AlertRecord;
use crate::clock::Clock;
use crate::format::numbers::plural;
use crate::outcome::{ProbeKey, Record, Timestamp};
use parking_lot::{Condvar, Mutex, MutexGuard};
use std::any::Any;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Maximum number of outcomes that wait in memory while the disk fails: about 20 MB, and 16 minutes
/// of 1000 probes every 10 s. Further outcomes are dropped and counted.
pub const BACKLOG_MAX: usize = 100_000;

/// Maximum number of alerts that wait to be written: about 8 MB. All tiers of thousands of
/// objectives may fire at once.
pub const ALERTS_MAX: usize = 40_000;

/// Maximum number of samples that wait in memory while the disk fails: about 10 MB, and half an
/// hour of 2000 series every 10 s. Further samples are dropped and counted.
pub const SAMPLES_MAX: usize = 400_000;

/// If outcomes wait longer than this for a busy writer thread, the disk is considered hanging.
const HANGING: Duration = Duration::from_secs(30);

/// Maximum number of waiting jobs.
const JOBS_MAX: usize = 100;

/// Whether a report is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Durability {
    OnDisk,
    /// It waits to be written, for this reason.
    InMemory(String),
}

/// A job for the writer thread, such as adding a correction.
pub(super) type WriterJob = Box<dyn FnOnce(&mut Store) + Send>;

/// A job with a caller waiting for its answer.
type AskedJob = Box<dyn FnOnce(&mut Store) -> Answer + Send>;
type Answer = Box<dyn Any + Send>;

#[derive(Default)]
pub(super) struct WriterState {
    pub(super) queue: VecDeque<(Stage, Record)>,
    pub(super) jobs: VecDeque<WriterJob>,
    /// Alerts that started or ended.
    pub(super) alerts: Vec<AlertRecord>,
    /// Alerts that the thread has taken and not yet committed.
    pub(super) alerts_in_flight: usize,
    /// The last report of each reporting job: at most one per heartbeat probe.
    pub(super) beats: HashMap<ProbeKey, PendingBeat>,
    /// Reports that the thread has taken and not yet committed.
    pub(super) beats_in_flight: usize,
    /// Notices to be delivered.
    pub(super) deliveries: Vec<NewDelivery>,
    /// Samples to be stored.
    pub(super) ticks: Vec<Tick>,
    /// The number of samples in `ticks`, including those the thread has taken and not yet
    /// committed.
    pub(super) samples: usize,
    /// The retention of samples, once known.
    pub(super) sample_retention: Option<Duration>,
    /// Outcomes that the thread has taken and not yet committed.
    pub(super) in_flight: usize,
    /// The number of requested flushes, and the last one that completed.
    pub(super) asked: u64,
    pub(super) answered: u64,
    /// Why the last commit failed, regardless of samples and maintenance.
    pub(super) commit_error: Option<String>,
    /// Set once: stop when everything is committed, at the latest at this time.
    pub(super) closing: Option<Instant>,
    pub(super) ended: bool,
    /// When the thread started its current round; `None` while it waits for the next one. The time
    /// since its last commit would include time when the whole process was frozen.
    pub(super) busy_since: Option<Instant>,
    pub(super) stats: StoreStats,
}

impl WriterState {
    /// The number of waiting items of all kinds, taken by the thread or not.
    fn waiting(&self) -> usize {
        let outcomes = self.queue.len() + self.in_flight;
        let alerts = self.alerts.len() + self.alerts_in_flight + self.deliveries.len();
        outcomes + alerts + self.beats.len() + self.beats_in_flight + self.samples
    }
}

#[derive(Default)]
pub(super) struct Shared {
    pub(super) state: Mutex<WriterState>,
    pub(super) wake: Condvar,
    pub(super) done: Condvar,
    /// Cancelled when the thread has ended.
    pub(super) end: CancellationToken,
}

impl Shared {
    pub(super) fn state(&self) -> MutexGuard<'_, WriterState> {
        self.state.lock()
    }

    fn close(&self, deadline: Instant) {
        self.state().closing.get_or_insert(deadline);
        self.wake.notify_one();
    }

    /// Waits until `done` or the deadline; returns whether `done`.
    fn wait_until(&self, deadline: Instant, done: impl Fn(&WriterState) -> bool) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        let mut state = self.state();
        let waits = |state: &mut WriterState| !done(state) && !state.ended;
        self.done.wait_while_for(&mut state, waits, left);
        done(&state)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// A handle for appending outcomes. Cheap to clone.
#[derive(Clone, Debug)]
pub struct StoreHandle(pub(super) Arc<Shared>);

impl StoreHandle {
    /// Queues an outcome, which is committed within about a second. Never waits for the disk.
    pub fn append(&self, record: Record) {
        self.take(Stage::Known, record);
    }

    /// Queues an outcome of any stage, like [`StoreHandle::append`].
    pub fn take(&self, at: Stage, record: Record) {
        let mut state = self.0.state();
        if state.ended || state.queue.len() + state.in_flight >= BACKLOG_MAX {
            state.stats.lost_total += 1;
        } else {
            state.queue.push_back((at, record));
        }
    }

    /// Queues alerts that started or ended, and the notices to send about them, for the next
    /// commit: all of it or nothing. Never waits for the disk.
    pub fn keep_alerts(
        &self,
        alerts: impl IntoIterator<Item = AlertRecord>,
        deliveries: Vec<NewDelivery>,
    ) {
        let mut state = self.0.state();
        let room = OUTBOX_MAX.saturating_sub(state.deliveries.len());
        let room = if state.ended { 0 } else { room };
        state.stats.lost_deliveries_total += deliveries.len().saturating_sub(room) as u64;
        state.deliveries.extend(deliveries.into_iter().take(room));
        for alert in alerts {
            if state.ended || state.alerts.len() + state.alerts_in_flight >= ALERTS_MAX {
                state.stats.lost_alerts_total += 1;
            } else {
                state.alerts.push(alert);
            }
        }
    }

    /// Stores a time in which alerts were not evaluated, at the next commit. Never waits for the disk; only a backtest
    /// needs it, so an error is logged and not retried.
    pub fn keep_gap(&self, gap: (Timestamp, Timestamp)) {
        let mut state = self.0.state();
        if !state.ended && state.jobs.len() < JOBS_MAX {
            state.jobs.push_back(Box::new(move |store: &mut Store| {
                if let Err(error) = store.keep_gap(gap) {
                    tracing::warn!("{error}");
                }
            }));
        }
    }

    /// Queues a job's report, and starts a commit immediately unless the disk fails. If it fails or
    /// takes longer than `timeout`, the report waits in memory. Returns `None` after the writer has
    /// ended. Blocks.
    pub fn keep_beat(
        &self,
        key: &ProbeKey,
        beat: PendingBeat,
        timeout: Duration,
    ) -> Option<Durability> {
        let mine = {
            let mut state = self.0.state();
            if state.ended {
                return None;
            }
            add_beats(&mut state.beats, [(key.clone(), beat)].into());
            state.asked += 1;
            state.asked
        };
        self.0.wake.notify_one();
        let is_decided =
            |state: &WriterState| state.answered >= mine || state.commit_error.is_some();
        self.0.wait_until(Instant::now() + timeout, is_decided);
        let state = self.0.state();
        if state.answered >= mine {
            return Some(Durability::OnDisk);
        }
        let why = state.commit_error.as_deref();
        let why = why.unwrap_or("the store did not respond in time");
        (!state.ended).then(|| Durability::InMemory(why.to_owned()))
    }

    /// Queues samples for the next commit. Never waits for the disk.
    pub fn keep_samples(&self, tick: Tick) {
        let mut state = self.0.state();
        let samples = tick.samples.len();
        if state.ended || state.samples + samples > SAMPLES_MAX {
            state.stats.lost_samples_total += samples as u64;
        } else if samples > 0 {
            state.samples += samples;
            state.ticks.push(tick);
        }
    }

    /// Sets the retention of samples; older ones are deleted.
    pub fn keep_samples_for(&self, retention: Duration) {
        self.0.state().sample_retention = Some(retention);
    }

    pub fn stats(&self) -> StoreStats {
        let shared = self.0.state();
        let mut stats = shared.stats.clone();
        stats.backlog = shared.queue.len() + shared.in_flight;
        let busy = shared.busy_since.map_or(Duration::ZERO, |at| at.elapsed());
        if stats.last_error.is_none() && stats.backlog > 0 && busy > HANGING {
            stats.last_error = Some(format!("no commit has completed for {} s", busy.as_secs()));
        }
        stats
    }

    /// Waits until the writer thread has ended: after [`Writer::close`], or because of a panic.
    pub async fn ended(&self) {
        self.0.end.cancelled().await;
    }

    /// Describes what was not written, and why, in one sentence. For shutdown, when it can no
    /// longer be written.
    pub fn unwritten(&self) -> String {
        let state = self.0.state();
        let why = state.stats.last_error.as_deref();
        let waiting = [
            (state.queue.len() + state.in_flight, "outcome"),
            (state.alerts.len() + state.alerts_in_flight, "alert"),
            (state.deliveries.len(), "notice"),
            (
                state.beats.len() + state.beats_in_flight,
                "heartbeat report",
            ),
            (state.samples, "sample"),
        ];
        let waiting = waiting.into_iter().filter(|(number, _)| *number > 0);
        let waiting = waiting.map(|(number, word)| plural(number as u64, word));
        let waiting: Vec<_> = waiting.collect();
        let why = why.unwrap_or("the store did not respond in time");
        if waiting.is_empty() {
            return why.to_owned();
        }
        format!("{why} ({} not written)", waiting.join(", "))
    }

    /// Runs a job with the store on the writer thread, and waits for its answer. Returns `None` if
    /// it did not start within `timeout`, in which case it never will, or did not finish within
    /// `timeout` after that. Blocks.
    pub fn ask<T: Send + 'static>(
        &self,
        timeout: Duration,
        job: impl FnOnce(&mut Store) -> T + Send + 'static,
    ) -> Option<T> {
        let answer = self.ask_any(timeout, Box::new(|store| Box::new(job(store))))?;
        Some(*answer.downcast().ok()?)
    }

    /// The same with a type-erased answer, so that it is compiled once.
    fn ask_any(&self, timeout: Duration, job: AskedJob) -> Option<Answer> {
        let (answer, answered) = mpsc::sync_channel(1);
        // Set by whichever comes first: the thread when it starts the job, or the caller when it
        // gives up.
        let decided = Arc::new(AtomicBool::new(false));
        let begins = Arc::clone(&decided);
        let job = move |store: &mut Store| {
            if !begins.swap(true, Ordering::AcqRel) {
                // The caller may have stopped waiting.
                let _ = answer.send(job(store));
            }
        };
        {
            let mut state = self.0.state();
            if state.ended || state.jobs.len() >= JOBS_MAX {
                return None;
            }
            state.jobs.push_back(Box::new(job));
        }
        self.0.wake.notify_one();
        let in_time = answered.recv_timeout(timeout).ok();
        let has_begun = || decided.swap(true, Ordering::AcqRel);
        in_time.or_else(|| has_begun().then(|| answered.recv_timeout(timeout).ok())?)
    }

    /// Commits everything appended so far; returns `false` if that did not succeed within
    /// `timeout`. Blocks.
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

/// The writer thread, to be closed at shutdown.
#[derive(Debug)]
pub struct Writer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub fn handle(&self) -> StoreHandle {
        StoreHandle(Arc::clone(&self.shared))
    }

    /// Commits everything that waits and closes the store. Returns `false` if that did not succeed
    /// within `timeout`; [`StoreStats::backlog`] is then the number of waiting outcomes. Blocks.
    pub fn close(mut self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        self.shared.close(deadline);
        self.shared.wait_until(deadline, |state| state.ended);
        let state = self.shared.state();
        let (ended, left) = (state.ended, state.waiting());
        drop(state);
        // A thread that hangs in a disk operation is not joined, since joining would hang too.
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
    /// Starts a thread that owns the store, appends and compacts records, and deletes those older
    /// than `retention`. `plan` is called for each hour that is compacted, so that it may change.
    pub fn writer(
        self,
        clock: Clock,
        retention: Duration,
        plan: impl Fn(&ProbeKey) -> CountingPlan + Send + 'static,
    ) -> Result<Writer, StoreError> {
        let shared = Arc::new(Shared::default());
        let worker = Worker::new(self, Arc::clone(&shared), clock, retention, Box::new(plan));
        let thread = thread::Builder::new().name("slod-store".to_owned());
        let thread = thread.spawn(move || worker.run());
        Ok(Writer {
            shared,
            thread: Some(thread.map_err(StoreError::io("start the writer thread"))?),
        })
    }
}
