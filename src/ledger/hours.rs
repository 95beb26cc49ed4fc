//! Hours that are known by their counts: what an objective can take from them, and what must be recounted.

use super::objective::ObjectiveState;
use super::service::ServiceState;
use crate::outcome::{Event, Timestamp};
use crate::slo::{HourCounts, Tally};
use crate::stats::scale::Scale;
use crate::store::{HourSummary, Store, StoreError};
use crate::units::HOUR;

/// The hour that is being restored for one objective, and what is known of it.
#[derive(Debug, Default)]
pub(super) struct OpenHour {
    start: Option<Timestamp>,
    counts: HourCounts,
}

impl ServiceState {
    /// Takes one probe's counts of an hour; hours come in order. `late` says that outcomes came to
    /// it after it was counted. Calls `recount` with hours for which the counts do not suffice.
    pub(super) fn restore_hour(
        &mut self,
        probe: usize,
        hour: &HourSummary,
        late: bool,
        (scale, codes): (&Scale, &mut Codes),
        mut recount: impl FnMut(Timestamp),
    ) {
        if !self.probes[probe].restored {
            let failed = hour.bad.values().sum();
            let good = codes.translated(hour, scale);
            self.probes[probe].remember_hour(hour.start, &good, failed, scale);
        }
        let waiting = self.objectives.iter_mut().filter(|one| !one.restored);
        for objective in waiting.filter(|one| one.counts.contains(&probe)) {
            objective.note_precision(hour);
            let tally = objective.stored_tally(hour).filter(|_| !late);
            if let Some(uncounted) = objective.take_hour(hour.start, tally) {
                recount(uncounted);
            }
        }
    }

    /// Settles the last hours. Calls `recount` as [`ServiceState::restore_hour`] does.
    pub(super) fn settle_hours(&mut self, mut recount: impl FnMut(Timestamp)) {
        for objective in &mut self.objectives {
            objective.settle_hour().into_iter().for_each(&mut recount);
        }
    }

    /// Counts the outcomes of one hour for the objectives that its stored counts say nothing about.
    pub(super) fn recount_hour(
        &mut self,
        store: &Store,
        hour: Timestamp,
        late: bool,
    ) -> Result<(), StoreError> {
        for at in 0..self.objectives.len() {
            let objective = &self.objectives[at];
            if objective.restored || (!late && self.counts_suffice(store, objective, hour)?) {
                continue;
            }
            let mut events = Vec::new();
            for (place, probe) in objective.counts.iter().enumerate() {
                let key = &self.probes[*probe].key;
                store.for_each_outcome(key, hour, hour.after(HOUR), |record| {
                    events.push((place, Event::from(&record)));
                })?;
            }
            // A slice must see its probes together.
            events.sort_by_key(|(_, event)| event.at);
            self.objectives[at].restore_parts(hour, &events);
        }
        Ok(())
    }

    /// Whether the stored counts of an hour were enough for an objective.
    fn counts_suffice(
        &self,
        store: &Store,
        objective: &ObjectiveState,
        hour: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut counts = HourCounts::default();
        for probe in &objective.counts {
            let stored = store.hours(&self.probes[*probe].key, hour, hour.after(HOUR))?;
            for summary in &stored {
                counts.add(objective.stored_tally(summary));
            }
        }
        // Where nothing is stored there is nothing to count either.
        let budgeting = objective.tracker.objective().budgeting;
        Ok(counts.together(budgeting).is_some())
    }
}

impl ObjectiveState {
    /// The hour's tally as it was stored, if it may be used.
    fn stored_tally(&self, hour: &HourSummary) -> Option<Tally> {
        let corrected = self.tracker.corrected();
        if !self.tracker.starts_within(hour.start).is_empty() {
            return None;
        }
        if corrected.touch(hour.start, hour.start.after(HOUR)) {
            return None;
        }
        hour.tally(&self.tally_key)
    }

    /// Takes note of an hour in which latencies near the threshold may be on the wrong side of it.
    fn note_precision(&mut self, hour: &HourSummary) {
        let exact = |below| hour.scale().separates(below);
        if !self.threshold().is_none_or(exact) {
            self.approximate = self.approximate.max(Some(hour.start.after(HOUR)));
        }
    }

    /// Counts an hour's outcomes, in parts where a window begins within it.
    fn restore_parts(&mut self, hour: Timestamp, events: &[(usize, Event)]) {
        let mut starts = self.tracker.starts_within(hour);
        starts.push(hour);
        starts.sort_unstable();
        starts.dedup();
        let mut rest = events;
        for (place, start) in starts.iter().enumerate() {
            let next = starts.get(place + 1).copied();
            let end = next.unwrap_or(hour.after(HOUR));
            let (part, later) = rest.split_at(rest.partition_point(|(_, event)| event.at < end));
            let tally = self.tracker.count(part.iter().copied());
            self.tracker.restore_part(*start, tally);
            rest = later;
        }
    }

    /// Returns the hour before if that is to be counted anew.
    fn take_hour(&mut self, start: Timestamp, tally: Option<Tally>) -> Option<Timestamp> {
        let next = self.hour.start.is_some_and(|open| open != start);
        let uncounted = if next { self.settle_hour() } else { None };
        self.hour.start = Some(start);
        self.hour.counts.add(tally);
        uncounted
    }

    fn settle_hour(&mut self) -> Option<Timestamp> {
        let OpenHour { start, counts } = &mut self.hour;
        let start = start.take()?;
        let tally = counts.together(self.tracker.objective().budgeting);
        counts.clear();
        match tally {
            Some(tally) => {
                self.tracker.restore_hour(start, tally);
                None
            }
            None => Some(start),
        }
    }
}

/// Translates bucket numbers of stored hours to today's, once per number and set of cuts.
#[derive(Default)]
pub(super) struct Codes {
    from: Option<Scale>,
    table: Vec<u16>,
}

impl Codes {
    /// An hour's histogram in today's bucket numbers; both scales ascend, so it stays in order.
    fn translated(
        &mut self,
        hour: &HourSummary,
        to: &Scale,
    ) -> impl Iterator<Item = (u16, u32)> + Clone {
        let from = hour.scale();
        if self.from.as_ref() != Some(from) {
            self.from = Some(from.clone());
            self.table.clear();
        }
        let highest = hour.histogram.iter().map(|(code, _)| *code).max();
        let wanted = highest.map_or(0, |code| usize::from(code) + 1);
        for code in self.table.len()..wanted {
            let code = u16::try_from(code).unwrap_or(u16::MAX);
            self.table.push(to.code(from.middle(code)));
        }
        let table = &self.table;
        hour.histogram
            .iter()
            .map(|(code, count)| (table[usize::from(*code)], *count))
    }
}
