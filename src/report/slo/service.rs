//! Counts one service.

use super::measure::Measure;
use super::model::{ObjectiveReport, ProbeReport, ServiceReport};
use super::span::Span;
use super::watch::Watch;
use crate::config::{Config, ServiceSpec};
use crate::ledger::TrafficHistory;
use crate::outcome::{Record, Timestamp};
use crate::slo::correction::CorrectedTime;
use crate::slo::{HourCounts, Objective, Precision, Tally};
use crate::store::{HourOutline, Store, StoreError};
use crate::units::HOUR;
use std::rc::Rc;

/// All objectives and probes of a service, counted in one pass.
pub struct ServiceCounting<'a> {
    pub spec: &'a ServiceSpec,
    span: Span,
    objectives: Vec<Counting<'a>>,
    watches: Vec<Watch>,
    outcomes: u64,
    /// Outlines of the hour being read, with the indices of their probes.
    outlines: Vec<(usize, Rc<HourOutline>)>,
    /// Whether a probe has a block without an outline.
    unknown: bool,
    /// Number of probes that the service watches.
    watched: usize,
    /// Result of [`ServiceCounting::close_hour`], once all outlines are complete: there are many of them,
    /// and they need not be kept until those of all services are.
    closed: Option<bool>,
}

impl<'a> ServiceCounting<'a> {
    pub fn new(
        config: &Config,
        spec: &'a ServiceSpec,
        store: &Store,
        time: &CorrectedTime<'_>,
        span: Span,
    ) -> Result<Self, StoreError> {
        let objectives = spec.objectives.iter();
        let objectives = objectives.map(|objective| {
            let span = span.with_retention(config.retention(objective));
            Counting::new(spec, objective, store, time, span)
        });
        let probes = spec.probes.iter();
        Ok(Self {
            span,
            objectives: objectives.collect::<Result<_, _>>()?,
            watches: probes
                .map(|probe| Watch::new(span.from, probe.interval))
                .collect(),
            outcomes: 0,
            outlines: Vec::new(),
            unknown: false,
            watched: spec.watched().count(),
            closed: None,
            spec,
        })
    }

    /// Adds the outline of one probe's block of a completed hour.
    pub fn outline(&mut self, hour: Timestamp, probe: usize, outline: Option<&Rc<HourOutline>>) {
        match outline {
            Some(outline) => self.outlines.push((probe, Rc::clone(outline))),
            None => self.unknown = true,
        }
        if self.outlines.len() == self.watched {
            self.closed = Some(self.count_hour(hour, true));
        }
    }

    /// Ends the open hour. Returns whether it was counted by outlines; otherwise its outcomes are needed.
    /// `complete` is whether the outlines cover all outcomes.
    pub fn close_hour(&mut self, hour: Timestamp, complete: bool) -> bool {
        let closed = self.closed.take();
        closed.unwrap_or_else(|| self.count_hour(hour, complete))
    }

    fn count_hour(&mut self, hour: Timestamp, complete: bool) -> bool {
        let outlines = std::mem::take(&mut self.outlines);
        let known = !std::mem::take(&mut self.unknown);
        // The span may begin or end within the hour.
        let is_inside = self.span.from <= hour && hour.after(HOUR) <= self.span.elapsed_end();
        let usable = complete && known && is_inside;
        let mut objectives = self.objectives.iter_mut();
        if !usable || !objectives.all(|one| one.judge_hour(hour, &outlines)) {
            return false;
        }
        for objective in &mut self.objectives {
            objective.add_hour(hour);
        }
        for (probe, outline) in &outlines {
            self.outcomes += outline.counts.outcomes();
            if let Some(watch) = self.watches.get_mut(*probe) {
                watch.hour(outline);
            }
        }
        true
    }

    /// Adds one outcome, given the index of its probe.
    pub fn record(&mut self, probe: usize, record: &Record) {
        self.outcomes += 1;
        // Borrowed probes come after the service's own and are watched by their own service.
        if let Some(watch) = self.watches.get_mut(probe) {
            watch.record(record);
        }
        for objective in &mut self.objectives {
            objective.record(probe, record);
        }
    }

