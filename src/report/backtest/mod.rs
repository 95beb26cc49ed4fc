//! Which burn-rate alerts the past would have fired by a config's objectives, or synthetic history.

mod past;
mod signs;

pub use past::replayed;
pub use signs::{SignRow, signs};

use super::scenario::Scenario;
use super::table::{drawn, known, plain};
use crate::alert::{AlertPolicy, AlertRecord, AlertRules, Condition, Replay, Urgency};
use crate::config::{Config, ServiceSpec};
use crate::format::{numbers, times};
use crate::ledger::TrafficHistory;
use crate::outcome::{Cause, Event, Measurement, Measurements, Timestamp, Verdict, millis};
use crate::slo::correction::{CorrectedTime, Spans};
use crate::slo::{EventSource, Sli, Tally, Throughput};
use crate::store::{Store, StoreError};
use crate::units::{show_duration, whole};
use serde::Serialize;
use std::time::Duration;

/// What would have happened.
#[derive(Debug, Serialize)]
pub struct Backtest {
    pub from: chrono::DateTime<chrono::Utc>,
    pub to: chrono::DateTime<chrono::Utc>,
    /// Outcomes that were replayed, those that only filled the windows included.
    pub outcomes: u64,
    /// In the order of services and objectives, then of time.
    pub alerts: Vec<AlertRow>,
    /// Those that did fire and would not now.
    pub missing: Vec<AlertRow>,
    /// Warning signs; absent if they were not replayed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signals: Option<Vec<SignRow>>,
    /// The names of signs that cannot be replayed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub signals_left_out: Vec<&'static str>,
    /// Times are since the start.
    #[serde(skip)]
    synthetic: bool,
}

#[derive(Debug, Serialize)]
pub struct AlertRow {
    pub service: String,
    pub slo: String,
    /// Absent for conditions that are no tiers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<u8>,
    /// The number of the tier, `exhausted` or `forecast`.
    pub condition: String,
    #[serde(skip)]
    windows: String,
    pub urgency: &'static str,
    pub fired_at: chrono::DateTime<chrono::Utc>,
    /// Absent while it still fires at the end.
    pub ended_at: Option<chrono::DateTime<chrono::Utc>>,
    /// Share of the error budget that was spent when it fired.
    pub budget_spent_ratio: Option<f64>,
    /// Whether a faster tier of the same objective was firing already.
    pub inhibited: bool,
    /// When this alert did fire; absent where it did not.
    pub did_fire_at: Option<chrono::DateTime<chrono::Utc>>,
}

/// Lets every probe of a config, and the real requests of its services, live through a story that
/// never happened.
pub fn synthetic(config: &Config, scenario: &Scenario) -> Backtest {
    let (from, to) = (Timestamp(0), Timestamp(0).after(scenario.length()));
    let mut backtest = Backtest::new(from, to, true);
    for service in &config.services {
        let mut replays =
            Replays::new(service, &config.alerts, &CorrectedTime::of(&[]), from, from);
        let mut events: Vec<(usize, Event)> = Vec::new();
        let mut instant = Measurements::default();
        for one in Measurement::ALL {
            instant.add(*one, Duration::ZERO);
        }
        for (probe, spec) in service.watched().enumerate() {
            let interval = spec.interval;
            let attempts = (0..).map(|number| Timestamp(from.0 + millis(interval) * number));
            for at in attempts.take_while(|at| *at < to) {
                let verdict = if scenario.fails(at, interval) {
                    Verdict::Bad(Cause::Status)
                } else {
                    Verdict::Good
                };
                events.push((
                    probe,
                    Event {
                        at,
                        interval,
                        verdict,
                        latency: Duration::ZERO,
                        measured: instant,
                    },
                ));
            }
        }
        events.sort_by_key(|(_, event)| event.at);
        replays.feed(&events);
        replays.feed_traffic(scenario, to);
        backtest.take(replays.finish(to));
    }
    backtest
}

/// One service's objectives, each on its way through the past.
struct Replays<'a> {
    service: &'a ServiceSpec,
    each: Vec<Replay>,
    /// Of each, the places among its probes of those that the service watches.
    places: Vec<Vec<Option<usize>>>,
    /// The longest of [`Replay::after`].
    after: Duration,
    /// How far back conditions look.
    longest: Duration,
    outcomes: u64,
}

