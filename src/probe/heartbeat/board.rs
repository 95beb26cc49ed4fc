//! The heartbeat board: stores the reports of jobs for the heartbeat probes.

mod job;

use super::{Due, HeartbeatProbe};
use crate::outcome::{ProbeKey, Timestamp, Verdict, millis};
use crate::probe::{Probe, of_type};
use crate::slo::correction::{Correction, Spans};
use crate::yaml::Secret;
use job::{Job, LastReport};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use subtle::ConstantTimeEq;

/// Identical reports of one probe are written to disk at most this often: a crash loses at most one second of
/// their age.
const KEPT_EVERY: Duration = Duration::from_secs(1);
/// Maximum number of removed probes whose reports are kept.
const REMOVED_MAX: usize = 10_000;
/// No clock tick for longer than this means that no report could be received: slod was suspended, the machine
/// slept, or its clock was set. During a shorter break, reports were still accepted.
const SUSPENDED_AFTER: Duration = Duration::from_secs(10);
/// By when the outcome of a failure is on disk. Until then, the store also keeps the failure itself.
pub const COMMITTED_AFTER: Duration = Duration::from_secs(10);

/// One report of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beat {
    /// When it was received, by slod's clock.
    pub at: Timestamp,
    /// Whether the job reported a failure.
    pub failed: bool,
    pub message: Option<Box<str>>,
}

/// Reported failures that no outcome includes yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failures {
    pub count: u32,
    pub last_at: Timestamp,
    /// The message of the last one.
    pub message: Option<Box<str>>,
}

impl Failures {
    /// Adds a reported failure to those before it.
    pub fn new(beat: &Beat, before: Option<Self>) -> Self {
        Self {
            count: before.map_or(0, |before| before.count).saturating_add(1),
            last_at: beat.at,
            message: beat.message.clone(),
        }
    }

    /// Describes the failures in one sentence.
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

/// The stored reports of a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBeat {
    pub last: Beat,
    /// Failures that may not have been evaluated before the process ended.
    pub failures: Option<Failures>,
}

/// Why a job could not report, or did not have to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Break {
    /// Slod was not running, or the probe was new or had other settings.
    #[default]
    Start,
    /// Slod was running, but could not receive reports.
    Suspended,
    /// Slod's own network was down; `since` is when it came back, or now while it is down.
    Network,
    /// A maintenance of the service; `since` is its end, or now during it.
    Maintenance,
}

/// The state of a probe's job at one moment.
#[derive(Clone, Debug, Default)]
pub struct HeartbeatState {
    pub now: Timestamp,
    /// Since when reports could be received without a break.
    pub since: Timestamp,
    /// The break before `since`.
    pub before: Break,
    /// Whether two reports are missing, even if a break may have lost one.
    pub is_given_up: bool,
    pub last: Option<Beat>,
    /// Failures reported since the probe's last attempt.
    pub failures: Option<Failures>,
}

impl HeartbeatState {
    /// The state of a job that could not report before.
    pub(super) fn unknown(now: Timestamp) -> Self {
        Self {
            now,
            since: now,
            ..Self::default()
        }
    }
}

/// What the previous process recorded about a probe.
#[derive(Clone, Copy, Debug)]
pub struct PreviousRun {
    /// When its first outcome was recorded.
    pub first: Timestamp,
    /// When its last outcome was recorded.
    pub last: Timestamp,
    pub verdict: Verdict,
    /// How long it waited without a report since the last report, or since the first outcome, if a break excused
    /// the missing report at its end. Otherwise zero, since the schedule may have been different.
    pub waited: Duration,
}

/// Why a report is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// No heartbeat probe has this name.
    Unknown,
    /// The token is missing or wrong.
    Token,
}

/// Returns the corrections in force.
type CorrectionSource = Box<dyn Fn() -> Arc<[Correction]> + Send + Sync>;

/// The last reports for all heartbeat probes.
#[derive(Clone)]
pub struct HeartbeatBoard {
    jobs: Arc<Mutex<HashMap<ProbeKey, Job>>>,
    reachability: Arc<Mutex<Reachability>>,
    /// Unset until [`HeartbeatBoard::correct_by`] is called.
    corrections: Arc<OnceLock<CorrectionSource>>,
}

