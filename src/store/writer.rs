//! Where outcomes go in, and how their writer is started and stopped.

use super::beats::{PendingBeat, add_beats};
use super::worker::Worker;
use super::{CountingPlan, NewDelivery, OUTBOX_MAX, Stage, Store, StoreError, Tick};
use crate::alert::AlertRecord;
use crate::clock::Clock;
use crate::format::numbers::plural;
use crate::outcome::{ProbeKey, Record};
use parking_lot::{Condvar, Mutex, MutexGuard};
use std::any::Any;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Outcomes that wait in memory while the disk fails: some 20 MB, and 16 minutes of 1000 probes
/// every 10 s. What comes beyond is lost, and counted.
pub const BACKLOG_MAX: usize = 100_000;

/// Alerts that may wait for the disk: some 8 MB. All tiers of thousands of objectives may begin at
/// one moment.
pub const ALERTS_MAX: usize = 40_000;

/// Samples that wait in memory while the disk fails: some 10 MB, and half an hour of 2000 series every
/// 10 s. What comes beyond is lost, and counted.
pub const SAMPLES_MAX: usize = 400_000;

/// Outcomes that wait longer than this for a thread that does not report back mean that the disk hangs.
const HANGING: Duration = Duration::from_secs(30);

/// Errands that may wait.
const ERRANDS_MAX: usize = 100;

/// How the store is doing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoreStats {
    /// Outcomes waiting to be committed.
    pub backlog: usize,
    /// Outcomes that found the backlog full.
    pub lost_total: u64,
    /// Alerts that began or ended and found too many waiting.
    pub lost_alerts_total: u64,
    /// Notices that found too many waiting.
    pub lost_deliveries_total: u64,
    /// Samples that found too many waiting.
    pub lost_samples_total: u64,
    /// Samples of series beyond [`super::SERIES_MAX`].
    pub excess_samples_total: u64,
    /// Series that have samples.
    pub series: usize,
    pub committed_total: u64,
    pub commits: u64,
    pub last_commit_seconds: f64,
    pub commit_seconds_sum: f64,
    pub size_bytes: u64,
    pub unreadable_blocks: u64,
    /// Why the latest attempt to write failed; `None` while all is well.
    pub last_error: Option<String>,
}

impl StoreStats {
    /// Why outcomes are not written, in one sentence; `None` while they are.
    pub fn trouble(&self) -> Option<String> {
        let error = self.last_error.as_ref()?;
        let (waiting, lost) = (self.backlog, self.lost_total);
        Some(format!(
            "the store cannot be written: {error} (probing continues: {waiting} outcomes wait in memory, {lost} were dropped)"
        ))
    }
}

/// How safe a report is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Durability {
    OnDisk,
    /// It waits for the disk, for this reason.
    InMemory(String),
}

/// Work for the thread that writes, such as a correction to keep.
pub(super) type WriterJob = Box<dyn FnOnce(&mut Store) + Send>;

/// One whose answer somebody waits for.
type AskedJob = Box<dyn FnOnce(&mut Store) -> Answer + Send>;
type Answer = Box<dyn Any + Send>;

#[derive(Default)]
pub(super) struct WriterState {
    pub(super) queue: VecDeque<(Stage, Record)>,
    pub(super) jobs: VecDeque<WriterJob>,
    /// Alerts that began or ended.
    pub(super) alerts: Vec<AlertRecord>,
    /// Alerts that the thread has taken and not yet committed.
    pub(super) alerts_in_flight: usize,
    /// The last report of each job that reported: at most one per heartbeat probe.
    pub(super) beats: HashMap<ProbeKey, PendingBeat>,
    /// Reports that the thread has taken and not yet committed.
    pub(super) beats_in_flight: usize,
    /// Notices to be delivered.
    pub(super) deliveries: Vec<NewDelivery>,
    /// What was read of series.
    pub(super) ticks: Vec<Tick>,
    /// Samples in them, and in those that the thread has taken and not yet committed.
    pub(super) samples: usize,
    /// How long samples are kept, once that is known.
    pub(super) sample_retention: Option<Duration>,
    /// Outcomes that the thread has taken and not yet committed.
    pub(super) in_flight: usize,
    /// Flushes asked for, and the last one that was answered.
    pub(super) asked: u64,
    pub(super) answered: u64,
    /// Why the latest attempt to commit failed, whatever became of samples and of maintenance.
    pub(super) commit_error: Option<String>,
    /// Set once: end when all is committed, and then at the latest.
    pub(super) closing: Option<Instant>,
    pub(super) ended: bool,
    /// Since when the thread has been at work; `None` while it waits for the next round. The time since its last
    /// commit would count while the whole process was frozen.
    pub(super) busy_since: Option<Instant>,
    pub(super) stats: StoreStats,
}

