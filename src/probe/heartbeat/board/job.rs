//! What is known of one job that reports.

use super::{Beat, Before, Break, Failures, StoredBeat};
use crate::outcome::{Cause, Timestamp, Verdict};
use crate::probe::heartbeat::{Due, Terms};
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug)]
pub(super) struct Job {
    /// As in today's config; `None` where the probe is not in it any more.
    pub(super) terms: Option<Arc<Terms>>,
    /// From when on a report was owed, if none came later.
    pub(super) since: Timestamp,
    /// What was before that.
    pub(super) before: Break,
    /// For how long reports could be taken since the last one, up to that break.
    pub(super) heard: Duration,
    pub(super) last: Option<LastReport>,
    pub(super) failures: Option<Failures>,
    /// When the probe looked last.
    pub(super) looked: Option<Timestamp>,
    /// When failures were handed out last.
    pub(super) judged: Option<Timestamp>,
    /// Whether the program that ran before missed a report at its end.
    pub(super) silent: bool,
    /// The first outcome ever, where a program ran before.
    pub(super) first: Option<Timestamp>,
}

#[derive(Debug)]
pub(super) struct LastReport {
    pub(super) beat: Beat,
    /// When the one that was given to the store came.
    pub(super) kept: Timestamp,
}

impl Job {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            terms: None,
            since: now,
            before: Break::Start,
            heard: Duration::ZERO,
            last: None,
            failures: None,
            looked: None,
            judged: None,
            silent: false,
            first: None,
        }
    }

    pub(super) fn of_stored(stored: StoredBeat) -> Self {
        let StoredBeat {
            last: beat,
            failures,
        } = stored;
        let kept = beat.at;
        Self {
            last: Some(LastReport { beat, kept }),
            failures,
            ..Self::new(kept)
        }
    }

    /// Goes on where the program that ran before ended.
    pub(super) fn resume(&mut self, before: Before) {
        self.silent = before.verdict == Verdict::Bad(Cause::Silent);
        self.looked = self.looked.max(Some(before.last));
        self.heard = before.heard;
        self.first = Some(before.first);
    }

    /// Nothing could be heard between two moments. The second one is the earlier one where the clock was set
    /// back: what seems to be of the future came now at the latest.
    pub(super) fn miss(&mut self, from: Timestamp, to: Timestamp, why: Break) {
        let due = self.terms.as_ref().map(|terms| &terms.due);
        let was_overdue = due.is_some_and(|due| due.is_overdue(self.reference(), from));
        let heard = from.since(self.reference());
        if let Some(last) = &mut self.last {
            last.beat.at = last.beat.at.min(to);
            last.kept = last.kept.min(to);
        }
        self.since = self.since.min(to);
        self.looked = self.looked.map(|looked| looked.min(to));
        if !was_overdue {
            (self.since, self.before) = (to, why);
            self.heard += heard;
        }
    }

    /// From when on the next report is owed.
    pub(super) fn reference(&self) -> Timestamp {
        let last = self.last.as_ref().map(|last| last.beat.at);
        last.map_or(self.since, |last| last.max(self.since))
    }

    /// Accepts from `now` on what is due. What was overdue while reports were accepted stays so;
    /// otherwise a job that is new, comes back, or has another pace gets its time once more.
    pub(super) fn accept(&mut self, due: &Due, now: Timestamp) {
        let before = self.terms.as_ref().map(|terms| &terms.due);
        if before == Some(due) {
            return;
        }
        let (last, reference) = (
            self.last.as_ref().map(|last| last.beat.at),
            self.reference(),
        );
        let was = before.unwrap_or(due);
        let overdue = |looked| was.is_overdue(reference, looked);
        let seen_overdue = before.is_some() && self.looked.is_some_and(overdue);
        if self.silent {
            // Overdue since before this program began; without any report, it was listened for since
            // its first outcome.
            self.since = last.or(self.first).unwrap_or(now);
        } else if !seen_overdue {
            // What was heard by another pace says nothing about this one.
            if before.is_some() {
                self.heard = Duration::ZERO;
            }
            (self.since, self.before) = (now, Break::Start);
        }
        self.silent = false;
    }
}
