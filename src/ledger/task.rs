//! The task that owns the ledger: takes events, publishes views.

use super::corrections::in_force;
use super::judging::{controls, keep, keep_control};
use super::plans::plans;
use super::restore::{RestoreFrom, RestoredState, Unread, recount, reload};
use super::state::Ledger;
use super::transitions::TransitionLog;
use super::view::LedgerView;
use super::watch::ClockWatch;
use crate::clock::Clock;
use crate::config::Config;
use crate::observe::SystemView;
use crate::outcome::{ProbeKey, Timestamp};
use crate::probe::heartbeat::HeartbeatBoard;
use crate::schedule::ScheduleEvent;
use crate::slo::vantage::{GuardedOutcome, NetworkGuard};
use crate::store::{Ahead, CountingPlan, Store, StoreError, StoreHandle};
use crate::tasks::{blocking, unless_panicked};
use arc_swap::ArcSwap;
use prometheus::{IntCounter, IntGauge};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};
use tracing::warn;

/// Minimum time between two published views.
const TICK: Duration = Duration::from_secs(1);
/// Maximum time between two published views.
const TICK_MAX: Duration = Duration::from_secs(10);
/// Inverse of the maximum share of a processor's time spent on creating views, within these limits.
const TICK_SHARE: u32 = 500;
/// Maximum number of events taken from the queue at once.
const BATCH: usize = 256;
/// If fewer are in the queue, they are collected for this long: waking up for each outcome would
/// cost more than counting it.
const GATHER: Duration = Duration::from_millis(250);

/// How long a reload waits for the disk before it reads back stored outcomes.
const FLUSH: Duration = Duration::from_secs(5);
/// Recurring corrections are computed two days ahead, so this is early enough.
const CORRECTIONS_EVERY: Duration = Duration::from_hours(1);

/// The rules by which the store counts each probe's hours; changed by a reload.
pub type Plans = Arc<ArcSwap<HashMap<ProbeKey, Arc<CountingPlan>>>>;

/// A request to recount, which is answered when the state is complete.
#[derive(Debug)]
pub struct Recount {
    /// The active corrections are read from the store each time.
    pub by: Changed,
    pub done: oneshot::Sender<Result<(), StoreError>>,
}

#[derive(Debug)]
pub enum Changed {
    Config(Arc<Config>),
    /// The corrections in the store changed.
    Corrections,
}

impl Recount {
    /// Sends the request and waits for the answer; `None` if the daemon is stopping.
    pub async fn request(
        ledger: &mpsc::Sender<Self>,
        by: Changed,
    ) -> Option<Result<(), StoreError>> {
        let (done, finished) = oneshot::channel();
        ledger.send(Self { by, done }).await.ok()?;
        finished.await.ok()
    }
}

/// The dependencies of the task.
#[derive(Debug)]
pub struct Deps {
    pub clock: Clock,
    pub events: mpsc::Receiver<ScheduleEvent>,
    pub recounts: mpsc::Receiver<Recount>,
    /// The observed system, including the services' own metrics.
    pub system: watch::Receiver<Arc<SystemView>>,
    pub store: StoreHandle,
    /// The store's file: the history of objectives that a reload adds or changes is read from it.
    pub history: PathBuf,
    pub plans: Plans,
    /// Whether most of the control probes are failing.
    pub vantage_lost: IntGauge,
    /// Jobs cannot report while the host's own network is down.
    pub heartbeats: HeartbeatBoard,
    /// Failures evaluated before the control probes had shown whether the network was at fault.
    pub judged_early: IntCounter,
    pub views: watch::Sender<Arc<LedgerView>>,
}

/// Runs until all senders of events are dropped, so that shutdown loses no outcome. Failures that
/// still wait for the control probes are stored as waiting, and evaluated at the next start.
pub async fn run(ledger: Ledger, vantage: NetworkGuard, config: Arc<Config>, deps: Deps) {
    let task = Task {
        clock: ClockWatch::new(deps.clock.now()),
        ledger,
        vantage,
        config,
        deps,
        unread: Unread::new(),
        is_complete: true,
        transitions: TransitionLog::default(),
    };
    task.run().await;
}

