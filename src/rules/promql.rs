//! Expressions over the counters of one objective. Daemons are added up before anything is divided: a ratio of sums
//! is right for shards, and for several daemons that probe the same service.

use crate::text::escaped;
use crate::units::show_duration;
use std::time::Duration;

/// The counters of one objective.
pub(super) struct Events {
    /// `{service="rag",slo="errors"}`
    selector: String,
}

/// The labels that identify an objective.
pub(super) const BY: &str = "by (service, slo)";
/// How series of one objective are matched, whatever other labels they have.
pub(super) const ON: &str = "on (service, slo)";

const ALL: &str = "slod_slo_events_total";
const BAD: &str = "slod_slo_bad_events_total";

impl Events {
    pub fn of(service: &str, slo: &str) -> Self {
        Self {
            selector: format!("{{service={},slo={}}}", quoted(service), quoted(slo)),
        }
    }

    /// The series of this name that is recorded of the objective, or that daemons export.
    pub fn series(&self, name: &str) -> String {
        format!("{name}{}", self.selector)
    }

    /// The share of events that are bad; nothing where there are no events.
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

    /// How many events a window has if nothing is missed in it.
    pub fn nominal(&self, window: Duration) -> String {
        let interval = self.series("slod_slo_event_interval_seconds");
        format!("sum {BY} ({} / {interval})", window.as_secs())
    }

    /// A gauge of the objective that each daemon exports: the least one.
    pub fn least(&self, gauge: &str) -> String {
        format!("min {BY} ({})", self.series(gauge))
    }

    /// The counters of bad events and of all events.
    pub fn totals(&self) -> (String, String) {
        let sum = |name: &str| format!("sum({})", self.series(name));
        (sum(BAD), sum(ALL))
    }

    /// What none of the daemons exports.
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

/// A string of PromQL.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
    out.push('"');
    escaped(&out).into_owned()
}

/// A number without the noise of binary fractions: `1 - 0.999` is 0.001.
pub(super) fn number(value: f64) -> String {
    let digits = format!("{value:.12}");
    let digits = digits.trim_end_matches('0').trim_end_matches('.');
    digits.to_owned()
}
