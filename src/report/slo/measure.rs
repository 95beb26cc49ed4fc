//! Measures one objective over one span, from outcomes to numbers. Pure.

use super::burn_down::{BurnDown, Point};
use super::cause::Causes;
use super::event::Event;
use super::incident::{Finder, Incident};
use super::minutes::Minutes;
use super::span::Span;
use crate::outcome::{Record, Timestamp};
use crate::slo::absence::{Presence, UnconfiguredSpans};
use crate::slo::correction::Spans;
use crate::slo::series::Counts;
use crate::slo::slice::{SliceRule, slice_of, slice_start};
use crate::slo::watchers::Watchers;
use crate::slo::window::{Extent, WindowView, judged_to};
use crate::slo::{BudgetingMethod, ContributingProbe, HourCounts, Objective, Tally, TallyKey};
use crate::units::HOUR;
use std::time::Duration;

/// Takes the outcomes of the objective's probes ordered by time.
#[derive(Debug)]
pub struct Measure<'a> {
    objective: &'a Objective,
    contributing: Vec<ContributingProbe>,
    span: Span,
    /// Time excluded by corrections.
    corrected: Spans,
    watchers: Watchers,
    /// Set if the objective counts minutes.
    minutes: Option<Minutes>,
    sums: Sums,
}

/// Accumulated events.
#[derive(Debug)]
struct Sums {
    counts: Counts,
    void: u64,
    burn_down: BurnDown,
    causes: Causes,
    finder: Finder,
    /// Start of the newest event.
    last: Timestamp,
}

/// Result for a span; `None` is unknown. Counts are in [`BudgetingMethod::parts`].
#[derive(Debug)]
pub struct Measured {
    pub view: WindowView,
    /// Events that are void because of failures of slod itself. Whole events.
    pub void: u64,
    /// Expected events in the elapsed part of the span.
    pub due: f64,
    /// Maximum bad parts allowed.
    pub budget: f64,
    pub left: Option<f64>,
    pub corrected: Duration,
    pub step: Duration,
    pub burn_down: Vec<Point>,
    pub causes: Causes,
    /// Sorted, the worst first.
    pub incidents: Vec<Incident>,
    /// Bad parts outside of incidents.
    pub scattered: u64,
}

impl<'a> Measure<'a> {
    /// `contributing` are the objective's probes, at least one; `presence` is when they ran.
    pub fn new(
        objective: &'a Objective,
        contributing: Vec<ContributingProbe>,
        corrected: &Spans,
        span: Span,
        presence: &[Presence],
    ) -> Self {
        let weights = contributing.iter().map(|contributor| contributor.weight);
        let rule = SliceRule::of(objective, weights);
        // If minutes without outcomes count, excluded minutes are excluded as a whole; otherwise they would
        // be missing.
        let corrected = match rule.as_ref().and_then(SliceRule::missing) {
            Some(_) => corrected.widened(BudgetingMethod::SLICE),
            None => corrected.clone(),
        };
        // Outcomes may be late, so a minute is missing only when as much time has passed after it.
        let over = span.to.min(span.now.before(BudgetingMethod::SLICE));
        let since = presence.iter().filter_map(|probe| probe.first).min();
        let known = span.from.max(span.retention.begin(span.now));
        let watched = since.map_or(over, |since| since.max(known))..over;
        let left_out = corrected.union(&UnconfiguredSpans::of(presence).spans());
        Self {
            minutes: rule.map(|rule| Minutes::new(rule, watched, left_out)),
            objective,
            contributing,
            span,
            corrected,
            watchers: Watchers::of(presence),
            sums: Sums {
                counts: Counts::default(),
                void: 0,
                burn_down: BurnDown::new(span),
                causes: Causes::default(),
                finder: Finder::default(),
                last: span.from,
            },
        }
    }

    /// Adds one outcome of a probe, given its index among the contributing probes.
    pub fn record(&mut self, place: usize, record: &Record) {
        let sli = self.objective.sli;
        if let Some(tally) = sli.tally(&record.into()) {
            let event = Event::outcome(record, tally, sli.measurement());
            self.add(place, record.at, &event);
        }
    }

