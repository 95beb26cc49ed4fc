//! One objective over one span: outcomes in, numbers out. Pure.

use super::cause::{Causes, SLOW};
use super::incident::{Finder, Incident};
use crate::config::ServiceSpec;
use crate::outcome::{Record, Timestamp, Verdict, millis};
use crate::slo::correction::Spans;
use crate::slo::objective::{clamp_ms, judge_slice, slice_of};
use crate::slo::series::Counts;
use crate::slo::{Budgeting, Judgement, Objective, budget};
use crate::yaml::units::show_duration;
use std::time::Duration;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// Spans up to this long are drawn by the hour.
const BY_THE_HOUR: i64 = 3 * DAY;
/// Nobody sees more points than this on a page's width.
const MAX_POINTS: i64 = 400;

/// Takes a service's outcomes in the order of time.
#[derive(Debug)]
pub struct Measure<'a> {
    objective: &'a Objective,
    /// The part of the span that is taken out.
    corrected: Spans,
    from: Timestamp,
    to: Timestamp,
    /// Intervals of the probes that count, in milliseconds.
    intervals: Vec<u32>,
    counts: Counts,
    void: u64,
    slice: Option<Slice>,
    step: i64,
    bad_by_step: Vec<u64>,
    causes: Causes,
    finder: Finder,
    last: Option<Timestamp>,
}

/// A time slice that outcomes are still counted in.
#[derive(Debug)]
struct Slice {
    number: i64,
    good: u32,
    bad: u32,
    void: u32,
    causes: Causes,
}

/// What is known of the span; unknown is `None`.
#[derive(Debug)]
pub struct Measured {
    pub good: u64,
    pub bad: u64,
    /// Events that say nothing about the service: our own failing.
    pub void: u64,
    /// Events that the span would hold without what corrections took out.
    pub expected: f64,
    pub sli: Option<f64>,
    pub coverage: Option<f64>,
    /// Bad events that fit into the span's budget.
    pub budget: f64,
    pub left: Option<f64>,
    pub corrected: Duration,
    pub step: Duration,
    pub burn_down: Vec<Point>,
    pub causes: Causes,
    /// Those with the most bad events first.
    pub incidents: Vec<Incident>,
    /// Bad events in no incident.
    pub scattered: u64,
}

/// The budget at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    pub at: Timestamp,
    pub left: f64,
    /// What were left if it was spent evenly.
    pub ideal: f64,
}

impl<'a> Measure<'a> {
    /// `from` and `to` are whole minutes, so that no time slice is cut.
    pub fn new(
        service: &ServiceSpec,
        objective: &'a Objective,
        corrected: Spans,
        from: Timestamp,
        to: Timestamp,
    ) -> Self {
        let counting = service
            .probes
            .iter()
            .filter(|probe| objective.counts(&probe.key.probe));
        let step = step(to.0.saturating_sub(from.0));
        let steps = usize::try_from((to.0 - from.0 + step - 1) / step).unwrap_or_default();
        Self {
            intervals: counting
                .map(|probe| clamp_ms(probe.interval).max(1))
                .collect(),
            objective,
            corrected,
            from,
            to,
            counts: Counts::default(),
            void: 0,
            slice: None,
            step,
            bad_by_step: vec![0; steps],
            causes: Causes::default(),
            finder: Finder::default(),
            last: None,
        }
    }

    pub fn record(&mut self, record: &Record) {
        let at = record.at;
        let inside = self.from <= at && at < self.to;
        if !inside || !self.objective.counts(&record.key.probe) || self.corrected.contains(at) {
            return;
        }
        self.last = Some(at);
        let outcome = &record.outcome;
        let judgement = self.objective.sli.judge(outcome.verdict, outcome.latency);
        match self.objective.budgeting {
            Budgeting::Occurrences => self.occurrence(record, judgement),
            Budgeting::Timeslices { slice_target } => {
                let number = slice_of(at);
                if self
                    .slice
                    .as_ref()
                    .is_some_and(|slice| slice.number != number)
                {
                    self.close_slice(slice_target);
                }
                let slice = self.slice.get_or_insert_with(|| Slice {
                    number,
                    good: 0,
                    bad: 0,
                    void: 0,
                    causes: Causes::default(),
                });
                match judgement {
                    Judgement::Good => slice.good += 1,
                    Judgement::Bad => {
                        slice.bad += 1;
                        blame(&mut slice.causes, record);
                    }
                    Judgement::NotCounted => slice.void += 1,
                }
            }
        }
    }

    fn occurrence(&mut self, record: &Record, judgement: Judgement) {
        match judgement {
            Judgement::Good => self.counts.good += 1,
            Judgement::Bad => {
                let mut causes = Causes::default();
                blame(&mut causes, record);
                self.bad(record.at, record.at.after(record.interval), &causes);
            }
            Judgement::NotCounted => {
                self.void += 1;
                return;
            }
        }
        // Several probes watch the same time together, so each outcome covers its share of it.
        let probes = u32::try_from(self.intervals.len().max(1)).unwrap_or(u32::MAX);
        self.counts.covered_ms += u64::from(clamp_ms(record.interval) / probes);
    }

