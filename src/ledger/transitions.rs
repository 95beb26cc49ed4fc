//! Logs probes that go down, come up again, or cannot run: one line each, but during an outage of
//! hundreds of probes only their number.

use crate::format::numbers;
use crate::outcome::{ProbeKey, Record, Timestamp, Verdict, VoidReason};
use std::collections::HashSet;
use std::time::Duration;
use tracing::{info, warn};

/// Maximum number of lines logged per period.
const LINES: usize = 20;
/// Length of a period. Further changes are counted, and logged at its end.
const PERIOD: Duration = Duration::from_secs(10);

/// The consecutive failures of a probe that is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Failing {
    pub(super) since: Timestamp,
    pub(super) failures: u64,
}

/// The change caused by an outcome. A probe is down from its first failure on, as on the page.
#[derive(Debug, PartialEq, Eq)]
enum Transition {
    Down,
    Up(Failing),
    /// slod lacks something that attempts need, such as a permission.
    Void,
}

#[derive(Debug, Default)]
pub(super) struct TransitionLog {
    /// Probes that this process has reported as down. A probe that was down before the start is
    /// reported at its first failure.
    down: HashSet<ProbeKey>,
    /// Probes whose last attempt could not run.
    void: HashSet<ProbeKey>,
    period: Period,
}

impl TransitionLog {
    /// Logs the change caused by an outcome, given the state of its probe before and after it.
    pub(super) fn log(
        &mut self,
        record: &Record,
        before: Option<Failing>,
        after: Option<Failing>,
        now: Timestamp,
    ) {
        let verdict = record.outcome.verdict;
        let Some(transition) = self.transition(&record.key, verdict, before, after) else {
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
        verdict: Verdict,
        before: Option<Failing>,
        after: Option<Failing>,
    ) -> Option<Transition> {
        if let Verdict::Void(reason) = verdict {
            let lasts = matches!(reason, VoidReason::Resources | VoidReason::Internal);
            return (lasts && self.void.insert(key.clone())).then_some(Transition::Void);
        }
        self.void.remove(key);
        match (before, after) {
            (_, Some(_)) => self.down.insert(key.clone()).then_some(Transition::Down),
            (Some(before), None) => {
                self.down.remove(key);
                Some(Transition::Up(before))
            }
            (None, None) => None,
        }
    }

    /// Logs the number of suppressed lines if their period is over.
    pub(super) fn log_suppressed(&mut self, now: Timestamp) {
        if self.period.is_over(now) {
            self.log_rest();
        }
    }

    /// Logs the number of suppressed lines now.
    pub(super) fn log_rest(&mut self) {
        if let Some([down, up, void]) = self.period.left_out() {
            warn!(
                down,
                up,
                void,
                "too many probes changed within {} s to log each: {down} more went down, {up} more came up again, \
                 {void} more could not run",
                PERIOD.as_secs()
            );
        }
    }

    /// Removes probes that are no longer configured.
    pub(super) fn retain(&mut self, is_configured: impl Fn(&ProbeKey) -> bool) {
        self.down.retain(&is_configured);
        self.void.retain(is_configured);
    }
}

impl Transition {
    fn log(&self, record: &Record) {
        let (key, outcome) = (&record.key, &record.outcome);
        let (service, probe) = (&*key.service, &*key.probe);
        match (self, outcome.verdict) {
            (Self::Up(failing), _) => {
                let lasted = record.at.since(failing.since);
                let (lasted, failures) = (numbers::span(lasted), failing.failures);
                let failed = numbers::plural(failures, "failed attempt");
                info!(
                    service,
                    probe, failures, "{key} is up again after {lasted} ({failed})"
                );
            }
            (Self::Down, Verdict::Bad(cause)) => {
                let cause = cause.label();
                // The message is more specific than the cause.
                let why = outcome.detail.message.as_deref().unwrap_or(cause);
                warn!(service, probe, cause, "{key} is down: {why}");
            }
            (_, Verdict::Void(reason)) => {
                let reason = reason.label();
                let why = outcome.detail.message.as_deref().unwrap_or(reason);
                warn!(
                    service,
                    probe,
                    reason,
                    "{key} cannot be probed (not counted against the service): {why}"
                );
            }
            (Self::Down | Self::Void, _) => {}
        }
    }
}

/// The number of lines in a period, and of the suppressed ones.
#[derive(Debug, Default)]
struct Period {
    from: Timestamp,
    lines: usize,
    down: u64,
    up: u64,
    void: u64,
}

impl Period {
    fn is_over(&self, now: Timestamp) -> bool {
        // Also if the clock was set back.
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
            Transition::Void => self.void += 1,
        }
        false
    }

