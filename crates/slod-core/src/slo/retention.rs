//! How much of the past can be known.

use crate::outcome::Timestamp;
use std::time::Duration;

/// How long outcomes are kept. By default all of them are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention(Option<Duration>);

impl Retention {
    pub const fn of(kept: Duration) -> Self {
        Self(Some(kept))
    }

    /// From when on everything is known at `now`. Whole hours are deleted.
    pub fn begin(self, now: Timestamp) -> Timestamp {
        let begin = |kept| now.before(kept).hour();
        self.0.map_or(Timestamp(i64::MIN), begin)
    }
}
