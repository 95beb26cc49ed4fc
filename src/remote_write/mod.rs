//! Sends all metrics to the servers of `remote_write`, for daemons that no server can scrape.

mod queue;
mod worker;

use crate::clock::Clock;
use crate::config::{Config, RemoteWriteSpec};
use crate::metrics::{RemoteCounters, Sources};
use std::panic::resume_unwind;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Dependencies of the task.
#[derive(Clone, Debug)]
pub struct Deps {
    pub clock: Clock,
    pub configs: watch::Receiver<Arc<Config>>,
    pub sources: Sources,
    pub counters: RemoteCounters,
    /// The port that the daemon listens on.
    pub port: u16,
    pub stop: CancellationToken,
}

/// Runs a worker for each destination until a stop is requested. A destination that a reload changes gets a new one.
pub async fn run(mut deps: Deps) {
    let mut tasks = JoinSet::new();
    let mut workers: Vec<(Arc<RemoteWriteSpec>, CancellationToken)> = Vec::new();
    loop {
        let config = Arc::clone(&deps.configs.borrow_and_update());
        workers.retain(|(spec, stop)| {
            let stays = config.remote_writes.contains(spec);
            if !stays {
                stop.cancel();
            }
            stays
        });
        for spec in &config.remote_writes {
            if workers.iter().all(|(known, _)| known != spec) {
                deps.counters.start(&spec.name);
                let stop = deps.stop.child_token();
                tasks.spawn(worker::run(spec.clone(), deps.clone(), stop.clone()));
                workers.push((spec.clone(), stop));
            }
        }
        tokio::select! {
            () = deps.stop.cancelled() => break,
            changed = deps.configs.changed() => if changed.is_err() {
                deps.stop.cancelled().await;
                break;
            },
            Some(ended) = tasks.join_next() => if let Err(error) = ended {
                // A destination without its worker would look like one that is up to date.
                if let Ok(panic) = error.try_into_panic() {
                    resume_unwind(panic);
                }
            },
        }
    }
    tasks.join_all().await;
}
