//! Whether a service's own metrics can be read: if not, their last values do not describe its
//! current state.

use crate::observe::ScrapeView;
use crate::outcome::Timestamp;
use crate::signal::rules::{Answer, BAD_MINUTES, MINUTES};
use crate::signal::{Keep, Presence, Rise, Track};
use std::sync::Arc;
use std::time::Duration;

/// A shorter failure is ignored.
const LASTS: Duration = Duration::from_mins(1);
/// A single failed scrape is ignored, however long its interval is.
const MIN_FAILURES: f64 = 2.0;

/// The recent scrapes of a service.
#[derive(Debug)]
pub(super) struct Unread {
    /// The share of samples in each minute for which the last scrape had failed.
    pub(super) failed: Track,
    /// The number of failed scrapes in each minute.
    pub(super) failures: Track,
    rise: Rise,
    failing: Option<Failing>,
    last: Timestamp,
}

/// Scrapes that have all failed.
#[derive(Debug)]
struct Failing {
    since: Timestamp,
    scrapes: f64,
    /// The error of the last one.
    error: Arc<str>,
}

impl Default for Unread {
    fn default() -> Self {
        Self {
            failed: Track::by_minute(MINUTES, Keep::Mean),
            failures: Track::by_minute(MINUTES, Keep::Sum),
            rise: Rise::default(),
            failing: None,
            last: Timestamp(0),
        }
    }
}

impl Unread {
    pub(super) fn take(&mut self, at: Timestamp, scrape: &ScrapeView) {
        let is_failing = scrape.error.is_some();
        self.failed.take(at, Some(f64::from(is_failing)));
        let new = self.rise.step(at, Some(scrape.failures as f64));
        self.failures.take(at, new);
        let before = self.failing.take();
        self.failing = scrape.error.as_deref().map(|error| match before {
            Some(failing) => Failing {
                scrapes: failing.scrapes + new.unwrap_or_default(),
                error: error.into(),
                ..failing
            },
            None => Failing {
                since: at,
                scrapes: new.unwrap_or_default().max(1.0),
                error: error.into(),
            },
        });
        self.last = at;
    }

    /// Why the metrics are unknown, once they could not be read for a minute and by two scrapes.
    pub(super) fn why(&self) -> Option<&str> {
        let failing = self.failing.as_ref()?;
        let is_long = failing.since.after(LASTS) <= self.last;
        (is_long && failing.scrapes >= MIN_FAILURES).then_some(&*failing.error)
    }

    /// Whether most scrapes failed in three of the last five minutes, and more than one failed.
    pub(super) fn judge(&self, most: f64) -> Answer {
        let Some(bad) = self.failed.above(most, MINUTES) else {
            let known = self.failed.known(MINUTES).len();
            let evidence = format!("only {known} of the last {MINUTES} minutes have samples");
            return (Presence::Unknown, evidence);
        };
        let why = self.failing.as_ref();
        let why = why.map(|failing| format!(": {}", failing.error));
        let mut evidence = format!(
            "its metrics could not be read in {bad} of the last {MINUTES} minutes{}",
            why.unwrap_or_default()
        );
        let is_single = bad >= BAD_MINUTES && self.is_single();
        if is_single {
            evidence += " (one failed scrape)";
        }
        let presence = if bad >= BAD_MINUTES && !is_single {
            Presence::Active
        } else {
            Presence::Clear
        };
        (presence, evidence)
    }

    /// Whether the failure is that of one scrape, which lasts for its whole interval.
    fn is_single(&self) -> bool {
        let recent = self.failures.sum(MINUTES).unwrap_or_default();
        let running = self.failing.as_ref().map_or(0.0, |one| one.scrapes);
        recent.max(running) < MIN_FAILURES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Samples every ten seconds of a service that is scraped every `interval` seconds, each scrape with
    /// its error. Calls `look` after each sample.
    fn read(
        interval: i64,
        scrapes: &[Option<&'static str>],
        mut look: impl FnMut(&Unread),
    ) -> Unread {
        let (mut unread, mut scrape) = (Unread::default(), ScrapeView::default());
        for (number, error) in (0..).zip(scrapes) {
            scrape.error = error.map(str::to_owned);
            scrape.failures += u64::from(error.is_some());
            for second in (0..interval).step_by(10) {
                unread.take(Timestamp::from_secs(number * interval + second), &scrape);
                look(&unread);
            }
        }
        unread
    }

    /// Ten minutes, of which the scrapes from a minute on fail.
    fn fails_from(minute: usize) -> Unread {
        let scrape = |number: usize| (number >= minute * 6).then_some("no answer");
        read(10, &(0..60).map(scrape).collect::<Vec<_>>(), |_| ())
    }

    /// Whether the sign was active, and whether the metrics were unknown, at any sample.
    fn ever(interval: i64, scrapes: &[Option<&'static str>]) -> (bool, bool) {
        let mut ever = (false, false);
        read(interval, scrapes, |unread| {
            ever.0 |= unread.judge(0.5).0 == Presence::Active;
            ever.1 |= unread.why().is_some();
        });
        ever
    }

    #[test]
    fn three_minutes_of_failed_scrapes_activate_the_sign() {
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
    fn a_single_failed_scrape_is_ignored_however_long_its_interval_is() {
        let error = Some("no answer");
        for minutes in [1, 2, 3, 4, 5] {
            let interval = minutes * 60;
            let once = [None, None, None, error, None, None, None, error, None];
            assert_eq!(ever(interval, &once), (false, false), "every {minutes} min");
            let often = [[None; 5], [error; 5]].concat();
            assert_eq!(ever(interval, &often), (true, true), "every {minutes} min");
        }
        let (presence, evidence) = read(300, &[None, error], |_| ()).judge(0.5);
        assert_eq!(presence, Presence::Clear);
        assert!(
            evidence.ends_with("4 of the last 5 minutes: no answer (one failed scrape)"),
            "{evidence}"
        );
    }

    #[test]
    fn a_service_whose_first_scrapes_fail_is_unreadable() {
        let error = Some("no answer");
        assert_eq!(ever(300, &[error]), (false, false));
        assert_eq!(ever(300, &[error, error]), (true, true));
    }

    #[test]
    fn metrics_are_unknown_after_a_minute_of_failed_scrapes() {
        let (mut unread, mut scrape) = (Unread::default(), ScrapeView::default());
        let mut take = |second, error: Option<&str>| {
            scrape.error = error.map(str::to_owned);
            scrape.failures += u64::from(error.is_some());
            unread.take(Timestamp::from_secs(second), &scrape);
            unread.why().map(str::to_owned)
        };
        assert_eq!(take(0, Some("no answer")), None);
        assert_eq!(take(50, Some("no answer")), None);
        assert_eq!(take(60, Some("reset")).as_deref(), Some("reset"));
        assert_eq!(take(70, None), None);
    }
}
