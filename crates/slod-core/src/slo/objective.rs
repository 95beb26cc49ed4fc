//! Objectives, and how an outcome counts for them.

use super::calendar::Calendar;
use super::tally::{Tally, whole_ms};
use super::throughput::Throughput;
use crate::outcome::{DurationOf, Event, Measurement, Measures, ProbeKey, Timestamp, Verdict};
use crate::units::{DAY, show_duration};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// The service level indicator: which outcomes are good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sli {
    /// Good outcomes are good. Budgeted in time slices unless configured otherwise: "uptime".
    Availability,
    /// Good outcomes are good. Budgeted by occurrences unless configured otherwise.
    Success,
    /// Good outcomes under the threshold are good; a failed one is never fast.
    Latency {
        /// The whole attempt where this is `None`. A good attempt without this measurement is not
        /// counted.
        of: Option<Measurement>,
        below: Duration,
    },
    /// Good outcomes of heartbeats are good. Budgeted in time slices unless configured otherwise.
    Freshness,
    /// Minutes in which the service's real traffic reached a rate are good.
    Throughput(Throughput),
}

/// Where the events of an objective come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum EventSource {
    /// Attempts of probes.
    #[default]
    Probes,
    /// Real requests, by the service's own metrics.
    Metrics,
}

/// The limit of a latency objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Threshold {
    /// The whole attempt where this is `None`.
    pub of: Option<Measurement>,
    pub below: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    Good,
    Bad,
    /// The outcome says nothing about the service.
    NotCounted,
    /// The outcome lacks what the objective is about: it is ignored, as if there was no attempt.
    NotMeasured,
}

impl Sli {
    pub fn judge(self, event: &Event) -> Judgement {
        let threshold = self.threshold();
        let unknown = self.measurement().is_some() && !event.measured.are_known();
        match (event.verdict, threshold) {
            (Verdict::Void(_), _) => Judgement::NotCounted,
            // Where it is unknown which good attempts were fast, the failures alone give no ratio.
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

    /// What one attempt adds to the counts; `None` if it says nothing about what the objective is
    /// about.
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

    /// The limit, for a latency objective.
    pub const fn threshold(self) -> Option<Threshold> {
        match self {
            Self::Latency { of, below } => Some(Threshold { of, below }),
            Self::Availability | Self::Success | Self::Freshness | Self::Throughput(_) => None,
        }
    }

    /// The measurement that it is about, if not the whole attempt.
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

    /// Whether probes that measure this say anything about it.
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

/// What is counted against the budget.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BudgetingMethod {
    /// Every outcome: SLI = good / (good + bad).
    Occurrences,
    /// Slices of [`BudgetingMethod::SLICE`]: one is good if its own ratio reaches `slice_target`;
    /// SLI = good slices / (good + bad slices).
    Timeslices { slice_target: f64 },
    /// Slices of [`BudgetingMethod::SLICE`]: SLI = the mean of the slices' own ratios, so that a quiet
    /// minute weighs as much as a busy one.
    RatioTimeslices,
}

impl BudgetingMethod {
    /// Length of a time slice.
    pub const SLICE: Duration = Duration::from_mins(1);

    /// How many counts make one event. All counts are whole numbers, so a slice that is partly
    /// good is counted in millionths.
    pub const fn parts(self) -> u32 {
        match self {
            Self::Occurrences | Self::Timeslices { .. } => 1,
            Self::RatioTimeslices => 1_000_000,
        }
    }

    /// Counts as events.
    pub fn events(self, counts: u64) -> f64 {
        counts as f64 / f64::from(self.parts())
    }

    pub fn is_sliced(self) -> bool {
        self != Self::Occurrences
    }
}

/// How a time slice without counted outcomes counts, once it has been over for its own length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NoDataPolicy {
    /// Unknown; it lowers the coverage.
    #[default]
    Exclude,
    Bad,
    Good,
}

/// How the ratio of a time slice is computed from several probes. A probe without outcomes in it is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Combine {
    /// All outcomes together.
    #[default]
    Pooled,
    /// The ratio of the worst probe: all must be good.
    All,
    /// The ratio of the best probe: one good probe is enough.
    Any,
    /// The mean of the probes' ratios by their weights.
    Weighted,
}

/// A probe that counts for an objective.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeRef {
    /// Another service than that of the objective, for a step of a journey.
    pub service: Option<Arc<str>>,
    pub probe: String,
    /// At least 1; matters for [`Combine::Weighted`] only.
    pub weight: u32,
}

/// The window of an error budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its length if it is rolling, or the usual length of the calendar's period.
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
    pub further: Vec<Window>,
    pub budgeting: BudgetingMethod,
    /// For time slices only.
    pub missing: NoDataPolicy,
    /// For time slices only.
    pub combine: Combine,
    /// The probes that count for it; empty means all of the service's that suit its SLI.
    pub probes: Vec<ProbeRef>,
}

#[cfg(test)]
impl Objective {
    /// 99.9 % of successful outcomes of all probes in 30 days.
    pub(crate) fn of_successes(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            sli: Sli::Success,
            source: EventSource::Probes,
            target: 0.999,
            window: Window::rolling(Duration::from_hours(30 * 24)),
            further: Vec::new(),
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

    /// What a forecast goes by: `the last day`, or `the last 6h` where the window is shorter.
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

    /// The longest time that it covers.
    pub fn reach(&self) -> Duration {
        self.calendar
            .map_or(self.length, |calendar| calendar.period.longest())
    }
}

impl Objective {
    /// How far its windows look back at most.
    pub fn reach(&self) -> Duration {
        let further = self.further.iter().map(Window::reach);
        further.fold(self.window.reach(), Duration::max)
    }

    /// Whose probes count, each once: `None` for the objective's own service.
    pub fn sources(&self) -> BTreeSet<Option<&str>> {
        let counted = self.probes.iter().map(|counted| counted.service.as_deref());
        let own = self.probes.is_empty().then_some(None);
        counted.chain(own).collect()
    }

    /// Those of its windows.
    pub fn calendars(&self) -> impl Iterator<Item = Calendar> + '_ {
        let windows = std::iter::once(&self.window).chain(&self.further);
        windows.filter_map(|window| window.calendar)
    }

    /// The time that its windows hold at `now` and in the next days, for corrections to be known of
    /// all of it: a period of the calendar is known to its end.
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

    /// With what weight a probe counts that the objective's service has or borrows.
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
