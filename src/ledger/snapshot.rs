//! Snapshots: immutable values of all services at one time, shared by all readers.

use super::attempts::Attempts;
use crate::alert::AlertPolicy;
use crate::outcome::{
    Cause, Figures, Measurements, Measures, ProbeKey, Timestamp, Verdict, VoidReason,
};
use crate::slo::correction::Correction;
pub use crate::slo::{BudgetView, DayView, WindowView};
use crate::slo::{Objective, Precision, StandardWindows};
use crate::store::Ahead;
use std::sync::Arc;
use std::time::Duration;

/// The time ranges of latency quantiles.
pub const QUANTILE_SPANS: [&str; 4] = ["5m", "1h", "1d", "30d"];
/// The reported quantiles.
pub const QUANTILES: [f64; 3] = [0.5, 0.95, 0.99];

/// By [`QUANTILE_SPANS`], then [`QUANTILES`]; `None` if the sample is too small.
pub type Quantiles = [[Option<Duration>; QUANTILES.len()]; QUANTILE_SPANS.len()];

#[derive(Debug)]
pub struct Snapshot {
    pub at: Timestamp,
    /// All active corrections.
    pub corrections: Arc<[Correction]>,
    pub services: Vec<ServiceView>,
    /// Stored outcomes in the future, which are not counted yet: the clock was ahead.
    pub ahead: Ahead,
}

#[derive(Debug)]
pub struct ServiceView {
    pub name: Arc<str>,
    pub description: Arc<str>,
    pub labels: Arc<[(String, String)]>,
    pub probes: Vec<ProbeView>,
    pub objectives: Vec<ObjectiveView>,
    /// While corrections exclude the whole service.
    pub maintenance: Option<Maintenance>,
    /// The last [`DAYS`] UTC days by the service's first objective, oldest first, today last.
    pub days: [DayView; DAYS],
}

/// Maximum number of consecutive corrections shown as one: recurring ones may never end.
const JOINED_MAX: usize = 100;

/// A current correction, joined with those that follow without a gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Maintenance {
    /// Exclusive.
    pub until: Timestamp,
    pub reason: Box<str>,
}

impl Maintenance {
    /// Returns the current maintenance of an objective, or of a whole service if `slo` is `None`;
    /// `None` if no correction applies now. It lasts until the end of the last correction that
    /// starts before the preceding ones have ended. The reason is that of the longest current one.
    pub fn of(all: &[Correction], service: &str, slo: Option<&str>, at: Timestamp) -> Option<Self> {
        let excludes = |one: &&Correction| match slo {
            Some(slo) => one.concerns(service, slo),
            None => one.is_for(service) && one.slos.is_empty(),
        };
        let last_end = |at: Timestamp| {
            let next = Timestamp(at.0 + 1);
            let now = all.iter().filter(excludes).filter_map(|one| {
                let until = one.occurrences(at, next).pop()?.1;
                Some((until, &*one.reason))
            });
            now.max_by_key(|(until, _)| *until)
        };
        let (end, reason) = last_end(at)?;
        let ends = std::iter::successors(Some(end), |end| Some(last_end(*end)?.0));
        let until = ends.take(JOINED_MAX).last().unwrap_or(end);
        Some(Self {
            until,
            reason: reason.into(),
        })
    }
}

/// The number of days in a service's history bars.
pub const DAYS: usize = 30;

/// One probe since the daemon started, and its latencies over some time ranges.
#[derive(Debug)]
pub struct ProbeView {
    pub key: ProbeKey,
    pub kind: &'static str,
    pub measures: &'static Measures,
    pub target: Arc<str>,
    pub interval: Duration,
    /// Counted outcomes (good and bad) since the start.
    pub runs: u64,
    /// Bad outcomes in the order of [`Cause::ALL`].
    pub failures: [u64; Cause::ALL.len()],
    /// Void outcomes in the order of [`VoidReason::ALL`].
    pub voids: [u64; VoidReason::ALL.len()],
    /// Ticks whose attempt could not run in time.
    pub missed: u64,
    /// `None` before the first outcome.
    pub last: Option<LastOutcome>,
    /// The time of the first bad outcome since the last good one; `None` unless the last outcome is bad.
    pub failing_since: Option<Timestamp>,
    /// The newest bad outcomes, newest first; at most [`RECENT_FAILURES`].
    pub recent_failures: Vec<Arc<LastOutcome>>,
    /// The newest attempts, oldest first; at most [`ATTEMPTS`].
    pub attempts: Box<[AttemptView]>,
    /// The minimum latency that a failed attempt counts as in `quantiles`.
    pub timeout: Duration,
    pub quantiles: Quantiles,
}