    /// The number of suppressed changes: down, up, and could not run.
    fn left_out(&mut self) -> Option<[u64; 3]> {
        let counts = [&mut self.down, &mut self.up, &mut self.void].map(std::mem::take);
        Some(counts).filter(|counts| *counts != [0; 3])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Cause;

    const BAD: Verdict = Verdict::Bad(Cause::Refused);
    const DOWN: Option<Failing> = Some(Failing {
        since: Timestamp(5000),
        failures: 3,
    });

    #[test]
    fn a_probe_is_reported_once_in_each_direction() {
        let (mut log, key) = (TransitionLog::default(), ProbeKey::new("rag", "search"));
        let mut seen = |verdict, before, after| log.transition(&key, verdict, before, after);
        assert_eq!(seen(Verdict::Good, None, None), None);
        assert_eq!(seen(BAD, None, DOWN), Some(Transition::Down));
        assert_eq!(seen(BAD, DOWN, DOWN), None);
        let up = DOWN.map(Transition::Up);
        assert_eq!(seen(Verdict::Good, DOWN, None), up);
        assert_eq!(seen(Verdict::Good, None, None), None);
    }

    #[test]
    fn attempts_that_cannot_run_are_reported_once() {
        let (mut log, key) = (TransitionLog::default(), ProbeKey::new("rag", "ping"));
        let mut seen = |verdict, failing| log.transition(&key, verdict, failing, failing);
        let void = Verdict::Void(VoidReason::Resources);
        assert_eq!(seen(void, None), Some(Transition::Void));
        assert_eq!(seen(void, None), None);
        assert_eq!(seen(Verdict::Void(VoidReason::Late), None), None);
        assert_eq!(seen(Verdict::Good, None), None);
        assert_eq!(seen(void, DOWN), Some(Transition::Void));
        let down = Some(Transition::Down);
        assert_eq!(
            seen(BAD, DOWN),
            down,
            "no void attempt reports a probe that was down before the start"
        );
    }

    #[test]
    fn a_probe_that_was_down_before_the_start_is_reported() {
        let (mut log, key) = (TransitionLog::default(), ProbeKey::new("rag", "search"));
        assert_eq!(
            log.transition(&key, BAD, DOWN, DOWN),
            Some(Transition::Down)
        );
        assert_eq!(log.transition(&key, BAD, DOWN, DOWN), None);
        log.retain(|_| false);
        assert_eq!(
            log.transition(&key, BAD, DOWN, DOWN),
            Some(Transition::Down)
        );
        let mut other = TransitionLog::default();
        let up = DOWN.map(Transition::Up);
        assert_eq!(other.transition(&key, Verdict::Good, DOWN, None), up);
    }

    #[test]
    fn an_outage_of_thousands_of_probes_logs_some_lines_and_a_count() {
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
        assert_eq!(period.left_out(), Some([3980, 1000, 0]));
        assert_eq!(period.left_out(), None, "once");
        assert!(period.admits(&Transition::Down, at(11)));
        assert!(
            period.admits(&Transition::Down, at(-5000)),
            "the clock was set back"
        );
    }
}