    /// Adds counts of real requests up to a time.
    pub fn traffic(&mut self, at: Timestamp, tally: Tally) {
        self.add(0, at, &Event::traffic(at, tally, self.objective.sli));
    }

    fn add(&mut self, place: usize, at: Timestamp, event: &Event) {
        if !self.span.contains(at) || self.corrected.contains(at) {
            return;
        }
        // The current minute is not judged.
        let budgeting = self.objective.budgeting;
        if budgeting.is_sliced() && at >= judged_to(budgeting, self.span.now) {
            return;
        }
        let (sums, span) = (&mut self.sums, self.span);
        match &mut self.minutes {
            Some(minutes) => minutes.record(place, at, event, &mut |event| {
                sums.add(&event, span);
            }),
            None => sums.add(event, span),
        }
    }

    /// Key of the stored hourly tallies for this objective.
    pub fn tally_key(&self) -> TallyKey {
        let Objective { sli, budgeting, .. } = *self.objective;
        TallyKey { sli, budgeting }
    }

    /// The tally of a whole hour, if its counts are as precise as its outcomes.
    pub fn judge_hour(&self, start: Timestamp, counts: &HourCounts) -> Option<Tally> {
        let (end, budgeting) = (start.after(HOUR), self.objective.budgeting);
        let over = self.span.to.min(judged_to(budgeting, self.span.now));
        if start < self.span.from || end > over || self.corrected.overlaps(start, end) {
            return None;
        }
        let minutes = self.minutes.as_ref();
        counts.quiet(budgeting, minutes.is_some_and(Minutes::counts_missing))
    }

    /// Adds an hour by the tally of [`Measure::judge_hour`], given the tick of its last outcome.
    pub fn hour(&mut self, start: Timestamp, tally: Tally, last: Timestamp) {
        let (sums, span) = (&mut self.sums, self.span);
        if let Some(minutes) = &mut self.minutes {
            minutes.skip_hour(start, &mut |event| sums.add(&event, span));
            sums.last = slice_start(slice_of(last));
        } else {
            sums.void += u64::from(tally.void);
            sums.last = last;
        }
        sums.counts += (Tally { void: 0, ..tally }, 1);
    }

    pub fn finish(self) -> Measured {
        let Self { mut sums, span, .. } = self;
        if let Some(minutes) = self.minutes {
            minutes.finish(&mut |event| sums.add(&event, span));
        }
        let (counts, target) = (sums.counts, self.objective.target);
        let extent = Extent {
            from: span.from,
            to: span.to,
            now: span.now,
            corrected: &self.corrected,
            watchers: &self.watchers,
            retention: span.retention,
        };
        let view = WindowView::of(self.objective, &self.contributing, counts, extent);
        let pace = extent.pace(self.objective, &self.contributing, counts);
        let left = |bad| WindowView { bad, ..view }.left(target);
        let (incidents, scattered) = sums.finder.finish();
        Measured {
            void: sums.void,
            due: extent.due(counts, self.objective.budgeting, pace),
            budget: (1.0 - target) * view.expected,
            left: view.left(target),
            corrected: self.corrected.overlap(span.from, span.to),
            view,
            step: Duration::from_millis(sums.burn_down.step_ms().unsigned_abs()),
            burn_down: sums.burn_down.points(sums.last, left),
            causes: sums.causes,
            incidents,
            scattered,
        }
    }
}

impl Sums {
    fn add(&mut self, event: &Event, span: Span) {
        let tally = event.tally;
        self.last = event.start;
        self.counts += (Tally { void: 0, ..tally }, 1);
        self.void += u64::from(tally.void);
        if tally.bad > 0 {
            let bad = u64::from(tally.bad);
            // Real requests may have been counted from before the span on.
            let (start, end) = (event.start.max(span.from), event.end.min(span.to));
            self.causes.merge(&event.causes);
            self.burn_down.spend(start, bad);
            self.finder.bad(start, end, bad, &event.causes);
        }
    }
}
