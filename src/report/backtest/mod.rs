//! Backtest: which burn-rate alerts would have fired for stored or synthetic history.

mod past;
mod replays;
mod signs;
mod text;

pub use past::{replayed, replayed_with_signs};
pub use signs::SignRow;

use crate::alert::{
    AlertRecord, AlertRules, AlertTimeline, Condition, Decisions, Inhibitor, PastConditions,
    Source, decide,
};
use crate::config::{Config, ServiceSpec};
use crate::outcome::{Cause, Event, Measurement, Measurements, Timestamp, Verdict, millis};
use crate::report::scenario::Scenario;
use crate::slo::correction::{CorrectedTime, Spans};
use crate::store::SILENCES_KEPT;
use crate::units::HOUR;
use replays::{ReplayedService, Replays};
use serde::Serialize;
use std::time::Duration;

/// Result of a backtest.
#[derive(Debug, Serialize)]
pub struct Backtest {
    pub from: chrono::DateTime<chrono::Utc>,
    pub to: chrono::DateTime<chrono::Utc>,
    /// Replayed outcomes, including those before the span that only fill the windows.
    pub outcomes: u64,
    /// Ordered by service, objective and time.
    pub alerts: Vec<AlertRow>,
    /// Recorded alerts that would not fire now.
    pub missing: Vec<AlertRow>,
    /// Silences that ended earlier are no longer stored; absent if the store has all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silences_known_since: Option<chrono::DateTime<chrono::Utc>>,
    /// Warning signs; absent if they were not replayed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signals: Option<Vec<SignRow>>,
    /// Names of the warning signs that cannot be replayed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub signals_left_out: Vec<&'static str>,
    /// Times are relative to the start.
    #[serde(skip)]
    synthetic: bool,
}

#[derive(Debug, Serialize)]
pub struct AlertRow {
    pub service: String,
    pub slo: String,
    /// Absent for conditions other than tiers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<u8>,
    /// The number of the tier, `exhausted` or `forecast`.
    pub condition: String,
    #[serde(skip)]
    windows: String,
    pub urgency: &'static str,
    pub fired_at: chrono::DateTime<chrono::Utc>,
    /// Absent while still firing at the end.
    pub ended_at: Option<chrono::DateTime<chrono::Utc>>,
    /// Error budget spent when it fired, as a ratio.
    pub budget_spent_ratio: Option<f64>,
    /// Whether another alert inhibited it.
    pub inhibited: bool,
    /// The inhibiting alert: `tier 1`, `objective errors`, `service database`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inhibited_by: Option<String>,
    /// ID of the silence that muted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silenced_by: Option<i64>,
    /// When this alert actually fired; absent if it did not.
    pub did_fire_at: Option<chrono::DateTime<chrono::Utc>>,
}

/// Replays a synthetic history for all probes of a config and for the real requests of its services.
pub fn synthetic(config: &Config, scenario: &Scenario) -> Backtest {
    let (from, to) = (Timestamp(0), Timestamp(0).after(scenario.length()));
    let nothing = CorrectedTime::of(&[]);
    let replayed = config.services.iter().map(|service| {
        let mut replays = Replays::new(
            service,
            &config.alerts,
            &nothing,
            &Spans::default(),
            (from, from),
        );
        let mut hour = from;
        while hour < to {
            let end = hour.after(HOUR).min(to);
            replays.feed(&attempts(service, scenario, hour, end));
            hour = end;
        }
        replays.feed_traffic(scenario, to);
        replays.finish(to)
    });
    let mut backtest = Backtest::new(from, to, true);
    let replayed = replayed.collect();
    backtest.add_services(
        replayed,
        Vec::new(),
        <(Decisions, Spans)>::default(),
        &config.alerts,
    );
    backtest
}

/// The attempts of all probes of a service from one time to another, ordered by time.
fn attempts(
    service: &ServiceSpec,
    scenario: &Scenario,
    from: Timestamp,
    to: Timestamp,
) -> Vec<(usize, Event)> {
    let mut measured = Measurements::default();
    for one in Measurement::ALL {
        measured.add(*one, Duration::ZERO);
    }
    let mut events = Vec::new();
    for (probe, spec) in service.watched().enumerate() {
        let interval = spec.interval;
        let every = millis(interval).max(1);
        let first = (from.0 + every - 1).div_euclid(every);
        let times = (first..).map(|number| Timestamp(every * number));
        let each = times.take_while(|at| *at < to).map(|at| Event {
            at,
            interval,
            verdict: if scenario.fails(at, interval) {
                Verdict::Bad(Cause::Status)
            } else {
                Verdict::Good
            },
            latency: Duration::ZERO,
            measured,
        });
        events.extend(each.map(|event| (probe, event)));
    }
    events.sort_by_key(|(_, event)| event.at);
    events
}

