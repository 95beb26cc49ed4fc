//! Whether a service's own metrics can be read: if not, their last values do not describe its
//! current state.

use crate::outcome::Timestamp;
use crate::signal::rules::{Answer, BAD_MINUTES, MINUTES};
use crate::signal::{Keep, Presence, Track};
use std::sync::Arc;
use std::time::Duration;

/// A shorter failure is ignored.
const LASTS: Duration = Duration::from_mins(1);

/// The recent scrapes of a service.
#[derive(Debug)]
pub(super) struct Unread {
    /// The share of samples in each minute for which the last scrape had failed.
    pub(super) failed: Track,
    /// Since when all scrapes have failed, and the error of the last one.
    failing: Option<(Timestamp, Arc<str>)>,
    last: Timestamp,
}

impl Default for Unread {
    fn default() -> Self {
        Self {
            failed: Track::by_minute(MINUTES, Keep::Mean),
            failing: None,
            last: Timestamp(0),
        }
    }
}

impl Unread {
    pub(super) fn take(&mut self, at: Timestamp, error: Option<&str>) {
        self.failed.take(at, Some(f64::from(error.is_some())));
        let since = self.failing.as_ref().map_or(at, |(since, _)| *since);
        self.failing = error.map(|error| (since, error.into()));
        self.last = at;
    }

    /// Why the metrics are unknown, once they could not be read for a minute.
    pub(super) fn why(&self) -> Option<&str> {
        let (since, why) = self.failing.as_ref()?;
        (since.after(LASTS) <= self.last).then_some(why)
    }

    /// Whether most scrapes failed in three of the last five minutes.
    pub(super) fn judge(&self, most: f64) -> Answer {
        let Some(bad) = self.failed.above(most, MINUTES) else {
            let known = self.failed.known(MINUTES).len();
            let evidence = format!("only {known} of the last {MINUTES} minutes have samples");
            return (Presence::Unknown, evidence);
        };
        let why = self.failing.as_ref().map(|(_, why)| format!(": {why}"));
        let evidence = format!(
            "its metrics could not be read in {bad} of the last {MINUTES} minutes{}",
            why.unwrap_or_default()
        );
        let is_there = bad >= BAD_MINUTES;
        let presence = if is_there {
            Presence::Active
        } else {
            Presence::Clear
        };
        (presence, evidence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(minutes: impl Iterator<Item = (i64, Option<&'static str>)>) -> Unread {
        let mut unread = Unread::default();
        for (minute, error) in minutes {
            for second in (0..60).step_by(10) {
                unread.take(Timestamp::from_secs(minute * 60 + second), error);
            }
        }
        unread
    }

    #[test]
    fn three_minutes_of_failed_scrapes_activate_the_sign() {
        let fails_from = |from: i64| {
            read((0..10).map(move |minute| (minute, (minute >= from).then_some("no answer"))))
        };
        let (presence, evidence) = fails_from(6).judge(0.5);
        assert_eq!(presence, Presence::Active);
        assert_eq!(
            evidence,
            "its metrics could not be read in 3 of the last 5 minutes: no answer"
        );
        assert_eq!(fails_from(8).judge(0.5).0, Presence::Clear);
        assert_eq!(Unread::default().judge(0.5).0, Presence::Unknown);
    }

    #[test]
    fn metrics_are_unknown_after_a_minute_of_failed_scrapes() {
        let mut unread = Unread::default();
        for second in [0, 50] {
            unread.take(Timestamp::from_secs(second), Some("no answer"));
        }
        assert_eq!(unread.why(), None);
        unread.take(Timestamp::from_secs(60), Some("reset"));
        assert_eq!(unread.why(), Some("reset"));
        unread.take(Timestamp::from_secs(70), None);
        assert_eq!(unread.why(), None);
    }
}