impl<'a> Replays<'a> {
    fn new(
        service: &'a ServiceSpec,
        rules: &AlertRules,
        time: &CorrectedTime<'_>,
        from: Timestamp,
        to: Timestamp,
    ) -> Self {
        let watched = service.watched().count();
        let (mut each, mut places) = (Vec::new(), Vec::new());
        let nothing = AlertPolicy::new([]);
        let (mut after, mut longest) = (Replay::after(&nothing), nothing.longest());
        for objective in &service.objectives {
            let (counts, contributing) = service.contributing(objective);
            let place = |probe| counts.iter().position(|at| *at == probe);
            places.push((0..watched).map(place).collect());
            let begin = objective.horizon(from).0;
            let corrected = time.spans(&service.name, &objective.name, begin, to);
            let policy = rules.policy(&service.name, &objective.name).clone();
            let replay = Replay::new(
                service.name.clone(),
                objective.clone(),
                contributing,
                Spans::clone(&corrected),
                from,
            );
            after = after.max(Replay::after(&policy));
            longest = longest.max(policy.longest());
            each.push(replay.with_policy(policy));
        }
        Self {
            service,
            each,
            places,
            after,
            longest,
            outcomes: 0,
        }
    }

    /// Says when each objective's probes were configured.
    fn note_presence(&mut self, store: &Store) -> Result<(), StoreError> {
        for (replay, places) in self.each.iter_mut().zip(&self.places) {
            let probes = self.service.watched().zip(places);
            let counting = probes.filter(|(_, place)| place.is_some());
            let presence = counting.map(|(spec, _)| store.presence(&spec.key));
            let presence: Vec<_> = presence.collect::<Result<_, _>>()?;
            replay.watched_by(&presence);
        }
        Ok(())
    }

    /// What each objective's tallies are stored by.
    fn tally_keys(&self) -> Vec<Option<String>> {
        let key = |replay: &Replay| replay.tally_key().map(|key| key.to_string());
        self.each.iter().map(key).collect()
    }

    fn feed(&mut self, events: &[(usize, Event)]) {
        self.outcomes += events.len() as u64;
        for (replay, places) in self.each.iter_mut().zip(&self.places) {
            for (probe, event) in events {
                if let Some(place) = places[*probe] {
                    replay.record(place, *event);
                }
            }
        }
    }

    /// Lets the real requests of each scrape succeed or fail together.
    fn feed_traffic(&mut self, scenario: &Scenario, to: Timestamp) {
        let metrics = self.service.metrics.as_ref();
        let Some(interval) = metrics.map(|metrics| metrics.interval) else {
            return;
        };
        for (replay, objective) in self.each.iter_mut().zip(&self.service.objectives) {
            if objective.source != EventSource::Metrics {
                continue;
            }
            let requests = requests(objective.sli, interval);
            let scrapes = (0..).map(|number| Timestamp(millis(interval) * number));
            for at in scrapes.take_while(|at| *at < to) {
                let (good, bad) = if scenario.fails(at, interval) {
                    (0, requests)
                } else {
                    (requests, 0)
                };
                let tally = Tally {
                    good,
                    bad,
                    void: 0,
                    covered_ms: millis(interval).unsigned_abs(),
                };
                replay.add(0, at, Some(tally));
                self.outcomes += 1;
            }
        }
    }

    fn take_quiet(&mut self, start: Timestamp, hour: &past::Hour) {
        self.outcomes += hour.outcomes;
        for (replay, counts) in self.each.iter_mut().zip(&hour.counts) {
            replay.quiet_hour(start, counts);
        }
    }

    /// Takes what real requests were counted.
    fn take_traffic(
        &mut self,
        store: &Store,
        history: &TrafficHistory,
        span: (Timestamp, Timestamp),
    ) -> Result<(), StoreError> {
        for (replay, objective) in self.each.iter_mut().zip(&self.service.objectives) {
            for (at, tally) in history.tallies(store, &self.service.name, objective, span)? {
                replay.add(0, at, Some(tally));
            }
        }
        Ok(())
    }

    /// How many outcomes there were, and what fired.
    fn finish(self, end: Timestamp) -> (u64, Vec<AlertRow>) {
        let mut alerts = Vec::new();
        for (replay, objective) in self.each.into_iter().zip(&self.service.objectives) {
            let (fired, _) = replay.finish(end);
            alerts.extend(fired.into_iter().map(|fired| AlertRow {
                service: self.service.name.to_string(),
                slo: objective.name.clone(),
                ..AlertRow::of(&fired)
            }));
        }
        (self.outcomes, alerts)
    }

    /// Whether the counts of an hour suffice for its objectives, and nothing in them is bad.
    fn are_quiet(&self, hour: &past::Hour) -> bool {
        let mut each = self.each.iter().zip(&hour.counts);
        each.all(|(replay, counts)| replay.is_quiet(counts))
    }
}

/// The real requests between two scrapes: one, or twice as many as an objective of throughput needs.
fn requests(sli: Sli, interval: Duration) -> u32 {
    match sli {
        Sli::Throughput(Throughput { at_least, .. }) => {
            let needed = 2.0 * at_least.per_second() * interval.as_secs_f64();
            u32::try_from(whole(needed.ceil())).unwrap_or(u32::MAX)
        }
        _ => 1,
    }
}