    fn close_slice(&mut self, slice_target: f64) {
        let Some(slice) = self.slice.take() else {
            return;
        };
        let event = judge_slice(slice.good, slice.bad, slice_target);
        self.counts.good += u64::from(event.good);
        self.counts.covered_ms += u64::from(event.covered_ms);
        if event.bad > 0 {
            let start = Timestamp(slice.number * millis(Budgeting::SLICE));
            self.bad(start, start.after(Budgeting::SLICE), &slice.causes);
        }
        if slice.good + slice.bad == 0 && slice.void > 0 {
            self.void += 1;
        }
    }

    fn bad(&mut self, start: Timestamp, end: Timestamp, causes: &Causes) {
        self.counts.bad += 1;
        self.causes.merge(causes);
        self.finder.bad(start, end.min(self.to), causes);
        let step = usize::try_from((start.0 - self.from.0) / self.step).unwrap_or(usize::MAX);
        if let Some(bad) = self.bad_by_step.get_mut(step) {
            *bad += 1;
        }
    }

    pub fn finish(mut self) -> Measured {
        if let Budgeting::Timeslices { slice_target } = self.objective.budgeting {
            self.close_slice(slice_target);
        }
        let counts = self.counts;
        let length = Duration::from_millis((self.to.0 - self.from.0).unsigned_abs());
        let corrected = self.corrected.overlap(self.from, self.to);
        let window = length.saturating_sub(corrected);
        let spacing = self.spacing_ms();
        let expected = budget::expected_events(counts, window, spacing);
        let target = self.objective.target;
        let burn_down = self.burn_down(expected);
        let (incidents, scattered) = self.finder.finish();
        Measured {
            good: counts.good,
            bad: counts.bad,
            void: self.void,
            expected,
            sli: budget::sli(counts),
            coverage: budget::coverage(counts, window, spacing),
            budget: (1.0 - target) * expected,
            // Without an event nothing is known of the budget either.
            left: budget::sli(counts).and(budget::remaining(counts.bad, expected, target)),
            corrected,
            step: Duration::from_millis(self.step.unsigned_abs()),
            burn_down,
            causes: self.causes,
            incidents,
            scattered,
        }
    }

    /// From the span's start to the first point after the last outcome: what comes then is unknown.
    fn burn_down(&self, expected: f64) -> Vec<Point> {
        let Some(last) = self.last else {
            return Vec::new();
        };
        let length = (self.to.0 - self.from.0) as f64;
        let (mut points, mut spent) = (Vec::new(), 0);
        for step in 0..=self.bad_by_step.len() {
            let at = Timestamp((self.from.0 + step as i64 * self.step).min(self.to.0));
            let left = budget::remaining(spent, expected, self.objective.target);
            points.extend(left.map(|left| Point {
                at,
                left,
                ideal: 1.0 - (at.0 - self.from.0) as f64 / length,
            }));
            if at > last {
                break;
            }
            spent += self.bad_by_step.get(step).copied().unwrap_or_default();
        }
        points
    }

    /// Milliseconds per event at today's intervals.
    fn spacing_ms(&self) -> f64 {
        match self.objective.budgeting {
            Budgeting::Timeslices { .. } => millis(Budgeting::SLICE) as f64,
            Budgeting::Occurrences => {
                let rates = self.intervals.iter().map(|ms| 1.0 / f64::from(*ms));
                1.0 / rates.sum::<f64>()
            }
        }
    }
}

/// Milliseconds between two points of the burn-down.
fn step(length: i64) -> i64 {
    if length <= BY_THE_HOUR {
        return HOUR;
    }
    let days = (length + DAY - 1) / DAY;
    DAY * ((days + MAX_POINTS - 1) / MAX_POINTS)
}

fn blame(causes: &mut Causes, record: &Record) {
    let outcome = &record.outcome;
    match outcome.verdict {
        Verdict::Bad(cause) => causes.add(cause.label(), || outcome.detail.message.clone()),
        // It took too long, or it would not be bad.
        Verdict::Good | Verdict::Void(_) => causes.add(SLOW, || {
            let ms = u64::try_from(outcome.latency.as_millis()).unwrap_or(u64::MAX);
            let took = show_duration(Duration::from_millis(ms));
            Some(format!("a good answer after {took}").into())
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_by_the_hour_by_the_day_and_never_too_many() {
        assert_eq!(step(DAY), HOUR);
        assert_eq!(step(3 * DAY), HOUR);
        assert_eq!(step(3 * DAY + 1), DAY);
        assert_eq!(step(400 * DAY), DAY);
        assert_eq!(step(401 * DAY), 2 * DAY);
    }
}
