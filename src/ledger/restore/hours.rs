//! Hours restored from their counts: their contribution to an objective, and which of them must be
//! recounted.

use super::objective::{CountedObjective, OpenHour};
use super::service::RestoringService;
use crate::outcome::{Event, ProbeKey, Timestamp};
use crate::slo::{HourCounts, Tally};
use crate::stats::scale::Scale;
use crate::store::{HourSummary, Store, StoreError};
use crate::units::HOUR;

impl RestoringService<'_> {
    /// Takes one probe's counts of an hour, in order of time. `late` is whether outcomes arrived
    /// after the hour was compacted. Calls `recount` with hours whose stored counts are not
    /// sufficient.
    pub(super) fn take_hour(
        &mut self,
        probe: usize,
        hour: &HourSummary,
        late: bool,
        (scale, codes): (&Scale, &mut Codes),
        mut recount: impl FnMut(Timestamp),
    ) {
        let restoring = &mut self.probes[probe];
        if !restoring.continues {
            let failed = hour.bad.values().sum();
            let good = codes.translated(hour, scale);
            let state = &mut restoring.state;
            state.remember_hour(hour.start, &good, failed, scale);
        }
        for objective in self.counted().filter(|one| one.counts.contains(&probe)) {
            objective.note_precision(hour);
            let tally = objective.stored_tally(hour).filter(|_| !late);
            if let Some(unknown) = objective.take_hour(hour.start, tally) {
                recount(unknown);
            }
        }
    }

    /// Completes the last hours. Calls `recount` like [`RestoringService::take_hour`].
    pub(super) fn settle_hours(&mut self, mut recount: impl FnMut(Timestamp)) {
        for objective in self.counted() {
            objective.settle_hour().into_iter().for_each(&mut recount);
        }
    }

    /// Counts the outcomes of one hour for the objectives whose stored counts are not sufficient.
    pub(super) fn recount_hour(
        &mut self,
        store: &Store,
        hour: Timestamp,
        late: bool,
    ) -> Result<(), StoreError> {
        let keys: Vec<_> = self.keys().cloned().collect();
        for objective in self.counted() {
            if !late && objective.is_known(store, &keys, hour)? {
                continue;
            }
            let sli = objective.objective().sli;
            let wanted = sli.measurement();
            let mut tallies = Vec::new();
            for (place, probe) in objective.counts.iter().enumerate() {
                let (key, end) = (&keys[*probe], hour.after(HOUR));
                store.for_each_outcome(key, hour, end, wanted.as_slice(), |record| {
                    let event = Event::from(&record);
                    tallies.extend(sli.tally(&event).map(|tally| (place, event.at, tally)));
                })?;
            }
            // A time slice needs the outcomes of all its probes together.
            tallies.sort_by_key(|(_, at, _)| *at);
            objective.take_parts(hour, &tallies);
        }
        Ok(())
    }
}

impl CountedObjective {
    /// Whether the stored counts of an hour were sufficient. `keys` are the probes of its service.
    fn is_known(
        &self,
        store: &Store,
        keys: &[ProbeKey],
        hour: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut counts = HourCounts::default();
        for probe in &*self.counts {
            let stored = store.hours(&keys[*probe], hour, hour.after(HOUR))?;
            for summary in &stored {
                counts.add(self.stored_tally(summary));
            }
        }
        // Without stored counts there is nothing to count either.
        Ok(counts.together(self.objective().budgeting).is_some())
    }

    /// The hour's stored tally, if it may be used.
    fn stored_tally(&self, hour: &HourSummary) -> Option<Tally> {
        let tracker = self.filling.tracker();
        if !tracker.starts_within(hour.start).is_empty() {
            return None;
        }
        let corrected = tracker.corrected();
        if corrected.overlaps(hour.start, hour.start.after(HOUR)) {
            return None;
        }
        hour.tally(&self.tally_key)
    }

    /// Combines the precision with that of an hour.
    fn note_precision(&mut self, hour: &HourSummary) {
        if let Some(threshold) = self.objective().sli.threshold() {
            self.precision = self.precision.and(hour.precision(&threshold));
        }
    }

    /// Adds an hour's tallies, each with the index of its probe and its time, split where a window
    /// starts within the hour.
    pub(super) fn take_parts(&mut self, hour: Timestamp, tallies: &[(usize, Timestamp, Tally)]) {
        let mut starts = self.filling.tracker().starts_within(hour);
        starts.push(hour);
        starts.sort_unstable();
        starts.dedup();
        let mut rest = tallies;
        for (place, start) in starts.iter().enumerate() {
            let next = starts.get(place + 1).copied();
            let end = next.unwrap_or(hour.after(HOUR));
            let (part, later) = rest.split_at(rest.partition_point(|(_, at, _)| *at < end));
            let tally = self.filling.tracker().sum(part.iter().copied());
            self.filling.add_part(*start, tally);
            rest = later;
        }
    }

    /// Returns the preceding hour if it must be recounted.
    fn take_hour(&mut self, start: Timestamp, tally: Option<Tally>) -> Option<Timestamp> {
        let next = self.hour.start.is_some_and(|open| open != start);
        let unknown = if next { self.settle_hour() } else { None };
        self.hour.start = Some(start);
        self.hour.counts.add(tally);
        unknown
    }

    fn settle_hour(&mut self) -> Option<Timestamp> {
        let OpenHour { start, counts } = &mut self.hour;
        let start = start.take()?;
        let tally = counts.together(self.filling.tracker().objective().budgeting);
        counts.clear();
        match tally {
            Some(tally) => {
                self.filling.add_hour(start, tally);
                None
            }
            None => Some(start),
        }
    }
}

/// Maps bucket numbers of stored hours to the current scale, computed once per number and scale.
#[derive(Default)]
pub(super) struct Codes {
    from: Option<Scale>,
    table: Vec<u16>,
}

impl Codes {
    /// An hour's histogram with current bucket numbers; both scales ascend, so the order is
    /// preserved.
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
