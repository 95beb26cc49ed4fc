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
/// How soon a config with a heartbeat is noticed.
const IDLE: Duration = Duration::from_secs(5);

/// Runs until a stop is requested.
pub(super) async fn run(deps: Deps, sender: Sender) {
    let mut failing = false;
    loop {
        let spec = deps.configs.borrow().heartbeat.clone();
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
                spec.every
            }
            _ => IDLE,
        };
        tokio::select! {
            () = deps.stop.cancelled() => return,
            () = sleep(pause) => {}
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
