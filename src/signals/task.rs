//! The task that owns the histories: samples in, findings out.

use super::past::recall;
use super::usual::learn;
use super::watcher::Watcher;
use crate::clock::Clock;
use crate::config::Config;
use crate::ledger::LedgerView;
use crate::observe::SystemView;
use crate::outcome::Timestamp;
use crate::signal::{Finding, Findings, Presence};
use crate::store::Store;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// Time between two evaluations.
const EVERY: Duration = Duration::from_secs(30);

/// Time after which what is usual at each time of day is learned again.
const LEARN_EVERY: Duration = Duration::from_secs(6 * 3600);

/// What the task needs from outside.
#[derive(Debug)]
pub struct Deps {
    pub clock: Clock,
    pub configs: watch::Receiver<Arc<Config>>,
    pub ledger: watch::Receiver<Arc<LedgerView>>,
    pub system: watch::Receiver<Arc<SystemView>>,
    pub findings: watch::Sender<Arc<Findings>>,
    /// The store's file, which has the samples and outcomes of before.
    pub history: PathBuf,
    pub stop: CancellationToken,
}

/// Which sign about what.
type Sign = (&'static str, Option<Arc<str>>, Arc<str>);

/// Runs until it is stopped. Evaluations run off the async workers: thousands of trends take time.
pub async fn run(mut deps: Deps) {
    let mut watcher = recalled(&deps).await;
    let mut learned = None;
    let mut active: BTreeSet<Sign> = BTreeSet::new();
    let mut tick = interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = deps.stop.cancelled() => return,
            Ok(()) = deps.system.changed() => {
                let system = deps.system.borrow_and_update().clone();
                watcher.take(&system);
            }
            _ = tick.tick() => {
                let (config, now) = (deps.configs.borrow().clone(), deps.clock.now());
                let ledger = deps.ledger.borrow().clone();
                let history = is_due(learned, now).then(|| deps.history.clone());
                learned = history.as_ref().map(|_| now).or(learned);
                let work = move || {
                    if let Some(path) = history {
                        learn_from(&path, &config, now, &mut watcher);
                    }
                    let findings = watcher.findings(&config, &ledger, now);
                    (watcher, findings)
                };
                let findings;
                (watcher, findings) = blocking(work).await;
                active = logged(&findings, &active);
                deps.findings.send_replace(Arc::new(findings));
            }
        }
    }
}

fn is_due(learned: Option<Timestamp>, now: Timestamp) -> bool {
    learned.is_none_or(|at| now < at || at.after(LEARN_EVERY) <= now)
}

/// Learns again what is usual at each time of day.
fn learn_from(path: &Path, config: &Config, now: Timestamp, watcher: &mut Watcher) {
    let store = Store::open_read_only(path);
    match store.and_then(|store| learn(config, &store, now)) {
        Ok(usual) => watcher.take_usual(usual),
        Err(error) => warn!("cannot read what is usual from {}: {error}", path.display()),
    }
}

/// What is known of before. A store that cannot be read leaves the histories empty.
async fn recalled(deps: &Deps) -> Watcher {
    let (config, now) = (deps.configs.borrow().clone(), deps.clock.now());
    let path = deps.history.clone();
    let work = move || {
        let mut watcher = Watcher::default();
        let store = Store::open_read_only(&path);
        if let Err(error) = store.and_then(|store| recall(&mut watcher, &config, &store, now)) {
            warn!("trends begin anew: cannot read {}: {error}", path.display());
        }
        watcher
    };
    blocking(work).await
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// Logs what appeared and what is over. Returns what is there.
fn logged(findings: &Findings, before: &BTreeSet<Sign>) -> BTreeSet<Sign> {
    let sign = |one: &Finding| (one.kind.name, one.service.clone(), one.subject.clone());
    let mut now = BTreeSet::new();
    for one in &findings.all {
        let (sign, title, evidence) = (sign(one), one.kind.title, &one.evidence);
        let whose = one.service.as_deref().unwrap_or("host");
        match (one.presence, before.contains(&sign)) {
            (Presence::Active, was) => {
                if !was {
                    warn!(signal = one.kind.name, "{whose}: {title}: {evidence}");
                }
                now.insert(sign);
            }
            // It may only be a gap between samples.
            (Presence::Unknown, true) => {
                now.insert(sign);
            }
            (Presence::Clear, true) => {
                info!(signal = one.kind.name, "{whose}: {title}: over: {evidence}");
            }
            _ => {}
        }
    }
    now
}