impl fmt::Debug for HeartbeatBoard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HeartbeatBoard").field(&self.jobs).finish()
    }
}

/// Whether reports can be received.
#[derive(Debug, Default)]
struct Reachability {
    /// When `listen` was last called; `None` if it is never called.
    listened: Option<Timestamp>,
    /// Whether slod's own network is down.
    is_lost: bool,
}

impl HeartbeatBoard {
    /// `stored` are the reports of the previous process.
    pub fn new(stored: HashMap<ProbeKey, StoredBeat>) -> Self {
        let jobs = stored.into_iter();
        let jobs = jobs.map(|(key, stored)| (key, Job::of_stored(stored)));
        Self {
            jobs: Arc::new(Mutex::new(jobs.collect())),
            reachability: Arc::default(),
            corrections: Arc::default(),
        }
    }

    /// Must be called every second while reports can be received. After a longer gap, jobs get their full interval
    /// again, since they could not report during it.
    pub fn listen(&self, now: Timestamp) {
        let mut reachability = self.reachability.lock();
        let Some(last) = reachability.listened.replace(now) else {
            return;
        };
        let why = if reachability.is_lost {
            Break::Network
        } else if now.0.abs_diff(last.0) > millis(SUSPENDED_AFTER).unsigned_abs() {
            Break::Suspended
        } else {
            return;
        };
        for job in self.jobs.lock().values_mut() {
            job.miss(last, now, why);
        }
    }

    /// Sets since when slod's own network has been down; `None` if it is up. Jobs on other machines cannot report
    /// without it, so they get their full interval again when it is back.
    pub fn follow_network(&self, lost_since: Option<Timestamp>, now: Timestamp) {
        let is_lost = lost_since.is_some();
        {
            let mut reachability = self.reachability.lock();
            if reachability.is_lost == is_lost {
                return;
            }
            if let Some(since) = lost_since {
                reachability.is_lost = true;
                reachability.listened = reachability.listened.min(Some(since));
            }
        }
        self.listen(now);
        self.reachability.lock().is_lost = is_lost;
    }

    /// Sets the source of the corrections in force. Reports due during a maintenance of the whole service are not
    /// expected.
    pub fn correct_by(&self, in_force: impl Fn() -> Arc<[Correction]> + Send + Sync + 'static) {
        self.corrections.get_or_init(|| Box::new(in_force));
    }

    /// Whether a probe receives reports of jobs.
    pub fn serves(probe: &dyn Probe) -> bool {
        of_type::<HeartbeatProbe>(probe).is_some()
    }

