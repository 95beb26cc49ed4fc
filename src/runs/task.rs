//! The task that reads runs for the metrics, so that scrapes do not read the store.

use super::{Digests, RunsView};
use crate::clock::Clock;
use crate::config::Config;
use crate::store::{Store, StoreError};
use crate::tasks::{blocking, unless_panicked};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// As often as a run in progress is stored.
const EVERY: Duration = Duration::from_secs(5);

/// Dependencies of the task.
#[derive(Debug)]
pub struct Deps {
    pub clock: Clock,
    pub configs: watch::Receiver<Arc<Config>>,
    pub digests: Digests,
    /// Path of the store.
    pub store: PathBuf,
    pub views: watch::Sender<Arc<RunsView>>,
    pub stop: CancellationToken,
}

/// Runs until stopped. While the store cannot be read, there are no metrics of runs.
pub async fn run(deps: Deps) {
    let mut store = None;
    let mut tick = interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = deps.stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        let (config, now) = (deps.configs.borrow().clone(), deps.clock.now());
        let (digests, path) = (deps.digests.clone(), deps.store.clone());
        let read = move || -> Result<(Store, RunsView), StoreError> {
            let store = store.map_or_else(|| Store::open_read_only(&path), Ok)?;
            let view = RunsView::read(&store, &digests, &config, now)?;
            Ok((store, view))
        };
        let view;
        (store, view) = match unless_panicked(blocking(read).await) {
            Ok((store, view)) => (Some(store), view),
            Err(error) => {
                tracing::debug!("the load runs cannot be read: {error}");
                (None, RunsView::default())
            }
        };
        deps.views.send_replace(Arc::new(view));
    }
}
