//! Reports that jobs send: the board that they are put on, and that heartbeat probes look at.

use super::{Due, HeartbeatProbe, Terms};
use crate::outcome::{Cause, ProbeKey, Timestamp, Verdict, millis};
use crate::probe::{Probe, of_type};
use crate::yaml::Secret;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use subtle::ConstantTimeEq;

/// Equal reports of one probe are written to the disk this often at most: what a flood of them
/// would lose by a crash is one second of their age.
const KEPT_EVERY: Duration = Duration::from_secs(1);
/// Probes that are in the config no more, but are remembered.
const REMOVED_MAX: usize = 10_000;
/// By when the outcome that shows a failure is on the disk. Until then the store keeps the failure
/// itself, too.
pub const COMMITTED_AFTER: Duration = Duration::from_secs(10);

/// One report of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beat {
    /// By our clock.
    pub at: Timestamp,
    /// Whether the job says that it failed.
    pub failed: bool,
    pub message: Option<Box<str>>,
}

/// Reported failures that no outcome shows yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failures {
    pub count: u32,
    pub last_at: Timestamp,
    /// What the last one said.
    pub message: Option<Box<str>>,
}

impl Failures {
    pub(super) fn one(beat: &Beat) -> Self {
        Self {
            count: 1,
            last_at: beat.at,
            message: beat.message.clone(),
        }
    }

    /// One sentence for people.
    pub(super) fn words(&self) -> String {
        let mut words = match self.count {
            1 => "the job reported a failure".to_owned(),
            count => format!("the job reported {count} failures"),
        };
        if let Some(message) = &self.message {
            words.push_str(": ");
            words.push_str(message);
        }
        words
    }
}

/// What the store holds of a probe's reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBeat {
    pub last: Beat,
    /// Failures that may not have been judged before the program ended.
    pub failures: Option<Failures>,
}

/// What is known of a probe's job at one moment.
#[derive(Clone, Debug, Default)]
pub struct HeartbeatState {
    pub now: Timestamp,
    /// Since when its reports could be taken without a break.
    pub since: Timestamp,
    pub last: Option<Beat>,
    /// Those since the probe looked last.
    pub failures: Option<Failures>,
}

impl HeartbeatState {
    /// Of a job that could not report before.
    pub(super) fn unknown(now: Timestamp) -> Self {
        Self {
            now,
            since: now,
            ..Self::default()
        }
    }
}

/// Why a report is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// No heartbeat probe has this name.
    Unknown,
    /// Its token is missing or wrong.
    Token,
}

/// The last reports of all probes that jobs report to.
#[derive(Clone, Debug)]
pub struct HeartbeatBoard(Arc<Mutex<HashMap<ProbeKey, Entry>>>);

#[derive(Debug)]
struct Entry {
    /// As in today's config; `None` where the probe is not in it any more.
    terms: Option<Arc<Terms>>,
    since: Timestamp,
    last: Option<Last>,
    failures: Option<Failures>,
    /// When the probe looked last.
    looked: Option<Timestamp>,
    /// When failures were handed out last.
    judged: Option<Timestamp>,
    /// Whether the program that ran before missed a report at its end.
    silent: bool,
}

#[derive(Debug)]
struct Last {
    beat: Beat,
    /// When the one that is on the disk came.
    kept: Timestamp,
}

impl HeartbeatBoard {
    /// `stored` are the reports from before.
    pub fn new(stored: HashMap<ProbeKey, StoredBeat>) -> Self {
        let entry = |(key, stored): (ProbeKey, StoredBeat)| {
            let StoredBeat { last, failures } = stored;
            let entry = Entry {
                terms: None,
                since: last.at,
                last: Some(Last {
                    kept: last.at,
                    beat: last,
                }),
                failures,
                looked: None,
                judged: None,
                silent: false,
            };
            (key, entry)
        };
        Self(Arc::new(Mutex::new(
            stored.into_iter().map(entry).collect(),
        )))
    }

    /// Whether jobs report to a probe.
    pub fn serves(probe: &dyn Probe) -> bool {
        of_type::<HeartbeatProbe>(probe).is_some()
    }

