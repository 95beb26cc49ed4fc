//! What was promised for a span of time and what became of it: the page for the monthly review.

mod cause;
mod chart;
mod html;
pub mod incident;
mod markdown;
pub mod measure;
pub mod model;
mod text;
mod watch;
mod words;

use super::past::day_by_day;
use crate::config::{Config, ServiceSpec};
use crate::ledger::in_force;
use crate::outcome::{Timestamp, millis};
use crate::slo::correction::{Correction, Spans};
use crate::slo::{Budgeting, Objective};
use crate::store::{Store, StoreError};
use incident::Incident;
use measure::{Measure, Measured};
use model::{
    BurnDownReport, CauseReport, CorrectionReport, IncidentReport, ObjectiveReport, PointReport,
    ProbeReport, Report, ServiceReport, Verdict, VoidReport,
};
use std::time::Duration;
use watch::Watch;

/// Incidents of an objective that are told one by one; a review has no time for more.
pub const SHOWN: usize = 20;

/// Coverage from which "met" may be said. The rest could have been anything, and below this it is
/// so much that nobody should rely on it.
pub const ENOUGH: f64 = 0.9;

/// Sums of binary fractions end this close to what they should be: a budget that is spent to the
/// last event is not overspent.
const ROUNDING: f64 = 1e-9;

/// Counts `from..to`, both taken down to the minute, from what the store kept, with the corrections
/// that are in force.
pub fn report(
    config: &Config,
    store: &Store,
    from: Timestamp,
    to: Timestamp,
) -> Result<Report, StoreError> {
    let (from, to) = whole_minutes(from, to);
    let mut corrections = in_force(config, store, to)?;
    corrections.retain(|correction| correction.from < to && correction.to > from);
    let mut services = Vec::new();
    for service in &config.services {
        services.push(of_service(service, store, &corrections, from, to)?);
    }
    let probes = services.iter().flat_map(|service| &service.probes);
    Ok(Report {
        from: from.to_utc(),
        to: to.to_utc(),
        outcomes: probes.map(|probe| probe.outcomes).sum(),
        unreadable_blocks: store.unreadable_blocks(),
        services,
        corrections: told(config, &corrections, from, to),
    })
}

/// At least one.
fn whole_minutes(from: Timestamp, to: Timestamp) -> (Timestamp, Timestamp) {
    let minute = millis(Budgeting::SLICE);
    let down = |at: Timestamp| Timestamp(at.0.div_euclid(minute) * minute);
    let from = down(from);
    (from, down(to).max(from.after(Budgeting::SLICE)))
}

fn of_service(
    service: &ServiceSpec,
    store: &Store,
    corrections: &[Correction],
    from: Timestamp,
    to: Timestamp,
) -> Result<ServiceReport, StoreError> {
    let measure = |objective| {
        let Objective { name, .. }: &Objective = objective;
        let spans = Spans::of(corrections, &service.name, name);
        Measure::new(service, objective, spans, from, to)
    };
    let mut measures: Vec<_> = service.objectives.iter().map(measure).collect();
    let watch = |probe: &crate::config::ProbeSpec| Watch::new(from, probe.interval);
    let mut watches: Vec<_> = service.probes.iter().map(watch).collect();
    day_by_day(service, store, from, to, |records| {
        for record in records {
            let probes = service.probes.iter().zip(&mut watches);
            for (_, watch) in probes.filter(|(probe, _)| probe.key == record.key) {
                watch.record(record);
            }
            for measure in &mut measures {
                measure.record(record);
            }
        }
    })?;
    let objectives = measures.into_iter().zip(&service.objectives);
    let probes = watches.into_iter().zip(&service.probes);
    Ok(ServiceReport {
        name: service.name.to_string(),
        description: service.description.clone(),
        objectives: objectives
            .map(|(measure, objective)| of_objective(objective, &measure.finish()))
            .collect(),
        probes: probes
            .map(|(watch, probe)| of_probe(&probe.key.probe, watch, to))
            .collect(),
    })
}

fn of_objective(objective: &Objective, measured: &Measured) -> ObjectiveReport {
    let counted = (measured.good + measured.bad) as f64;
    let causes = measured.causes.sorted().into_iter();
    let points = measured.burn_down.iter().map(|point| PointReport {
        at: point.at.to_utc(),
        left_ratio: point.left,
        ideal_left_ratio: point.ideal,
    });
    let shown = measured.incidents.iter().take(SHOWN);
    ObjectiveReport {
        name: objective.name.clone(),
        result: verdict(objective.target, measured),
        promise: words::promise(objective),
        target_ratio: objective.target,
        sli_ratio: measured.sli,
        good_events: measured.good,
        bad_events: measured.bad,
        expected_events: measured.expected,
        coverage_ratio: measured.coverage,
        void_events: measured.void,
        missing_events: (measured.expected - counted - measured.void as f64).max(0.0),
        corrected_seconds: measured.corrected.as_secs_f64(),
        budget_events: measured.budget,
        budget_spent_ratio: measured.left.map(|left| 1.0 - left),
        budget_left_ratio: measured.left,
        causes: causes
            .map(|(cause, outcomes)| CauseReport {
                cause: cause.to_owned(),
                outcomes,
            })
            .collect(),
        burn_down: BurnDownReport {
            step_seconds: measured.step.as_secs(),
            points: points.collect(),
        },
        incidents: shown
            .map(|incident| of_incident(incident, measured.budget))
            .collect(),
        incidents_not_shown: measured.incidents.len().saturating_sub(SHOWN) as u64,
        scattered_bad_events: measured.scattered,
    }
}

