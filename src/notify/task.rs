//! The task that has a worker for each receiver of the config.

use super::counters::Counters;
use super::notifier::Waker;
use super::send::Sender;
use super::{heartbeat, worker};
use crate::clock::Clock;
use crate::config::Config;
use crate::ledger::LedgerView;
use crate::store::StoreHandle;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;

/// What the task needs from outside.
#[derive(Clone, Debug)]
pub struct Deps {
    pub clock: Clock,
    pub configs: watch::Receiver<Arc<Config>>,
    pub states: watch::Receiver<Arc<LedgerView>>,
    pub store: StoreHandle,
    pub waker: Waker,
    pub counters: Counters,
    pub stop: CancellationToken,
}

/// Runs until a stop is requested. What waits is delivered by the next process.
pub async fn run(mut deps: Deps) {
    let sender = match Sender::new() {
        Ok(sender) => sender,
        Err(why) => {
            tracing::error!("nobody can be notified: {why}");
            deps.stop.cancelled().await;
            return;
        }
    };
    let mut tasks = JoinSet::new();
    tasks.spawn(heartbeat::run(deps.clone(), sender.clone()));
    let mut workers: HashMap<String, AbortHandle> = HashMap::new();
    loop {
        let config = Arc::clone(&deps.configs.borrow_and_update());
        let has = |name: &String| config.routing.receiver(name).is_some();
        workers.retain(|name, worker| {
            let stays = has(name);
            if !stays {
                worker.abort();
            }
            stays
        });
        for receiver in &config.routing.receivers {
            workers.entry(receiver.name.clone()).or_insert_with(|| {
                deps.counters.start(&receiver.name);
                tasks.spawn(worker::run(
                    receiver.name.clone(),
                    deps.clone(),
                    sender.clone(),
                ))
            });
        }
        tokio::select! {
            () = deps.stop.cancelled() => return,
            changed = deps.configs.changed() => if changed.is_err() {
                deps.stop.cancelled().await;
                return;
            },
        }
    }
}
