//! The task that owns the ledger: events in, views of it out.

use super::corrections::in_force;
use super::judging::{controls, keep, keep_control};
use super::plans::plans;
use super::restore::{Rebuilt, RestoreFrom, Unread, recount, reload};
use super::state::Ledger;
use super::transitions::TransitionLog;
use super::view::LedgerView;
use super::watch::ClockWatch;
use crate::clock::Clock;
use crate::config::Config;
use crate::observe::SystemView;
use crate::outcome::ProbeKey;
use crate::schedule::ScheduleEvent;
use crate::slo::vantage::NetworkGuard;
use crate::store::{Ahead, CountingPlan, Store, StoreError, StoreHandle};
use arc_swap::ArcSwap;
use prometheus::{IntCounter, IntGauge};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};
use tracing::warn;

/// A new view is published at most this often,
const TICK: Duration = Duration::from_secs(1);
/// and at least this often;
const TICK_MAX: Duration = Duration::from_secs(10);
/// in between, making them takes one part in this many of a processor's time.
const TICK_SHARE: u32 = 500;
/// Events taken from the queue at once.
const BATCH: usize = 256;
/// Once fewer are in the queue, they gather for so long: to wake up for each outcome takes more time
/// than to count it.
const GATHER: Duration = Duration::from_millis(250);

/// How long a reload waits for the disk before it reads back what was kept.
const FLUSH: Duration = Duration::from_secs(5);
/// Repeated corrections are computed two days ahead, so this is early enough.
const CORRECTIONS_EVERY: Duration = Duration::from_hours(1);

/// What the store counts each probe's hours by; changed by a reload.
pub type Plans = Arc<ArcSwap<HashMap<ProbeKey, CountingPlan>>>;

/// What the ledger is asked to count by, answered when its state is complete.
#[derive(Debug)]
pub struct Recount {
    /// The corrections in force are read from the store each time.
    pub by: Changed,
    pub done: oneshot::Sender<Result<(), StoreError>>,
}

#[derive(Debug)]
pub enum Changed {
    Config(Arc<Config>),
    /// The store has other corrections than before.
    Corrections,
}

impl Recount {
    /// Asks the ledger and waits for its answer; `None` if the daemon is stopping.
    pub async fn request(
        ledger: &mpsc::Sender<Self>,
        by: Changed,
    ) -> Option<Result<(), StoreError>> {
        let (done, finished) = oneshot::channel();
        ledger.send(Self { by, done }).await.ok()?;
        finished.await.ok()
    }
}

/// What the ledger's task needs from outside.
#[derive(Debug)]
pub struct Deps {
    pub clock: Clock,
    pub events: mpsc::Receiver<ScheduleEvent>,
    pub recounts: mpsc::Receiver<Recount>,
    /// The system under the services, with what they report of themselves.
    pub system: watch::Receiver<Arc<SystemView>>,
    pub store: StoreHandle,
    /// The store's file: objectives that a reload adds or changes are counted back from it.
    pub history: PathBuf,
    pub plans: Plans,
    /// Whether most of the control probes fail.
    pub vantage_lost: IntGauge,
    /// Failures that were judged before the control probes had shown whose they were.
    pub judged_early: IntCounter,
    pub views: watch::Sender<Arc<LedgerView>>,
}

/// Runs until every sender of events is gone, so that nothing that was probed is lost on a stop.
/// What waits for the control probes then is stored as that, and judged at the next start.
pub async fn run(
    mut ledger: Ledger,
    mut vantage: NetworkGuard,
    mut config: Arc<Config>,
    mut deps: Deps,
) {
    let mut clock = ClockWatch::new(deps.clock.now());
    let mut next_tick = Instant::now();
    let mut next_corrections = Instant::now() + CORRECTIONS_EVERY;
    // What could not be read from the store is read at the next recount.
    let mut unread = Unread::new();
    let mut is_complete = true;
    let mut transitions = TransitionLog::default();
    let mut batch = Vec::with_capacity(BATCH);
    let mut next_batch = Instant::now();
    loop {
        tokio::select! {
            taken = gathered(&mut deps.events, &mut batch, next_batch) => {
                if taken == 0 {
                    break;
                }
                if taken < BATCH {
                    next_batch = Instant::now() + GATHER;
                }
                let now = deps.clock.now();
                if clock.must_recount(now, ledger.ahead()) {
                    let passed = vantage.set_back(now);
                    keep(&mut ledger, &mut transitions, &deps.store, passed, now);
                    (ledger, unread, is_complete) = recounted(ledger, config.clone(), &deps).await;
                }
                for event in batch.drain(..) {
                    match event {
                        ScheduleEvent::Outcome(record) => {
                            keep_control(&vantage, &record, &deps.store);
                            let passed = vantage.take(record, now);
                            keep(&mut ledger, &mut transitions, &deps.store, passed, now);
                        }
                        ScheduleEvent::Missed(key, ticks) => ledger.missed(&key, ticks),
                    }
                }
                transitions.log_suppressed(now);
                deps.vantage_lost.set(i64::from(vantage.is_lost()));
                deps.judged_early.inc_by(vantage.take_judged_early());
            }
            Ok(()) = deps.system.changed() => {
                let system = deps.system.borrow_and_update().clone();
                ledger.take_metrics(system.at, &system.services);
            }
            Some(Recount { by, done }) = deps.recounts.recv() => {
                if let Changed::Config(wanted) = by {
                    config = wanted;
                    let next = controls(&config);
                    if !vantage.is_like(&next) {
                        vantage = next.going_on_from(vantage);
                    }
                }
                let before = std::mem::take(&mut unread);
                let result;
                Rebuilt { ledger, result, unread } =
                    reloaded(ledger, before, config.clone(), &deps).await;
                is_complete = result.is_ok();
                transitions.retain(|key| ledger.has(key));
                publish(&mut ledger, &deps);
                // Nobody waits any more if the request was given up.
                let _ = done.send(result);
            }
            () = sleep_until(next_corrections) => {
                // Only the occurrences of the next days are kept.
                let now = deps.clock.now();
                let is_to_come = ledger
                    .corrections()
                    .iter()
                    .any(|one| one.repeats.is_some() || one.to > now);
                if is_to_come || !is_complete {
                    let before = std::mem::take(&mut unread);
                    let result;
                    Rebuilt { ledger, result, unread } =
                        reloaded(ledger, before, config.clone(), &deps).await;
                    is_complete = logged(&result);
                }
                next_corrections = Instant::now() + CORRECTIONS_EVERY;
            }
            () = sleep_until(next_tick) => {
                let (started, now) = (Instant::now(), deps.clock.now());
                if clock.must_recount(now, ledger.ahead()) {
                    let passed = vantage.set_back(now);
                    keep(&mut ledger, &mut transitions, &deps.store, passed, now);
                    (ledger, unread, is_complete) = recounted(ledger, config.clone(), &deps).await;
                }
                let passed = vantage.release(now);
                keep(&mut ledger, &mut transitions, &deps.store, passed, now);
                transitions.log_suppressed(now);
                publish(&mut ledger, &deps);
                let cost = started.elapsed();
                next_tick = started + cost.saturating_mul(TICK_SHARE).clamp(TICK, TICK_MAX);
            }
        }
    }
    transitions.log_rest();
    publish(&mut ledger, &deps);
}

