//! State of one heartbeat job.

use super::{Beat, Break, Failures, PreviousRun, StoredBeat};
use crate::outcome::{Cause, Timestamp, Verdict};
use crate::probe::heartbeat::{Due, Terms};
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug)]
pub(super) struct Job {
    /// The terms in the current config; `None` if the probe was removed.
    pub(super) terms: Option<Arc<Terms>>,
    /// Since when a report is expected, if none arrived later.
    pub(super) since: Timestamp,
    /// The break before `since`.
    pub(super) before: Break,
    /// How long reports could be received since the last one, up to that break.
    pub(super) waited: Duration,
    pub(super) last: Option<LastReport>,
    pub(super) failures: Option<Failures>,
    /// When the probe last made an attempt.
    pub(super) looked: Option<Timestamp>,
    /// When failures were last returned to an attempt.
    pub(super) judged: Option<Timestamp>,
    /// Whether a report was missing when the previous process ended.
    pub(super) silent: bool,
    /// When the first outcome was recorded, if there was a previous process.
    pub(super) first: Option<Timestamp>,
}

#[derive(Debug)]
pub(super) struct LastReport {
    pub(super) beat: Beat,
    /// When it, or an identical report before it, was received and written to disk.
    pub(super) stored: Option<Timestamp>,
}

impl Job {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            terms: None,
            since: now,
            before: Break::Start,
            waited: Duration::ZERO,
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
        let at = beat.at;
        Self {
            last: Some(LastReport {
                beat,
                stored: Some(at),
            }),
            failures,
            ..Self::new(at)
        }
    }

    /// Continues from the end of the previous process.
    pub(super) fn resume(&mut self, before: PreviousRun) {
        self.silent = before.verdict == Verdict::Bad(Cause::Silent);
        self.looked = self.looked.max(Some(before.last));
        self.waited = before.waited;
        self.first = Some(before.first);
    }

    /// Moves times after `now` to `now`: the clock was set back, perhaps before this process started.
    pub(super) fn clamp_to(&mut self, now: Timestamp) {
        if let Some(last) = &mut self.last {
            last.beat.at = last.beat.at.min(now);
            last.stored = last.stored.map(|stored| stored.min(now));
        }
        self.since = self.since.min(now);
        self.looked = self.looked.map(|looked| looked.min(now));
        self.first = self.first.map(|first| first.min(now));
    }

    /// Records that no report could be received between two moments. If the clock was set back, `to` is
    /// before `from`.
    pub(super) fn miss(&mut self, from: Timestamp, to: Timestamp, why: Break) {
        let due = self.terms.as_ref().map(|terms| &terms.due);
        let was_overdue = due.is_some_and(|due| due.is_overdue(self.reference(), from));
        let waited = from.since(self.reference());
        self.clamp_to(to);
        if !was_overdue {
            (self.since, self.before) = (to, why);
            self.waited += waited;
        }
    }

    /// Since when the next report is expected.
    pub(super) fn reference(&self) -> Timestamp {
        let last = self.last.as_ref().map(|last| last.beat.at);
        last.map_or(self.since, |last| last.max(self.since))
    }

    /// Accepts reports with these terms from `now` on. A report that was overdue while reports were accepted
    /// stays overdue; otherwise a job that is new, was added again or has another schedule gets its full
    /// interval.
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
            // Overdue since before this process started. Without any report, slod has waited for one since
            // the first outcome.
            self.since = last.or(self.first).unwrap_or(now);
        } else if !seen_overdue {
            // The time waited under another schedule is not meaningful for this one.
            if before.is_some() {
                self.waited = Duration::ZERO;
            }
            (self.since, self.before) = (now, Break::Start);
        }
        self.silent = false;
    }
}
