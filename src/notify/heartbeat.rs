//! The dead man's switch: requests a URL while slod works.

use super::send::{Answer, Sender};
use super::task::Deps;
use crate::outcome::millis;
use crate::receiver::HttpRequest;
use std::time::Duration;
use tokio::time::sleep;

/// If the state of the services is older than this, outcomes are no longer counted.
const ALIVE: Duration = Duration::from_secs(30);
/// Timeout of a request.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Interval at which slod's own health is checked again after it was bad.
const IDLE: Duration = Duration::from_secs(5);
/// Maximum time until a failed request is retried, so that a lost request does not look like an outage
/// of a whole interval.
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
                    tracing::warn!("cannot deliver the heartbeat: {why}");
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
        // Without a sender, the config no longer changes.
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
