//! The counts of one request over a whole run.

use crate::connection::Done;
use crate::counted::ByteCounts;
use crate::request::Request;
use slod_core::load::{RequestFigures, RetryAfter};
use slod_core::outcome::Cause;
use slod_core::stats::quantile::Histogram;

#[derive(Clone, Debug, Default)]
pub struct Tally {
    good: u64,
    failed: Vec<(Cause, u64)>,
    /// Counts by code of a scale without cuts.
    latency: Vec<u32>,
    /// The same for the times to the first token.
    first: Vec<u32>,
    /// Number of responses that failed a check, by the number of the condition or capture.
    failed_checks: Vec<u32>,
    /// Of the responses with status 429.
    retry_after: RetryAfter,
    pub bytes: ByteCounts,
}

impl Tally {
    /// Counts a completed request.
    pub fn add(&mut self, done: Done, latency: u16, failed_check: Option<usize>) {
        match done {
            Done::Good => self.good += 1,
            Done::Failed(cause) => add(&mut self.failed, cause, 1),
            Done::NoResources => {}
        }
        count(&mut self.latency, latency);
        if let Some(check) = failed_check.and_then(|number| u16::try_from(number).ok()) {
            count(&mut self.failed_checks, check);
        }
    }

    pub fn add_retry_after(&mut self, retry_after: RetryAfter) {
        self.retry_after = self.retry_after.and(retry_after);
    }

    /// Counts a response with a first token.
    pub fn add_first(&mut self, after: u16) {
        count(&mut self.first, after);
    }

    /// Adds the counts of another thread for the same request.
    pub fn merge(&mut self, other: Self) {
        self.good += other.good;
        for (cause, count) in other.failed {
            add(&mut self.failed, cause, count);
        }
        sum(&mut self.latency, &other.latency);
        sum(&mut self.first, &other.first);
        sum(&mut self.failed_checks, &other.failed_checks);
        self.add_retry_after(other.retry_after);
        self.bytes += other.bytes;
    }

    pub fn figures(mut self, request: &Request) -> RequestFigures {
        self.failed.sort_unstable();
        let conditions = request.conditions.as_ref();
        let conditions = conditions.map_or(&[][..], |all| all.names());
        let (unmet, missing) = self
            .failed_checks
            .split_at(conditions.len().min(self.failed_checks.len()));
        RequestFigures {
            name: request.name.clone(),
            good: self.good,
            failed: self.failed,
            unmet: counted(conditions.iter(), unmet),
            missing: counted(request.captures.iter().map(|one| &one.name), missing),
            retry_after: Some(self.retry_after),
            latency: histogram(&self.latency),
            first_token: histogram(&self.first),
            transferred: self.bytes.into(),
        }
    }
}

/// The names with their counts, without those that have none.
fn counted<'a>(names: impl Iterator<Item = &'a String>, counts: &[u32]) -> Vec<(String, u64)> {
    let counted = names.zip(counts).filter(|(_, count)| **count > 0);
    counted
        .map(|(name, count)| (name.clone(), u64::from(*count)))
        .collect()
}

pub fn add(failed: &mut Vec<(Cause, u64)>, cause: Cause, count: u64) {
    match failed.iter_mut().find(|(known, _)| *known == cause) {
        Some((_, known)) => *known += count,
        None => failed.push((cause, count)),
    }
}

pub fn count(counts: &mut Vec<u32>, code: u16) {
    let place = usize::from(code);
    if counts.len() <= place {
        counts.resize(place + 1, 0);
    }
    counts[place] += 1;
}

/// Adds counts code by code.
pub fn sum(counts: &mut Vec<u32>, other: &[u32]) {
    counts.resize(counts.len().max(other.len()), 0);
    for (count, more) in counts.iter_mut().zip(other) {
        *count += more;
    }
}

pub fn histogram(counts: &[u32]) -> Histogram {
    let mut histogram = Histogram::default();
    let counted = (0_u16..).zip(counts).filter(|(_, count)| **count > 0);
    histogram.add_sorted(counted.map(|(code, count)| (code, *count)));
    histogram
}
