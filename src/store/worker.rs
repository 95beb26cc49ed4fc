//! The one thread that writes: group commits, then a little housekeeping.

use super::expiry::Expiry;
use super::writer::{Shared, State};
use super::{CountingPlan, SERIES_MAX, Stage, Store, StoreError, Tick};
use crate::alert::AlertRecord;
use crate::clock::Clock;
use crate::outcome::{ProbeKey, Record, Timestamp};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A killed process loses at most this much.
const COMMIT_EVERY: Duration = Duration::from_secs(1);
/// Outcomes per transaction, so that a long backlog does not become one huge transaction.
const BATCH: usize = 10_000;
/// Compacting may take this long between two commits.
const HOUSEKEEPING: Duration = Duration::from_millis(200);
/// Silences that are over are shown for this long.
const SILENCES_KEPT: Duration = Duration::from_secs(7 * 86_400);
/// While stopping, a failing disk is tried again sooner.
const LAST_TRIES_EVERY: Duration = Duration::from_millis(100);

pub struct Worker {
    store: Store,
    shared: Arc<Shared>,
    clock: Clock,
    retention: Duration,
    plan: Box<dyn Fn(&ProbeKey) -> CountingPlan + Send>,
    /// Taken from the queue; stays until it is committed.
    batch: Vec<(Stage, Record)>,
    /// Likewise.
    alerts: Vec<AlertRecord>,
    /// Likewise.
    ticks: Vec<Tick>,
    expiry: Expiry,
}

