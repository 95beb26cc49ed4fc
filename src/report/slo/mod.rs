//! What was promised for a span of time and what became of it: the page for the monthly review.

mod answer;
mod burn_down;
mod card;
mod cause;
mod chart;
mod corrections;
mod event;
mod html;
pub mod incident;
mod markdown;
pub mod measure;
mod minutes;
pub mod model;
mod past;
mod rows;
pub mod span;
mod text;
mod watch;
mod words;

use super::walk::each_service;
use crate::config::{Config, ServiceSpec};
use crate::outcome::Timestamp;
use crate::slo::correction::CorrectedTime;
use crate::slo::{Objective, Sli};
use crate::store::{Store, StoreError};
use corrections::Corrections;
use measure::Measure;
use model::{ObjectiveReport, ProbeReport, Report, ServiceReport};
use past::day_by_day;
use span::Span;
use std::time::Duration;
use watch::Watch;

/// A report is over so much time at most: a leap year.
pub const MAX_SPAN: Duration = Duration::from_secs(366 * 86_400);

/// Incidents of an objective that are listed one by one; a review has no time for more.
pub const MAX_INCIDENTS: usize = 20;

/// Coverage from which "met" may be said. The rest could have been anything, and below this it is
/// so much that nobody should rely on it.
pub const MIN_COVERAGE: f64 = 0.9;

/// Counts a span from what the store kept, with the corrections that are in force.
pub fn report(config: &Config, store: &Store, span: Span) -> Result<Report, StoreError> {
    let span = span.kept(config.store.retention);
    let corrections = Corrections::read(config, store, span)?;
    let ahead = store.ahead(span.now)?;
    let time = CorrectedTime::of(&corrections.in_force);
    let services = each_service(config, store, |reader, service| {
        of_service(service, reader, &time, span)
    })?;
    Ok(Report {
        at: span.now.to_utc(),
        from: span.from.to_utc(),
        to: span.to.to_utc(),
        outcomes: services.iter().map(|service| service.outcomes).sum(),
        unreadable_blocks: store.unreadable_blocks(),
        future_outcomes: ahead.outcomes,
        future_until: ahead.last.map(Timestamp::to_utc),
        services,
        corrections: corrections.shown,
    })
}

fn of_service(
    service: &ServiceSpec,
    store: &Store,
    time: &CorrectedTime<'_>,
    span: Span,
) -> Result<ServiceReport, StoreError> {
    let mut counts = service
        .objectives
        .iter()
        .map(|objective| Counting::new(service, objective, store, time, span))
        .collect::<Result<Vec<_>, _>>()?;
    let mut watches: Vec<_> = service
        .probes
        .iter()
        .map(|probe| Watch::new(span.from, probe.interval))
        .collect();
    let mut outcomes = 0;
    day_by_day(
        service,
        store,
        span.from,
        span.happened(),
        |probe, record| {
            outcomes += 1;
            // Borrowed probes, which come after the own ones, are watched where they belong.
            if let Some(watch) = watches.get_mut(probe) {
                watch.record(record);
            }
            for counting in &mut counts {
                if let Some(place) = counting.places[probe] {
                    counting.measure.record(place, record);
                }
            }
        },
    )?;
    let objectives = counts.into_iter().zip(&service.objectives);
    let probes = watches.into_iter().zip(&service.probes);
    Ok(ServiceReport {
        name: service.name.to_string(),
        description: service.description.to_string(),
        outcomes,
        objectives: objectives
            .map(|(one, objective)| {
                ObjectiveReport::of(objective, span, &one.measure.finish(), one.approximate)
            })
            .collect(),
        probes: probes
            .map(|(watch, spec)| ProbeReport::of(&spec.key.probe, &watch.finish(span.known_to())))
            .collect(),
    })
}

/// One objective being counted.
struct Counting<'a> {
    measure: Measure<'a>,
    /// Of each probe that the service watches, its place among those that count.
    places: Vec<Option<usize>>,
    /// Latencies before it may be on the wrong side of the threshold.
    approximate: Option<Timestamp>,
}

impl<'a> Counting<'a> {
    fn new(
        service: &'a ServiceSpec,
        objective: &'a Objective,
        store: &Store,
        time: &CorrectedTime<'_>,
        span: Span,
    ) -> Result<Self, StoreError> {
        let (counting, contributing): (Vec<_>, Vec<_>) =
            service.contributing(objective).into_iter().unzip();
        let (mut places, mut presence, mut approximate) = (Vec::new(), Vec::new(), None);
        for (probe, spec) in service.watched().enumerate() {
            let place = counting.iter().position(|at| *at == probe);
            if place.is_some() {
                presence.push(store.presence(&spec.key)?);
            }
            if let (Some(_), Sli::Latency { below }) = (place, objective.sli) {
                let end = store.approximate_before(&spec.key, below, span.from, span.known_to())?;
                approximate = approximate.max(end);
            }
            places.push(place);
        }
        let corrected = time.spans(&service.name, &objective.name, span.from, span.to);
        Ok(Self {
            measure: Measure::new(objective, contributing, &corrected, span, &presence),
            places,
            approximate,
        })
    }
}
