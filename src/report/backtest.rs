//! Which burn-rate alerts the past would have fired by a config's objectives, or a made-up past.

use super::numbers;
use super::past::day_by_day;
use super::story::Story;
use super::table::{drawn, known, plain};
use crate::config::{Config, ServiceSpec};
use crate::outcome::{Cause, Outcome, Record, Timestamp, Verdict};
use crate::slo::burn::{TIERS, Urgency};
use crate::slo::replay::{Fired, Replay};
use crate::store::{Store, StoreError};
use crate::yaml::units::show_duration;
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
    /// Times are told since the start.
    #[serde(skip)]
    made_up: bool,
}

#[derive(Debug, Serialize)]
pub struct AlertRow {
    pub service: String,
    pub slo: String,
    pub tier: u8,
    pub urgency: &'static str,
    pub fired_at: chrono::DateTime<chrono::Utc>,
    /// Absent while it still fires at the end.
    pub ended_at: Option<chrono::DateTime<chrono::Utc>>,
    /// Share of the error budget that was spent when it fired.
    pub budget_spent_ratio: Option<f64>,
    /// Whether a faster tier of the same objective was firing already.
    pub inhibited: bool,
}

/// Replays what a store kept of `from..to` through a config's objectives.
pub fn replayed(
    config: &Config,
    store: &Store,
    from: Timestamp,
    to: Timestamp,
) -> Result<Backtest, StoreError> {
    let mut backtest = Backtest::new(from, to, false);
    for service in &config.services {
        let windows = service.objectives.iter().map(|objective| objective.window);
        let longest = windows.chain(TIERS.iter().map(|tier| tier.long)).max();
        let mut replays = Replays::new(service, from);
        let start = from.before(longest.unwrap_or_default());
        day_by_day(service, store, start, to, |records| replays.feed(records))?;
        backtest.take(replays, to);
    }
    Ok(backtest)
}

/// Lets every probe of a config live through a story that never happened.
pub fn made_up(config: &Config, story: &Story) -> Backtest {
    let (from, to) = (Timestamp(0), Timestamp(0).after(story.length()));
    let mut backtest = Backtest::new(from, to, true);
    for service in &config.services {
        let mut replays = Replays::new(service, from);
        let mut records: Vec<Record> = Vec::new();
        for probe in &service.probes {
            let mut at = Timestamp(0);
            let mut number = 0;
            while at < to {
                let verdict = if story.fails(at, number) {
                    Verdict::Bad(Cause::Status)
                } else {
                    Verdict::Good
                };
                records.push(Record {
                    key: probe.key.clone(),
                    at,
                    interval: probe.interval,
                    outcome: Outcome::new(verdict, Duration::ZERO),
                });
                at = at.after(probe.interval);
                number += 1;
            }
        }
        records.sort_by_key(|record| record.at);
        replays.feed(&records);
        backtest.take(replays, to);
    }
    backtest
}

/// One service's objectives, each on its way through the past.
struct Replays<'a> {
    service: &'a ServiceSpec,
    each: Vec<Replay>,
    outcomes: u64,
}

impl<'a> Replays<'a> {
    fn new(service: &'a ServiceSpec, from: Timestamp) -> Self {
        let replay = |objective: &crate::slo::Objective| {
            let counting = service
                .probes
                .iter()
                .filter(|probe| objective.counts(&probe.key.probe));
            let intervals: Vec<_> = counting.map(|probe| probe.interval).collect();
            Replay::new(objective.clone().into(), &intervals, from)
        };
        Self {
            each: service.objectives.iter().map(replay).collect(),
            service,
            outcomes: 0,
        }
    }

    fn feed(&mut self, records: &[Record]) {
        self.outcomes += records.len() as u64;
        for (replay, objective) in self.each.iter_mut().zip(&self.service.objectives) {
            for record in records {
                if objective.counts(&record.key.probe) {
                    replay.record(record);
                }
            }
        }
    }
}

impl Backtest {
    fn new(from: Timestamp, to: Timestamp, made_up: bool) -> Self {
        Self {
            from: from.to_utc(),
            to: to.to_utc(),
            outcomes: 0,
            alerts: Vec::new(),
            made_up,
        }
    }

