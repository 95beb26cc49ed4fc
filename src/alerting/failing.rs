//! Receivers that cannot be notified.

use crate::units::show_duration;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long messages to a receiver must fail to be a problem.
pub(super) const LASTING: Duration = Duration::from_mins(10);

/// The receivers whose messages fail, by name.
#[derive(Clone, Debug, Default)]
pub struct FailingReceivers(Arc<Mutex<BTreeMap<String, Failing>>>);

#[derive(Debug)]
struct Failing {
    since: Instant,
    /// Why the last attempt failed.
    why: String,
}

impl FailingReceivers {
    /// Records that an attempt failed.
    pub fn failed(&self, receiver: &str, why: &str) {
        let mut all = self.0.lock();
        let since = all.get(receiver).map_or_else(Instant::now, |one| one.since);
        let why = why.to_owned();
        all.insert(receiver.to_owned(), Failing { since, why });
    }

    /// Records that no message to a receiver fails any more, or that it was removed.
    pub fn settled(&self, receiver: &str) {
        self.0.lock().remove(receiver);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }

    /// Describes those that have failed for long, if any.
    pub(super) fn lasting(&self) -> Option<String> {
        let all = self.0.lock();
        let lasting = all.iter().filter(|(_, one)| one.since.elapsed() >= LASTING);
        let sentences = lasting.map(|(name, one)| {
            let (span, why) = (show_duration(LASTING), &one.why);
            format!("messages to `{name}` have failed for more than {span}: {why}")
        });
        let sentences: Vec<String> = sentences.collect();
        (!sentences.is_empty()).then(|| sentences.join("; "))
    }
}
