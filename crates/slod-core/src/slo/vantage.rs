//! Detects failures of slod's own network: if most control probes fail at the same time, failures of
//! services then say nothing about the services. Pure.
//!
//! Control probes also fail for reasons of their own. A failure is therefore excused only by a span around
//! it in which the control probes agree: all of them failed in it, or most of them failed twice and never
//! succeeded. Most of them must be probes that do not often fail alone.

mod control;

use crate::outcome::{Cause, Outcome, ProbeKey, Record, Timestamp, Verdict, VoidReason};
use control::{Control, Evidence};
use std::collections::VecDeque;
use std::time::Duration;

/// Maximum number of failures that wait for the control probes. Beyond it, the oldest are judged by what is
/// known at the time.
const HELD: usize = 10_000;

/// The control probes, and the failures that wait for them.
#[derive(Debug, Default)]
pub struct NetworkGuard {
    controls: Vec<Control>,
    held: VecDeque<Held>,
    /// A failure older than this can no longer be excused.
    patience: Duration,
    /// Failures that were judged early because too many waited.
    judged_early: u64,
}

#[derive(Debug)]
struct Held {
    record: Record,
    /// Whether it was held by a previous process.
    recalled: bool,
}

/// What happened to an outcome.
#[derive(Clone, Debug, PartialEq)]
pub enum GuardedOutcome {
    /// It needs no judgement.
    AtOnce(Record),
    /// It waits for its judgement from now on.
    Held(Record),
    /// It was held, and is judged now.
    Judged(Record),
}

/// Whether slod's own network was lost, according to the control probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loss {
    Lost,
    NotLost,
    /// Depends on future attempts.
    Open,
}

impl NetworkGuard {
    /// Creates a guard for control probes with these intervals and timeouts.
    pub fn new<'a>(controls: impl IntoIterator<Item = (&'a ProbeKey, Duration, Duration)>) -> Self {
        let controls: Vec<Control> = controls
            .into_iter()
            .map(|(key, interval, timeout)| Control::new(key, interval, timeout))
            .collect();
        Self {
            patience: controls
                .iter()
                .map(|one| one.reach)
                .max()
                .unwrap_or_default(),
            controls,
            held: VecDeque::new(),
            judged_early: 0,
        }
    }

    /// Whether the other guard has the same control probes, so that this one can be kept.
    pub fn is_like(&self, other: &Self) -> bool {
        let keys = |vantage: &Self| -> Vec<(ProbeKey, Duration)> {
            let controls = vantage.controls.iter();
            controls.map(|one| (one.key.clone(), one.reach)).collect()
        };
        keys(self) == keys(other)
    }

    /// Takes over the results and held failures of another guard.
    #[must_use]
    pub fn going_on_from(mut self, old: Self) -> Self {
        for control in &mut self.controls {
            let same = old.controls.iter().find(|old| old.key == control.key);
            if let Some(old) = same {
                control.recall(old);
            }
        }
        self.held = old.held;
        self
    }

    /// Adds failures that a previous process held when it ended.
    pub fn recall(&mut self, records: impl IntoIterator<Item = Record>) {
        let recalled = true;
        let held = records.into_iter().map(|record| Held { record, recalled });
        self.held.extend(held.take(HELD));
    }

    /// The control probes, with the time span of their remembered attempts.
    pub fn controls(&self) -> impl Iterator<Item = (&ProbeKey, Duration)> {
        let length = u32::try_from(control::MAX_ATTEMPTS).unwrap_or(u32::MAX);
        self.controls
            .iter()
            .map(move |one| (&one.key, one.reach.saturating_mul(length)))
    }

    /// Whether a probe is a control probe.
    pub fn is_control(&self, key: &ProbeKey) -> bool {
        self.controls.iter().any(|control| control.key == *key)
    }

    /// Whether most of the control probes failed in their last attempt.
    pub fn is_lost(&self) -> bool {
        let failed = self.controls.iter().filter(|one| one.failed_last()).count();
        2 * failed > self.controls.len()
    }

    /// Since when slod's own network may have been lost, if the control probes currently show a loss: the
    /// last success of those that fail.
    pub fn lost_since(&self, now: Timestamp) -> Option<Timestamp> {
        if self.loss_at(now, Control::is_believed) != Loss::Lost {
            return None;
        }
        let failing = self.controls.iter().filter(|one| one.failed_last());
        Some(failing.filter_map(Control::last_good).max().unwrap_or(now))
    }

    /// Processes an outcome. Returns its result and those of the failures that it decides, in order of
    /// arrival. The outcomes of control probes themselves are not returned.
    pub fn take(&mut self, record: Record, now: Timestamp) -> Vec<GuardedOutcome> {
        if self.is_control(&record.key) {
            self.note(&record, now);
            return self.release(now);
        }
        if self.controls.is_empty() || !may_be_ours(record.outcome.verdict) {
            return vec![GuardedOutcome::AtOnce(record)];
        }
        self.held.push_back(Held {
            record: record.clone(),
            recalled: false,
        });
        let mut passed = vec![GuardedOutcome::Held(record)];
        if self.held.len() > HELD
            && let Some(oldest) = self.held.pop_front()
        {
            self.judged_early += 1;
            passed.push(self.judge_now(oldest.record, VoidReason::Resources, TOO_MANY));
        }
        passed
    }

    /// Returns and resets the number of failures that were judged early because too many waited.
    pub fn take_judged_early(&mut self) -> u64 {
        std::mem::take(&mut self.judged_early)
    }

    /// Handles a clock that was set back to `now`. Failures of later times are judged by what is known, and
    /// later results of the control probes are dropped because they do not apply when these times recur.
    pub fn set_back(&mut self, now: Timestamp) -> Vec<GuardedOutcome> {
        let held = std::mem::take(&mut self.held);
        let (future, held) = held.into_iter().partition(|one| one.record.at > now);
        self.held = held;
        let future: VecDeque<Held> = future;
        let judged = future.into_iter();
        let judged = judged.map(|one| self.judge_now(one.record, VoidReason::ClockJump, SET_BACK));
        let judged = judged.collect();
        for control in &mut self.controls {
            control.forget_after(now);
        }
        judged
    }

    /// Judges a failure by what is known now, although more was to come.
    fn judge_now(&self, mut record: Record, why: VoidReason, text: &str) -> GuardedOutcome {
        match self.loss_of(&record) {
            Loss::Lost => record.outcome.verdict = Verdict::Void(VoidReason::Network),
            Loss::Open => make_void(&mut record.outcome, why, text),
            Loss::NotLost => {}
        }
        GuardedOutcome::Judged(record)
    }

    /// Records an outcome of a control probe.
    pub fn note(&mut self, record: &Record, now: Timestamp) {
        for control in self.controls.iter_mut().filter(|one| one.key == record.key) {
            control.note(record);
        }
        self.judge_lone_failures(now);
    }

    /// Releases failures that can be judged, or that have waited long enough.
    pub fn release(&mut self, now: Timestamp) -> Vec<GuardedOutcome> {
        let held = std::mem::take(&mut self.held);
        let mut released = Vec::new();
        for mut one in held {
            let over = one.record.at.after(self.patience) <= now;
            match self.loss_of(&one.record) {
                Loss::Lost => one.record.outcome.verdict = Verdict::Void(VoidReason::Network),
                Loss::Open if !over => {
                    self.held.push_back(one);
                    continue;
                }
                // It can no longer be determined, because the process was restarted.
                Loss::Open if one.recalled && !self.controls.is_empty() => {
                    make_void(&mut one.record.outcome, VoidReason::Shutdown, STOPPED);
                }
                Loss::Open | Loss::NotLost => {}
            }
            released.push(GuardedOutcome::Judged(one.record));
        }
        released
    }

    /// Whether slod's own network was lost when an attempt began or ended. Checking for a heartbeat takes
    /// no time: the latency is how long it has been missing.
    fn loss_of(&self, record: &Record) -> Loss {
        let took = match record.outcome.verdict {
            Verdict::Bad(Cause::Silent) => Duration::ZERO,
            _ => record.outcome.latency,
        };
        let end = record.at.after(took);
        let both = [record.at, end].map(|moment| self.loss_at(moment, Control::is_believed));
        if both.contains(&Loss::Lost) {
            Loss::Lost
        } else if both.contains(&Loss::Open) {
            Loss::Open
        } else {
            Loss::NotLost
        }
    }

    /// Decides which failed attempts of the control probes were isolated.
    fn judge_lone_failures(&mut self, now: Timestamp) {
        let mut decided = Vec::new();
        for (place, control) in self.controls.iter().enumerate() {
            for at in control.undecided() {
                let over = at.after(self.patience) <= now;
                match self.loss_at(at, |_| true) {
                    Loss::Lost => decided.push((place, at, false)),
                    Loss::Open if !over => {}
                    Loss::Open | Loss::NotLost => decided.push((place, at, true)),
                }
            }
        }
        for (place, at, alone) in decided {
            self.controls[place].decide(at, alone);
        }
    }

    /// Whether slod's own network was lost at a moment, according to the `believed` control probes.
    fn loss_at(&self, moment: Timestamp, believed: impl Fn(&Control) -> bool) -> Loss {
        let answers: Vec<(Evidence, bool)> = self
            .controls
            .iter()
            .map(|one| (one.evidence(moment), believed(one)))
            .collect();
        if agree(&answers, false) {
            Loss::Lost
        } else if agree(&answers, true) {
            Loss::Open
        } else {
            Loss::NotLost
        }
    }
}

