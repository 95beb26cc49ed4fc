//! One control probe: its recent results, and whether it is reliable.

use crate::outcome::{ProbeKey, Record, Timestamp, Verdict};
use std::collections::VecDeque;
use std::time::Duration;

/// Maximum number of remembered results.
pub(super) const MAX_ATTEMPTS: usize = 64;
/// A control probe with more than one isolated failure per this many attempts is not believed.
const ALONE_AT_MOST: usize = 16;

#[derive(Clone, Debug)]
pub(super) struct Control {
    pub(super) key: ProbeKey,
    /// An attempt further away from a moment than this says nothing about it: allows for the attempt in
    /// progress and one more.
    pub(super) reach: Duration,
    /// Oldest first.
    results: VecDeque<Attempt>,
}

#[derive(Clone, Copy, Debug)]
struct Attempt {
    at: Timestamp,
    good: bool,
    /// Whether it failed while most of the others did not; `None` while unknown.
    alone: Option<bool>,
}

/// What a control probe shows about a moment.
#[derive(Debug)]
pub(super) struct Evidence {
    /// It did not succeed between `from` and `to`.
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    failed: Vec<Timestamp>,
    /// Future attempts that may fail.
    open: usize,
}

impl Control {
    pub(super) fn new(key: &ProbeKey, interval: Duration, timeout: Duration) -> Self {
        Self {
            key: key.clone(),
            reach: 2 * interval + timeout,
            results: VecDeque::new(),
        }
    }

    pub(super) fn note(&mut self, record: &Record) {
        if record.outcome.verdict.counts() {
            let good = record.outcome.verdict == Verdict::Good;
            self.results.push_back(Attempt {
                at: record.at,
                good,
                alone: good.then_some(false),
            });
            if self.results.len() > MAX_ATTEMPTS {
                self.results.pop_front();
            }
        }
    }

    /// Copies the results of another instance of the same probe.
    pub(super) fn recall(&mut self, old: &Self) {
        self.results.clone_from(&old.results);
    }

    /// Drops results after a moment.
    pub(super) fn forget_after(&mut self, moment: Timestamp) {
        self.results.retain(|one| one.at <= moment);
    }

    pub(super) fn failed_last(&self) -> bool {
        self.results.back().is_some_and(|last| !last.good)
    }

    /// When it succeeded last.
    pub(super) fn last_good(&self) -> Option<Timestamp> {
        let last = self.results.iter().rfind(|one| one.good);
        last.map(|one| one.at)
    }

    /// Whether its failures coincided with those of others so far.
    pub(super) fn is_believed(&self) -> bool {
        let alone = self.results.iter().filter(|one| one.alone == Some(true));
        alone.count() * ALONE_AT_MOST <= self.results.len()
    }

    /// Failed attempts for which it is unknown whether others failed as well.
    pub(super) fn undecided(&self) -> impl Iterator<Item = Timestamp> + '_ {
        let undecided = self.results.iter().filter(|one| one.alone.is_none());
        undecided.map(|one| one.at)
    }

    pub(super) fn decide(&mut self, at: Timestamp, alone: bool) {
        for one in self.results.iter_mut().filter(|one| one.at == at) {
            one.alone = Some(alone);
        }
    }

    pub(super) fn evidence(&self, moment: Timestamp) -> Evidence {
        let (first, last) = (moment.before(self.reach), moment.after(self.reach));
        let near = || {
            let inside = move |one: &&Attempt| first <= one.at && one.at <= last;
            self.results.iter().filter(inside)
        };
        let good = || near().filter(|one| one.good).map(|one| one.at);
        let from = good().rfind(|at| *at <= moment);
        let next = good().find(|at| *at > moment);
        let (from, to) = (
            from.unwrap_or(Timestamp(i64::MIN)),
            next.unwrap_or(Timestamp(i64::MAX)),
        );
        let failed = near().filter(|one| !one.good && from < one.at && one.at < to);
        let after = near().filter(|one| one.at > moment).count();
        Evidence {
            from,
            to,
            failed: failed.map(|one| one.at).collect(),
            open: match next {
                Some(_) => 0,
                None => 2_usize.saturating_sub(after),
            },
        }
    }
}

impl Evidence {
    /// The number of failures inside a span without a success; `hopeful` includes future ones.
    pub(super) fn failures(&self, from: Timestamp, to: Timestamp, hopeful: bool) -> usize {
        if from < self.from || to > self.to {
            return 0;
        }
        let inside = self.failed.iter().filter(|at| from < **at && **at < to);
        inside.count() + if hopeful { self.open } else { 0 }
    }
}