    fn take(&mut self, replays: Replays<'_>, end: Timestamp) {
        self.outcomes += replays.outcomes;
        for (replay, objective) in replays.each.into_iter().zip(&replays.service.objectives) {
            let (fired, _) = replay.finish(end);
            let rows = fired.into_iter().map(|fired| AlertRow {
                service: replays.service.name.to_string(),
                slo: objective.name.clone(),
                ..AlertRow::of(&fired)
            });
            self.alerts.extend(rows);
        }
    }

    pub fn to_text(&self) -> String {
        let outcomes = numbers::count(self.outcomes);
        let mut text = if self.made_up {
            let length = (self.to - self.from).to_std().unwrap_or_default();
            format!(
                "a made-up {} of {outcomes} outcomes\n",
                show_duration(length)
            )
        } else {
            let day = |at: chrono::DateTime<chrono::Utc>| at.format("%Y-%m-%d %H:%M:%S UTC");
            let (from, to) = (day(self.from), day(self.to));
            format!("{from} to {to}, {outcomes} outcomes replayed\n")
        };
        if !self.alerts.is_empty() {
            text = format!("{text}\n{}\n", self.table());
        }
        format!("{text}\n{}\n", self.sum())
    }

    fn table(&self) -> String {
        let mut table = plain(&[
            "SERVICE",
            "SLO",
            "TIER",
            "URGENCY",
            "FIRED",
            "ENDED",
            "FOR",
            "BUDGET SPENT",
            "",
        ]);
        for alert in &self.alerts {
            let lasted = alert.ended_at.unwrap_or(self.to) - alert.fired_at;
            let inhibited = if alert.inhibited {
                "after a faster tier"
            } else {
                ""
            };
            table.add_row([
                alert.service.clone(),
                alert.slo.clone(),
                alert.windows(),
                alert.urgency.to_owned(),
                self.moment(alert.fired_at),
                alert
                    .ended_at
                    .map_or_else(|| "still firing".to_owned(), |at| self.moment(at)),
                show_duration(lasted.to_std().unwrap_or_default()),
                known(alert.budget_spent_ratio, numbers::share),
                inhibited.to_owned(),
            ]);
        }
        drawn(table, &[6, 7])
    }

    fn moment(&self, at: chrono::DateTime<chrono::Utc>) -> String {
        if self.made_up {
            let since = (at - self.from).to_std().unwrap_or_default();
            format!("+{}", show_duration(since))
        } else {
            at.format("%Y-%m-%d %H:%M:%S").to_string()
        }
    }

    fn sum(&self) -> String {
        let told = |urgency: Urgency| {
            let of = |alert: &&AlertRow| alert.urgency == urgency.word() && !alert.inhibited;
            self.alerts.iter().filter(of).count()
        };
        let inhibited = self.alerts.iter().filter(|alert| alert.inhibited).count();
        let plural = |count: usize, word: &str| {
            let s = if count == 1 { "" } else { "s" };
            format!("{count} {word}{s}")
        };
        format!(
            "{} and {} would have been sent, {inhibited} more inhibited by a faster tier",
            plural(told(Urgency::Page), "page"),
            plural(told(Urgency::Ticket), "ticket"),
        )
    }
}

impl AlertRow {
    /// Without the names of service and objective.
    fn of(fired: &Fired) -> Self {
        Self {
            service: String::new(),
            slo: String::new(),
            tier: fired.tier.number,
            urgency: fired.tier.urgency.word(),
            fired_at: fired.from.to_utc(),
            ended_at: fired.to.map(Timestamp::to_utc),
            budget_spent_ratio: fired.spent,
            inhibited: fired.inhibited,
        }
    }

    /// `1h/5m`
    fn windows(&self) -> String {
        let tier = TIERS.iter().find(|tier| tier.number == self.tier);
        tier.map_or_else(String::new, |tier| {
            format!("{}/{}", show_duration(tier.long), show_duration(tier.short))
        })
    }
}
