//! The dead man's switch: requests an address while slod works.

use super::send::{Answer, Sender};
use super::task::Deps;
use crate::outcome::millis;
use crate::receiver::HttpRequest;
use std::time::Duration;
use tokio::time::sleep;

/// A state of the services that is older than this means that nothing is counted any more.
const ALIVE: Duration = Duration::from_secs(30);
/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How soon it is looked again whether slod works.
const IDLE: Duration = Duration::from_secs(5);
/// A request that failed is made again after this time at most: one that is lost must not look like an
/// hour's absence.
const RETRY: Duration = Duration::from_secs(30);

/// Runs until a stop is requested.
pub(super) async fn run(deps: Deps, sender: Sender) {
    let mut configs = deps.configs.clone();
    let mut failing = false;
    loop {
        let spec = configs.borrow_and_update().heartbeat.clone();
        let pause = match &spec {
            Some(spec) if deps.is_healthy() => {
                let request = HttpRequest::get(spec.url.reveal()).into();
                let answer = sender.send(vec![request], TIMEOUT).await;
                let fails = !matches!(answer, Answer::Delivered(_));
                if fails && !failing {
                    let why = spec.redactions().cleaned(answer.text().to_owned());
                    tracing::warn!("the heartbeat cannot be delivered: {why}");
                }
                failing = fails;
                if fails {
                    spec.every.min(RETRY)
                } else {
                    spec.every
                }
            }
            _ => IDLE,
        };
        // Without a sender, nothing changes any more.
        let changed = async {
            if configs
                .wait_for(|config| config.heartbeat != spec)
                .await
                .is_err()
            {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = deps.stop.cancelled() => return,
            () = sleep(pause) => {}
            () = changed => {}
        }
    }
}

impl Deps {
    /// Whether outcomes are counted and stored.
    pub(super) fn is_healthy(&self) -> bool {
        let age = self.clock.now().0 - self.states.borrow().at.0;
        age.abs() <= millis(ALIVE) && self.store.stats().trouble().is_none()
    }
}
