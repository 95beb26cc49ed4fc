//! From notices to deliveries in the outbox.

use crate::alert::Notice;
use crate::config::Config;
use crate::outcome::Timestamp;
use crate::store::{NewDelivery, StoreHandle};
use std::sync::Arc;
use tokio::sync::watch;

/// Wakes the workers after something was put into the outbox.
#[derive(Clone, Debug)]
pub struct Waker(watch::Sender<u64>);

impl Default for Waker {
    fn default() -> Self {
        Self(watch::channel(0).0)
    }
}

impl Waker {
    pub fn wake(&self) {
        self.0.send_modify(|count| *count += 1);
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }
}

/// Takes notices, with the routes of the config that is active.
#[derive(Clone, Debug)]
pub struct Notifier {
    configs: watch::Receiver<Arc<Config>>,
    store: StoreHandle,
    waker: Waker,
}

impl Notifier {
    pub fn new(configs: watch::Receiver<Arc<Config>>, store: StoreHandle, waker: Waker) -> Self {
        Self {
            configs,
            store,
            waker,
        }
    }

    /// Puts notices into the outbox with the next commit. Never waits for the disk. Alerts are to be
    /// recorded after their notices: should slod be killed in between, it notifies twice, not never.
    pub fn notify<'n>(&self, notices: impl IntoIterator<Item = &'n Notice>, now: Timestamp) {
        let config = Arc::clone(&self.configs.borrow());
        let mut deliveries = Vec::new();
        for notice in notices {
            let decisions = config.routing.decide(notice, now).into_iter();
            deliveries.extend(decisions.map(|decision| NewDelivery {
                receiver: decision.receiver.to_owned(),
                group: decision.group,
                due: decision.due,
                notice: notice.clone(),
            }));
        }
        if !deliveries.is_empty() {
            self.store.keep_deliveries(deliveries);
            self.waker.wake();
        }
    }
}
