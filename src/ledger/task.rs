//! The task that owns the ledger: events in, snapshots out.

use super::judging::{controls, keep, keep_control};
use super::snapshot::Snapshot;
use super::state::Ledger;
use super::watch::ClockWatch;
use crate::clock::Clock;
use crate::config::Config;
use crate::outcome::ProbeKey;
use crate::schedule::Event;
use crate::slo::burn::FiredFor;
use crate::slo::correction::Correction;
use crate::slo::vantage::Vantage;
use crate::store::{Ahead, Plan, Store, StoreError, StoreHandle};
use arc_swap::ArcSwap;
use prometheus::IntGauge;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};
use tracing::{info, warn};

/// A new snapshot is published at most this often,
const TICK: Duration = Duration::from_secs(1);
/// and at least this often;
const TICK_MAX: Duration = Duration::from_secs(10);
/// in between, making them takes one part in this many of a processor's time.
const TICK_SHARE: u32 = 500;
/// Events taken from the queue at once.
const BATCH: usize = 256;

/// How long a reload waits for the disk before it reads back what was kept.
const FLUSH: Duration = Duration::from_secs(5);

/// What the store counts each probe's hours by; changed by a reload.
pub type Plans = Arc<ArcSwap<HashMap<ProbeKey, Plan>>>;

/// A changed config, or changed corrections, for the ledger; answered when its state is complete.
#[derive(Debug)]
pub struct Reload {
    pub config: Arc<Config>,
    pub corrections: Arc<[Correction]>,
    pub done: oneshot::Sender<Result<(), StoreError>>,
}

/// What the ledger's task needs from outside.
#[derive(Debug)]
pub struct Wiring {
    pub clock: Clock,
    pub events: mpsc::Receiver<Event>,
    pub reloads: mpsc::Receiver<Reload>,
    pub store: StoreHandle,
    /// The store's file: objectives that a reload adds or changes are counted back from it.
    pub history: PathBuf,
    pub plans: Plans,
    /// Whether most of the control probes fail.
    pub vantage_lost: IntGauge,
    pub snapshots: watch::Sender<Arc<Snapshot>>,
}

/// Runs until every sender of events is gone, so that nothing that was probed is lost on a stop.
/// What waits for the control probes then is stored as that, and judged at the next start.
pub async fn run(
    mut ledger: Ledger,
    mut vantage: Vantage,
    mut config: Arc<Config>,
    mut wiring: Wiring,
) {
    let mut clock = ClockWatch::new(wiring.clock.now());
    let mut next_tick = Instant::now();
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        tokio::select! {
            taken = wiring.events.recv_many(&mut batch, BATCH) => {
                if taken == 0 {
                    break;
                }
                let now = wiring.clock.now();
                if clock.must_recount(now, ledger.ahead()) {
                    ledger = recounted(ledger, config.clone(), &wiring).await;
                }
                for event in batch.drain(..) {
                    match event {
                        Event::Outcome(record) => {
                            keep_control(&vantage, &record, &wiring.store);
                            keep(&mut ledger, &wiring.store, vantage.take(record, now), now);
                        }
                        Event::Missed(key, ticks) => ledger.missed(&key, ticks),
                    }
                }
                wiring.vantage_lost.set(i64::from(vantage.is_lost()));
            }
            Some(Reload { config: wanted, corrections, done }) = wiring.reloads.recv() => {
                config = wanted;
                let next = controls(&config);
                if !vantage.is_like(&next) {
                    vantage = next.going_on_from(vantage);
                }
                let (next, result) = reloaded(ledger, config.clone(), corrections, &wiring).await;
                ledger = next;
                wiring.plans.store(Arc::new(ledger.plans()));
                publish(&mut ledger, &wiring);
                // Nobody waits any more if the request was given up.
                let _ = done.send(result);
            }
            () = sleep_until(next_tick) => {
                let (started, now) = (Instant::now(), wiring.clock.now());
                if clock.must_recount(now, ledger.ahead()) {
                    ledger = recounted(ledger, config.clone(), &wiring).await;
                }
                keep(&mut ledger, &wiring.store, vantage.release(now), now);
                publish(&mut ledger, &wiring);
                let cost = started.elapsed();
                next_tick = started + cost.saturating_mul(TICK_SHARE).clamp(TICK, TICK_MAX);
            }
        }
    }
    publish(&mut ledger, &wiring);
}

/// Publishes the picture of now, with the alerts that it makes begin or end.
fn publish(ledger: &mut Ledger, wiring: &Wiring) {
    let snapshot = ledger.snapshot(wiring.clock.now());
    wiring.snapshots.send_replace(Arc::new(snapshot));
    let alerts = ledger.take_alerts();
    alerts.iter().for_each(tell);
    wiring.store.keep_alerts(alerts);
}

fn tell(alert: &FiredFor) {
    let FiredFor {
        service,
        slo,
        fired,
    } = alert;
    let (windows, urgency) = (fired.tier.windows(), fired.tier.urgency.word());
    if fired.to.is_none() {
        warn!(%service, %slo, urgency, "{service}/{slo} burns its error budget too fast over {windows}: a {urgency}");
    } else {
        info!(%service, %slo, urgency, "{service}/{slo} does not burn its error budget too fast any more over {windows}");
    }
}

/// Counts everything anew by the time that it is now.
async fn recounted(mut ledger: Ledger, config: Arc<Config>, wiring: &Wiring) -> Ledger {
    warn!("the wall clock was set: outcomes are counted anew by the time that it is now");
    let corrections = ledger.corrections();
    ledger.forget(wiring.clock.now());
    let (ledger, result) = reloaded(ledger, config, corrections, wiring).await;
    if let Err(error) = result {
        warn!("the outcomes so far cannot be read back: {error}");
    }
    tell_ahead(ledger.ahead());
    ledger
}

/// Says in the log what is of the future.
pub fn tell_ahead(ahead: &Ahead) {
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
/// starts empty: its coverage then says so.
async fn reloaded(
    ledger: Ledger,
    config: Arc<Config>,
    corrections: Arc<[Correction]>,
    wiring: &Wiring,
) -> (Ledger, Result<(), StoreError>) {
    let (store, path, now) = (
        wiring.store.clone(),
        wiring.history.clone(),
        wiring.clock.now(),
    );
    let work = move || {
        if !store.flush(FLUSH) {
            warn!("the store is behind: what a reload counts back lacks the last outcomes");
        }
        let probes = config.running_keys();
        if !matches!(
            store.ask(FLUSH, move |store| store.configured(&probes, now)),
            Some(Ok(()))
        ) {
            warn!(
                "the store does not keep which probes are configured: the silence of those that were taken out may count as missing once they are back"
            );
        }
        let mut next = ledger.reloaded(&config, &corrections, now);
        let result = Store::open_read_only(&path).and_then(|history| next.restore(&history, now));
        (next, result)
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