    /// Adds the stored counts of real requests in the span.
    pub fn add_traffic(
        &mut self,
        store: &Store,
        history: &TrafficHistory,
    ) -> Result<(), StoreError> {
        let span = (self.span.from, self.span.elapsed_end());
        for one in &mut self.objectives {
            for (at, tally) in history.tallies(store, &self.spec.name, one.objective, span)? {
                one.measure.traffic(at, tally);
            }
        }
        Ok(())
    }

    pub fn finish(self) -> ServiceReport {
        let Self { spec, span, .. } = self;
        let objectives = self.objectives.into_iter().map(|one| {
            ObjectiveReport::of(one.objective, span, &one.measure.finish(), one.precision)
        });
        let probes = self.watches.into_iter().zip(&spec.probes);
        ServiceReport {
            name: spec.name.to_string(),
            description: spec.description.to_string(),
            outcomes: self.outcomes,
            objectives: objectives.collect(),
            probes: probes
                .map(|(watch, spec)| {
                    ProbeReport::of(&spec.key.probe, &watch.finish(span.known_to()))
                })
                .collect(),
        }
    }
}

/// One hour of an objective.
#[derive(Default)]
struct Hour {
    counts: HourCounts,
    /// Tick of the last contributing outcome.
    last: Option<Timestamp>,
    /// Tally of the whole hour.
    tally: Tally,
    precision: Precision,
}

/// Counts one objective.
struct Counting<'a> {
    objective: &'a Objective,
    measure: Measure<'a>,
    /// Key of its stored tallies.
    key: String,
    hour: Hour,
    /// Index among the contributing probes of each probe that the service watches.
    places: Vec<Option<usize>>,
    precision: Precision,
}

impl<'a> Counting<'a> {
    fn new(
        service: &'a ServiceSpec,
        objective: &'a Objective,
        store: &Store,
        time: &CorrectedTime<'_>,
        span: Span,
    ) -> Result<Self, StoreError> {
        let (counting, contributing) = service.contributing(objective);
        let (mut places, mut presence) = (Vec::new(), Vec::new());
        let mut precision = Precision::default();
        for (probe, spec) in service.watched().enumerate() {
            let place = counting.iter().position(|at| *at == probe);
            if place.is_some() {
                presence.push(store.presence(&spec.key)?);
            }
            if let (Some(_), Some(threshold)) = (place, objective.sli.threshold()) {
                let (from, to) = (span.from, span.known_to());
                let end = store.approximate_before(&spec.key, &threshold, from, to)?;
                precision.approximate_before = precision.approximate_before.max(end);
            }
            places.push(place);
        }
        let corrected = time.spans(&service.name, &objective.name, span.from, span.to);
        let measure = Measure::new(objective, contributing, &corrected, span, &presence);
        Ok(Self {
            objective,
            key: measure.tally_key().to_string(),
            measure,
            hour: Hour::default(),
            places,
            precision,
        })
    }

    /// Adds an outcome of a probe that the service watches.
    fn record(&mut self, probe: usize, record: &Record) {
        if let Some(place) = self.places[probe] {
            self.precision.note(self.objective.sli, &record.into());
            self.measure.record(place, record);
        }
    }

    /// Whether the outlines of an hour, with the indices of their probes, are sufficient.
    fn judge_hour(&mut self, start: Timestamp, outlines: &[(usize, Rc<HourOutline>)]) -> bool {
        let Hour {
            counts,
            last,
            tally,
            precision,
        } = &mut self.hour;
        counts.clear();
        *last = None;
        *precision = Precision::default();
        let threshold = self.objective.sli.threshold();
        for (probe, outline) in outlines {
            if self.places[*probe].is_some() {
                counts.add(outline.counts.tally(&self.key));
                *last = (*last).max(Some(outline.last));
                if let Some(threshold) = &threshold {
                    *precision = precision.and(outline.counts.precision(threshold));
                }
            }
        }
        let judged = self.measure.judge_hour(start, counts);
        *tally = judged.unwrap_or_default();
        judged.is_some()
    }

    /// Adds the hour that was judged last.
    fn add_hour(&mut self, start: Timestamp) {
        if let Some(last) = self.hour.last {
            self.measure.hour(start, self.hour.tally, last);
            self.precision = self.precision.and(self.hour.precision);
        }
    }
}
