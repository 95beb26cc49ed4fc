//! Figures of windows of a run.

use super::{LoadWindow, RequestFigures};
use crate::stats::proportion::{Share, exceeds};
use crate::stats::quantile::{Histogram, needed};
use crate::stats::scale::Scale;
use std::time::Duration;

/// Windows of a run together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    pub completed: u64,
    /// Those of them that are known to have failed.
    pub errors: u64,
    /// Those of which nothing says whether they failed.
    pub unjudged: u64,
    pub started: u64,
    pub dropped: u64,
    /// Users, or starts, times seconds: what was due on average times the length.
    pub due: f64,
    pub length: Duration,
    /// Of all requests, by bucket, sorted.
    latencies: Vec<(u16, u64)>,
}

impl Figures {
    pub fn of<'a>(windows: impl IntoIterator<Item = &'a LoadWindow>) -> Self {
        let mut all = Self::default();
        let mut counts = Vec::new();
        for window in windows {
            all.completed += window.completed();
            all.errors += window.errors();
            all.unjudged += window.unjudged;
            all.started += window.started;
            all.dropped += window.dropped;
            all.due += window.due * window.length.as_secs_f64();
            all.length += window.length;
            add(&mut counts, &window.latency);
        }
        all.latencies = counted(counts);
        all
    }

    /// One request over a run of this length.
    pub fn of_request(request: &RequestFigures, length: Duration) -> Self {
        let mut counts = Vec::new();
        add(&mut counts, &request.latency);
        Self {
            completed: request.completed(),
            errors: request.errors(),
            unjudged: 0,
            started: request.completed(),
            dropped: 0,
            due: 0.0,
            length,
            latencies: counted(counts),
        }
    }

    /// The times to the first token of a request's answers; `None` without any.
    pub fn of_first_tokens(request: &RequestFigures) -> Option<Self> {
        let mut counts = Vec::new();
        add(&mut counts, &request.first_token);
        let latencies = counted(counts);
        let completed = latencies.iter().map(|(_, count)| count).sum();
        (completed > 0).then(|| Self {
            completed,
            latencies,
            ..Self::default()
        })
    }

    /// Responses per second.
    pub fn rate(&self) -> f64 {
        self.completed as f64 / self.length.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// Successful responses per second. As in an objective of throughput, those of which nothing says
    /// whether they failed are among them.
    pub fn good_rate(&self) -> f64 {
        let good = self.completed.saturating_sub(self.errors) as f64;
        good / self.length.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// Of the responses that are known to have failed or not; `None` without any.
    pub fn error_ratio(&self) -> Option<f64> {
        self.failures().ratio()
    }

    /// The failed ones of the requests that are known to have failed or not.
    pub fn failures(&self) -> Share {
        Share {
            hits: self.errors,
            total: self.completed - self.unjudged,
        }
    }

    /// Whether there were requests, and of none of them is known whether it failed.
    pub fn are_errors_unknown(&self) -> bool {
        self.unjudged > 0 && self.unjudged == self.completed
    }

    /// Whether more than a share of all requests fail, with an error probability of `level`.
    pub fn fail_more_than(&self, share: f64, level: f64) -> bool {
        let Share { hits, total } = self.failures();
        exceeds(hits, total, share, level)
    }

    /// The latency that a share of the requests stayed under; `None` where there are too few.
    pub fn quantile(&self, q: f64) -> Option<Duration> {
        (self.completed >= needed(q)).then(|| self.rank(q * self.completed as f64))?
    }

    /// The lower bound of a quantile, by its order statistics, with 99.9 % confidence on its side.
    pub fn quantile_at_least(&self, q: f64) -> Option<Duration> {
        let n = self.completed as f64;
        let rank = n * q - 3.09 * (n * q * (1.0 - q)).sqrt();
        (self.completed >= needed(q) && rank >= 1.0).then(|| self.rank(rank))?
    }

    /// Requests that took a limit or longer, as exactly as the buckets are.
    pub fn slower_than(&self, limit: Duration) -> u64 {
        let scale = Scale::new([]);
        let slow = self.latencies.iter();
        let slow = slow.filter(|(code, _)| scale.middle(*code) >= limit);
        slow.map(|(_, count)| count).sum()
    }

    /// The value of a rank from 1 on.
    fn rank(&self, rank: f64) -> Option<Duration> {
        let mut seen = 0.0;
        let mut latencies = self.latencies.iter();
        let found = latencies.find(|(_, count)| {
            seen += *count as f64;
            seen >= rank
        });
        found.map(|(code, _)| Scale::new([]).middle(*code))
    }

    /// `None` without any latency.
    pub fn mean(&self) -> Option<Duration> {
        let scale = Scale::new([]);
        let seconds =
            |(code, count): &(u16, u64)| scale.middle(*code).as_secs_f64() * *count as f64;
        let sum: f64 = self.latencies.iter().map(seconds).sum();
        let count: u64 = self.latencies.iter().map(|(_, count)| count).sum();
        (count > 0).then(|| Duration::from_secs_f64(sum / count as f64))
    }

    pub fn extremes(&self) -> Option<(Duration, Duration)> {
        let scale = Scale::new([]);
        let of = |entry: &(u16, u64)| scale.middle(entry.0);
        Some((of(self.latencies.first()?), of(self.latencies.last()?)))
    }
}

/// The load that was due at a time, in seconds since the start; `None` without any load.
pub(super) fn level_at(windows: &[LoadWindow], second: f64) -> Option<f64> {
    let after = windows.partition_point(|one| one.start.as_secs_f64() <= second);
    let window = windows.get(after.saturating_sub(1))?;
    (window.due > 0.0).then_some(window.due)
}

/// Adds a histogram to counts by bucket.
fn add(counts: &mut Vec<u64>, histogram: &Histogram) {
    for (code, count) in histogram.iter() {
        let place = usize::from(code);
        counts.resize(counts.len().max(place + 1), 0);
        counts[place] = counts[place].saturating_add(count);
    }
}

fn counted(counts: Vec<u64>) -> Vec<(u16, u64)> {
    let counted = (0_u16..).zip(counts).filter(|(_, count)| *count > 0);
    counted.collect()
}