impl Backtest {
    fn new(from: Timestamp, to: Timestamp, synthetic: bool) -> Self {
        Self {
            from: from.to_utc(),
            to: to.to_utc(),
            outcomes: 0,
            alerts: Vec::new(),
            missing: Vec::new(),
            signals: None,
            signals_left_out: Vec::new(),
            synthetic,
        }
    }

    fn take(&mut self, (outcomes, alerts): (u64, Vec<AlertRow>)) {
        self.outcomes += outcomes;
        self.alerts.extend(alerts);
    }

    /// Puts beside what would have fired what did.
    fn compare(&mut self, recorded: &[AlertRecord]) {
        for alert in recorded {
            let row = AlertRow::of(alert);
            let same = |other: &&mut AlertRow| other.is_of(&row) && other.touches(&row);
            let mut is_known = false;
            for would in self.alerts.iter_mut().filter(same) {
                is_known = true;
                would.did_fire_at = would.did_fire_at.or(Some(row.fired_at));
            }
            // What began before is unknown to a history that begins later.
            if !is_known && row.fired_at >= self.from {
                self.missing.push(AlertRow {
                    did_fire_at: Some(row.fired_at),
                    ..row
                });
            }
        }
    }

    pub fn to_text(&self) -> String {
        let outcomes = numbers::count(self.outcomes);
        let mut text = if self.synthetic {
            let length = (self.to - self.from).to_std().unwrap_or_default();
            format!(
                "synthetic history: {}, {outcomes} outcomes\n",
                show_duration(length)
            )
        } else {
            let (from, to) = (times::second(self.from), times::second(self.to));
            format!("{from} UTC to {to} UTC, {outcomes} outcomes replayed\n")
        };
        if !self.alerts.is_empty() {
            text = format!("{text}\n{}\n", self.table(&self.alerts, !self.synthetic));
        }
        text = format!("{text}\n{}\n", self.sum());
        if !self.missing.is_empty() {
            let table = self.table(&self.missing, false);
            text = format!("{text}\nalerts that fired, but would not fire now:\n\n{table}\n");
        }
        text + &self.signs_text()
    }

    /// `compared` says whether each alert also shows when it did fire.
    fn table(&self, alerts: &[AlertRow], compared: bool) -> String {
        let mut heads = vec![
            "SERVICE",
            "SLO",
            "TIER",
            "URGENCY",
            "FIRED",
            "ENDED",
            "FOR",
            "BUDGET SPENT",
        ];
        heads.extend(compared.then_some("DID FIRE"));
        heads.push("");
        let mut table = plain(&heads);
        for alert in alerts {
            let lasted = alert.ended_at.unwrap_or(self.to) - alert.fired_at;
            let shown = |at, none: &str| match at {
                Some(at) => self.moment(at),
                None => none.to_owned(),
            };
            let mut row = vec![
                alert.service.clone(),
                alert.slo.clone(),
                alert.windows.clone(),
                alert.urgency.to_owned(),
                self.moment(alert.fired_at),
                shown(alert.ended_at, "still firing"),
                show_duration(lasted.to_std().unwrap_or_default()),
                known(alert.budget_spent_ratio, numbers::spent),
            ];
            row.extend(compared.then(|| shown(alert.did_fire_at, "no")));
            row.extend(alert.inhibited.then(|| "after a faster tier".to_owned()));
            table.add_row(row);
        }
        drawn(table, &[6, 7])
    }

    fn moment(&self, at: chrono::DateTime<chrono::Utc>) -> String {
        if self.synthetic {
            let since = (at - self.from).to_std().unwrap_or_default();
            format!("+{}", show_duration(since))
        } else {
            times::second(at)
        }
    }

    fn sum(&self) -> String {
        let shown = |urgency: Urgency| {
            let of = |alert: &&AlertRow| alert.urgency == urgency.label() && !alert.inhibited;
            self.alerts.iter().filter(of).count() as u64
        };
        let inhibited = self.alerts.iter().filter(|alert| alert.inhibited).count();
        format!(
            "{} and {} would have been sent, {inhibited} more inhibited by a faster tier",
            numbers::plural(shown(Urgency::Page), "page"),
            numbers::plural(shown(Urgency::Ticket), "ticket"),
        )
    }
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
            did_fire_at: None,
        }
    }

    /// Whether both are alerts of the same condition of the same objective.
    fn is_of(&self, other: &Self) -> bool {
        let whose = |row: &Self| (row.service.clone(), row.slo.clone(), row.condition.clone());
        whose(self) == whose(other)
    }

    /// Whether both fire at some time.
    fn touches(&self, other: &Self) -> bool {
        let before = |one: &Self, two: &Self| one.ended_at.is_some_and(|end| end < two.fired_at);
        !before(self, other) && !before(other, self)
    }
}
