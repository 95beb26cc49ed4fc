//! Whose fault it is: while most of the control probes fail, our own network is gone, and what we
//! then see of the services says nothing about them. Data in, data out.

use crate::outcome::{Cause, ProbeKey, Record, Timestamp, Verdict, Why};
use std::collections::VecDeque;
use std::time::Duration;

/// Failures that wait for the control probes at most; beyond it the oldest are judged at once.
const HELD: usize = 10_000;
/// Results of a control probe that are remembered.
const KEPT: usize = 8;

/// The control probes, and the failures that wait for them.
#[derive(Debug, Default)]
pub struct Vantage {
    controls: Vec<Control>,
    held: VecDeque<Record>,
    /// A failure older than this will not be explained any more.
    patience: Duration,
}

#[derive(Debug)]
struct Control {
    key: ProbeKey,
    /// Tick, and whether it was good; oldest first.
    results: VecDeque<(Timestamp, bool)>,
}

impl Vantage {
    /// Control probes with their intervals and timeouts.
    pub fn new<'a>(controls: impl IntoIterator<Item = (&'a ProbeKey, Duration, Duration)>) -> Self {
        let mut vantage = Self::default();
        for (key, interval, timeout) in controls {
            // One more attempt than the one that may run already.
            vantage.patience = vantage.patience.max(2 * interval + timeout);
            vantage.controls.push(Control {
                key: key.clone(),
                results: VecDeque::new(),
            });
        }
        vantage
    }

    /// Whether the other one has the same control probes, so that this one may go on.
    pub fn is_like(&self, other: &Self) -> bool {
        let keys = |vantage: &Self| -> Vec<ProbeKey> {
            vantage.controls.iter().map(|one| one.key.clone()).collect()
        };
        self.patience == other.patience && keys(self) == keys(other)
    }

    /// Whether a probe is one of the control set.
    pub fn is_control(&self, key: &ProbeKey) -> bool {
        self.controls.iter().any(|control| control.key == *key)
    }

    /// Whether most of the control set failed in their last attempt.
    pub fn is_lost(&self) -> bool {
        self.most(|control| control.results.back().is_some_and(|(_, good)| !good))
    }

    /// Takes an outcome, and returns those that are judged by it or need no judging, in the order
    /// in which they came. A control probe's own outcome is only looked at.
    pub fn take(&mut self, record: Record, now: Timestamp) -> Vec<Record> {
        if let Some(control) = self.controls.iter_mut().find(|one| one.key == record.key) {
            control.note(&record);
            return self.release(now);
        }
        if self.controls.is_empty() || !may_be_ours(record.outcome.verdict) {
            return vec![record];
        }
        self.held.push_back(record);
        if self.held.len() > HELD {
            return self.held.pop_front().into_iter().collect();
        }
        Vec::new()
    }

    /// Those whose judgement is known, or whose time is over.
    pub fn release(&mut self, now: Timestamp) -> Vec<Record> {
        let held = std::mem::take(&mut self.held);
        let mut released = Vec::new();
        for mut record in held {
            let at = record.at;
            if self.most(|control| control.failed_around(at)) {
                record.outcome.verdict = Verdict::Void(Why::Network);
                released.push(record);
            } else if self.controls.iter().all(|control| control.went_past(at))
                || at.after(self.patience) <= now
            {
                released.push(record);
            } else {
                self.held.push_back(record);
            }
        }
        released
    }

    /// Everything that still waits, as it is: nobody will explain it any more.
    pub fn drain(&mut self) -> Vec<Record> {
        self.held.drain(..).collect()
    }

    fn most(&self, holds: impl Fn(&Control) -> bool) -> bool {
        let count = self.controls.iter().filter(|one| holds(one)).count();
        2 * count > self.controls.len()
    }
}

impl Control {
    fn note(&mut self, record: &Record) {
        if record.outcome.verdict.counts() {
            let good = record.outcome.verdict == Verdict::Good;
            self.results.push_back((record.at, good));
            if self.results.len() > KEPT {
                self.results.pop_front();
            }
        }
    }

    /// Whether its attempt just before the moment, or the one just after it, failed.
    fn failed_around(&self, at: Timestamp) -> bool {
        let before = self.results.iter().rev().find(|(tick, _)| *tick <= at);
        let after = self.results.iter().find(|(tick, _)| *tick > at);
        [before, after].into_iter().flatten().any(|(_, good)| !good)
    }

    /// Whether it has an attempt after the moment.
    fn went_past(&self, at: Timestamp) -> bool {
        self.results.back().is_some_and(|(tick, _)| *tick > at)
    }
}

