//! What is promised, and how one outcome counts for it.

use super::calendar::Calendar;
use crate::outcome::{Event, Timestamp, Verdict, millis};
use std::fmt;
use std::time::Duration;

/// How an outcome counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sli {
    /// Good outcomes are good. Budgeted in time slices unless told otherwise: "uptime".
    Availability,
    /// Good outcomes are good. Budgeted by occurrences unless told otherwise.
    Success,
    /// Good outcomes under the threshold are good; a failed one is never fast.
    Latency { below: Duration },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    Good,
    Bad,
    /// Says nothing about the service.
    NotCounted,
}

impl Sli {
    pub fn judge(self, verdict: Verdict, latency: Duration) -> Judgement {
        match (verdict, self) {
            (Verdict::Void(_), _) => Judgement::NotCounted,
            (Verdict::Bad(_), _) => Judgement::Bad,
            (Verdict::Good, Self::Latency { below }) if latency >= below => Judgement::Bad,
            (Verdict::Good, _) => Judgement::Good,
        }
    }

    /// The name in the config.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Availability => "availability",
            Self::Success => "success",
            Self::Latency { .. } => "latency",
        }
    }
}

/// What is counted against the budget.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Budgeting {
    /// Every outcome: SLI = good / (good + bad).
    Occurrences,
    /// Slices of [`Budgeting::SLICE`]: one is good if its own ratio reaches `slice_target`;
    /// SLI = good slices / (good + bad slices); slices without counted outcomes are unknown.
    Timeslices { slice_target: f64 },
}

impl Budgeting {
    /// Length of a time slice.
    pub const SLICE: Duration = Duration::from_secs(60);
    /// The default `slice_target`: a minute with more than 10 % errors is downtime, as in Google
    /// Cloud's service level agreements.
    pub const SLICE_TARGET: f64 = 0.9;
}

/// A promise: service + SLI + target + window + budgeting method.
#[derive(Clone, Debug, PartialEq)]
pub struct Objective {
    pub name: String,
    pub sli: Sli,
    /// The promised ratio, above 0 and below 1.
    pub target: f64,
    /// The rolling window that the budget is for, or the usual length of the calendar's period.
    pub window: Duration,
    /// Where the budget is for a period of the calendar.
    pub calendar: Option<Calendar>,
    pub budgeting: Budgeting,
    /// The service's probes that count for it; empty means all.
    pub probes: Vec<String>,
}

impl Objective {
    /// How far it looks back at most.
    pub fn reach(&self) -> Duration {
        self.calendar
            .map_or(self.window, |calendar| calendar.period.longest())
    }

    /// Whether the service's probe of this name counts.
    pub fn counts(&self, probe: &str) -> bool {
        self.probes.is_empty() || self.probes.iter().any(|name| name == probe)
    }
}

/// Exact counts over some time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Good events: outcomes, or time slices.
    pub good: u32,
    pub bad: u32,
    /// How much time these events stand for, in milliseconds.
    pub covered_ms: u32,
}

/// What a [`Tally`] over one probe's outcomes depends on. Its text form is stored beside hourly
/// blocks, so that a start needs to read only tallies, and recounts where a key is new.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TallyKey {
    pub sli: Sli,
    pub budgeting: Budgeting,
}

impl fmt::Display for TallyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sli {
            // The two differ in their default budgeting only.
            Sli::Availability | Sli::Success => f.write_str("success")?,
            Sli::Latency { below } => write!(f, "latency<{}ns", below.as_nanos())?,
        }
        match self.budgeting {
            Budgeting::Occurrences => Ok(()),
            Budgeting::Timeslices { slice_target } => {
                write!(f, "/{}s>={slice_target}", Budgeting::SLICE.as_secs())
            }
        }
    }
}

impl TallyKey {
    /// Counts outcomes in the order of time: those of one probe, or of all that count together. For
    /// time slices they must be whole slices.
    pub fn count(&self, events: impl Iterator<Item = Event>) -> Tally {
        match self.budgeting {
            Budgeting::Occurrences => self.count_occurrences(events),
            Budgeting::Timeslices { slice_target } => self.count_slices(events, slice_target),
        }
    }

    fn count_occurrences(&self, events: impl Iterator<Item = Event>) -> Tally {
        let mut tally = Tally::default();
        for event in events {
            match self.sli.judge(event.verdict, event.latency) {
                Judgement::Good => tally.good += 1,
                Judgement::Bad => tally.bad += 1,
                Judgement::NotCounted => continue,
            }
            tally.covered_ms = tally.covered_ms.saturating_add(clamp_ms(event.interval));
        }
        tally
    }

    fn count_slices(&self, events: impl Iterator<Item = Event>, slice_target: f64) -> Tally {
        let (mut tally, mut running) = (Tally::default(), i64::MIN);
        let (mut good, mut bad) = (0, 0);
        for event in events {
            let slice = slice_of(event.at);
            if slice != running {
                tally.add(judge_slice(good, bad, slice_target));
                (running, good, bad) = (slice, 0, 0);
            }
            match self.sli.judge(event.verdict, event.latency) {
                Judgement::Good => good += 1,
                Judgement::Bad => bad += 1,
                Judgement::NotCounted => {}
            }
        }
        tally.add(judge_slice(good, bad, slice_target));
        tally
    }
}

impl Tally {
    pub fn add(&mut self, other: Self) {
        self.good += other.good;
        self.bad += other.bad;
        self.covered_ms = self.covered_ms.saturating_add(other.covered_ms);
    }

    pub fn take(&mut self, other: Self) {
        self.good = self.good.saturating_sub(other.good);
        self.bad = self.bad.saturating_sub(other.bad);
        self.covered_ms = self.covered_ms.saturating_sub(other.covered_ms);
    }
}

/// The number of the time slice that a moment falls in.
pub fn slice_of(at: Timestamp) -> i64 {
    at.0.div_euclid(millis(Budgeting::SLICE))
}

/// One slice as an event: good, bad, or nothing at all if no outcome counted.
pub fn judge_slice(good: u32, bad: u32, slice_target: f64) -> Tally {
    if good + bad == 0 {
        return Tally::default();
    }
    let is_good = f64::from(good) / f64::from(good + bad) >= slice_target;
    Tally {
        good: u32::from(is_good),
        bad: u32::from(!is_good),
        covered_ms: clamp_ms(Budgeting::SLICE),
    }
}

/// Milliseconds as they are counted in a [`Tally`].
pub fn clamp_ms(span: Duration) -> u32 {
    u32::try_from(span.as_millis()).unwrap_or(u32::MAX)
}
