//! A probe whose secrets turn up in nothing that it says: not in what it saw, expected or asked.

use super::{Attempt, Probe};
use crate::outcome::Outcome;
use crate::yaml::Redactions;
use async_trait::async_trait;
use std::any::Any;
use std::sync::Arc;

#[derive(Debug)]
struct Redacted {
    probe: Arc<dyn Probe>,
    redactions: Redactions,
}

/// The same probe without these values in its texts.
pub fn redacted(probe: Arc<dyn Probe>, redactions: Redactions) -> Arc<dyn Probe> {
    if redactions.is_empty() {
        return probe;
    }
    Arc::new(Redacted { probe, redactions })
}

/// What may not be in the texts of a probe.
pub fn redactions(probe: &dyn Probe) -> Redactions {
    let any: &dyn Any = probe;
    let redacted = any.downcast_ref::<Redacted>();
    redacted.map_or_else(Redactions::default, |one| one.redactions.clone())
}

/// The probe, if it is one of this type, whether or not it is redacted.
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

    fn target(&self) -> String {
        self.redactions.clean(&self.probe.target()).into_owned()
    }
}