    /// Accepts reports for these probes from `now` on, as far as they are heartbeats, and for no
    /// others; the probes then look here. `last_outcome` looks up what the program that ran before
    /// found last about a probe.
    pub fn accept<'a>(
        &self,
        now: Timestamp,
        probes: impl Iterator<Item = (&'a ProbeKey, &'a dyn Probe)>,
        last_outcome: impl Fn(&ProbeKey) -> Option<(Timestamp, Verdict)>,
    ) {
        let mut board = self.board();
        let mut removed = std::mem::take(&mut *board);
        for (key, probe) in probes {
            let Some(probe) = of_type::<HeartbeatProbe>(probe) else {
                continue;
            };
            let mut entry = removed.remove(key).unwrap_or_else(|| Entry::new(now));
            if entry.terms.is_none()
                && let Some((at, verdict)) = last_outcome(key)
            {
                entry.resume(at, verdict);
            }
            entry.accept(&probe.terms.due, now);
            entry.terms = Some(probe.terms.clone());
            probe.look_at(self, key);
            board.insert(key.clone(), entry);
        }
        for (key, mut entry) in removed.into_iter().take(REMOVED_MAX) {
            entry.terms = None;
            board.insert(key, entry);
        }
    }

    /// Whether a report with this token would be taken.
    pub fn admit(&self, key: &ProbeKey, token: Option<&str>) -> Result<(), Refused> {
        let board = self.board();
        let entry = board.get(key).ok_or(Refused::Unknown)?;
        let terms = entry.terms.as_ref().ok_or(Refused::Unknown)?;
        let same = |wanted: &Secret| {
            let token = token.unwrap_or_default().as_bytes();
            bool::from(wanted.reveal().as_bytes().ct_eq(token))
        };
        if terms.token.as_ref().is_none_or(same) {
            Ok(())
        } else {
            Err(Refused::Token)
        }
    }

    /// Whether reports of this probe need a token of its own.
    pub fn has_token(&self, key: &ProbeKey) -> bool {
        let board = self.board();
        let terms = board.get(key).and_then(|entry| entry.terms.as_ref());
        terms.is_some_and(|terms| terms.token.is_some())
    }

    /// Whether a report says more than the one on the disk, so that it must be kept before it is
    /// taken.
    pub fn is_news(&self, key: &ProbeKey, beat: &Beat) -> bool {
        let board = self.board();
        let last = board.get(key).and_then(|entry| entry.last.as_ref());
        last.is_none_or(|Last { beat: known, kept }| {
            let same = known.failed == beat.failed && known.message == beat.message;
            !same || !(0..millis(KEPT_EVERY)).contains(&(beat.at.0 - kept.0))
        })
    }

    /// Takes a report; `kept` says that it is on the disk.
    pub fn take(&self, key: &ProbeKey, beat: Beat, kept: bool) {
        let mut board = self.board();
        // A reload may have removed the probe since the report was admitted.
        let Some(entry) = board.get_mut(key) else {
            return;
        };
        if beat.failed {
            let before = entry.failures.take().map_or(0, |failures| failures.count);
            entry.failures = Some(Failures {
                count: before.saturating_add(1),
                ..Failures::one(&beat)
            });
        }
        let before = entry.last.as_ref().map(|last| last.kept);
        let kept = before.filter(|_| !kept).unwrap_or(beat.at);
        entry.last = Some(Last { beat, kept });
    }

    /// Up to when failures are shown by outcomes that have had the time to reach the disk.
    pub fn judged(&self, key: &ProbeKey, now: Timestamp) -> Option<Timestamp> {
        let judged = self.board().get(key)?.judged;
        judged.filter(|judged| judged.after(COMMITTED_AFTER) <= now)
    }

    /// What is known of a probe's job. Failures are handed out once.
    pub fn look(&self, key: &ProbeKey, now: Timestamp) -> HeartbeatState {
        let mut board = self.board();
        let Some(entry) = board.get_mut(key) else {
            return HeartbeatState::unknown(now);
        };
        entry.looked = Some(now);
        if entry.failures.is_some() {
            entry.judged = Some(now);
        }
        HeartbeatState {
            now,
            since: entry.since,
            last: entry.last.as_ref().map(|last| last.beat.clone()),
            failures: entry.failures.take(),
        }
    }

    /// The names of all probes that jobs report to.
    pub fn names(&self) -> Vec<String> {
        let board = self.board();
        let listening = board.iter().filter(|(_, entry)| entry.terms.is_some());
        listening.map(|(key, _)| key.to_string()).collect()
    }

    /// No holder of this lock can panic half-way through a change.
    fn board(&self) -> MutexGuard<'_, HashMap<ProbeKey, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn new(now: Timestamp) -> Self {
        Self {
            terms: None,
            since: now,
            last: None,
            failures: None,
            looked: None,
            judged: None,
            silent: false,
        }
    }

    /// Goes on where the program that ran before ended.
    fn resume(&mut self, at: Timestamp, verdict: Verdict) {
        self.silent = verdict == Verdict::Bad(Cause::Silent);
        self.looked = self.looked.max(Some(at));
    }

    /// Accepts from `now` on what is due. What was overdue while reports were accepted stays so;
    /// otherwise a job that is new, comes back, or has another pace gets its time once more.
    fn accept(&mut self, due: &Due, now: Timestamp) {
        let before = self.terms.as_ref().map(|terms| &terms.due);
        if before == Some(due) {
            return;
        }
        let last = self.last.as_ref().map(|last| last.beat.at);
        let reference = last.map_or(self.since, |last| last.max(self.since));
        let was = before.unwrap_or(due);
        let overdue = |looked| was.is_overdue(reference, looked);
        let seen_overdue = before.is_some() && self.looked.is_some_and(overdue);
        if self.silent {
            // Overdue since before this program began.
            self.since = last.unwrap_or(Timestamp(0));
        } else if !seen_overdue {
            self.since = now;
        }
        self.silent = false;
    }
}

