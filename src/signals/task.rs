//! The task that owns the histories: takes samples and publishes findings.

use super::past::{deploys, recall};
use super::usual::learn;
use super::watcher::Watcher;
use crate::clock::Clock;
use crate::config::Config;
use crate::ledger::LedgerView;
use crate::observe::SystemView;
use crate::outcome::Timestamp;
use crate::signal::{Finding, Findings, Presence};
use crate::store::Store;
use crate::tasks::{blocking, unless_panicked};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

/// Time between two evaluations.
const EVERY: Duration = Duration::from_secs(30);

/// The dependencies of the task.
#[derive(Debug)]
pub struct Deps {
    pub clock: Clock,
    pub configs: watch::Receiver<Arc<Config>>,
    pub ledger: watch::Receiver<Arc<LedgerView>>,
    pub system: watch::Receiver<Arc<SystemView>>,
    pub findings: watch::Sender<Arc<Findings>>,
    /// The store's file, with earlier samples and outcomes.
    pub history: PathBuf,
    pub stop: CancellationToken,
}

/// Name of the sign, service and subject.
type Sign = (&'static str, Option<Arc<str>>, Arc<str>);

/// Runs until shutdown. Evaluates off the async workers, since thousands of trends take time.
pub async fn run(mut deps: Deps) {
    let mut watcher = recalled(&deps).await;
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
                let path = deps.history.clone();
                let work = move || {
                    watcher.follow_clock(now);
                    match Store::open_read_only(&path) {
                        Ok(store) => follow(&mut watcher, &store, &config, now),
                        Err(error) => debug!("cannot read {}: {error}", path.display()),
                    }
                    let findings = watcher.findings(&config, &ledger, now);
                    (watcher, findings)
                };
                let findings;
                (watcher, findings) = unless_panicked(blocking(work).await);
                let changes = Changes::of(&findings, &active);
                changes.log();
                active = changes.active;
                deps.findings.send_replace(Arc::new(findings));
            }
        }
    }
}

/// Takes new deployments and, if due, usual levels from the store.
fn follow(watcher: &mut Watcher, store: &Store, config: &Config, now: Timestamp) {
    match deploys(store, now) {
        Ok(deploys) => watcher.take_deploys(&deploys),
        Err(error) => debug!("cannot read markers: {error}"),
    }
    if watcher.begins_to_learn(now) {
        learn_from(store, config, now, watcher);
    }
}

/// Updates the usual levels at each time of day.
fn learn_from(store: &Store, config: &Config, now: Timestamp, watcher: &mut Watcher) {
    match learn(config, store, now, watcher.learns_first()) {
        Ok((usual, next)) => watcher.take_usual(usual, next),
        Err(error) => warn!("cannot learn usual levels: {error}"),
    }
}

/// Restores the histories from the store. If it cannot be read, they start empty.
async fn recalled(deps: &Deps) -> Watcher {
    let (config, now) = (deps.configs.borrow().clone(), deps.clock.now());
    let path = deps.history.clone();
    let work = move || match Store::open_read_only(&path) {
        Ok(store) => restored(&config, &store, now),
        Err(error) => {
            warn!("trends start anew: cannot read {}: {error}", path.display());
            Watcher::default()
        }
    };
    unless_panicked(blocking(work).await)
}

/// The histories of a daemon that starts at `now`. Blocks.
pub fn restored(config: &Config, store: &Store, now: Timestamp) -> Watcher {
    let mut watcher = Watcher::default();
    // Usual levels explain trends, also restored ones.
    if watcher.begins_to_learn(now) {
        learn_from(store, config, now, &mut watcher);
    }
    if let Err(error) = recall(&mut watcher, config, store, now) {
        warn!("trends start anew: {error}");
    }
    watcher
}

/// Signs that became active or clear, and all active ones.
struct Changes<'a> {
    appeared: Vec<&'a Finding>,
    over: Vec<&'a Finding>,
    active: BTreeSet<Sign>,
}

impl<'a> Changes<'a> {
    /// A sign that is temporarily unknown keeps its state: there may be just a gap between samples.
    fn of(findings: &'a Findings, before: &BTreeSet<Sign>) -> Self {
        let mut changes = Self {
            appeared: Vec::new(),
            over: Vec::new(),
            active: BTreeSet::new(),
        };
        for one in &findings.all {
            let sign = (one.kind.name, one.service.clone(), one.subject.clone());
            match (one.presence, before.contains(&sign)) {
                (Presence::Active, false) => {
                    changes.appeared.push(one);
                    changes.active.insert(sign);
                }
                (Presence::Active | Presence::Unknown, true) => {
                    changes.active.insert(sign);
                }
                (Presence::Clear, true) => changes.over.push(one),
                (Presence::Clear | Presence::Unknown, false) => {}
            }
        }
        changes
    }

    fn log(&self) {
        let words = |one: &Finding| {
            let whose = one.service.as_deref().unwrap_or("host");
            let subject = match &*one.subject {
                "" => String::new(),
                subject => format!(" ({subject})"),
            };
            format!("{whose}: {}{subject}", one.kind.title)
        };
        for one in &self.appeared {
            warn!(signal = one.kind.name, "{}: {}", words(one), one.evidence);
        }
        for one in &self.over {
            info!(
                signal = one.kind.name,
                "{}: over: {}",
                words(one),
                one.evidence
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::kinds;
    use crate::signals::finding;

    #[test]
    fn a_gap_between_samples_is_not_logged() {
        let mut active = BTreeSet::new();
        let mut step = |presence| {
            let one = finding(&kinds::CPU_HIGH, None, "", (presence, String::new()));
            let findings = Findings {
                all: vec![one],
                ..Findings::default()
            };
            let changes = Changes::of(&findings, &active);
            let counts = (changes.appeared.len(), changes.over.len());
            active = changes.active;
            counts
        };
        assert_eq!(step(Presence::Unknown), (0, 0));
        assert_eq!(step(Presence::Active), (1, 0));
        assert_eq!(step(Presence::Unknown), (0, 0));
        assert_eq!(step(Presence::Active), (0, 0));
        assert_eq!(step(Presence::Clear), (0, 1));
        assert_eq!(step(Presence::Active), (1, 0));
    }
}
