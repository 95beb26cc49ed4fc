//! Expressions over the counters of an objective. Daemons are summed before any division, since a ratio of sums is
//! correct for shards, and for several daemons that probe the same service.

use crate::ledger::EXPORTED_WINDOWS;
use crate::slo::{EventSource, Objective};
use crate::text::{self, escaped};
use crate::units::show_duration;
use std::time::Duration;

/// The counters of one objective.
pub(super) struct Events {
    /// Such as `service="rag",slo="errors"`.
    matchers: String,
    /// False for requests of real traffic, which have no fixed interval.
    have_interval: bool,
}

/// The labels that identify an objective.
pub(super) const BY: &str = "by (service, slo)";
/// Matches series of one objective, ignoring other labels.
pub(super) const ON: &str = "on (service, slo)";

const ALL: &str = "slod_slo_events_total";
const BAD: &str = "slod_slo_bad_events_total";
/// Expected events per second at the current intervals. This is recorded, since the current interval is wrong for a
/// window in which it was different.
pub(super) const EXPECTED: &str = "slo:slod_slo_expected_events:rate";

impl Events {
    pub fn of(service: &str, objective: &Objective) -> Self {
        let slo = &objective.name;
        Self {
            matchers: format!("service={},slo={}", quoted(service), quoted(slo)),
            have_interval: objective.source == EventSource::Probes
                || objective.budgeting.is_sliced(),
        }
    }

    /// A recorded or exported series of the objective by name.
    pub fn series(&self, name: &str) -> String {
        format!("{name}{{{}}}", self.matchers)
    }

    /// The share of bad events; no value without events.
    pub fn error_ratio(&self, window: Duration) -> String {
        let rate = |name: &str| {
            let range = self.range(name, window);
            format!("sum {BY} (rate({range}))")
        };
        format!("{}\n/ ({} > 0)", rate(BAD), rate(ALL))
    }

    pub fn bad(&self, window: Duration) -> String {
        self.increase(BAD, window)
    }

    pub fn all(&self, window: Duration) -> String {
        self.increase(ALL, window)
    }

    /// The current value of [`EXPECTED`]; `None` if events have no fixed interval.
    pub fn expected(&self) -> Option<String> {
        let interval = self.series("slod_slo_event_interval_seconds");
        self.have_interval
            .then(|| format!("sum {BY} (1 / {interval})"))
    }

    /// The number of events in a fully observed window: by their intervals, or extrapolated from the observed part.
    /// `None` if daemons do not export its coverage.
    pub fn nominal(&self, window: Duration) -> Option<String> {
        if self.have_interval {
            let (seconds, rate) = (window.as_secs(), self.range(EXPECTED, window));
            return Some(format!("max {BY} ({seconds} * avg_over_time({rate}))"));
        }
        let mut exported = EXPORTED_WINDOWS.into_iter();
        let exported = exported.find(|one| one.length() == window)?;
        let (all, matchers, name) = (self.all(window), &self.matchers, exported.name());
        Some(format!(
            "({all}\n  / {ON} max {BY} (slod_slo_coverage_ratio{{{matchers},window=\"{name}\"}}))"
        ))
    }

    /// The minimum of a gauge over all daemons.
    pub fn least(&self, gauge: &str) -> String {
        format!("min {BY} ({})", self.series(gauge))
    }

    /// The counters of bad events and of all events.
    pub fn totals(&self) -> (String, String) {
        let sum = |name: &str| format!("sum({})", self.series(name));
        (sum(BAD), sum(ALL))
    }

    /// An expression for the absence of the objective in all daemons.
    pub fn absent(&self) -> String {
        format!("absent({})", self.series(ALL))
    }

    fn increase(&self, counter: &str, window: Duration) -> String {
        format!("sum {BY} (increase({}))", self.range(counter, window))
    }

    fn range(&self, counter: &str, window: Duration) -> String {
        format!("{}[{}]", self.series(counter), show_duration(window))
    }
}

/// A PromQL string without invisible characters.
pub(super) fn quoted(text: &str) -> String {
    escaped(&text::quoted(text)).into_owned()
}

/// A number without binary rounding noise: `1 - 0.999` is 0.001.
pub(super) fn number(value: f64) -> String {
    let digits = format!("{value:.12}");
    let digits = digits.trim_end_matches('0').trim_end_matches('.');
    digits.to_owned()
}
