//! Exact counts, and what they depend on.

use super::objective::{BudgetingMethod, Objective, Sli};
use super::slice::SliceRule;
use crate::outcome::{Event, Measurement};
use std::fmt;
use std::time::Duration;

/// Exact counts over some time. Packed, because thousands of objectives keep thousands of them each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(Rust, packed(4))]
pub struct Tally {
    /// Good events (outcomes or time slices), in [`BudgetingMethod::parts`].
    pub good: u32,
    pub bad: u32,
    /// Outcomes that say nothing about the service.
    pub void: u32,
    /// The time that these events stand for, in milliseconds, summed over the probes so that it stays an
    /// integer. [`super::Pace`] accounts for the number of probes. It includes observed time without
    /// counted events, such as a minute without requests.
    pub covered_ms: u64,
}

/// What a [`Tally`] over the outcomes of one probe depends on. Its text form is stored with hourly blocks,
/// so that a start reads only tallies, and recounts if a key is new.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TallyKey {
    pub sli: Sli,
    pub budgeting: BudgetingMethod,
}

impl fmt::Display for TallyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sli {
            // They only differ in the default budgeting method and the contributing probes.
            Sli::Availability | Sli::Success | Sli::Freshness => f.write_str("success")?,
            Sli::Throughput(throughput) => write!(f, "{throughput}")?,
            Sli::Latency { of, below } => {
                let name = of.map_or("latency", Measurement::label);
                write!(f, "{name}<{}ns", below.as_nanos())?;
            }
        }
        match self.budgeting {
            BudgetingMethod::Occurrences => Ok(()),
            BudgetingMethod::Timeslices { slice_target } => {
                write!(f, "/{}s>={slice_target}", BudgetingMethod::SLICE.as_secs())
            }
            BudgetingMethod::RatioTimeslices => write!(f, "/{}s", BudgetingMethod::SLICE.as_secs()),
        }
    }
}

impl TallyKey {
    pub const fn of(objective: &Objective) -> Self {
        Self {
            sli: objective.sli,
            budgeting: objective.budgeting,
        }
    }

    /// Counts the outcomes of one probe, in order of time. For time slices, they must cover whole slices.
    pub fn count(&self, events: impl Iterator<Item = Event>) -> Tally {
        match SliceRule::alone(self.budgeting) {
            None => self.count_occurrences(events),
            Some(rule) => {
                let tallies =
                    events.filter_map(|event| Some((0, event.at, self.sli.tally(&event)?)));
                rule.count(tallies)
            }
        }
    }

    /// Counts outcomes individually.
    pub fn count_occurrences(&self, events: impl Iterator<Item = Event>) -> Tally {
        let mut tally = Tally::default();
        for event in events {
            tally.add(self.sli.tally(&event).unwrap_or_default());
        }
        tally
    }
}

impl Tally {
    /// One outcome that says nothing about the service.
    pub const VOID: Self = Self {
        good: 0,
        bad: 0,
        void: 1,
        covered_ms: 0,
    };

    /// Whether it covers any time. Observed time may contain no events.
    pub const fn is_observed(&self) -> bool {
        self.covered_ms > 0
    }

    pub fn add(&mut self, other: Self) {
        self.good = self.good.saturating_add(other.good);
        self.bad = self.bad.saturating_add(other.bad);
        self.void = self.void.saturating_add(other.void);
        self.covered_ms = self.covered_ms.saturating_add(other.covered_ms);
    }

    /// Multiplies the counts by `n`.
    #[must_use]
    pub fn times(self, n: u32) -> Self {
        Self {
            good: self.good.saturating_mul(n),
            bad: self.bad.saturating_mul(n),
            void: self.void.saturating_mul(n),
            covered_ms: self.covered_ms.saturating_mul(u64::from(n)),
        }
    }

    pub fn subtract(&mut self, other: Self) {
        self.good = self.good.saturating_sub(other.good);
        self.bad = self.bad.saturating_sub(other.bad);
        self.void = self.void.saturating_sub(other.void);
        self.covered_ms = self.covered_ms.saturating_sub(other.covered_ms);
    }
}

/// Milliseconds as counted in a [`Tally`].
pub fn whole_ms(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
