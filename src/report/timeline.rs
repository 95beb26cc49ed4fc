//! Timeline of a service: its events, from the store.

use crate::alert::{AlertRecord, Source, Urgency};
use crate::format::numbers;
use crate::outcome::{ProbeKey, Record, Timestamp, Verdict};
use crate::report::deploys::{SpendByMarker, words};
use crate::report::health::HealthLevel;
use crate::sample::SeriesKind;
use crate::slo::correction::Correction;
use crate::store::{Marker, Store, StoreError};
use crate::units::{HOUR, HOUR_MS};
use std::collections::BTreeMap;
use std::time::Duration;

/// Consecutive failures that make an outage: a single one does not.
const FAILURES: u32 = 2;
/// Maximum number of hours of one probe that are read outcome by outcome: the newest.
const MAX_HOURS: usize = 200;
/// Hours that may not have a summary yet.
const PENDING: Duration = Duration::from_hours(4);
/// Precision of restart times.
const RESTART_STEP: Duration = Duration::from_mins(1);

/// An event of the timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineEvent {
    pub at: Timestamp,
    pub level: HealthLevel,
    /// Short label: `down`, `ticket`, `resolved`.
    pub what: &'static str,
    pub text: String,
}

/// Scope and sources of a timeline.
#[derive(Clone, Copy, Debug)]
pub struct TimelineOf<'a> {
    pub service: &'a str,
    pub probes: &'a [ProbeKey],
    /// Alerts of all services in the span.
    pub alerts: &'a [AlertRecord],
    pub corrections: &'a [Correction],
    pub markers: &'a [Marker],
    /// Budgets burned after the markers.
    pub burned: &'a SpendByMarker,
    pub from: Timestamp,
    pub to: Timestamp,
}

/// All events of the span, the newest first.
pub fn timeline(store: &Store, of: TimelineOf<'_>) -> Result<Vec<TimelineEvent>, StoreError> {
    let mut events: Vec<TimelineEvent> = of.alerts.iter().flat_map(|one| alert(one, of)).collect();
    let corrections = of.corrections.iter().filter(|one| one.is_for(of.service));
    events.extend(corrections.flat_map(|one| correction(one, of)));
    events.extend(of.markers.iter().map(|one| marker(one, of.burned)));
    for key in of.probes {
        events.extend(outages(store, key, of)?);
    }
    events.extend(restarts(store, of)?);
    events.retain(|one| one.at >= of.from && one.at <= of.to);
    events.sort_by_key(|one| std::cmp::Reverse(one.at));
    Ok(events)
}

/// Events of an alert: start, end and acknowledgements. Inhibited alerts are left out.
fn alert(alert: &AlertRecord, of: TimelineOf<'_>) -> Vec<TimelineEvent> {
    if *alert.key.service != *of.service || alert.is_inhibited() {
        return Vec::new();
    }
    let what = match &alert.key.source {
        Source::Budget { slo, condition } => format!("{slo}: {}", condition.words()),
        Source::Sign { sign, subject } if subject.is_empty() => sign.replace('_', " "),
        Source::Sign { sign, subject } => format!("{} ({subject})", sign.replace('_', " ")),
    };
    let level = match alert.urgency {
        Urgency::Page => HealthLevel::Bad,
        Urgency::Ticket => HealthLevel::Warn,
    };
    let evidence = match &*alert.summary {
        "" => String::new(),
        summary => format!(": {summary}"),
    };
    let began = TimelineEvent {
        at: alert.from,
        level,
        what: alert.urgency.label(),
        text: format!("{what}{evidence}"),
    };
    let ended = alert.to.map(|to| TimelineEvent {
        at: to,
        level: HealthLevel::Ok,
        what: "resolved",
        text: format!("{what}, after {}", numbers::span(to.since(alert.from))),
    });
    let acknowledged = alert.acknowledged.as_ref().map(|one| TimelineEvent {
        at: one.at,
        level: HealthLevel::Idle,
        what: "acknowledged",
        text: match one.note.as_str() {
            "" => format!("{what}, by {}", one.by),
            note => format!("{what}, by {}: {note}", one.by),
        },
    });
    [Some(began), ended, acknowledged]
        .into_iter()
        .flatten()
        .collect()
}

fn correction(one: &Correction, of: TimelineOf<'_>) -> Vec<TimelineEvent> {
    let event = |at, text| TimelineEvent {
        at,
        level: HealthLevel::Idle,
        what: "correction",
        text,
    };
    let (reason, author) = (&one.reason, &one.author);
    let occurrences = one.occurrences(of.from, of.to).into_iter();
    let each = occurrences.flat_map(|(from, to)| {
        [
            event(from, format!("begins: {reason}, by {author}")),
            event(to, format!("ends: {reason}")),
        ]
    });
    each.collect()
}

fn marker(one: &Marker, burned: &SpendByMarker) -> TimelineEvent {
    let burned = burned.get(&one.id).map(|burned| words(burned));
    let burned = match burned.unwrap_or_default() {
        words if words.is_empty() => words,
        words => format!("; {words}"),
    };
    TimelineEvent {
        at: one.at,
        level: HealthLevel::Idle,
        what: "deploy",
        text: format!("{}, by {}{burned}", one.words(), one.author),
    }
}