impl WriterState {
    /// Of all kinds, taken by the thread or not.
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
}

impl Shared {
    pub(super) fn state(&self) -> MutexGuard<'_, WriterState> {
        self.state.lock()
    }

    fn close(&self, deadline: Instant) {
        self.state().closing.get_or_insert(deadline);
        self.wake.notify_one();
    }

    /// Waits until `done`, or the deadline; returns which.
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

/// Where outcomes go in. Cheap to clone.
#[derive(Clone, Debug)]
pub struct StoreHandle(pub(super) Arc<Shared>);

impl StoreHandle {
    /// Takes an outcome to be committed within about a second. Never waits for the disk.
    pub fn append(&self, record: Record) {
        self.take(Stage::Known, record);
    }

    /// Takes one at whatever stage it is, likewise.
    pub fn take(&self, at: Stage, record: Record) {
        let mut state = self.0.state();
        if state.ended || state.queue.len() + state.in_flight >= BACKLOG_MAX {
            state.stats.lost_total += 1;
        } else {
            state.queue.push_back((at, record));
        }
    }

    /// Takes alerts that began or ended, and what receivers are to be sent about them, to be kept with
    /// the next commit: all of it or nothing. Never waits for the disk.
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

    /// Takes a job's report, to be kept with the next commit, which begins at once unless the disk
    /// fails. Then, and where that takes longer than `timeout`, the report waits in memory. `None` once
    /// nothing is kept any more. Blocks.
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

    /// Takes what was read of series at a time, to be kept with the next commit. Never waits for the disk.
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

    /// Deletes samples that are older than this from now on.
    pub fn keep_samples_for(&self, retention: Duration) {
        self.0.state().sample_retention = Some(retention);
    }

    pub fn stats(&self) -> StoreStats {
        let shared = self.0.state();
        let mut stats = shared.stats.clone();
        stats.backlog = shared.queue.len() + shared.in_flight;
        let busy = shared.busy_since.map_or(Duration::ZERO, |at| at.elapsed());
        if stats.last_error.is_none() && stats.backlog > 0 && busy > HANGING {
            stats.last_error = Some(format!("no commit has ended for {} s", busy.as_secs()));
        }
        stats
    }

    /// What was not written, and why, in one sentence: for the end, when nobody will write it any more.
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
        format!(
            "{} ({} not written)",
            why.unwrap_or("the store did not respond in time"),
            waiting.collect::<Vec<_>>().join(", ")
        )
    }

    /// Lets the writing thread do something with the store, and waits for its answer. `None` if it did
    /// not begin in time, and never will, or if it did not end within the same time again. Blocks.
    pub fn ask<T: Send + 'static>(
        &self,
        timeout: Duration,
        job: impl FnOnce(&mut Store) -> T + Send + 'static,
    ) -> Option<T> {
        let answer = self.ask_any(timeout, Box::new(|store| Box::new(job(store))))?;
        Some(*answer.downcast().ok()?)
    }

    /// The same for answers of all types, so that it is compiled once.
    fn ask_any(&self, timeout: Duration, job: AskedJob) -> Option<Answer> {
        let (answer, answered) = mpsc::sync_channel(1);
        // Set by whoever is first: the thread that begins, or the one that gives up.
        let decided = Arc::new(AtomicBool::new(false));
        let begins = Arc::clone(&decided);
        let job = move |store: &mut Store| {
            if !begins.swap(true, Ordering::AcqRel) {
                // Nobody waits any more if it took too long.
                let _ = answer.send(job(store));
            }
        };
        {
            let mut state = self.0.state();
            if state.ended || state.jobs.len() >= ERRANDS_MAX {
                return None;
            }
            state.jobs.push_back(Box::new(job));
        }
        self.0.wake.notify_one();
        let in_time = answered.recv_timeout(timeout).ok();
        let has_begun = || decided.swap(true, Ordering::AcqRel);
        in_time.or_else(|| has_begun().then(|| answered.recv_timeout(timeout).ok())?)
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
        let (ended, left) = (state.ended, state.waiting());
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
        plan: impl Fn(&ProbeKey) -> CountingPlan + Send + 'static,
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
