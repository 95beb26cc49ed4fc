//! The task that owns the ledger: events in, snapshots out.

use super::snapshot::Snapshot;
use super::state::Ledger;
use crate::clock::Clock;
use crate::config::Config;
use crate::outcome::{ProbeKey, Record};
use crate::schedule::Event;
use crate::slo::burn::FiredFor;
use crate::slo::correction::Correction;
use crate::slo::vantage::Vantage;
use crate::store::{Plan, Store, StoreError, StoreHandle};
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
pub async fn run(mut ledger: Ledger, config: Arc<Config>, mut wiring: Wiring) {
    let mut vantage = controls(&config);
    let mut next_tick = Instant::now();
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        tokio::select! {
            taken = wiring.events.recv_many(&mut batch, BATCH) => {
                if taken == 0 {
                    break;
                }
                let now = wiring.clock.now();
                for event in batch.drain(..) {
                    match event {
                        Event::Outcome(record) => {
                            keep_control(&vantage, &record, &wiring.store);
                            keep(&mut ledger, &wiring.store, vantage.take(record, now));
                        }
                        Event::Missed(key, ticks) => ledger.missed(&key, ticks),
                    }
                }
                wiring.vantage_lost.set(i64::from(vantage.is_lost()));
            }
            Some(Reload { config, corrections, done }) = wiring.reloads.recv() => {
                let next = controls(&config);
                if !vantage.is_like(&next) {
                    keep(&mut ledger, &wiring.store, vantage.drain());
                    vantage = next;
                }
                let (next, result) = reloaded(ledger, config, corrections, &wiring).await;
                ledger = next;
                wiring.plans.store(Arc::new(ledger.plans()));
                publish(&mut ledger, &wiring);
                // Nobody waits any more if the request was given up.
                let _ = done.send(result);
            }
            () = sleep_until(next_tick) => {
                let started = Instant::now();
                keep(&mut ledger, &wiring.store, vantage.release(wiring.clock.now()));
                publish(&mut ledger, &wiring);
                let cost = started.elapsed();
                next_tick = started + cost.saturating_mul(TICK_SHARE).clamp(TICK, TICK_MAX);
            }
        }
    }
    keep(&mut ledger, &wiring.store, vantage.drain());
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

/// Counts outcomes at once; the store's queue never makes the counting wait.
fn keep(ledger: &mut Ledger, store: &StoreHandle, records: Vec<Record>) {
    for record in records {
        ledger.record(&record);
        store.append(record);
    }
}

/// Control probes count for nothing, but what they found is kept as evidence.
fn keep_control(vantage: &Vantage, record: &Record, store: &StoreHandle) {
    if vantage.is_control(&record.key) {
        store.append(record.clone());
    }
}

fn controls(config: &Config) -> Vantage {
    let probes = config.vantage.iter();
    Vantage::new(probes.map(|spec| (&spec.key, spec.interval, spec.timeout)))
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
        let mut next = ledger.reloaded(&config, &corrections, now);
        let result = Store::open_read_only(&path).and_then(|history| next.restore(&history, now));
        (next, result)
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