/// The number of failures remembered per probe.
pub const RECENT_FAILURES: usize = 5;

/// The number of attempts remembered per probe.
pub const ATTEMPTS: usize = 60;

/// One attempt, as drawn on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptView {
    pub at: Timestamp,
    pub verdict: Verdict,
    pub latency: Duration,
}

/// The newest attempts of a probe.
#[derive(Clone, Copy, Debug)]
pub struct ProbeAttempts<'a> {
    pub name: &'a Arc<str>,
    /// Whether it requests a language model.
    pub is_llm: bool,
    pub attempts: &'a Attempts,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastOutcome {
    pub at: Timestamp,
    pub verdict: Verdict,
    pub latency: Duration,
    pub measured: Measurements,
    pub figures: Figures,
    /// [`ProbeView::measures`] defines its meaning.
    pub code: Option<u32>,
    pub tls_not_after: Option<i64>,
    pub tls_lifetime: Option<i64>,
    pub message: Option<Box<str>>,
}

/// The current state of one objective.
#[derive(Debug)]
pub struct ObjectiveView {
    pub objective: Arc<Objective>,
    /// Its alert policy.
    pub policy: AlertPolicy,
    /// When the first of its probes started; `None` before the first outcome.
    pub since: Option<Timestamp>,
    pub windows: StandardWindows,
    /// Of the objective's own window.
    pub budget: BudgetView,
    /// Of the additional windows, in the order of the objective.
    pub additional_budgets: Vec<BudgetView>,
    /// Whether a correction currently excludes events.
    pub corrected: bool,
    /// Set while its service's metrics cannot be counted.
    pub uncounted: Option<Uncounted>,
    pub precision: Precision,
}

/// Why the metrics of a service cannot be counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uncounted {
    /// When they were last counted; if they never were, when that was noticed.
    pub since: Timestamp,
    /// What they lack, or why they cannot be read, as a sentence.
    pub why: Arc<str>,
    /// Whether they cannot be read at all. Otherwise they lack something, such as series that appear
    /// with the first request.
    pub is_unreadable: bool,
}

impl ObjectiveView {
    /// How close to its threshold values may be counted on the wrong side, as a ratio; `None` if
    /// counts are exact.
    pub fn approximate_within(&self) -> Option<f64> {
        let threshold = self.objective.sli.threshold()?;
        let approximate = self.precision.approximate_before;
        approximate.map(|_| threshold.precision())
    }

    /// Whether one of its own windows is longer than the retention of outcomes.
    pub fn is_beyond_retention(&self) -> bool {
        let mut all = std::iter::once(&self.budget).chain(&self.additional_budgets);
        all.any(|budget| budget.period.beyond_retention)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_maintenance_lasts_until_the_end_of_its_last_consecutive_correction() {
        let correction = |from, to, reason: &str| Correction {
            id: reason.to_owned(),
            ..Correction::once(Timestamp(from), Timestamp(to), reason)
        };
        let all = [
            correction(40, 60, "third"),
            correction(10, 30, "first"),
            correction(20, 40, "second"),
            correction(61, 90, "another"),
        ];
        let of = |at| Maintenance::of(&all, "s", None, Timestamp(at));
        let until = |at| of(at).map(|one| (one.until.0, one.reason.into_string()));
        assert_eq!(until(15), Some((60, "first".to_owned())));
        assert_eq!(until(25), Some((60, "second".to_owned())));
        assert_eq!(until(60), None);
        assert_eq!(until(61), Some((90, "another".to_owned())));
    }
}
