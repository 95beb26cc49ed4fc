//! Combines outcomes of several probes, ordered by time, to events of one minute each. Pure.

use super::cause::{Causes, MISSING};
use super::event::Event;
use crate::outcome::Timestamp;
use crate::slo::Tally;
use crate::slo::correction::Spans;
use crate::slo::slice::{Columns, SliceRule, slice_of, slice_start};
use crate::units::HOUR;
use std::ops::Range;

/// Counts outcomes minute by minute.
#[derive(Debug)]
pub struct Minutes {
    rule: SliceRule,
    /// Set if minutes without outcomes are events too.
    missing: Option<MissingMinutes>,
    /// The first minute that was not returned yet.
    next: i64,
    open: Option<Open>,
}

#[derive(Debug)]
struct MissingMinutes {
    tally: Tally,
    minutes: Range<i64>,
    /// Time in which no minute is missing.
    left_out: Spans,
}

/// The current minute.
#[derive(Debug)]
struct Open {
    number: i64,
    columns: Box<Columns>,
    causes: Causes,
}

impl Minutes {
    /// `watched` is when the objective's probes ran and the minutes are complete; `left_out` are whole
    /// minutes that are never missing.
    pub fn new(rule: SliceRule, watched: Range<Timestamp>, left_out: Spans) -> Self {
        let minutes = slice_of(watched.start)..slice_of(watched.end);
        let missing = rule.missing().map(|tally| MissingMinutes {
            tally,
            minutes: minutes.clone(),
            left_out,
        });
        Self {
            rule,
            missing,
            next: minutes.start,
            open: None,
        }
    }

    /// Adds an event of a probe, given its index among the contributing probes, or of real traffic, by its
    /// end. `emit` receives all minutes before it.
    pub fn record(
        &mut self,
        place: usize,
        at: Timestamp,
        event: &Event,
        emit: &mut impl FnMut(Event),
    ) {
        let number = slice_of(at);
        if self.open.as_ref().is_none_or(|open| open.number != number) {
            self.finish_before(number, emit);
        }
        let columns = self.rule.columns();
        let open = self.open.get_or_insert_with(|| Open {
            number,
            columns: vec![Tally::default(); columns].into(),
            causes: Causes::default(),
        });
        open.columns[self.rule.column_of(place)].add(event.tally);
        open.causes.merge(&event.causes);
    }

    /// Skips an hour that is counted as a whole and has no missing minute.
    pub fn skip_hour(&mut self, hour: Timestamp, emit: &mut impl FnMut(Event)) {
        self.finish_before(slice_of(hour), emit);
        self.next = slice_of(hour.after(HOUR));
    }

    /// Whether minutes without outcomes count.
    pub fn counts_missing(&self) -> bool {
        self.missing.is_some()
    }

    /// Returns the current minute, and the missing ones up to the end.
    pub fn finish(mut self, emit: &mut impl FnMut(Event)) {
        self.finish_before(i64::MAX, emit);
    }

    fn finish_before(&mut self, number: i64, emit: &mut impl FnMut(Event)) {
        if let Some(open) = self.open.take() {
            let tally = self.rule.judge(&open.columns);
            let is_void = open.columns.iter().any(|lane| lane.void > 0);
            if tally.is_observed() {
                emit(Event::minute(open.number, tally, open.causes));
                self.next = open.number + 1;
            } else if is_void && !self.is_missing(open.number) {
                emit(Event::minute(open.number, Tally::VOID, open.causes));
                self.next = open.number + 1;
            }
        }
        self.emit_missing(number, emit);
    }

    fn emit_missing(&mut self, until: i64, emit: &mut impl FnMut(Event)) {
        if let Some(missing) = &self.missing {
            let last = until.min(missing.minutes.end);
            for number in (self.next..last).filter(|number| self.is_missing(*number)) {
                let mut causes = Causes::default();
                if missing.tally.bad > 0 {
                    causes.add(MISSING, || None);
                }
                emit(Event::minute(number, missing.tally, causes));
            }
        }
        self.next = self.next.max(until);
    }

    fn is_missing(&self, number: i64) -> bool {
        self.missing.as_ref().is_some_and(|missing| {
            missing.minutes.contains(&number) && !missing.left_out.contains(slice_start(number))
        })
    }
}
