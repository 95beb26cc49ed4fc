//! The writer thread: group commits, and maintenance between them.

mod maintenance;

use super::beats::{PendingBeat, add_beats};
use super::expiry::Expiry;
use super::writer::{Shared, WriterState};
use super::{CountingPlan, SERIES_MAX, Stage, Store, StoreError, Tick};
use crate::alert::AlertRecord;
use crate::clock::Clock;
use crate::outcome::{ProbeKey, Record};
use std::collections::HashMap;
use std::mem;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// The maximum time of outcomes that a killed process loses.
const COMMIT_EVERY: Duration = Duration::from_secs(1);
/// Outcomes per transaction, so that a long backlog does not become one huge transaction.
const BATCH: usize = 10_000;
/// Shown as the reason why nothing is written any more.
const PANICKED: &str = "its writer thread panicked; this is a bug in slod";
/// During shutdown, failed writes are retried sooner.
const LAST_TRIES_EVERY: Duration = Duration::from_millis(100);

pub struct Worker {
    store: Store,
    shared: Arc<Shared>,
    clock: Clock,
    retention: Duration,
    plan: Box<dyn Fn(&ProbeKey) -> CountingPlan + Send>,
    /// Taken from the queue, and kept until committed.
    batch: Vec<(Stage, Record)>,
    /// Taken from the queue, and kept until committed.
    alerts: Vec<AlertRecord>,
    /// Taken from the queue, and kept until committed.
    beats: HashMap<ProbeKey, PendingBeat>,
    /// Taken from the queue, and kept until committed.
    ticks: Vec<Tick>,
    expiry: Expiry,
}

/// Marks the thread as ended when dropped, even after a panic.
struct End(Arc<Shared>);

impl Drop for End {
    fn drop(&mut self) {
        let never_run = {
            let mut state = self.0.state();
            state.ended = true;
            if thread::panicking() {
                state.stats.last_error = Some(PANICKED.to_owned());
            }
            mem::take(&mut state.jobs)
        };
        // Their callers stop waiting.
        drop(never_run);
        self.0.done.notify_all();
        self.0.end.cancel();
    }
}

impl Worker {
    pub fn new(
        store: Store,
        shared: Arc<Shared>,
        clock: Clock,
        retention: Duration,
        plan: Box<dyn Fn(&ProbeKey) -> CountingPlan + Send>,
    ) -> Self {
        shared.state().stats.size_bytes = store.size_bytes();
        let expiry = maintenance::expiry(&store, clock.now());
        Self {
            store,
            shared,
            clock,
            retention,
            plan,
            batch: Vec::new(),
            alerts: Vec::new(),
            beats: HashMap::new(),
            ticks: Vec::new(),
            expiry,
        }
    }

    pub fn run(mut self) {
        let _end = End(Arc::clone(&self.shared));
        let mut healthy = true;
        loop {
            let closing = self.wait(healthy);
            self.shared.state().busy_since = Some(Instant::now());
            self.run_jobs();
            let result = self.round(closing.is_none());
            healthy = result.is_ok();
            self.report(result.err());
            if closing.is_some_and(|deadline| healthy || Instant::now() >= deadline) {
                break;
            }
        }
        // Closes the file and releases the lock before the end is reported.
        drop(self.store);
    }

    /// Sleeps until the next round is due: after a second, or as soon as a flush or shutdown is
    /// requested. While writing fails, a flush does not wake it earlier.
    fn wait(&self, healthy: bool) -> Option<Instant> {
        let mut state = self.shared.state();
        let was_closing = state.closing.is_some();
        let pause = if was_closing && !healthy {
            LAST_TRIES_EVERY
        } else {
            COMMIT_EVERY
        };
        let idle = |state: &mut WriterState| match (healthy, state.closing) {
            _ if !state.jobs.is_empty() => false,
            (true, closing) => closing.is_none() && state.asked == state.answered,
            (false, closing) => was_closing || closing.is_none(),
        };
        self.shared.wake.wait_while_for(&mut state, idle, pause);
        state.closing
    }

    /// Commits everything that waits, then performs maintenance for a short time if `maintains`.
    /// Samples that cannot be stored do not block anything else.
    fn round(&mut self, maintains: bool) -> Result<(), StoreError> {
        let asked = self.shared.state().asked;
        let committed = self.commit_all();
        self.shared.state().commit_error = committed.as_ref().err().map(ToString::to_string);
        let samples = self.keep_samples();
        committed?;
        self.shared.state().answered = asked;
        self.shared.done.notify_all();
        if maintains {
            self.maintenance()?;
        }
        samples
    }

