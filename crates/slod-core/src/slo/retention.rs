//! How far back the history is complete.

use crate::outcome::Timestamp;
use std::time::Duration;

/// How long outcomes are kept; indefinitely by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention(Option<Duration>);

impl Retention {
    pub const fn of(kept: Duration) -> Self {
        Self(Some(kept))
    }

    /// The time from which on all outcomes are kept at `now`. Outcomes are deleted in whole hours.
    pub fn begin(self, now: Timestamp) -> Timestamp {
        let begin = |kept| now.before(kept).hour();
        self.0.map_or(Timestamp(i64::MIN), begin)
    }
}
