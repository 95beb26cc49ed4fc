//! The task that owns the histories: samples in, findings out.

use super::watcher::Watcher;
use crate::clock::Clock;
use crate::config::Config;
use crate::ledger::LedgerView;
use crate::observe::SystemView;
use crate::signal::{Finding, Findings, Presence};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// Time between two evaluations.
const EVERY: Duration = Duration::from_secs(30);

/// What the task needs from outside.
#[derive(Debug)]
pub struct Deps {
    pub clock: Clock,
    pub configs: watch::Receiver<Arc<Config>>,
    pub ledger: watch::Receiver<Arc<LedgerView>>,
    pub system: watch::Receiver<Arc<SystemView>>,
    pub findings: watch::Sender<Arc<Findings>>,
    pub stop: CancellationToken,
}

/// Which sign about what.
type Sign = (&'static str, Option<Arc<str>>, Arc<str>);

/// Runs until it is stopped. Evaluations run off the async workers: thousands of trends take time.
pub async fn run(mut deps: Deps) {
    let mut watcher = Watcher::default();
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
                let work = move || {
                    let findings = watcher.findings(&config, &ledger, now);
                    (watcher, findings)
                };
                let findings;
                (watcher, findings) = match tokio::task::spawn_blocking(work).await {
                    Ok(done) => done,
                    Err(error) => std::panic::resume_unwind(error.into_panic()),
                };
                active = logged(&findings, &active);
                deps.findings.send_replace(Arc::new(findings));
            }
        }
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
