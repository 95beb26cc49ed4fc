//! Objectives, and how outcomes count for them.

use super::calendar::Calendar;
use super::tally::{Tally, whole_ms};
use super::throughput::Throughput;
use crate::outcome::{DurationOf, Event, Measurement, Measures, ProbeKey, Timestamp, Verdict};
use crate::units::{DAY, show_duration};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// The service level indicator: which outcomes count as good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sli {
    /// Good outcomes count as good. Budgeted by time slices by default: "uptime".
    Availability,
    /// Good outcomes count as good. Budgeted by occurrences by default.
    Success,
    /// Good outcomes below the threshold count as good. Failed ones never do.
    Latency {
        /// The measured phase; `None` for the whole attempt. A good attempt without this measurement is not
        /// counted.
        of: Option<Measurement>,
        below: Duration,
    },
    /// Good outcomes of heartbeats count as good. Budgeted by time slices by default.
    Freshness,
    /// Minutes in which real traffic reached a rate count as good.
    Throughput(Throughput),
}

/// The source of an objective's events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum EventSource {
    /// Attempts of probes.
    #[default]
    Probes,
    /// Real requests, from the service's own metrics.
    Metrics,
}

/// The threshold of a latency objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Threshold {
    /// The measured phase; `None` for the whole attempt.
    pub of: Option<Measurement>,
    pub below: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    Good,
    Bad,
    /// The outcome says nothing about the service.
    NotCounted,
    /// The outcome lacks the required measurement. It is ignored, as if there was no attempt.
    NotMeasured,
}

impl Sli {
    pub fn judge(self, event: &Event) -> Judgement {
        let threshold = self.threshold();
        let unknown = self.measurement().is_some() && !event.measured.are_known();
        match (event.verdict, threshold) {
            (Verdict::Void(_), _) => Judgement::NotCounted,
            // If latencies are unknown, counting failures alone would distort the ratio.
            _ if unknown => Judgement::NotMeasured,
            (Verdict::Bad(_), _) => Judgement::Bad,
            (Verdict::Good, None) => Judgement::Good,
            (Verdict::Good, Some(Threshold { of, below })) => match event.time(of) {
                None => Judgement::NotMeasured,
                Some(time) if time >= below => Judgement::Bad,
                Some(_) => Judgement::Good,
            },
        }
    }

    /// What one attempt adds to the counts; `None` if it lacks the required measurement.
    pub fn tally(self, event: &Event) -> Option<Tally> {
        let bad = match self.judge(event) {
            Judgement::NotMeasured => return None,
            Judgement::NotCounted => return Some(Tally::VOID),
            Judgement::Good => false,
            Judgement::Bad => true,
        };
        Some(Tally {
            good: u32::from(!bad),
            bad: u32::from(bad),
            void: 0,
            covered_ms: whole_ms(event.interval),
        })
    }

    /// The threshold, for a latency objective.
    pub const fn threshold(self) -> Option<Threshold> {
        match self {
            Self::Latency { of, below } => Some(Threshold { of, below }),
            Self::Availability | Self::Success | Self::Freshness | Self::Throughput(_) => None,
        }
    }

    /// The measured phase of a latency objective; `None` for the whole attempt.
    pub fn measurement(self) -> Option<Measurement> {
        self.threshold()?.of
    }

    /// The name in the config.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Availability => "availability",
            Self::Success => "success",
            Self::Latency { .. } => "latency",
            Self::Freshness => "freshness",
            Self::Throughput(_) => "throughput",
        }
    }

    /// Whether probes with these measures can provide the indicator.
    pub fn suits(self, measures: &Measures) -> bool {
        match measures.duration {
            DurationOf::Age => self == Self::Freshness,
            DurationOf::Attempt => match self {
                Self::Availability | Self::Success => true,
                Self::Freshness | Self::Throughput(_) => false,
                Self::Latency { of, .. } => {
                    of.is_none_or(|one| measures.measurements.contains(&one))
                }
            },
        }
    }
}

impl Threshold {
    /// `under 500ms`, `connect under 50ms`
    pub fn words(&self) -> String {
        let below = show_duration(self.below);
        match self.of {
            None => format!("under {below}"),
            Some(one) => format!("{} under {below}", one.label()),
        }
    }
}

/// How events are counted against the budget.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BudgetingMethod {
    /// Every outcome counts: SLI = good / (good + bad).
    Occurrences,
    /// Slices of [`BudgetingMethod::SLICE`]. A slice is good if its ratio reaches `slice_target`: SLI =
    /// good slices / (good + bad slices).
    Timeslices { slice_target: f64 },
    /// Slices of [`BudgetingMethod::SLICE`]. SLI = the mean ratio of the slices, so that a quiet minute
    /// weighs as much as a busy one.
    RatioTimeslices,
}

impl BudgetingMethod {
    /// Length of a time slice.
    pub const SLICE: Duration = Duration::from_mins(1);
    /// The longest interval with two attempts per slice. With fewer, a single failure makes the whole slice bad.
    pub const SLICED_INTERVAL_MAX: Duration = Duration::from_secs(30);

    /// Counts per event. Counts are integers, so a partially good slice is counted in millionths.
    pub const fn parts(self) -> u32 {
        match self {
            Self::Occurrences | Self::Timeslices { .. } => 1,
            Self::RatioTimeslices => 1_000_000,
        }
    }

    /// Converts counts to events.
    pub fn events(self, counts: u64) -> f64 {
        counts as f64 / f64::from(self.parts())
    }

    pub fn is_sliced(self) -> bool {
        self != Self::Occurrences
    }

    /// How probes are combined by default. If a minute is good with half of its attempts, one of two pooled
    /// probes could fail permanently without a bad minute.
    pub fn default_combine(self) -> Combine {
        match self {
            Self::Timeslices { slice_target } if slice_target <= 0.5 => Combine::All,
            _ => Combine::Pooled,
        }
    }
}