/// When a probe went down and recovered.
fn outages(
    store: &Store,
    key: &ProbeKey,
    of: TimelineOf<'_>,
) -> Result<Vec<TimelineEvent>, StoreError> {
    let mut finder = Outages::new(key);
    for hour in suspicious(store, key, of)? {
        let hour = Timestamp(hour);
        store.for_each_outcome(key, hour, hour.after(HOUR), &[], |record| {
            finder.add(&record);
        })?;
    }
    Ok(finder.events)
}

/// Start of each hour that has failures, follows such an hour, or has no summary yet.
fn suspicious(store: &Store, key: &ProbeKey, of: TimelineOf<'_>) -> Result<Vec<i64>, StoreError> {
    let hours = store.hours(key, of.from, of.to)?;
    let known: BTreeMap<i64, bool> = hours
        .iter()
        .map(|hour| (hour.start.0, !hour.bad.is_empty()))
        .collect();
    let pending = of.to.before(PENDING).0.div_euclid(HOUR_MS) * HOUR_MS;
    let mut wanted: Vec<i64> = Vec::new();
    for (start, has_failures) in &known {
        let follows = wanted.last() == Some(&(start - HOUR_MS)) && known[&(start - HOUR_MS)];
        if *has_failures || follows {
            wanted.push(*start);
        }
    }
    let mut hour = pending;
    while hour <= of.to.0 {
        if !known.contains_key(&hour) {
            wanted.push(hour);
        }
        hour += HOUR_MS;
    }
    wanted.sort_unstable();
    wanted.drain(..wanted.len().saturating_sub(MAX_HOURS));
    Ok(wanted)
}

/// Detects outages in the outcomes of a probe.
struct Outages<'a> {
    key: &'a ProbeKey,
    /// Current series of failures: start, count, and the first message.
    failing: Option<(Timestamp, u32, String)>,
    events: Vec<TimelineEvent>,
}

impl<'a> Outages<'a> {
    const fn new(key: &'a ProbeKey) -> Self {
        Self {
            key,
            failing: None,
            events: Vec::new(),
        }
    }

    fn add(&mut self, record: &Record) {
        let probe = &self.key.probe;
        match record.outcome.verdict {
            Verdict::Void(_) => {}
            Verdict::Bad(cause) => {
                let first = || {
                    let message = record.outcome.detail.message.as_deref();
                    (record.at, 0, message.unwrap_or(cause.label()).to_owned())
                };
                let (at, count, why) = self.failing.get_or_insert_with(first);
                *count += 1;
                if *count == FAILURES {
                    self.events.push(TimelineEvent {
                        at: *at,
                        level: HealthLevel::Bad,
                        what: "down",
                        text: format!("{probe}: {why}"),
                    });
                }
            }
            Verdict::Good => {
                if let Some((at, count, _)) = self.failing.take()
                    && count >= FAILURES
                {
                    let lasted = numbers::span(record.at.since(at));
                    self.events.push(TimelineEvent {
                        at: record.at,
                        level: HealthLevel::Ok,
                        what: "up",
                        text: format!("{probe}, after {lasted}"),
                    });
                }
            }
        }
    }
}

fn restarts(store: &Store, of: TimelineOf<'_>) -> Result<Vec<TimelineEvent>, StoreError> {
    let all = store.series()?;
    let own = all.iter().filter(|info| {
        info.key.name() == "slod_process_restarts_total"
            && info.kind == SeriesKind::Counter
            && info.key.label("service") == Some(of.service)
    });
    let mut events = Vec::new();
    for info in own {
        let range = (of.from, Timestamp(of.to.0.saturating_add(1)));
        let process = info.key.label("process").unwrap_or_default();
        let steps = store.steps(info, range, Some(RESTART_STEP), usize::MAX)?;
        for step in steps.iter().flatten() {
            if step.increase.is_some_and(|increase| increase > 0.0) {
                events.push(TimelineEvent {
                    at: step.at,
                    level: HealthLevel::Warn,
                    what: "restarted",
                    text: format!("processes of {process}"),
                });
            }
        }
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Cause, Outcome};

    fn record(key: &ProbeKey, second: i64, verdict: Verdict) -> Record {
        Record {
            key: key.clone(),
            at: Timestamp::from_secs(second),
            interval: Duration::from_secs(10),
            outcome: Outcome::new(verdict, Duration::from_millis(5)),
        }
    }

    #[test]
    fn two_consecutive_failures_are_an_outage_and_one_is_not() {
        let key = ProbeKey {
            service: "web".into(),
            probe: "home".into(),
        };
        let mut finder = Outages::new(&key);
        let bad = Verdict::Bad(Cause::Refused);
        let good = Verdict::Good;
        for (second, verdict) in [
            (0, good),
            (10, bad),
            (20, good),
            (30, bad),
            (40, bad),
            (100, good),
        ] {
            finder.add(&record(&key, second, verdict));
        }
        let rows = finder.events.iter().map(|one| (one.at.0 / 1000, one.what));
        assert_eq!(rows.collect::<Vec<_>>(), [(30, "down"), (100, "up")]);
        assert_eq!(finder.events[1].text, "home, after 70s");
    }
}
