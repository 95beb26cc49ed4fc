//! Aggregated statistics of the windows of a run.

use super::run::failures_by;
use super::{LoadWindow, RequestFigures, Transferred};
use crate::outcome::Cause;
use crate::stats::proportion::{Share, exceeds};
use crate::stats::quantile::{Histogram, needed};
use crate::stats::scale::Scale;
use std::time::Duration;

/// Combined statistics of several windows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    pub completed: u64,
    /// Requests that are known to have failed.
    pub errors: u64,
    /// Failed requests that a rate limit rejected.
    pub rate_limited: u64,
    /// Requests of unknown success.
    pub unjudged: u64,
    pub started: u64,
    pub dropped: u64,
    /// Dropped starts due to a lack of resources on the generator's machine.
    pub lacking: u64,
    /// Retried requests.
    pub repeated: u64,
    /// Requests of unknown latency, apart from failed ones.
    pub untimed: u64,
    /// Planned users or starts per second, integrated over time.
    pub due: f64,
    pub length: Duration,
    pub transferred: Transferred,
    /// Latencies of all requests, by bucket, sorted.
    latencies: Vec<(u16, u64)>,
    /// Latencies of the failed requests among them, as far as known.
    failed_latencies: Vec<(u16, u64)>,
}

impl Figures {
    pub fn of<'a>(windows: impl IntoIterator<Item = &'a LoadWindow>) -> Self {
        let mut all = Self::default();
        let (mut counts, mut failed) = (Vec::new(), Vec::new());
        for window in windows {
            all.completed += window.completed();
            all.errors += window.errors();
            all.rate_limited += failures_by(Cause::RateLimited, &window.failed);
            all.unjudged += window.unjudged;
            all.started += window.started;
            all.dropped += window.dropped;
            all.lacking += window.lacking;
            all.repeated += window.repeated;
            all.due += window.due * window.length.as_secs_f64();
            all.length += window.length;
            all.transferred = all.transferred.and(window.transferred);
            let timed: u64 = window.latency.iter().map(|(_, count)| count).sum();
            all.untimed += (window.good + window.unjudged).saturating_sub(timed);
            add(&mut counts, &window.latency);
            add(&mut failed, &window.failed_latency);
        }
        all.latencies = counted(counts);
        all.failed_latencies = counted(failed);
        all
    }

    /// The statistics of one request of the plan over a run of this length.
    pub fn of_request(request: &RequestFigures, length: Duration) -> Self {
        let mut counts = Vec::new();
        add(&mut counts, &request.latency);
        Self {
            completed: request.completed(),
            errors: request.errors(),
            rate_limited: failures_by(Cause::RateLimited, &request.failed),
            started: request.completed(),
            length,
            transferred: request.transferred,
            latencies: counted(counts),
            ..Self::default()
        }
    }

    /// The times to the first token of these requests; one count per response with a first token.
    pub fn of_first_tokens<'a>(requests: impl IntoIterator<Item = &'a RequestFigures>) -> Self {
        let mut counts = Vec::new();
        for request in requests {
            add(&mut counts, &request.first_token);
        }
        let latencies = counted(counts);
        Self {
            completed: latencies.iter().map(|(_, count)| count).sum(),
            latencies,
            ..Self::default()
        }
    }

    /// The statistics of the requests with first tokens. Their latencies are the times to the first token;
    /// it is unknown which of those failed afterwards.
    pub fn of_streams<'a>(
        requests: impl IntoIterator<Item = &'a RequestFigures, IntoIter: Clone>,
    ) -> Self {
        let streams = requests.into_iter().filter(|one| one.has_tokens());
        Self {
            completed: streams.clone().map(RequestFigures::completed).sum(),
            errors: streams.clone().map(RequestFigures::errors).sum(),
            ..Self::of_first_tokens(streams)
        }
    }

    /// Responses per second.
    pub fn rate(&self) -> f64 {
        self.completed as f64 / self.length.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// Successful responses per second. As in a throughput objective, responses of unknown success are
    /// included.
    pub fn good_rate(&self) -> f64 {
        let good = self.completed.saturating_sub(self.errors) as f64;
        good / self.length.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// The failed share of the responses of known success; `None` without any.
    pub fn error_ratio(&self) -> Option<f64> {
        self.failures().ratio()
    }

    /// The failed requests among those of known success.
    pub fn failures(&self) -> Share {
        Share {
            hits: self.errors,
            total: self.completed - self.unjudged,
        }
    }

    /// Whether there were requests, and the success of all of them is unknown.
    pub fn are_errors_unknown(&self) -> bool {
        self.unjudged > 0 && self.unjudged == self.completed
    }

    /// Whether more than a share of all requests fail, at significance level `level`.
    pub fn fail_more_than(&self, share: f64, level: f64) -> bool {
        let Share { hits, total } = self.failures();
        exceeds(hits, total, share, level)
    }

    /// The requests that quantiles are about: failed ones of unknown latency count as the slowest.
    const fn ranked(&self) -> u64 {
        self.completed.saturating_sub(self.untimed)
    }

    /// A quantile of the latency; `None` if there are too few requests.
    pub fn quantile(&self, q: f64) -> Option<Duration> {
        (self.ranked() >= needed(q)).then(|| self.rank(q * self.ranked() as f64))?
    }

    /// The lower bound of a quantile from its order statistics, with one-sided 99.9% confidence.
    pub fn quantile_at_least(&self, q: f64) -> Option<Duration> {
        let n = self.ranked() as f64;
        let rank = n * q - 3.09 * (n * q * (1.0 - q)).sqrt();
        (self.ranked() >= needed(q) && rank >= 1.0).then(|| self.rank(rank))?
    }

    /// Requests that took `limit` or longer, to the precision of the buckets.
    pub fn slower_than(&self, limit: Duration) -> u64 {
        slower_than(&self.latencies, limit)
    }

    /// The minimum and maximum number of successful requests that took `limit` or longer. They differ by
    /// the failed requests of unknown latency.
    pub fn slow_successes(&self, limit: Duration) -> (u64, u64) {
        let failed = slower_than(&self.failed_latencies, limit);
        let most = self.slower_than(limit).saturating_sub(failed);
        let most = most.min(self.completed.saturating_sub(self.errors));
        (most.saturating_sub(self.untimed_failures()), most)
    }

    /// Failed requests of unknown latency.
    fn untimed_failures(&self) -> u64 {
        let timed: u64 = self.failed_latencies.iter().map(|(_, count)| count).sum();
        self.errors.saturating_sub(timed)
    }

    /// Whether the latency of any request is known.
    pub fn has_latencies(&self) -> bool {
        !self.latencies.is_empty()
    }

    /// A quantile of the latency in which failed requests count as infinitely slow; `None` if too many
    /// failed. If the latency of some failed requests is unknown, it is the quantile of all requests.
    pub fn quantile_of_good(&self, q: f64) -> Option<Duration> {
        if self.untimed_failures() > 0 {
            return self.quantile(q);
        }
        let mut failed = self.failed_latencies.iter().peekable();
        let good = self.latencies.iter().map(|(code, count)| {
            let failed = failed.next_if(|(failed, _)| failed == code);
            (
                *code,
                count.saturating_sub(failed.map_or(0, |(_, count)| *count)),
            )
        });
        // Products such as 0.07 * 100 are slightly larger than the exact value.
        rank(good, q * self.ranked() as f64 - 1e-6)
    }

    /// The value of a rank, counted from 1.
    fn rank(&self, rank: f64) -> Option<Duration> {
        self::rank(self.latencies.iter().copied(), rank)
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

/// The planned load at a time, in seconds since the start; `None` if there was none.
pub(super) fn level_at(windows: &[LoadWindow], second: f64) -> Option<f64> {
    let after = windows.partition_point(|one| one.start.as_secs_f64() <= second);
    let window = windows.get(after.saturating_sub(1))?;
    (window.due > 0.0).then_some(window.due)
}

fn slower_than(latencies: &[(u16, u64)], limit: Duration) -> u64 {
    let scale = Scale::new([]);
    let slow = latencies.iter();
    let slow = slow.filter(|(code, _)| scale.middle(*code) >= limit);
    slow.map(|(_, count)| count).sum()
}

/// The value of a rank, counted from 1; `None` if there are fewer values.
fn rank(mut latencies: impl Iterator<Item = (u16, u64)>, rank: f64) -> Option<Duration> {
    let mut seen = 0.0;
    let found = latencies.find(|(_, count)| {
        seen += *count as f64;
        *count > 0 && seen >= rank
    });
    found.map(|(code, _)| Scale::new([]).middle(code))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts by latency in milliseconds: of all requests, and of the failed requests of known latency.
    fn figures(all: &[(u64, u64)], failed: &[(u64, u64)], errors: u64) -> Figures {
        let scale = Scale::new([]);
        let coded = |counts: &[(u64, u64)]| {
            let coded = counts
                .iter()
                .map(|(ms, count)| (scale.code(Duration::from_millis(*ms)), *count));
            coded.collect::<Vec<_>>()
        };
        Figures {
            completed: all.iter().map(|(_, count)| count).sum(),
            errors,
            latencies: coded(all),
            failed_latencies: coded(failed),
            ..Figures::default()
        }
    }

    #[test]
    fn failed_requests_are_above_every_limit() {
        let limit = Duration::from_millis(500);
        let known = figures(&[(10, 90), (800, 10)], &[(10, 4), (800, 6)], 10);
        assert_eq!(known.slower_than(limit), 10);
        assert_eq!(known.slow_successes(limit), (4, 4));
        let ms = |q: f64| known.quantile_of_good(q).map(|one| one.as_millis());
        assert_eq!((ms(0.86), ms(0.9), ms(0.91)), (Some(10), Some(801), None));
        // The latencies of four failed requests are unknown.
        let partly = figures(&[(10, 90), (800, 10)], &[(800, 6)], 10);
        assert_eq!(partly.slow_successes(limit), (0, 4));
        assert_eq!(partly.quantile_of_good(0.95), partly.quantile(0.95));
    }
}