impl Backtest {
    fn new(from: Timestamp, to: Timestamp, synthetic: bool) -> Self {
        Self {
            from: from.to_utc(),
            to: to.to_utc(),
            outcomes: 0,
            alerts: Vec::new(),
            missing: Vec::new(),
            silences_known_since: None,
            signals: None,
            signals_left_out: Vec::new(),
            synthetic,
        }
    }

    /// Adds the replayed services, and decides which alerts notify: those of objectives, and those of signs,
    /// which it returns.
    fn add_services(
        &mut self,
        services: Vec<ReplayedService>,
        signs: Vec<AlertTimeline>,
        (decisions, gaps): (Decisions, Spans),
        rules: &AlertRules,
    ) -> Vec<AlertRecord> {
        let (mut fired, mut maintained) = (signs, Vec::new());
        for replayed in services {
            self.outcomes += replayed.outcomes;
            fired.extend(replayed.timelines);
            maintained.push((replayed.service, replayed.maintained));
        }
        let past = PastConditions {
            decisions,
            maintained,
            gaps,
            until: Timestamp(self.to.timestamp_millis()),
        };
        decide(&mut fired, &past, rules);
        let all = fired.into_iter().map(|one| one.alert);
        let (budgets, signs): (Vec<_>, Vec<_>) = all.partition(is_budget);
        self.alerts = budgets.iter().map(AlertRow::of).collect();
        signs
    }

    /// Records whether silences of the span may already have been deleted from the store.
    pub fn note_silences(&mut self, now: Timestamp) {
        let known = now.before(SILENCES_KEPT).to_utc();
        self.silences_known_since = (self.from < known).then_some(known);
    }

    /// Matches the replayed alerts with the recorded ones.
    fn compare(&mut self, recorded: &[AlertRecord]) {
        for alert in recorded {
            let row = AlertRow::of(alert);
            let same = |other: &&mut AlertRow| other.is_of(&row) && other.touches(&row);
            let mut is_known = false;
            for replayed in self.alerts.iter_mut().filter(same) {
                is_known = true;
                replayed.did_fire_at = replayed.did_fire_at.or(Some(row.fired_at));
            }
            // Alerts that started before the replayed history cannot be reproduced.
            if !is_known && row.fired_at >= self.from {
                self.missing.push(AlertRow {
                    did_fire_at: Some(row.fired_at),
                    ..row
                });
            }
        }
    }
}

/// Whether it is an alert of an objective, not of a sign.
const fn is_budget(alert: &AlertRecord) -> bool {
    matches!(alert.key.source, Source::Budget { .. })
}

impl AlertRow {
    fn of(alert: &AlertRecord) -> Self {
        let condition = alert.key.condition();
        Self {
            service: alert.key.service.to_string(),
            slo: alert.key.slo().unwrap_or_default().to_owned(),
            tier: alert.key.tier().map(|tier| tier.number),
            condition: condition.map_or_else(String::new, Condition::label),
            windows: condition.map_or_else(String::new, Condition::windows),
            urgency: alert.urgency.label(),
            fired_at: alert.from.to_utc(),
            ended_at: alert.to.map(Timestamp::to_utc),
            budget_spent_ratio: alert.spent,
            inhibited: alert.is_inhibited(),
            inhibited_by: alert.inhibited_by.as_ref().map(Inhibitor::words),
            silenced_by: alert.silenced_by,
            did_fire_at: None,
        }
    }

    /// Whether it was inhibited by a faster tier of its objective.
    fn is_after_faster_tier(&self) -> bool {
        let by = self.inhibited_by.as_deref().and_then(Inhibitor::parse);
        matches!(by, Some(Inhibitor::Tier(_)))
    }

    /// Whether both are alerts of the same condition and objective.
    fn is_of(&self, other: &Self) -> bool {
        self.service == other.service && self.slo == other.slo && self.condition == other.condition
    }

    /// Whether both overlap in time.
    fn touches(&self, other: &Self) -> bool {
        let before = |one: &Self, two: &Self| one.ended_at.is_some_and(|end| end < two.fired_at);
        !before(self, other) && !before(other, self)
    }
}
