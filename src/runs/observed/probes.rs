//! Windows of an observed run from the outcomes of the service's probes that the daemon stores.

use crate::config::{Config, ServiceSpec};
use crate::load::{Attempt, LoadWindow, probed_windows};
use crate::outcome::{ProbeKey, Timestamp, millis};
use crate::store::{Store, StoreError};
use std::path::PathBuf;
use std::time::Duration;

/// Minimum width of a window: probes have intervals of seconds.
const WIDTH_MIN: Duration = Duration::from_secs(10);
/// The store commits an outcome at most one second after its attempt.
const COMMITTED: Duration = Duration::from_secs(2);

pub struct ProbeWindows {
    store: PathBuf,
    probes: Vec<ProbeKey>,
    from: Timestamp,
    width: Duration,
    /// Start of the next window.
    next: Timestamp,
    settled: Duration,
    is_failing: bool,
}

impl ProbeWindows {
    /// Excludes heartbeats, which are reports of jobs, not requests to the service.
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

    /// Why there will be no outcomes: without a daemon, nothing is probed.
    pub fn fault(&self) -> Option<String> {
        if Store::has_writer(&self.store) {
            return None;
        }
        Some(format!(
            "no daemon writes probe outcomes to {}: start one (slod run), or configure the service's metrics",
            self.store.display()
        ))
    }

    /// Time after the end of a window until all of its outcomes are stored.
    pub const fn settled(&self) -> Duration {
        self.settled
    }

    /// Returns the windows whose outcomes are complete by now.
    pub fn ended_by(&mut self, now: Timestamp) -> Vec<LoadWindow> {
        let width = millis(self.width);
        let whole = (now.before(self.settled).0 - self.next.0).div_euclid(width);
        if whole < 1 {
            return Vec::new();
        }
        self.up_to(Timestamp(self.next.0 + whole * width))
    }

    /// Returns the remaining windows at the end of the run.
    pub fn rest(&mut self, to: Timestamp) -> Vec<LoadWindow> {
        if to <= self.next {
            return Vec::new();
        }
        self.up_to(to)
    }

    /// Reads the windows up to `end`. A failed read is retried the next time.
    fn up_to(&mut self, end: Timestamp) -> Vec<LoadWindow> {
        let span = (self.next, end);
        match self.attempts(span) {
            Ok(attempts) => {
                (self.next, self.is_failing) = (end, false);
                probed_windows(self.from, span, self.width, attempts)
            }
            Err(error) => {
                if !self.is_failing {
                    tracing::warn!("outcomes of the probes cannot be read: {error}");
                }
                self.is_failing = true;
                Vec::new()
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Outcome, Record, Verdict};

    #[test]
    fn failed_reads_are_retried() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("slod.db");
        let text = format!(
            "store: {{ path: '{}' }}\nservices: [ {{ name: web, probes: [ {{ name: p, tcp: {{ address: '127.0.0.1:1' }} }} ] }} ]\n",
            path.display()
        );
        let config: Config = text.parse().expect("valid");
        let at = |second: i64| Timestamp::from_secs(1_000_000 + second);
        let mut windows = ProbeWindows::new(&config, &config.services[0], at(0), WIDTH_MIN);
        assert!(windows.ended_by(at(60)).is_empty(), "there is no store yet");
        let mut store = Store::open(&path).expect("a new store");
        let probe = &config.services[0].probes[0];
        let record = Record {
            key: probe.key.clone(),
            at: at(5),
            interval: probe.interval,
            outcome: Outcome::new(Verdict::Good, Duration::from_millis(5)),
        };
        store.append(&[record]).expect("committed");
        let found = windows.ended_by(at(60));
        assert!(found.len() > 1, "{}", found.len());
        assert_eq!(found[0].good, 1);
        assert!(windows.ended_by(at(60)).is_empty(), "once");
    }
}
