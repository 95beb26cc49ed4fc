//! Counts the causes of bad events. Pure.

use crate::outcome::{Measurement, Record, Verdict, millis};
use crate::slo::Sli;
use crate::units::show_duration;
use std::collections::BTreeMap;
use std::time::Duration;

/// Successful, but slower than the threshold.
const SLOW: &str = "slow";
/// A minute without outcomes, if the objective counts it as bad.
pub const MISSING: &str = "missing";

/// Cause of bad real requests.
pub fn traffic_cause(sli: Sli) -> &'static str {
    match sli {
        Sli::Latency { .. } => SLOW,
        Sli::Throughput(_) => "not served",
        Sli::Availability | Sli::Success | Sli::Freshness => "error",
    }
}

/// Bad outcomes by cause, with one example each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Causes(BTreeMap<&'static str, Example>);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Example {
    outcomes: u64,
    /// The first message recorded for it.
    message: Option<Box<str>>,
}

/// The most frequent cause.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MainCause<'a> {
    pub cause: &'static str,
    /// Its ratio of the bad outcomes.
    pub ratio: f64,
    pub message: Option<&'a str>,
}

impl Causes {
    /// Counts one outcome; `message` is only called if there is no example yet.
    pub fn add(&mut self, cause: &'static str, message: impl FnOnce() -> Option<Box<str>>) {
        let shown = self.0.entry(cause).or_default();
        shown.outcomes += 1;
        if shown.message.is_none() {
            shown.message = message();
        }
    }

    /// Counts real requests.
    pub fn add_many(&mut self, cause: &'static str, requests: u64) {
        self.0.entry(cause).or_default().outcomes += requests;
    }

    /// Counts an outcome that is bad for an objective about whole attempts or about one measurement.
    pub fn blame(&mut self, record: &Record, of: Option<Measurement>) {
        let outcome = &record.outcome;
        match outcome.verdict {
            Verdict::Bad(cause) => self.add(cause.label(), || outcome.detail.message.clone()),
            // It must have been too slow, otherwise it would not be bad.
            Verdict::Good | Verdict::Void(_) => self.add(SLOW, || {
                let ms = millis(outcome.time(of)?).unsigned_abs();
                let took = show_duration(Duration::from_millis(ms));
                let text = match of {
                    None => format!("a good response after {took}"),
                    Some(one) => format!("a good response with {took} of {}", one.label()),
                };
                Some(text.into())
            }),
        }
    }

    pub fn merge(&mut self, other: &Self) {
        for (cause, theirs) in &other.0 {
            let shown = self.0.entry(cause).or_default();
            shown.outcomes += theirs.outcomes;
            if shown.message.is_none() {
                shown.message.clone_from(&theirs.message);
            }
        }
    }

    /// Sorted by count, then by name.
    pub fn sorted(&self) -> Vec<(&'static str, u64)> {
        let mut all: Vec<_> = self
            .0
            .iter()
            .map(|(cause, shown)| (*cause, shown.outcomes))
            .collect();
        all.sort_by_key(|(_, outcomes)| std::cmp::Reverse(*outcomes));
        all
    }

    pub fn main(&self) -> Option<MainCause<'_>> {
        let (cause, outcomes) = *self.sorted().first()?;
        let all: u64 = self.0.values().map(|shown| shown.outcomes).sum();
        let shown = self.0.get(cause)?;
        Some(MainCause {
            cause,
            ratio: outcomes as f64 / all.max(1) as f64,
            message: shown.message.as_deref(),
        })
    }
}