/// The ledger and everything that decides what is counted.
#[derive(Debug)]
struct Task {
    ledger: Ledger,
    vantage: NetworkGuard,
    config: Arc<Config>,
    deps: Deps,
    clock: ClockWatch,
    /// Services that could not be read from the store; they are read at the next recount.
    unread: Unread,
    /// Whether the store could be read at the last recount.
    is_complete: bool,
    transitions: TransitionLog,
}

impl Task {
    async fn run(mut self) {
        let mut next_tick = Instant::now();
        let mut next_corrections = Instant::now() + CORRECTIONS_EVERY;
        let mut batch = Vec::with_capacity(BATCH);
        let mut next_batch = Instant::now();
        loop {
            tokio::select! {
                taken = gathered(&mut self.deps.events, &mut batch, next_batch) => {
                    if taken == 0 {
                        break;
                    }
                    if taken < BATCH {
                        next_batch = Instant::now() + GATHER;
                    }
                    self.take(batch.drain(..)).await;
                }
                Ok(()) = self.deps.system.changed() => {
                    let system = self.deps.system.borrow_and_update().clone();
                    self.ledger.take_metrics(system.at, &system.services);
                }
                Some(Recount { by, done }) = self.deps.recounts.recv() => {
                    let result = self.change(by).await;
                    // The requester may have stopped waiting.
                    let _ = done.send(result);
                }
                () = sleep_until(next_corrections) => {
                    self.look_ahead().await;
                    next_corrections = Instant::now() + CORRECTIONS_EVERY;
                }
                () = sleep_until(next_tick) => {
                    let started = Instant::now();
                    self.tick().await;
                    let cost = started.elapsed();
                    next_tick = started + cost.saturating_mul(TICK_SHARE).clamp(TICK, TICK_MAX);
                }
            }
        }
        self.transitions.log_rest();
        self.publish();
    }

    /// Counts the events of the schedule.
    async fn take(&mut self, events: impl Iterator<Item = ScheduleEvent>) {
        let now = self.deps.clock.now();
        self.follow_clock(now).await;
        for event in events {
            match event {
                ScheduleEvent::Outcome(record) => {
                    keep_control(&self.vantage, &record, &self.deps.store);
                    let passed = self.vantage.take(record, now);
                    self.keep(passed, now);
                }
                ScheduleEvent::Missed(key, ticks) => self.ledger.missed(&key, ticks),
            }
        }
        self.transitions.log_suppressed(now);
        let lost = i64::from(self.vantage.is_lost());
        self.deps.vantage_lost.set(lost);
        self.follow_network(now);
        let early = self.vantage.take_judged_early();
        self.deps.judged_early.inc_by(early);
    }

    /// Evaluates failures that have waited long enough, and publishes the current state.
    async fn tick(&mut self) {
        let now = self.deps.clock.now();
        self.follow_clock(now).await;
        let passed = self.vantage.release(now);
        self.keep(passed, now);
        self.follow_network(now);
        self.transitions.log_suppressed(now);
        self.publish();
    }

    /// Switches to another config or other corrections.
    async fn change(&mut self, by: Changed) -> Result<(), StoreError> {
        if let Changed::Config(wanted) = by {
            self.config = wanted;
            let next = controls(&self.config);
            if !self.vantage.is_like(&next) {
                self.vantage = next.going_on_from(std::mem::take(&mut self.vantage));
            }
        }
        let result = self.reload().await;
        self.is_complete = result.is_ok();
        let ledger = &self.ledger;
        self.transitions.retain(|key| ledger.has(key));
        self.publish();
        result
    }

    /// Computes the next occurrences of recurring corrections, of which only the next days are
    /// kept.
    async fn look_ahead(&mut self) {
        let now = self.deps.clock.now();
        let is_to_come = self
            .ledger
            .corrections()
            .iter()
            .any(|one| one.repeats.is_some() || one.to > now);
        if is_to_come || !self.is_complete {
            self.is_complete = logged(&self.reload().await);
        }
    }

    /// Recounts everything if the clock was set, or if the time of stored outcomes has come.
    async fn follow_clock(&mut self, now: Timestamp) {
        if !self.clock.must_recount(now, self.ledger.ahead()) {
            return;
        }
        let passed = self.vantage.set_back(now);
        self.keep(passed, now);
        warn!("the wall clock was set: counting all outcomes again with the new time");
        self.is_complete = logged(&self.rebuild(recount).await);
        log_ahead(self.ledger.ahead());
    }