fn verdict(target: f64, measured: &Measured) -> Verdict {
    let kept = measured.sli.is_some_and(|sli| sli >= target - ROUNDING);
    let enough = measured.coverage.is_some_and(|ratio| ratio >= ENOUGH);
    match measured.left {
        Some(left) if left < -ROUNDING => Verdict::Missed,
        Some(_) if kept && enough => Verdict::Met,
        _ => Verdict::NotEnoughData,
    }
}

fn of_incident(incident: &Incident, budget: f64) -> IncidentReport {
    let length = (incident.end.0 - incident.start.0).unsigned_abs();
    let main = incident.causes.main();
    IncidentReport {
        start: incident.start.to_utc(),
        end: incident.end.to_utc(),
        duration_seconds: Duration::from_millis(length).as_secs_f64(),
        bad_events: incident.bad,
        budget_spent_ratio: (budget > 0.0).then(|| incident.bad as f64 / budget),
        main_cause: main.map_or("unknown", |main| main.cause).to_owned(),
        main_cause_ratio: main.map_or(0.0, |main| main.ratio),
        example: main.and_then(|main| main.message).map(str::to_owned),
    }
}

fn of_probe(name: &str, mut watch: Watch, to: Timestamp) -> ProbeReport {
    watch.finish(to);
    let voids = watch.voids.iter();
    ProbeReport {
        name: name.to_owned(),
        outcomes: watch.outcomes,
        void_outcomes: watch.voids.values().sum(),
        voids: voids
            .map(|(reason, outcomes)| VoidReport {
                reason: (*reason).to_owned(),
                outcomes: *outcomes,
            })
            .collect(),
        unwatched_seconds: watch.unwatched.as_secs_f64(),
        longest_gap_start: watch.longest.map(|(start, _)| start.to_utc()),
        longest_gap_seconds: watch.longest.map(|(_, length)| length.as_secs_f64()),
    }
}

/// The corrections that concern anything of the report; those that repeat are told once.
fn told(
    config: &Config,
    corrections: &[Correction],
    from: Timestamp,
    to: Timestamp,
) -> Vec<CorrectionReport> {
    let concerns = |correction: &&Correction| {
        let mut services = config.services.iter();
        services.any(|service| {
            let mut objectives = service.objectives.iter();
            objectives.any(|objective| correction.concerns(&service.name, &objective.name))
        })
    };
    let mut told: Vec<CorrectionReport> = Vec::new();
    for correction in corrections.iter().filter(concerns) {
        let inside = correction.to.min(to).0 - correction.from.max(from).0;
        let seconds = Duration::from_millis(inside.unsigned_abs()).as_secs_f64();
        let (starts, ends) = (correction.from.to_utc(), correction.to.to_utc());
        match told.iter_mut().find(|known| known.id == correction.id) {
            Some(known) => {
                known.from = known.from.min(starts);
                known.to = known.to.max(ends);
                known.occurrences += 1;
                known.corrected_seconds += seconds;
            }
            None => told.push(CorrectionReport {
                id: correction.id.clone(),
                from: starts,
                to: ends,
                occurrences: 1,
                corrected_seconds: seconds,
                services: correction.services.clone(),
                slos: correction.slos.clone(),
                reason: correction.reason.clone(),
                author: correction.author.clone(),
            }),
        }
    }
    told.sort_by_key(|correction| correction.from);
    told
}

impl Report {
    /// Every objective with its service's name.
    fn objectives(&self) -> impl Iterator<Item = (&str, &ObjectiveReport)> {
        self.services.iter().flat_map(|service| {
            let objectives = service.objectives.iter();
            objectives.map(|objective| (service.name.as_str(), objective))
        })
    }

    fn count(&self, result: Verdict) -> usize {
        self.objectives()
            .filter(|(_, objective)| objective.result == result)
            .count()
    }

    pub fn any_missed(&self) -> bool {
        self.count(Verdict::Missed) > 0
    }

    /// The worst incidents of all objectives, with their service and objective, and the number of
    /// those that are not among them.
    fn worst(&self) -> (Vec<(&str, &str, &IncidentReport)>, u64) {
        let mut all: Vec<_> = self
            .objectives()
            .flat_map(|(service, objective)| {
                let incidents = objective.incidents.iter();
                incidents.map(move |incident| (service, objective.name.as_str(), incident))
            })
            .collect();
        let spent = |incident: &IncidentReport| incident.budget_spent_ratio.unwrap_or(f64::MAX);
        all.sort_by(|(_, _, a), (_, _, b)| spent(b).total_cmp(&spent(a)));
        let mut others: u64 = self
            .objectives()
            .map(|(_, objective)| objective.incidents_not_shown)
            .sum();
        others += all.len().saturating_sub(SHOWN) as u64;
        all.truncate(SHOWN);
        (all, others)
    }

    /// Probes that did not watch all the time, or not with success, with their service's name.
    fn failings(&self) -> impl Iterator<Item = (&str, &ProbeReport)> {
        self.services.iter().flat_map(|service| {
            let probes = service.probes.iter();
            let failed =
                |probe: &&ProbeReport| probe.void_outcomes > 0 || probe.unwatched_seconds > 0.0;
            probes
                .filter(failed)
                .map(|probe| (service.name.as_str(), probe))
        })
    }
}