    /// Commits every kind of record, and returns the first error: damage to the alerts must not block
    /// outcomes.
    fn commit_all(&mut self) -> Result<(), StoreError> {
        let (alerts, beats) = (self.keep_alerts(), self.keep_beats());
        while self.take_batch() {
            self.commit()?;
        }
        alerts.and(beats)
    }

    fn keep_alerts(&mut self) -> Result<(), StoreError> {
        let deliveries = {
            let mut state = self.shared.state();
            self.alerts.append(&mut state.alerts);
            state.alerts_in_flight = self.alerts.len();
            mem::take(&mut state.deliveries)
        };
        match self.store.keep_alerts(&self.alerts, &deliveries) {
            Ok(given_up) => {
                self.alerts.clear();
                let mut state = self.shared.state();
                state.alerts_in_flight = 0;
                state.stats.lost_deliveries_total += given_up;
                Ok(())
            }
            Err(error) => {
                self.shared.state().deliveries.splice(..0, deliveries);
                Err(error)
            }
        }
    }

    fn keep_beats(&mut self) -> Result<(), StoreError> {
        {
            let mut state = self.shared.state();
            add_beats(&mut self.beats, mem::take(&mut state.beats));
            state.beats_in_flight = self.beats.len();
        }
        if !self.beats.is_empty() {
            self.store.keep_beats(&self.beats)?;
            self.beats.clear();
            self.shared.state().beats_in_flight = 0;
        }
        Ok(())
    }

    /// Called after the other commits, in a separate transaction: damage to samples must not block
    /// outcomes.
    fn keep_samples(&mut self) -> Result<(), StoreError> {
        self.ticks.append(&mut self.shared.state().ticks);
        if self.ticks.is_empty() {
            return Ok(());
        }
        let excess = self.store.append_samples(&self.ticks)?;
        let committed = self.ticks.iter().map(|tick| tick.samples.len());
        let committed = committed.sum::<usize>();
        self.ticks.clear();
        let mut shared = self.shared.state();
        shared.samples -= committed;
        let stats = &mut shared.stats;
        if excess > 0 && stats.excess_samples_total == 0 {
            tracing::warn!(
                "more than {SERIES_MAX} series have samples; samples of further series are dropped"
            );
        }
        stats.excess_samples_total += excess;
        stats.series = self.store.series_count();
        Ok(())
    }

    /// Runs the waiting jobs before the outcomes are committed, because users wait for them. Jobs
    /// that arrive meanwhile run in the next round: otherwise, clients that write all the time would
    /// keep outcomes from being committed.
    fn run_jobs(&mut self) {
        let jobs = mem::take(&mut self.shared.state().jobs);
        for job in jobs {
            job(&mut self.store);
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
        self.store.commit(&self.batch)?;
        let seconds = started.elapsed().as_secs_f64();
        let mut shared = self.shared.state();
        shared.in_flight = 0;
        let stats = &mut shared.stats;
        stats.committed_total += self.batch.len() as u64;
        stats.commits += 1;
        stats.last_commit_seconds = seconds;
        stats.commit_seconds_sum += seconds;
        drop(shared);
        self.batch.clear();
        Ok(())
    }

    /// Logs once when writing starts to fail and when it succeeds again, and updates the
    /// statistics.
    fn report(&self, error: Option<StoreError>) {
        let error = error.map(|error| error.to_string());
        // Read before locking: appending never waits for the disk.
        let size = self.store.size_bytes();
        let (before, backlog, lost_total) = {
            let mut shared = self.shared.state();
            shared.busy_since = None;
            let stats = &mut shared.stats;
            stats.size_bytes = size;
            stats.unreadable_blocks = self.store.unreadable_blocks();
            let before = mem::replace(&mut stats.last_error, error.clone());
            let lost_total = stats.lost_total;
            (before, shared.queue.len() + shared.in_flight, lost_total)
        };
        // Wakes callers that wait for a commit, so that they notice the failure.
        self.shared.done.notify_all();
        match (before, error) {
            (None, Some(error)) => {
                tracing::error!(
                    backlog,
                    "writing to the store failed, retrying every second: {error}"
                );
            }
            (Some(_), None) => {
                tracing::info!(lost_total, "writing to the store works again");
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