    /// Accepts reports from `now` on for the heartbeats among these probes, and for no others, and connects the
    /// probes to this board. `before` returns what the previous process recorded about a probe.
    pub fn accept<'a>(
        &self,
        now: Timestamp,
        probes: impl Iterator<Item = (&'a ProbeKey, &'a dyn Probe)>,
        before: impl Fn(&ProbeKey) -> Option<PreviousRun>,
    ) {
        let mut board = self.jobs.lock();
        let mut removed = std::mem::take(&mut *board);
        for (key, probe) in probes {
            let Some(probe) = of_type::<HeartbeatProbe>(probe) else {
                continue;
            };
            let mut job = removed.remove(key).unwrap_or_else(|| Job::new(now));
            if job.terms.is_none()
                && let Some(before) = before(key)
            {
                job.resume(before);
            }
            job.accept(&probe.terms.due, now);
            job.terms = Some(probe.terms.clone());
            probe.look_at(self, key);
            board.insert(key.clone(), job);
        }
        for (key, mut job) in removed.into_iter().take(REMOVED_MAX) {
            job.terms = None;
            board.insert(key, job);
        }
    }

    /// Whether a report with this token would be accepted.
    pub fn admit(&self, key: &ProbeKey, token: Option<&str>) -> Result<(), Refused> {
        let board = self.jobs.lock();
        let job = board.get(key).ok_or(Refused::Unknown)?;
        let terms = job.terms.as_ref().ok_or(Refused::Unknown)?;
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

    /// Whether the probe has its own token.
    pub fn has_token(&self, key: &ProbeKey) -> bool {
        let board = self.jobs.lock();
        let terms = board.get(key).and_then(|job| job.terms.as_ref());
        terms.is_some_and(|terms| terms.token.is_some())
    }

    /// Returns when an identical report was written to disk, if it is so recent that this one need not be.
    pub fn stored(&self, key: &ProbeKey, beat: &Beat) -> Option<Timestamp> {
        let board = self.jobs.lock();
        let LastReport {
            beat: known,
            stored,
        } = board.get(key)?.last.as_ref()?;
        let is_same = known.failed == beat.failed && known.message == beat.message;
        let is_recent =
            |stored: &Timestamp| (0..millis(KEPT_EVERY)).contains(&(beat.at.0 - stored.0));
        stored.filter(|stored| is_same && is_recent(stored))
    }

    /// Accepts a report. `stored` is when it, or an identical one before it, was written to disk.
    pub fn take(&self, key: &ProbeKey, beat: Beat, stored: Option<Timestamp>) {
        let mut board = self.jobs.lock();
        // A reload may have removed the probe since the report was admitted.
        let Some(job) = board.get_mut(key) else {
            return;
        };
        if beat.failed {
            job.failures = Some(Failures::new(&beat, job.failures.take()));
        }
        job.waited = Duration::ZERO;
        job.last = Some(LastReport { beat, stored });
    }

    /// The time up to which failures are included in outcomes that have had time to reach the disk.
    pub fn judged(&self, key: &ProbeKey, now: Timestamp) -> Option<Timestamp> {
        let judged = self.jobs.lock().get(key)?.judged;
        judged.filter(|judged| judged.after(COMMITTED_AFTER) <= now)
    }

    /// Returns the state of a probe's job. Failures are returned only once.
    pub fn look(&self, key: &ProbeKey, now: Timestamp) -> HeartbeatState {
        // After a break, an attempt may run before the caller of `listen`.
        if self.reachability.lock().listened.is_some() {
            self.listen(now);
        }
        let mut board = self.jobs.lock();
        let Some(job) = board.get_mut(key) else {
            return HeartbeatState::unknown(now);
        };
        job.clamp_to(now);
        job.looked = Some(now);
        if job.failures.is_some() {
            job.judged = Some(now);
        }
        let mut state = HeartbeatState {
            now,
            since: job.since,
            before: job.before,
            is_given_up: false,
            last: job.last.as_ref().map(|last| last.beat.clone()),
            failures: job.failures.take(),
        };
        let waited = job.waited + now.since(job.reference());
        let last = state.last.as_ref().map(|last| last.at).or(job.first);
        let last = last.unwrap_or(state.since);
        let terms = job.terms.clone();
        drop(board);
        if let Some(terms) = terms {
            state.is_given_up = terms.due.gives_up(last, waited);
            self.excuse(&mut state, &terms.due, (&key.service, last));
        }
        state
    }

    /// Gives a job its full interval again if a missing report was due during a maintenance; `last` is the time of
    /// the last report, or of the first outcome.
    fn excuse(&self, state: &mut HeartbeatState, due: &Due, (service, last): (&str, Timestamp)) {
        let reference = last.max(state.since);
        let is_missing = state.is_given_up || due.is_overdue(reference, state.now);
        let Some(in_force) = self.corrections.get().filter(|_| is_missing) else {
            return;
        };
        let all = in_force();
        let is_whole = |one: &&Correction| one.is_for(service) && one.slos.is_empty();
        let whole = all.iter().filter(is_whole);
        let maintenance = Spans::new(whole.flat_map(|one| one.occurrences(last, state.now)));
        if due.owed_since(last, &maintenance, state.now) > last {
            state.is_given_up = false;
        }
        let since = due.owed_since(reference, &maintenance, state.now);
        if since > reference {
            (state.since, state.before) = (since, Break::Maintenance);
        }
    }

    /// The names of all probes that receive reports.
    pub fn names(&self) -> Vec<String> {
        let board = self.jobs.lock();
        let listening = board.iter().filter(|(_, job)| job.terms.is_some());
        listening.map(|(key, _)| key.to_string()).collect()
    }
}

#[cfg(test)]
mod tests;