/// Whether a lost network of our own could look like this. Where somebody answered, it cannot.
fn may_be_ours(verdict: Verdict) -> bool {
    matches!(
        verdict,
        Verdict::Bad(
            Cause::Dns | Cause::Unreachable | Cause::Timeout | Cause::Reset | Cause::Proxy
        )
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Outcome;

    const INTERVAL: Duration = Duration::from_secs(10);
    const TIMEOUT: Duration = Duration::from_secs(5);
    const TIMED_OUT: Verdict = Verdict::Bad(Cause::Timeout);

    fn record(name: &str, second: i64, verdict: Verdict) -> Record {
        Record {
            key: ProbeKey::new(name, "p"),
            at: Timestamp::from_secs(second),
            interval: INTERVAL,
            outcome: Outcome::new(verdict, Duration::ZERO),
        }
    }

    fn vantage() -> Vantage {
        let keys = ["a", "b", "c"].map(|name| ProbeKey::new(name, "p"));
        Vantage::new(keys.iter().map(|key| (key, INTERVAL, TIMEOUT)))
    }

    /// Lets the outcomes come one second after their tick.
    fn told(vantage: &mut Vantage, story: &[(&str, i64, Verdict)]) -> Vec<(i64, Verdict)> {
        let mut told = Vec::new();
        for (name, second, verdict) in story {
            let now = Timestamp::from_secs(second + 1);
            let released = vantage.take(record(name, *second, *verdict), now);
            told.extend(
                released
                    .iter()
                    .map(|one| (one.at.0 / 1000, one.outcome.verdict)),
            );
        }
        told
    }

    #[test]
    fn a_failure_is_ours_while_most_of_the_controls_fail() {
        let mut vantage = vantage();
        let story = [
            ("a", 1, Verdict::Good),
            ("b", 2, Verdict::Good),
            ("c", 3, Verdict::Good),
            ("web", 5, TIMED_OUT),
            ("a", 11, TIMED_OUT),
            ("b", 12, TIMED_OUT),
            ("web", 15, TIMED_OUT),
            ("c", 13, Verdict::Good),
            ("a", 21, Verdict::Good),
            ("b", 22, Verdict::Good),
            ("web", 25, TIMED_OUT),
        ];
        let ours = Verdict::Void(Why::Network);
        assert_eq!(told(&mut vantage, &story), [(5, ours), (15, ours)]);
        assert!(!vantage.is_lost());
        // The one at 25 s came after the recovery, and is judged when all went past it.
        let rest = [
            ("a", 31, Verdict::Good),
            ("b", 32, Verdict::Good),
            ("c", 33, Verdict::Good),
        ];
        assert_eq!(told(&mut vantage, &rest), [(25, TIMED_OUT)]);
    }

    #[test]
    fn one_broken_control_explains_nothing() {
        let mut vantage = vantage();
        let story = [
            ("a", 1, TIMED_OUT),
            ("web", 5, TIMED_OUT),
            ("a", 11, TIMED_OUT),
            ("b", 12, Verdict::Good),
            ("c", 13, Verdict::Good),
        ];
        assert_eq!(told(&mut vantage, &story), [(5, TIMED_OUT)]);
    }

    #[test]
    fn an_answer_is_never_our_network_and_good_news_do_not_wait() {
        let mut vantage = vantage();
        let status = Verdict::Bad(Cause::Status);
        let story = [("web", 1, Verdict::Good), ("web", 2, status)];
        assert_eq!(
            told(&mut vantage, &story),
            [(1, Verdict::Good), (2, status)]
        );
        assert_eq!(
            told(&mut Vantage::default(), &[("web", 3, TIMED_OUT)]),
            [(3, TIMED_OUT)]
        );
    }

    #[test]
    fn only_another_control_set_begins_anew() {
        let mut old = vantage();
        told(&mut old, &[("a", 1, TIMED_OUT), ("web", 2, TIMED_OUT)]);
        assert!(old.is_like(&vantage()));
        assert!(!old.is_like(&Vantage::default()));
    }

    #[test]
    fn nobody_waits_for_ever() {
        let mut vantage = vantage();
        assert_eq!(told(&mut vantage, &[("web", 5, TIMED_OUT)]), []);
        let after = |second| Timestamp::from_secs(second);
        assert!(vantage.release(after(5 + 24)).is_empty());
        assert_eq!(vantage.release(after(5 + 25)).len(), 1);
        for number in 0..=10_000 {
            let released = vantage.take(record("web", number, TIMED_OUT), after(number));
            assert_eq!(released.len(), usize::from(number == 10_000));
        }
        assert_eq!(vantage.drain().len(), 10_000);
    }
}
