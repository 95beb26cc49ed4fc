//! The task that runs a worker for each configured receiver.

use super::counters::Counters;
use super::notifier::Waker;
use super::send::Sender;
use super::{announce, heartbeat, outdated, silences, worker};
use crate::alert::Decisions;
use crate::alerting::{AlertsView, FailingReceivers};
use crate::clock::Clock;
use crate::config::Config;
use crate::ledger::LedgerView;
use crate::receiver::Receiver;
use crate::store::{Ended, StoreHandle};
use crate::tasks::blocking;
use std::collections::HashMap;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinError, JoinSet};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Interval at which notices to removed receivers are dropped.
const SWEEP: Duration = Duration::from_mins(1);
/// Timeout of a request to the store.
const STORE_TIMEOUT: Duration = Duration::from_secs(30);

/// Dependencies of the task.
#[derive(Clone, Debug)]
pub struct Deps {
    pub clock: Clock,
    pub configs: watch::Receiver<Arc<Config>>,
    pub states: watch::Receiver<Arc<LedgerView>>,
    /// The firing alerts.
    pub alerts: watch::Receiver<Arc<AlertsView>>,
    /// Silences and acknowledgements.
    pub decisions: watch::Receiver<Arc<Decisions>>,
    pub store: StoreHandle,
    pub waker: Waker,
    pub counters: Counters,
    pub failing: FailingReceivers,
    pub stop: CancellationToken,
}

/// Runs until a stop is requested. Undelivered notices are delivered by the next process.
pub async fn run(mut deps: Deps) {
    let sender = match Sender::new() {
        Ok(sender) => sender,
        Err(why) => {
            tracing::error!("cannot send notifications: {why}");
            deps.stop.cancelled().await;
            return;
        }
    };
    let mut tasks = JoinSet::new();
    tasks.spawn(heartbeat::run(deps.clone(), sender.clone()));
    tasks.spawn(announce::run(deps.clone()));
    tasks.spawn(silences::run(deps.clone()));
    tasks.spawn(outdated::run(deps.clone()));
    let mut workers: HashMap<String, AbortHandle> = HashMap::new();
    loop {
        let config = Arc::clone(&deps.configs.borrow_and_update());
        workers.retain(|name, worker| {
            let stays = config.routing.receiver(name).is_some();
            if !stays {
                worker.abort();
                deps.failing.settled(name);
            }
            stays
        });
        for Receiver { name, .. } in &config.routing.receivers {
            workers.entry(name.clone()).or_insert_with(|| {
                deps.counters.start(name);
                tasks.spawn(worker::run(name.clone(), deps.clone(), sender.clone()))
            });
        }
        tokio::select! {
            // The store may hang.
            () = deps.stop.cancelled() => return,
            () = deps.end_removed(&config) => {}
        }
        tokio::select! {
            () = deps.stop.cancelled() => return,
            // Alerts evaluated with the previous config may still arrive.
            () = sleep(SWEEP) => {}
            // Aborted workers end as well.
            Some(ended) = tasks.join_next() => propagate_panic(ended),
            changed = deps.configs.changed() => if changed.is_err() {
                deps.stop.cancelled().await;
                return;
            },
        }
    }
}

/// Ends the daemon with a panicked task: a receiver without its worker would look like one without messages.
fn propagate_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && let Ok(panic) = error.try_into_panic()
    {
        resume_unwind(panic);
    }
}

impl Deps {
    /// Drops the notices to receivers that were removed from the config.
    async fn end_removed(&self, config: &Config) {
        let receivers = config.routing.receivers.iter();
        let names: Vec<String> = receivers.map(|one| one.name.clone()).collect();
        let (store, now) = (self.store.clone(), self.clock.now());
        let end = move || store.ask(STORE_TIMEOUT, move |store| store.end_receivers(&names, now));
        // The store reports its own failures, and the next sweep retries.
        let Ok(Some(Ok(ended))) = blocking(end).await else {
            return;
        };
        for Ended { receiver, notices } in ended {
            let given_up = &self.counters.given_up;
            given_up.with_label_values(&[&receiver]).inc();
            self.counters.queue.with_label_values(&[&receiver]).set(0);
            tracing::warn!(
                notifier = receiver,
                notices,
                "gave up on notices to {receiver}: it was removed from the config"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    #[should_panic(expected = "a defect")]
    async fn a_panicked_worker_ends_the_task() {
        let mut tasks = JoinSet::new();
        tasks.spawn(async { panic!("a defect") });
        let ended = tasks.join_next().await.expect("a task");
        propagate_panic(ended);
    }
}