/// Takes the events that are in the queue at a moment, or the first one after it. Returns how many.
async fn gathered(
    events: &mut mpsc::Receiver<ScheduleEvent>,
    batch: &mut Vec<ScheduleEvent>,
    from: Instant,
) -> usize {
    sleep_until(from).await;
    events.recv_many(batch, BATCH).await
}

/// Publishes the state of now.
fn publish(ledger: &mut Ledger, deps: &Deps) {
    let view = ledger.advance(deps.clock.now()).view();
    deps.views.send_replace(Arc::new(view));
}

/// Counts everything again by the time that it is now. Returns also what could not be read, and whether
/// everything could.
async fn recounted(ledger: Ledger, config: Arc<Config>, deps: &Deps) -> (Ledger, Unread, bool) {
    warn!("the wall clock was set: counting all outcomes again with the new time");
    let next = rebuilt(ledger, recount, config, deps).await;
    let is_complete = logged(&next.result);
    log_ahead(next.ledger.ahead());
    (next.ledger, next.unread, is_complete)
}

/// Counts what changed, and what could not be read before.
async fn reloaded(ledger: Ledger, unread: Unread, config: Arc<Config>, deps: &Deps) -> Rebuilt {
    let again = move |old, from: RestoreFrom<'_>| reload(old, &unread, from);
    rebuilt(ledger, again, config, deps).await
}

/// Whether everything could be read back; the reason is logged if not.
fn logged(result: &Result<(), StoreError>) -> bool {
    if let Err(error) = result {
        warn!("cannot read the stored outcomes: {error}");
    }
    result.is_ok()
}

/// Says in the log what is of the future.
pub fn log_ahead(ahead: &Ahead) {
    if let Some(last) = ahead.last {
        let (outcomes, last) = (ahead.outcomes, last.to_utc());
        warn!(
            outcomes,
            "{outcomes} stored outcomes are set aside: their time, up to {last}, is still to come, \
             so the clock was ahead when they were made, or is behind now"
        );
    }
}

/// Events wait in their bounded queue while the store is read. State that cannot be read back
/// starts empty: its coverage then shows it. Corrections that cannot be read stay as they are.
async fn rebuilt(
    ledger: Ledger,
    rebuild: impl FnOnce(Ledger, RestoreFrom<'_>) -> Rebuilt + Send + 'static,
    config: Arc<Config>,
    deps: &Deps,
) -> Rebuilt {
    let (store, path, now) = (deps.store.clone(), deps.history.clone(), deps.clock.now());
    let plans = Arc::new(plans(&config));
    let work = move || {
        if !store.flush(FLUSH) {
            warn!("the store is behind: the numbers after this reload lack the last outcomes");
        }
        let probes = config.running_keys();
        if !matches!(
            store.ask(FLUSH, move |store| store.configured(&probes, now)),
            Some(Ok(()))
        ) {
            warn!(
                "cannot store which probes are configured: the time in which removed probes are not configured may count as missing once they are back"
            );
        }
        let read = || {
            let history = Store::open_read_only(&path)?;
            Ok((in_force(&config, &history)?, history))
        };
        let (corrections, history, result) = match read() {
            Ok((corrections, history)) => (corrections.into(), Some(history), Ok(())),
            Err(error) => (ledger.corrections(), None, Err(error)),
        };
        let from = RestoreFrom {
            config: &config,
            corrections: &corrections,
            store: history.as_ref(),
            now,
        };
        let next = rebuild(ledger, from);
        let result = result.and(next.result);
        Rebuilt { result, ..next }
    };
    let next = match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    };
    deps.plans.store(plans);
    next
}
