//! Turns notices into deliveries.

use crate::alert::Notice;
use crate::config::Config;
use crate::outcome::Timestamp;
use crate::store::NewDelivery;
use std::sync::Arc;
use tokio::sync::watch;

/// Wakes the workers after an insert into the outbox.
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

/// Routes notices according to the active config.
#[derive(Clone, Debug)]
pub struct Notifier {
    configs: watch::Receiver<Arc<Config>>,
    waker: Waker,
}

impl Notifier {
    pub fn new(configs: watch::Receiver<Arc<Config>>, waker: Waker) -> Self {
        Self { configs, waker }
    }

    /// The deliveries of some notices. Workers look for them after a second, when they are committed.
    pub fn deliveries(&self, notices: &[Notice], now: Timestamp) -> Vec<NewDelivery> {
        let config = Arc::clone(&self.configs.borrow());
        let mut deliveries = Vec::new();
        for notice in notices {
            let decisions = config.routing.decide(notice, now).into_iter();
            deliveries.extend(decisions.map(|decision| NewDelivery {
                receiver: decision.receiver.to_owned(),
                due: decision.due,
                at: now,
                escalates: decision.escalated_after.is_some() && !notice.is_resolved(),
                notice: decision.notice(notice),
                group: decision.group,
            }));
        }
        if !deliveries.is_empty() {
            self.waker.wake();
        }
        deliveries
    }
}
