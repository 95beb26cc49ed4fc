//! Windows of a watched run from the outcomes of the service's probes, as the daemon keeps them.

use crate::config::{Config, ServiceSpec};
use crate::load::{Attempt, LoadWindow, probed_windows};
use crate::outcome::{ProbeKey, Timestamp, millis};
use crate::store::{Store, StoreError};
use std::path::PathBuf;
use std::time::Duration;

/// Probes have intervals of seconds.
const WIDTH_MIN: Duration = Duration::from_secs(10);
/// The store commits an outcome at most a second after its attempt.
pub const COMMITTED: Duration = Duration::from_secs(2);

pub struct ProbeWindows {
    store: PathBuf,
    probes: Vec<ProbeKey>,
    from: Timestamp,
    width: Duration,
    /// Where the next window starts.
    next: Timestamp,
    /// How long after its end the outcomes of a window are all there.
    settled: Duration,
    is_failing: bool,
}

impl ProbeWindows {
    /// A heartbeat is a report of a job, and no attempt at the service.
    pub fn new(config: &Config, service: &ServiceSpec, from: Timestamp, width: Duration) -> Self {
        let probes = service.probes.iter().filter(|one| one.kind != "heartbeat");
        let longest = probes.clone().map(|one| one.timeout).max();
        Self {
            store: config.store.path.clone(),
            probes: probes.map(|one| one.key.clone()).collect(),
            from,
            width: width.max(WIDTH_MIN),
            next: from,
            settled: longest.unwrap_or_default() + COMMITTED,
            is_failing: false,
        }
    }

    /// Windows whose outcomes are all there by now.
    pub fn ended_by(&mut self, now: Timestamp) -> Vec<LoadWindow> {
        let width = millis(self.width);
        let whole = (now.before(self.settled).0 - self.next.0).div_euclid(width);
        if whole < 1 {
            return Vec::new();
        }
        self.up_to(Timestamp(self.next.0 + whole * width))
    }

    /// Those that are left at the end of the run.
    pub fn rest(&mut self, to: Timestamp) -> Vec<LoadWindow> {
        if to <= self.next {
            return Vec::new();
        }
        self.up_to(to)
    }

    fn up_to(&mut self, end: Timestamp) -> Vec<LoadWindow> {
        let span = (self.next, end);
        self.next = end;
        let attempts = self.attempts(span).unwrap_or_else(|error| {
            if !self.is_failing {
                tracing::warn!("outcomes of the probes cannot be read: {error}");
            }
            self.is_failing = true;
            Vec::new()
        });
        probed_windows(self.from, span, self.width, attempts)
    }

    fn attempts(&self, (from, to): (Timestamp, Timestamp)) -> Result<Vec<Attempt>, StoreError> {
        let store = Store::open_read_only(&self.store)?;
        let mut found = Vec::new();
        for key in &self.probes {
            store.for_each_outcome(key, from, to, &[], |record| {
                found.push(Attempt {
                    at: record.at,
                    verdict: record.outcome.verdict,
                    latency: record.outcome.latency,
                });
            })?;
        }
        Ok(found)
    }
}