/// Whether there is a span in which all failed, or most failed twice. `hopeful` assumes that future
/// attempts will fail.
fn agree(answers: &[(Evidence, bool)], hopeful: bool) -> bool {
    let believed = || answers.iter().filter(|(_, believed)| *believed);
    let most = |count: usize| 2 * count > answers.len();
    let starts = || answers.iter().map(|(one, _)| one.from);
    let ends = || answers.iter().map(|(one, _)| one.to);
    let (Some(start), Some(end)) = (starts().max(), ends().min()) else {
        return false;
    };
    let all_once = || {
        let mut all = answers.iter();
        all.all(|(one, _)| one.failures(start, end, hopeful) > 0)
    };
    let twice = |from, to| {
        let failed = believed().filter(|(one, _)| one.failures(from, to, hopeful) > 1);
        failed.count()
    };
    most(believed().count())
        && (all_once() || starts().any(|from| ends().any(|to| most(twice(from, to)))))
}

const STOPPED: &str =
    "slod stopped before its control probes could show whether the local network had failed";
const TOO_MANY: &str = "more than 10,000 failures waited for the control probes, which had not yet shown whether the local network had failed";
const SET_BACK: &str = "the clock was set back before the control probes could show whether the local network had failed";

/// Voids an outcome whose cause cannot be determined.
fn make_void(outcome: &mut Outcome, why: VoidReason, text: &str) {
    outcome.verdict = Verdict::Void(why);
    let failed = outcome.detail.message.take().unwrap_or_default();
    outcome.detail.say(format_args!("{text}: {failed}"));
}

/// Whether a loss of slod's own network could look like this.
fn may_be_ours(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Bad(cause) if cause.could_be_own_network())
}

#[cfg(test)]
mod tests;
