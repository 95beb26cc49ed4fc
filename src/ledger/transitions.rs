//! The log of probes that go down and come up again: one line each, and during an outage of
//! hundreds of them their number.

use crate::format::numbers;
use crate::outcome::{ProbeKey, Record, Timestamp, Verdict};
use std::collections::HashSet;
use std::time::Duration;
use tracing::{info, warn};

/// So many lines are logged in each period,
const LINES: usize = 20;
/// which is this long. What exceeds it is counted and logged at its end.
const PERIOD: Duration = Duration::from_secs(10);

/// The failures in a row of a probe that is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Failing {
    pub(super) since: Timestamp,
    pub(super) failures: u64,
}

/// What an outcome changed. A probe is down from its first failure on, as on the page.
#[derive(Debug, PartialEq, Eq)]
enum Transition {
    Down,
    Up(Failing),
}

#[derive(Debug, Default)]
pub(super) struct TransitionLog {
    /// Probes that this process has reported as down. One that was down before the start is
    /// reported with its first failure.
    down: HashSet<ProbeKey>,
    period: Period,
}

impl TransitionLog {
    /// Logs what the outcome changed, from the state of its probe before and after it.
    pub(super) fn log(
        &mut self,
        record: &Record,
        before: Option<Failing>,
        after: Option<Failing>,
        now: Timestamp,
    ) {
        let Some(transition) = self.transition(&record.key, before, after) else {
            return;
        };
        self.log_suppressed(now);
        if self.period.admits(&transition, now) {
            transition.log(record);
        }
    }

    fn transition(
        &mut self,
        key: &ProbeKey,
        before: Option<Failing>,
        after: Option<Failing>,
    ) -> Option<Transition> {
        match (before, after) {
            (_, Some(_)) => self.down.insert(key.clone()).then_some(Transition::Down),
            (Some(before), None) => {
                self.down.remove(key);
                Some(Transition::Up(before))
            }
            (None, None) => None,
        }
    }

    /// Logs the number of lines that were left out once their period is over.
    pub(super) fn log_suppressed(&mut self, now: Timestamp) {
        if self.period.is_over(now) {
            self.log_rest();
        }
    }

    /// Logs it now, whether or not the period is over.
    pub(super) fn log_rest(&mut self) {
        if let Some((down, up)) = self.period.left_out() {
            warn!(
                down,
                up,
                "too many probes changed within {} s to log each: {down} more went down, {up} more came up again",
                PERIOD.as_secs()
            );
        }
    }

    /// Forgets probes that are not configured any more.
    pub(super) fn retain(&mut self, is_configured: impl Fn(&ProbeKey) -> bool) {
        self.down.retain(is_configured);
    }
}

impl Transition {
    fn log(&self, record: &Record) {
        let (key, outcome) = (&record.key, &record.outcome);
        let (service, probe) = (&*key.service, &*key.probe);
        match (self, outcome.verdict) {
            (Self::Up(failing), _) => {
                let lasted = millis_between(failing.since, record.at);
                let (lasted, failures) = (numbers::span(lasted), failing.failures);
                let failed = numbers::plural(failures, "failed attempt");
                info!(
                    service,
                    probe, failures, "{key} is up again after {lasted} ({failed})"
                );
            }
            (Self::Down, Verdict::Bad(cause)) => {
                let cause = cause.label();
                // The message says what happened, in more words than the cause.
                let why = outcome.detail.message.as_deref().unwrap_or(cause);
                warn!(service, probe, cause, "{key} is down: {why}");
            }
            (Self::Down, Verdict::Good | Verdict::Void(_)) => {}
        }
    }
}

fn millis_between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::from_millis(u64::try_from(to.0.saturating_sub(from.0)).unwrap_or(0))
}

/// The lines of a period, and those that were left out.
#[derive(Debug, Default)]
struct Period {
    from: Timestamp,
    lines: usize,
    down: u64,
    up: u64,
}

impl Period {
    fn is_over(&self, now: Timestamp) -> bool {
        // Also when the clock was set back.
        now < self.from || self.from.after(PERIOD) <= now
    }

    fn admits(&mut self, transition: &Transition, now: Timestamp) -> bool {
        if self.is_over(now) {
            *self = Self {
                from: now,
                ..Self::default()
            };
        }
        if self.lines < LINES {
            self.lines += 1;
            return true;
        }
        match transition {
            Transition::Down => self.down += 1,
            Transition::Up(_) => self.up += 1,
        }
        false
    }

    /// How many went down and came up without a line.
    fn left_out(&mut self) -> Option<(u64, u64)> {
        let counts = (std::mem::take(&mut self.down), std::mem::take(&mut self.up));
        Some(counts).filter(|counts| *counts != (0, 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOWN: Option<Failing> = Some(Failing {
        since: Timestamp(5000),
        failures: 3,
    });

    #[test]
    fn a_probe_is_reported_once_in_each_direction() {
        let (mut log, key) = (TransitionLog::default(), ProbeKey::new("rag", "search"));
        let mut seen = |before, after| log.transition(&key, before, after);
        assert_eq!(seen(None, None), None);
        assert_eq!(seen(None, DOWN), Some(Transition::Down));
        assert_eq!(seen(DOWN, DOWN), None);
        let up = DOWN.map(Transition::Up);
        assert_eq!(seen(DOWN, None), up);
        assert_eq!(seen(None, None), None);
    }

    #[test]
    fn a_probe_that_was_down_before_the_start_is_reported() {
        let (mut log, key) = (TransitionLog::default(), ProbeKey::new("rag", "search"));
        assert_eq!(log.transition(&key, DOWN, DOWN), Some(Transition::Down));
        assert_eq!(log.transition(&key, DOWN, DOWN), None);
        log.retain(|_| false);
        assert_eq!(log.transition(&key, DOWN, DOWN), Some(Transition::Down));
        let mut other = TransitionLog::default();
        let up = DOWN.map(Transition::Up);
        assert_eq!(other.transition(&key, DOWN, None), up);
    }

    #[test]
    fn an_outage_of_thousands_logs_some_lines_and_a_number() {
        let mut period = Period::default();
        let at = |seconds: i64| Timestamp(1_000_000 + seconds * 1000);
        let mut lines = 0;
        for number in 0..5000 {
            let is_up = number >= 4000;
            let transition = if is_up {
                DOWN.map_or(Transition::Down, Transition::Up)
            } else {
                Transition::Down
            };
            lines += usize::from(period.admits(&transition, at(number / 1000)));
        }
        assert_eq!(lines, LINES);
        assert!(!period.is_over(at(9)) && period.is_over(at(10)));
        assert_eq!(period.left_out(), Some((3980, 1000)));
        assert_eq!(period.left_out(), None, "once");
        assert!(period.admits(&Transition::Down, at(11)));
        assert!(
            period.admits(&Transition::Down, at(-5000)),
            "the clock was set back"
        );
    }
}