    /// Recounts what changed, and what could not be read before.
    async fn reload(&mut self) -> Result<(), StoreError> {
        let unread = std::mem::take(&mut self.unread);
        self.rebuild(move |old, from| reload(old, &unread, from))
            .await
    }

    async fn rebuild(
        &mut self,
        by: impl FnOnce(Ledger, RestoreFrom<'_>) -> RestoredState + Send + 'static,
    ) -> Result<(), StoreError> {
        let ledger = std::mem::take(&mut self.ledger);
        let next = rebuilt(ledger, by, self.config.clone(), &self.deps).await;
        self.ledger = next.ledger;
        self.unread = next.unread;
        next.result
    }

    fn follow_network(&self, now: Timestamp) {
        let lost_since = self.vantage.lost_since(now);
        self.deps.heartbeats.follow_network(lost_since, now);
    }

    fn keep(&mut self, passed: Vec<GuardedOutcome>, now: Timestamp) {
        let (ledger, transitions) = (&mut self.ledger, &mut self.transitions);
        keep(ledger, transitions, &self.deps.store, passed, now);
    }

    /// Publishes the current state.
    fn publish(&mut self) {
        let view = self.ledger.advance(self.deps.clock.now()).view();
        self.deps.views.send_replace(Arc::new(view));
    }
}

/// Waits until `from`, then takes the queued events, or the first one that arrives. Returns their
/// number.
async fn gathered(
    events: &mut mpsc::Receiver<ScheduleEvent>,
    batch: &mut Vec<ScheduleEvent>,
    from: Instant,
) -> usize {
    sleep_until(from).await;
    events.recv_many(batch, BATCH).await
}

/// Whether everything could be read; logs the error if not.
fn logged(result: &Result<(), StoreError>) -> bool {
    if let Err(error) = result {
        warn!("cannot read the stored outcomes: {error}");
    }
    result.is_ok()
}

/// Logs that stored outcomes are in the future.
pub fn log_ahead(ahead: &Ahead) {
    if let Some(last) = ahead.last {
        let (outcomes, last) = (ahead.outcomes, last.to_utc());
        warn!(
            outcomes,
            "{outcomes} stored outcomes are not counted yet: their time, up to {last}, is in the future, \
             so the clock was ahead when they were stored, or is behind now"
        );
    }
}

/// Rebuilds the ledger from the store; events wait in their bounded queue meanwhile. State that
/// cannot be read starts empty, which its coverage shows. Corrections that cannot be read stay
/// unchanged.
async fn rebuilt(
    ledger: Ledger,
    rebuild: impl FnOnce(Ledger, RestoreFrom<'_>) -> RestoredState + Send + 'static,
    config: Arc<Config>,
    deps: &Deps,
) -> RestoredState {
    let (store, path, now) = (deps.store.clone(), deps.history.clone(), deps.clock.now());
    let plans = Arc::new(plans(&config));
    let work = move || {
        write_first(&store, &config, now);
        let read = || {
            let history = Store::open_read_only(&path)?;
            Ok((in_force(&config, &history)?, history))
        };
        let (corrections, history, result) = match read() {
            Ok((corrections, history)) => (corrections.into(), Some(history), Ok(())),
            Err(error) => (ledger.corrections(), None, Err(error)),
        };
        let from = RestoreFrom::new(&config, &corrections, history.as_ref(), now);
        let next = rebuild(ledger, from);
        let result = result.and(next.result);
        RestoredState { result, ..next }
    };
    let next = unless_panicked(blocking(work).await);
    deps.plans.store(plans);
    next
}

/// Writes what is read back by a recount: the last outcomes, and which probes are configured. Blocks.
fn write_first(store: &StoreHandle, config: &Config, now: Timestamp) {
    if !store.flush(FLUSH) {
        warn!("the store is behind: the numbers after this reload lack the last outcomes");
    }
    let probes = config.running_keys();
    let saved = store.ask(FLUSH, move |store| store.configured(&probes, now));
    if !matches!(saved, Some(Ok(()))) {
        warn!(
            "cannot save which probes are configured: when removed probes are added again, the time without them may count as missing"
        );
    }
}