#[cfg(test)]
mod tests {
    use super::super::Pace;
    use super::*;
    use crate::outcome::VoidReason;

    fn every(secs: u64) -> HeartbeatProbe {
        let due = Due {
            pace: Pace::Every(Duration::from_secs(secs)),
            grace: Duration::ZERO,
        };
        HeartbeatProbe::new(Terms { due, token: None })
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_secs(second)
    }

    fn beat(second: i64, failed: bool) -> Beat {
        Beat {
            at: at(second),
            failed,
            message: None,
        }
    }

    fn key() -> ProbeKey {
        ProbeKey::new("jobs", "backup")
    }

    fn accept(board: &HeartbeatBoard, second: i64, probe: &dyn Probe) {
        board.accept(at(second), [(&key(), probe)].into_iter(), |_| None);
    }

    fn since(board: &HeartbeatBoard, second: i64) -> Timestamp {
        board.look(&key(), at(second)).since
    }

    #[test]
    fn each_probe_has_been_listened_to_since_its_own_time() {
        let board = HeartbeatBoard::new(HashMap::new());
        accept(&board, 100, &every(60));
        assert_eq!(since(&board, 120), at(100));
        accept(&board, 130, &every(60));
        assert_eq!(since(&board, 140), at(100), "the same pace goes on");
        accept(&board, 150, &every(10));
        assert_eq!(since(&board, 155), at(150), "a shorter pace gets its time");
        accept(&board, 200, &every(20));
        assert_eq!(
            since(&board, 210),
            at(200),
            "nobody looked when it was overdue"
        );
        since(&board, 260);
        accept(&board, 261, &every(30));
        assert_eq!(
            since(&board, 262),
            at(200),
            "what was seen overdue stays so"
        );
    }

    #[test]
    fn what_comes_back_is_known_and_gets_its_time() {
        let board = HeartbeatBoard::new(HashMap::new());
        accept(&board, 0, &every(60));
        board.take(&key(), beat(30, false), true);
        since(&board, 40);
        board.accept(at(50), std::iter::empty(), |_| None);
        assert_eq!(board.admit(&key(), None), Err(Refused::Unknown));
        assert!(board.names().is_empty());
        accept(&board, 500, &every(60));
        let heard = board.look(&key(), at(510));
        assert_eq!((heard.since, heard.last), (at(500), Some(beat(30, false))));
    }

    #[test]
    fn a_restart_forgives_no_job_that_was_overdue_before() {
        let stored = |failures| {
            let last = beat(100, false);
            HashMap::from([(key(), StoredBeat { last, failures })])
        };
        let restarted = |verdict| {
            let board = HeartbeatBoard::new(stored(None));
            let last = |_: &ProbeKey| Some((at(900), verdict));
            let probe = every(60);
            board.accept(at(1000), [(&key(), &probe as &dyn Probe)].into_iter(), last);
            since(&board, 1001)
        };
        assert_eq!(restarted(Verdict::Good), at(1000));
        assert_eq!(restarted(Verdict::Void(VoidReason::Listening)), at(1000));
        assert_eq!(restarted(Verdict::Bad(Cause::Silent)), at(100));
        // A good outcome from after a failure may be of an attempt that did not see it.
        let failures = Failures::one(&beat(90, true));
        let board = HeartbeatBoard::new(stored(Some(failures.clone())));
        let last = |_: &ProbeKey| Some((at(95), Verdict::Good));
        let probe = every(60);
        board.accept(at(1000), [(&key(), &probe as &dyn Probe)].into_iter(), last);
        assert_eq!(board.look(&key(), at(1001)).failures, Some(failures));
    }

    #[test]
    fn a_failure_is_kept_until_its_outcome_is_on_the_disk() {
        let board = HeartbeatBoard::new(HashMap::new());
        accept(&board, 0, &every(60));
        board.look(&key(), at(5));
        assert_eq!(board.judged(&key(), at(100)), None, "none was handed out");
        board.take(&key(), beat(6, true), true);
        board.look(&key(), at(7));
        assert_eq!(board.judged(&key(), at(16)), None);
        assert_eq!(board.judged(&key(), at(17)), Some(at(7)));
    }

    #[test]
    fn failures_between_two_looks_are_counted_and_handed_out_once() {
        let board = HeartbeatBoard::new(HashMap::new());
        accept(&board, 0, &every(60));
        for (second, failed) in [(1, true), (2, true), (3, false)] {
            board.take(&key(), beat(second, failed), true);
        }
        let heard = board.look(&key(), at(10));
        assert_eq!(heard.last, Some(beat(3, false)));
        let failures = heard.failures.expect("two");
        assert_eq!(failures.words(), "the job reported 2 failures");
        assert_eq!(board.look(&key(), at(20)).failures, None);
    }
}
