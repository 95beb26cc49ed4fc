//! Whose fault it is: while most of the control probes fail at one time, our own network is gone,
//! and what we then see of the services says nothing about them. Data in, data out.
//!
//! Control probes fail for reasons of their own as well. So a failure is explained only by a span
//! around it in which the control probes agree: all of them failed in it, or most of them failed
//! twice and never succeeded. Most of them must be such that do not often fail alone.

mod control;

use crate::outcome::{Cause, Outcome, ProbeKey, Record, Timestamp, Verdict, VoidReason};
use control::{Control, Evidence};
use std::collections::VecDeque;
use std::time::Duration;

/// Failures that wait for the control probes at most; beyond it the oldest are judged by what is known
/// then.
const HELD: usize = 10_000;

/// The control probes, and the failures that wait for them.
#[derive(Debug, Default)]
pub struct NetworkGuard {
    controls: Vec<Control>,
    held: VecDeque<Held>,
    /// A failure older than this will not be explained any more.
    patience: Duration,
    /// Failures that were judged because too many waited.
    judged_early: u64,
}

#[derive(Debug)]
struct Held {
    record: Record,
    /// Whether it waits since a process that ended.
    recalled: bool,
}

/// What became of an outcome.
#[derive(Clone, Debug, PartialEq)]
pub enum Passed {
    /// It needs no judgement.
    AtOnce(Record),
    /// It waits for its judgement from now on.
    Held(Record),
    /// It waited, and is judged now.
    Judged(Record),
}

/// What the control probes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loss {
    Lost,
    NotLost,
    /// It depends on attempts that are still to come.
    Open,
}

impl NetworkGuard {
    /// Control probes with their intervals and timeouts.
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

    /// Whether the other one has the same control probes, so that this one may go on.
    pub fn is_like(&self, other: &Self) -> bool {
        let keys = |vantage: &Self| -> Vec<(ProbeKey, Duration)> {
            let controls = vantage.controls.iter();
            controls.map(|one| (one.key.clone(), one.reach)).collect()
        };
        keys(self) == keys(other)
    }

    /// Goes on with what another one knew and held.
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

    /// Goes on with failures that a process held when it ended.
    pub fn recall(&mut self, records: impl IntoIterator<Item = Record>) {
        let recalled = true;
        let held = records.into_iter().map(|record| Held { record, recalled });
        self.held.extend(held.take(HELD));
    }

    /// The control probes with the time that their remembered attempts take.
    pub fn controls(&self) -> impl Iterator<Item = (&ProbeKey, Duration)> {
        let length = u32::try_from(control::MAX_ATTEMPTS).unwrap_or(u32::MAX);
        self.controls
            .iter()
            .map(move |one| (&one.key, one.reach.saturating_mul(length)))
    }

    /// Whether a probe is one of the control set.
    pub fn is_control(&self, key: &ProbeKey) -> bool {
        self.controls.iter().any(|control| control.key == *key)
    }

    /// Whether most of the control set failed in their last attempt.
    pub fn is_lost(&self) -> bool {
        let failed = self.controls.iter().filter(|one| one.failed_last()).count();
        2 * failed > self.controls.len()
    }

    /// Since when our own network may have been gone, if it is gone by what the control probes found so far: since
    /// the last success of those that fail.
    pub fn lost_since(&self, now: Timestamp) -> Option<Timestamp> {
        if self.loss_at(now, Control::is_believed) != Loss::Lost {
            return None;
        }
        let failing = self.controls.iter().filter(|one| one.failed_last());
        Some(failing.filter_map(Control::last_good).max().unwrap_or(now))
    }

    /// Takes an outcome, and returns what became of it and of those that are judged by it, in the
    /// order in which they came. A control probe's own outcome is only looked at.
    pub fn take(&mut self, record: Record, now: Timestamp) -> Vec<Passed> {
        if self.is_control(&record.key) {
            self.note(&record, now);
            return self.release(now);
        }
        if self.controls.is_empty() || !may_be_ours(record.outcome.verdict) {
            return vec![Passed::AtOnce(record)];
        }
        self.held.push_back(Held {
            record: record.clone(),
            recalled: false,
        });
        let mut passed = vec![Passed::Held(record)];
        if self.held.len() > HELD
            && let Some(oldest) = self.held.pop_front()
        {
            self.judged_early += 1;
            passed.push(self.judge_now(oldest.record, VoidReason::Resources, TOO_MANY));
        }
        passed
    }

    /// How many failures were judged since the last time because too many waited.
    pub fn take_judged_early(&mut self) -> u64 {
        std::mem::take(&mut self.judged_early)
    }

    /// The clock was set back to `now`. Failures of later times are judged by what is known, and what
    /// the control probes found then says nothing about the same times when they come again.
    pub fn set_back(&mut self, now: Timestamp) -> Vec<Passed> {
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

    /// Judges a failure by what is known now, of which more was to come.
    fn judge_now(&self, mut record: Record, why: VoidReason, text: &str) -> Passed {
        match self.loss_of(&record) {
            Loss::Lost => record.outcome.verdict = Verdict::Void(VoidReason::Network),
            Loss::Open => undecided(&mut record.outcome, why, text),
            Loss::NotLost => {}
        }
        Passed::Judged(record)
    }

    /// Takes an outcome of a control probe.
    pub fn note(&mut self, record: &Record, now: Timestamp) {
        for control in self.controls.iter_mut().filter(|one| one.key == record.key) {
            control.note(record);
        }
        self.judge_lone_failures(now);
    }

    /// Those whose judgement is known, or whose time is over.
    pub fn release(&mut self, now: Timestamp) -> Vec<Passed> {
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
                // Nobody can say any more whose it was, because this program ended.
                Loss::Open if one.recalled && !self.controls.is_empty() => {
                    undecided(&mut one.record.outcome, VoidReason::Shutdown, STOPPED);
                }
                Loss::Open | Loss::NotLost => {}
            }
            released.push(Passed::Judged(one.record));
        }
        released
    }

    /// Whether our own network was gone when an attempt began or when it ended. Looking for a report takes no
    /// time: its latency is how long there was none.
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

    /// Finds out which failed attempts of the control probes were theirs alone.
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

    /// Whether our own network was gone at a moment, by those control probes that are believed.
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

/// Whether there is one span in which all failed, or most failed twice; `hopeful` takes it that
/// those attempts fail that are still to come.
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

/// Nobody can say whose failure it was.
fn undecided(outcome: &mut Outcome, why: VoidReason, text: &str) {
    outcome.verdict = Verdict::Void(why);
    let failed = outcome.detail.message.take().unwrap_or_default();
    outcome.detail.say(format_args!("{text}: {failed}"));
}

/// Whether a lost network of our own could look like this.
fn may_be_ours(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Bad(cause) if cause.could_be_own_network())
}

#[cfg(test)]
mod tests;