/// Reports that the thread has ended, however it did.
struct End(Arc<Shared>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.state().ended = true;
        self.0.done.notify_all();
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
        Self {
            store,
            shared,
            clock,
            retention,
            plan,
            batch: Vec::new(),
            alerts: Vec::new(),
            ticks: Vec::new(),
            expiry: Expiry::default(),
        }
    }

    pub fn run(mut self) {
        let _end = End(Arc::clone(&self.shared));
        let mut healthy = true;
        loop {
            let closing = self.wait(healthy);
            self.run_errands();
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

    /// Sleeps until the next round is due: after a second, or as soon as a flush or the end is
    /// wanted. While writing fails, a flush cannot hurry it.
    fn wait(&self, healthy: bool) -> Option<Instant> {
        let mut state = self.shared.state();
        let was_closing = state.closing.is_some();
        let pause = if was_closing && !healthy {
            LAST_TRIES_EVERY
        } else {
            COMMIT_EVERY
        };
        let idle = |state: &mut State| match (healthy, state.closing) {
            _ if !state.jobs.is_empty() => false,
            (true, closing) => closing.is_none() && state.asked == state.answered,
            (false, closing) => was_closing || closing.is_none(),
        };
        self.shared.wake.wait_while_for(&mut state, idle, pause);
        state.closing
    }

    /// Commits all that waits, then keeps house for a moment unless it is time to stop. Samples that
    /// cannot be kept hold nothing else up.
    fn round(&mut self, housekeeping: bool) -> Result<(), StoreError> {
        let asked = self.shared.state().asked;
        self.keep_alerts()?;
        while self.take_batch() {
            self.commit()?;
        }
        let samples = self.keep_samples();
        self.shared.state().answered = asked;
        self.shared.done.notify_all();
        if housekeeping {
            self.maintenance()?;
        }
        samples
    }

    fn keep_alerts(&mut self) -> Result<(), StoreError> {
        let deliveries = {
            let mut state = self.shared.state();
            self.alerts.append(&mut state.alerts);
            state.alerts_in_flight = self.alerts.len();
            std::mem::take(&mut state.deliveries)
        };
        match self.store.keep_notified_alerts(&self.alerts, &deliveries) {
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

    /// After the outcomes, in a transaction of their own: damage to samples must not hold them up.
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
                "more than {SERIES_MAX} series have samples; what is sampled of further ones is not kept"
            );
        }
        stats.excess_samples_total += excess;
        stats.series = self.store.series_count();
        Ok(())
    }

    /// Before the outcomes: people wait for these.
    fn run_errands(&mut self) {
        loop {
            let Some(job) = self.shared.state().jobs.pop_front() else {
                return;
            };
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

    fn maintenance(&mut self) -> Result<(), StoreError> {
        let (started, now) = (Instant::now(), self.clock.now());
        while started.elapsed() < HOUSEKEEPING && self.store.compact_step(now, &*self.plan)? {}
        let samples = self.compact_samples(started, now);
        if self.expiry.is_due(started, now) {
            self.store.expire_step(now.before(self.retention))?;
            self.store.expire_alerts(now.before(self.retention))?;
            self.store.expire_silences(now.before(SILENCES_KEPT))?;
            self.store.expire_corrections(now.before(self.retention))?;
            self.store.expire_audit(now.before(self.retention))?;
            self.store
                .expire_notifications(now.before(self.retention))?;
            self.store.expire_runs(now.before(self.retention))?;
            self.store.expire_markers(now.before(self.retention))?;
            let retention = self.shared.state().sample_retention;
            if let Some(retention) = retention {
                self.store.expire_samples_step(now, retention)?;
            }
        }
        samples
    }

    fn compact_samples(&mut self, started: Instant, now: Timestamp) -> Result<(), StoreError> {
        while started.elapsed() < HOUSEKEEPING && self.store.compact_samples_step(now)? {}
        Ok(())
    }

    /// Says in the log, once, that the store began to fail or works again; in the figures always.
    fn report(&self, error: Option<StoreError>) {
        let error = error.map(|error| error.to_string());
        let mut shared = self.shared.state();
        shared.reported = Some(Instant::now());
        let backlog = shared.queue.len() + shared.in_flight;
        let stats = &mut shared.stats;
        match (&stats.last_error, &error) {
            (None, Some(error)) => {
                tracing::error!(
                    backlog,
                    "writing to the store failed, retrying every second: {error}"
                );
            }
            (Some(_), None) => {
                tracing::info!(lost_total = stats.lost_total, "the store works again");
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
    use super::super::writer::{ALERTS_MAX, BACKLOG_MAX, StoreHandle};
    use super::*;
    use crate::alert::{AlertKey, Condition, Notice, TIERS, Urgency};
    use crate::outcome::{Outcome, Verdict};
    use crate::store::NewDelivery;
    use std::collections::BTreeMap;

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
        let plan = Box::new(|_: &ProbeKey| CountingPlan::default());
        (Worker::new(store, shared, clock, retention, plan), handle)
    }

    fn round(worker: &mut Worker) {
        let result = worker.round(true);
        worker.report(result.err());
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
        let trouble = handle.stats().trouble().expect("the disk is full");
        assert!(
            trouble.starts_with("the store cannot be written: ")
                && trouble.contains("100000 outcomes wait"),
            "{trouble}"
        );

        limit(&worker, 1_000_000);
        round(&mut worker);
        let stats = handle.stats();
        assert_eq!(
            (stats.backlog, stats.lost_total, stats.committed_total),
            (0, 5, 100_001)
        );
        assert_eq!((stats.trouble(), stats.last_error), (None, None));
        let (from, to) = (Timestamp(0), Timestamp(2000 * HOUR));
        let kept = worker
            .store
            .outcomes(&record(0).key, from, to)
            .expect("reads");
        assert_eq!(kept.len(), 100_001);
    }

    #[test]
    fn alerts_wait_for_the_disk_and_too_many_are_counted() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut worker, handle) = worker(&folder);
        let at = |number: i64| Timestamp(1000 * HOUR + number);
        let alert = |number: i64, to| AlertRecord {
            to,
            spent: Some(0.1),
            ..AlertRecord::new(
                AlertKey::budget(
                    "concierge".into(),
                    "errors".into(),
                    Condition::Tier(TIERS[0]),
                ),
                "Burn",
                Urgency::Page,
                at(number),
                "",
            )
        };
        let other = rusqlite::Connection::open(folder.path().join("slod.db")).expect("opens");
        let lock = "CREATE TRIGGER refuse BEFORE INSERT ON alert_record BEGIN SELECT RAISE(ABORT, 'no'); END";
        other.execute_batch(lock).expect("locks");
        let notice = Notice {
            labels: [("alertname".to_owned(), "Burn".to_owned())].into(),
            annotations: BTreeMap::new(),
            from: at(1),
            to: None,
        };
        let delivery = NewDelivery::at_once("oncall", "", notice, at(1));
        handle.keep_alerts([alert(1, None), alert(2, None)], vec![delivery]);
        round(&mut worker);
        assert!(handle.stats().last_error.is_some());
        let waiting = |worker: &Worker| worker.store.waiting().expect("reads");
        assert_eq!(waiting(&worker), BTreeMap::new(), "not without its alert");
        let more = (0..ALERTS_MAX).map(|_| alert(1, Some(at(9))));
        handle.keep_alerts(more, Vec::new());
        assert_eq!(handle.stats().lost_alerts_total, 2);
        other.execute_batch("DROP TRIGGER refuse").expect("unlocks");
        round(&mut worker);
        assert_eq!(handle.stats().last_error, None);
        assert_eq!(waiting(&worker), [("oncall".to_owned(), 1)].into());
        let firing = worker.store.firing_alerts().expect("reads");
        assert_eq!(firing, [alert(2, None)]);
        // After a day and a little, what ended is older than the retention; what fires stays.
        worker.store.expire_alerts(at(10)).expect("deletes");
        let all = worker.store.alerts(Timestamp(0), at(20), 9).expect("reads");
        assert_eq!(all, [alert(2, None)]);
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

    #[test]
    fn old_hours_go_one_at_a_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut worker, handle) = worker(&folder);
        for hour in 0..3 {
            handle.append(record((hour - 100) * HOUR));
        }
        round(&mut worker);
        round(&mut worker);
        let (from, to) = (Timestamp(0), Timestamp(2000 * HOUR));
        let kept = worker.store.hours(&record(0).key, from, to).expect("reads");
        let kept: Vec<_> = kept.iter().map(|hour| hour.start).collect();
        assert_eq!(kept, [901, 902].map(|hour| Timestamp(hour * HOUR)));
    }
}
