//! A result with only the totals of a run: one window as long as the run.

use super::collect::spread;
use crate::load::{LoadWindow, Transferred};
use crate::outcome::Cause;
use crate::stats::quantile::Histogram;
use crate::stats::scale::Scale;
use std::time::Duration;

/// Maximum length of a run or a request; larger numbers are invalid.
const LONGEST: Duration = Duration::from_hours(365 * 24);

/// Maximum number of requests, which all later sums can hold; larger numbers are invalid.
const REQUESTS_MAX: u64 = 1 << 53;

/// Number of steps between two percentiles.
const STEPS: u32 = 10;

#[derive(Debug, Default)]
pub struct Totals {
    pub length: Duration,
    /// Number of requests that were answered with any status.
    pub answered: u64,
    /// Number of answered requests that failed by their status.
    pub refused: u64,
    /// Number of these that had status 429.
    pub limited: u64,
    /// Number of answered requests that took longer than the timeout of the tool; they are not part of the
    /// percentiles.
    pub late: u64,
    /// Number of requests without an answer, by cause.
    pub lost: Vec<(Cause, u64)>,
    /// The lowest latency; zero if unknown.
    pub fastest: Duration,
    /// Shares of the answered requests with the latency that each share does not exceed; both increase.
    pub percentiles: Vec<(f64, Duration)>,
    /// Bytes of the responses, if known.
    pub received: Option<u64>,
}

impl Totals {
    /// The length of a run in seconds; `None` if it is invalid.
    pub fn length(seconds: f64) -> Option<Duration> {
        let length = Duration::try_from_secs_f64(seconds).ok()?;
        (!length.is_zero() && length <= LONGEST).then_some(length)
    }

    /// Adds requests that were answered, with a status of success or failure.
    pub fn answer(&mut self, count: u64, is_success: bool) {
        self.answered = self.answered.saturating_add(count);
        if !is_success {
            self.refused = self.refused.saturating_add(count);
        }
    }

    /// Adds requests without an answer.
    pub fn lose(&mut self, cause: Cause, count: u64) {
        match self.lost.iter_mut().find(|(known, _)| *known == cause) {
            _ if count == 0 => {}
            Some((_, known)) => *known = known.saturating_add(count),
            None => self.lost.push((cause, count)),
        }
    }

    /// The totals; `None` if the number of requests is implausible.
    pub fn plausible(self) -> Option<Self> {
        let lost = self.lost.iter().map(|(_, count)| count);
        let all = lost.fold(self.answered, |all, count| all.saturating_add(*count));
        (all <= REQUESTS_MAX).then_some(self)
    }

    /// The window of the run; `None` without requests.
    pub fn window(mut self) -> Option<LoadWindow> {
        let late = self.late.min(self.answered);
        let refused = self.refused.min(self.answered - late);
        let started = self.answered + self.lost.iter().map(|(_, count)| count).sum::<u64>();
        let limited = self.limited.min(refused);
        self.lose(Cause::Status, refused - limited);
        self.lose(Cause::RateLimited, limited);
        self.lose(Cause::Timeout, late);
        let mut failed = self.lost;
        failed.sort_unstable();
        let (scale, mut latency) = (Scale::new([]), Histogram::default());
        let timed = self.answered - late;
        for (time, count) in spread(timed, &evenly(self.fastest, &self.percentiles)) {
            latency.add(scale.code(time), count);
        }
        (started > 0).then(|| LoadWindow {
            length: self.length,
            started,
            good: timed - refused,
            failed,
            latency,
            transferred: Transferred::received(self.received),
            ..LoadWindow::default()
        })
    }
}

/// Adds intermediate percentiles, assuming that latencies are distributed evenly between the given ones.
fn evenly(fastest: Duration, percentiles: &[(f64, Duration)]) -> Vec<(f64, Duration)> {
    let mut before = (0.0, fastest);
    let between = percentiles.iter().flat_map(|(share, latency)| {
        let after = (*share, (*latency).min(LONGEST));
        let (share, latency) = std::mem::replace(&mut before, after);
        let wider = after.0 - share;
        let longer = after.1.saturating_sub(latency);
        (1..=STEPS).map(move |step| {
            let part = f64::from(step) / f64::from(STEPS);
            (share + wider * part, latency + longer.mul_f64(part))
        })
    });
    between.collect()
}
