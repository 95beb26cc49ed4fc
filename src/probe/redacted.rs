//! A wrapper that removes a probe's secrets from all of its texts: outcomes, steps and target.

use super::{Attempt, Probe};
use crate::outcome::Outcome;
use crate::yaml::Redactions;
use async_trait::async_trait;
use futures_util::future::BoxFuture;
use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug)]
struct Redacted {
    probe: Arc<dyn Probe>,
    redactions: Redactions,
}

/// Wraps a probe so that its texts do not contain these values.
pub fn redacted(probe: Arc<dyn Probe>, redactions: Redactions) -> Arc<dyn Probe> {
    if redactions.is_empty() {
        return probe;
    }
    Arc::new(Redacted { probe, redactions })
}

/// The probe as this type, with the values to remove from its texts; `None` if it has another type.
pub fn unwrapped<T: Probe>(probe: &Arc<dyn Probe>) -> Option<(Arc<T>, Redactions)> {
    let any: &dyn Any = &**probe;
    let (probe, redactions) = match any.downcast_ref::<Redacted>() {
        Some(redacted) => (&redacted.probe, redacted.redactions.clone()),
        None => (probe, Redactions::default()),
    };
    let any: Arc<dyn Any + Send + Sync> = probe.clone();
    Some((any.downcast().ok()?, redactions))
}

/// The probe as this type, whether or not it is redacted; `None` if it has another type.
pub fn of_type<T: Probe>(probe: &dyn Probe) -> Option<&T> {
    let any: &dyn Any = probe;
    match any.downcast_ref::<Redacted>() {
        Some(redacted) => of_type(&*redacted.probe),
        None => any.downcast_ref(),
    }
}

#[async_trait]
impl Probe for Redacted {
    async fn run(&self, attempt: &mut Attempt) -> Outcome {
        let mut outcome = self.probe.run(attempt).await;
        attempt.trace.redact(&self.redactions);
        if let Some(message) = &mut outcome.detail.message {
            *message = self.redactions.clean(message).into();
        }
        outcome
    }

    fn prepare(&self, wait: Duration) -> Option<BoxFuture<'_, ()>> {
        self.probe.prepare(wait)
    }

    fn target(&self) -> String {
        self.redactions.clean(&self.probe.target()).into_owned()
    }
}