/// How a time slice without counted outcomes counts, once it ended at least one slice length ago.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NoDataPolicy {
    /// As unknown. It lowers the coverage.
    #[default]
    Exclude,
    Bad,
    Good,
}

/// How the ratio of a time slice is computed from several probes. Probes without outcomes in the slice are
/// ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Combine {
    /// The ratio over all outcomes.
    #[default]
    Pooled,
    /// The ratio of the worst probe: all must be good.
    All,
    /// The ratio of the best probe: one good probe is enough.
    Any,
    /// The weighted mean of the probes' ratios.
    Weighted,
}

/// A reference to a probe that counts for an objective.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeRef {
    /// Another service than the objective's own, for a step of a journey.
    pub service: Option<Arc<str>>,
    pub probe: String,
    /// At least 1. Only used by [`Combine::Weighted`].
    pub weight: u32,
}

/// The window of an error budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The length of a rolling window, or the nominal length of a calendar period.
    pub length: Duration,
    /// The calendar period, for a calendar window.
    pub calendar: Option<Calendar>,
}

/// A service level objective: SLI, target, window and budgeting method.
#[derive(Clone, Debug, PartialEq)]
pub struct Objective {
    pub name: String,
    pub sli: Sli,
    pub source: EventSource,
    /// The target ratio, above 0 and below 1.
    pub target: f64,
    /// The window that alerts and forecasts use.
    pub window: Window,
    /// Additional budget windows.
    pub additional_windows: Vec<Window>,
    pub budgeting: BudgetingMethod,
    /// For time slices only.
    pub missing: NoDataPolicy,
    /// For time slices only.
    pub combine: Combine,
    /// The contributing probes. Empty means all probes of the service that suit the SLI.
    pub probes: Vec<ProbeRef>,
}

#[cfg(test)]
impl Objective {
    /// 99.9% successful outcomes of all probes over 30 days.
    pub(crate) fn of_successes(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            sli: Sli::Success,
            source: EventSource::Probes,
            target: 0.999,
            window: Window::rolling(Duration::from_hours(30 * 24)),
            additional_windows: Vec::new(),
            budgeting: BudgetingMethod::Occurrences,
            missing: NoDataPolicy::Exclude,
            combine: Combine::Pooled,
            probes: Vec::new(),
        }
    }
}

impl Window {
    pub const fn rolling(length: Duration) -> Self {
        Self {
            length,
            calendar: None,
        }
    }

    /// The time range that forecasts extrapolate from: `the last day`, or `the last 6h` for a shorter
    /// window.
    pub fn recent(&self) -> String {
        if self.length < DAY {
            format!("the last {}", self.name())
        } else {
            "the last day".to_owned()
        }
    }

    /// `30d`, `month`
    pub fn name(&self) -> String {
        match self.calendar {
            None => show_duration(self.length),
            Some(calendar) => calendar.period.name().to_owned(),
        }
    }

    /// The longest time that it can cover.
    pub fn reach(&self) -> Duration {
        self.calendar
            .map_or(self.length, |calendar| calendar.period.longest())
    }
}

impl Objective {
    /// The noun for the counted events.
    pub const fn events(&self) -> &'static str {
        match (self.budgeting, self.source) {
            (BudgetingMethod::Occurrences, EventSource::Probes) => "attempts",
            (BudgetingMethod::Occurrences, EventSource::Metrics) => "requests",
            (BudgetingMethod::Timeslices { .. } | BudgetingMethod::RatioTimeslices, _) => "minutes",
        }
    }

    /// How far back its windows reach at most.
    pub fn reach(&self) -> Duration {
        let additional = self.additional_windows.iter().map(Window::reach);
        additional.fold(self.window.reach(), Duration::max)
    }

    /// The services whose probes count; `None` stands for the objective's own service.
    pub fn sources(&self) -> BTreeSet<Option<&str>> {
        let counted = self.probes.iter().map(|counted| counted.service.as_deref());
        let own = self.probes.is_empty().then_some(None);
        counted.chain(own).collect()
    }

    /// The calendars of its windows.
    pub fn calendars(&self) -> impl Iterator<Item = Calendar> + '_ {
        let windows = std::iter::once(&self.window).chain(&self.additional_windows);
        windows.filter_map(|window| window.calendar)
    }

    /// The time range for which corrections must be known: what its windows contain at `now` and in the
    /// next days. A calendar period extends to its end.
    pub fn horizon(&self, now: Timestamp) -> (Timestamp, Timestamp) {
        const LONGEST_IN_DAYS: Duration = Duration::from_hours(31 * 24);
        let soon = now.after(Duration::from_hours(2 * 24));
        let end = self
            .calendars()
            .map(|calendar| calendar.around(soon).1)
            .max();
        let begin = now.before(self.reach().max(LONGEST_IN_DAYS)).hour();
        (
            begin.before(Duration::from_hours(1)),
            end.unwrap_or(soon).max(soon),
        )
    }

    /// The weight of a probe; `None` if it does not count for this objective of `service`.
    pub fn weight_of(&self, service: &str, probe: &ProbeKey, measures: &Measures) -> Option<u32> {
        if self.source == EventSource::Metrics {
            return None;
        }
        let own = *probe.service == *service;
        if self.probes.is_empty() {
            return (own && self.sli.suits(measures)).then_some(1);
        }
        let is = |counted: &&ProbeRef| {
            let same = |other: &Arc<str>| *other == probe.service;
            *counted.probe == *probe.probe && counted.service.as_ref().map_or(own, same)
        };
        self.probes.iter().find(is).map(|counted| counted.weight)
    }
}
