//! Signs of life that jobs send: the board that they are put on, and that heartbeat probes look at.

use super::Probe;
use crate::outcome::{ProbeKey, Timestamp, millis};
use crate::yaml::Secret;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use subtle::ConstantTimeEq;

/// Beats of one probe are written to the disk this often at most: what a flood of them would lose
/// by a crash is one second of its age.
const KEPT_EVERY: Duration = Duration::from_secs(1);

/// One report of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beat {
    /// By our clock.
    pub at: Timestamp,
    /// Whether the job says that it failed.
    pub failed: bool,
    pub message: Option<Box<str>>,
}

/// What is known of a probe's job at one moment.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    pub now: Timestamp,
    /// Since when somebody has listened without a break.
    pub since: Timestamp,
    pub last: Option<Beat>,
}

/// Why a beat is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// No heartbeat probe has this name.
    Unknown,
    /// Its token is missing or wrong.
    Token,
}

/// The last beats of all probes that jobs report to.
#[derive(Clone, Debug)]
pub struct Beats(Arc<Mutex<Board>>);

#[derive(Debug)]
struct Board {
    since: Timestamp,
    /// Those of today's config.
    listening: HashMap<ProbeKey, Arc<dyn Probe>>,
    last: HashMap<ProbeKey, Last>,
}

#[derive(Debug)]
struct Last {
    beat: Beat,
    /// When the one that is on the disk came.
    kept: Timestamp,
}

impl Beats {
    /// Listens from now on; `stored` are the last beats from before.
    pub fn new(now: Timestamp, stored: HashMap<ProbeKey, Beat>) -> Self {
        let last = |(key, beat): (ProbeKey, Beat)| {
            let kept = beat.at;
            (key, Last { beat, kept })
        };
        Self(Arc::new(Mutex::new(Board {
            since: now,
            listening: HashMap::new(),
            last: stored.into_iter().map(last).collect(),
        })))
    }

    /// Listens for these probes, as far as jobs report to them. Beats of others are forgotten.
    pub fn listen<'a>(&self, probes: impl Iterator<Item = (&'a ProbeKey, &'a Arc<dyn Probe>)>) {
        let listening = probes.filter(|(_, probe)| probe.listens().is_some());
        let listening: HashMap<_, _> = listening
            .map(|(key, probe)| (key.clone(), probe.clone()))
            .collect();
        let mut board = self.board();
        board.last.retain(|key, _| listening.contains_key(key));
        board.listening = listening;
    }

    /// Whether a beat with this token would be taken.
    pub fn admit(&self, key: &ProbeKey, token: Option<&str>) -> Result<(), Refused> {
        let board = self.board();
        let probe = board.listening.get(key).ok_or(Refused::Unknown)?;
        let wanted = probe.listens().and_then(|door| door.token);
        let same = |wanted: &Secret| {
            let token = token.unwrap_or_default().as_bytes();
            bool::from(wanted.reveal().as_bytes().ct_eq(token))
        };
        if wanted.is_none_or(same) {
            Ok(())
        } else {
            Err(Refused::Token)
        }
    }

    /// Whether a beat says more than the one on the disk, so that it must be kept before it is
    /// taken.
    pub fn is_news(&self, key: &ProbeKey, beat: &Beat) -> bool {
        self.board().last.get(key).is_none_or(|last| {
            let Last { beat: known, kept } = last;
            let same = known.failed == beat.failed && known.message == beat.message;
            !same || !(0..millis(KEPT_EVERY)).contains(&(beat.at.0 - kept.0))
        })
    }

    /// Takes a beat; `kept` says that it is on the disk.
    pub fn take(&self, key: ProbeKey, beat: Beat, kept: bool) {
        let mut board = self.board();
        let before = board.last.get(&key).map(|last| last.kept);
        let kept = before.filter(|_| !kept).unwrap_or(beat.at);
        board.last.insert(key, Last { beat, kept });
    }

    /// What is known of a probe's job.
    pub fn heard(&self, key: &ProbeKey, now: Timestamp) -> Heard {
        let board = self.board();
        Heard {
            now,
            since: board.since,
            last: board.last.get(key).map(|last| last.beat.clone()),
        }
    }

    /// The names of all probes that jobs report to.
    pub fn names(&self) -> Vec<String> {
        self.board()
            .listening
            .keys()
            .map(ToString::to_string)
            .collect()
    }

    /// No holder of this lock can panic half-way through a change.
    fn board(&self) -> MutexGuard<'_, Board> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
