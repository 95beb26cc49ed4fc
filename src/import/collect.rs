//! Requests in any order, as windows of a second.

use crate::load::LoadWindow;
use crate::outcome::{Cause, Timestamp};
use crate::stats::quantile::Histogram;
use crate::stats::scale::Scale;
use std::collections::BTreeMap;
use std::time::Duration;

/// Seconds of a run that are kept: a week. What is further away is left out, as a clock that was
/// set would be.
const SECONDS_MAX: i64 = 7 * 86_400;
const SECOND: Duration = Duration::from_secs(1);

/// One request as a client saw it.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    pub ended: Timestamp,
    pub latency: Duration,
    pub failed: Option<Cause>,
}

#[derive(Debug)]
pub struct Collector {
    scale: Scale,
    /// By second since 1970.
    seconds: BTreeMap<i64, Second>,
}

#[derive(Debug, Default)]
struct Second {
    good: u64,
    failed: BTreeMap<Cause, u64>,
    dropped: u64,
    latency: Histogram,
    users: Option<f64>,
}

impl Default for Collector {
    fn default() -> Self {
        Self {
            scale: Scale::new([]),
            seconds: BTreeMap::new(),
        }
    }
}

impl Collector {
    pub fn request(&mut self, seen: Seen) {
        self.requests(seen, 1);
    }

    /// Several alike.
    pub fn requests(&mut self, seen: Seen, count: u32) {
        let code = self.scale.code(seen.latency);
        let second = self.second(seen.ended);
        second.latency.add(code, count);
        match seen.failed {
            None => second.good += u64::from(count),
            Some(cause) => *second.failed.entry(cause).or_default() += u64::from(count),
        }
    }

    /// Users that ran at a moment.
    pub fn users(&mut self, at: Timestamp, users: f64) {
        self.second(at).users = Some(users);
    }

    /// Starts that were due and not made.
    pub fn dropped(&mut self, at: Timestamp, count: u64) {
        let second = self.second(at);
        second.dropped = second.dropped.saturating_add(count);
    }

    fn second(&mut self, at: Timestamp) -> &mut Second {
        self.seconds.entry(at.0.div_euclid(1000)).or_default()
    }

    /// When it began, with its windows; `None` without any request.
    pub fn finish(self) -> Option<(Timestamp, Vec<LoadWindow>)> {
        let has_requests = |second: &Second| second.good > 0 || !second.failed.is_empty();
        let mut with = self.seconds.iter().filter(|(_, one)| has_requests(one));
        let first = *with.next()?.0;
        let last = with.next_back().map_or(first, |(second, _)| *second);
        let last = last.min(first + SECONDS_MAX - 1);
        let (mut windows, mut users) = (Vec::new(), 0.0);
        for number in first..=last {
            let second = self.seconds.get(&number);
            users = second.and_then(|one| one.users).unwrap_or(users);
            windows.push(window(number - first, users, second));
        }
        Some((Timestamp::from_secs(first), windows))
    }
}

fn window(number: i64, users: f64, second: Option<&Second>) -> LoadWindow {
    let failed: Vec<_> = second
        .iter()
        .flat_map(|one| one.failed.iter().map(|(cause, count)| (*cause, *count)))
        .collect();
    let good = second.map_or(0, |one| one.good);
    let latency = second.map(|one| one.latency.clone()).unwrap_or_default();
    LoadWindow {
        start: SECOND * u32::try_from(number).unwrap_or(u32::MAX),
        length: SECOND,
        stage: 0,
        due: users,
        active: users,
        started: good + failed.iter().map(|(_, count)| count).sum::<u64>(),
        dropped: second.map_or(0, |one| one.dropped),
        good,
        failed,
        service_time: latency.clone(),
        latency,
        lag: Duration::ZERO,
        generator_cpu: None,
    }
}

/// The cause that an error of a Go or Rust client describes.
pub fn cause_of(error: &str) -> Cause {
    let error = error.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| error.contains(word));
    if says(&["timeout", "deadline", "timed out"]) {
        Cause::Timeout
    } else if says(&["refused"]) {
        Cause::Refused
    } else if says(&["no such host", "dns", "resolve", "lookup"]) {
        Cause::Dns
    } else if says(&["reset", "broken pipe"]) {
        Cause::Reset
    } else if says(&["certificate", "x509"]) {
        Cause::Certificate
    } else if says(&["tls", "handshake"]) {
        Cause::Tls
    } else if says(&["unreachable", "no route"]) {
        Cause::Unreachable
    } else {
        Cause::Protocol
    }
}
