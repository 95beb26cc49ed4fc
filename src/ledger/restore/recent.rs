//! Restores the last day, for whose windows hourly counts are too coarse. Outcomes older than the
//! finest windows are added slot by slot, later ones individually.

use super::service::RestoringService;
use crate::ledger::index::Index;
use crate::ledger::snapshot::RECENT_FAILURES;
use crate::outcome::{Event, Record, Timestamp, Verdict};
use crate::slo::absence::Presence;
use crate::slo::series::Series;
use crate::stats::scale::Scale;
use crate::store::{Store, StoreError};
use crate::units::HOUR;
use std::collections::{BTreeSet, VecDeque};

/// The range to read: counts from `from` on, outcomes from `split` on.
#[derive(Clone, Copy)]
pub(super) struct Past {
    pub(super) from: Timestamp,
    pub(super) split: Timestamp,
    pub(super) now: Timestamp,
}

/// One probe's outcomes that are in no block yet, in order of time.
#[derive(Debug, Default)]
pub(super) struct Recent {
    events: Vec<Event>,
    last: Option<Record>,
    /// The newest ones.
    failures: VecDeque<Record>,
}

/// Hours of services for which outcomes arrived after they were compacted.
pub(super) type Late = BTreeSet<(usize, Timestamp)>;

/// Reads the outcomes that are in no block yet, by service and probe, in one pass over the table;
/// and the hours before the split that have some. Outcomes in the future are ignored.
pub(super) fn pending(
    services: &[RestoringService<'_>],
    index: &Index,
    store: &Store,
    past: Past,
) -> Result<(Vec<Vec<Recent>>, Late), StoreError> {
    let empty = |service: &RestoringService<'_>| {
        let probes = service.probes.iter();
        probes.map(|_| Recent::default()).collect()
    };
    let mut recent: Vec<Vec<Recent>> = services.iter().map(empty).collect();
    let mut late = Late::new();
    store.for_each_pending(Timestamp(i64::MAX), |record| {
        if record.at > past.now {
            return;
        }
        for (service, probe) in index.positions(&record.key) {
            if record.at < past.split {
                late.insert((service, record.at.hour()));
            } else {
                recent[service][probe].take(&record);
            }
        }
    })?;
    Ok((recent, late))
}

impl Recent {
    fn take(&mut self, record: &Record) {
        self.events.push(Event::from(record));
        if !record.outcome.verdict.counts() {
            return;
        }
        if record.outcome.verdict != Verdict::Good {
            self.failures.push_back(record.clone());
            if self.failures.len() > RECENT_FAILURES {
                self.failures.pop_front();
            }
        }
        self.last = Some(record.clone());
    }
}

impl RestoringService<'_> {
    /// Takes the outcomes from the split on.
    pub(super) fn take_recent(
        &mut self,
        store: &Store,
        recent: &mut [Recent],
        past: Past,
        scale: &Scale,
    ) -> Result<(), StoreError> {
        let mut events: Vec<(usize, Event)> = Vec::new();
        let wanted: Vec<_> = self
            .counted()
            .filter_map(|one| one.objective().sli.measurement())
            .collect();
        for (position, recent) in recent.iter_mut().enumerate() {
            let begin = events.len();
            let key = &self.probes[position].state.key;
            store.for_each_event(key, past.split, past.now, &wanted, |event| {
                if event.at <= past.now {
                    events.push((position, event));
                }
            })?;
            self.note_precision(store, position, past)?;
            self.note_last(store, position, &events[begin..], recent)?;
            let pending = recent.events.drain(..);
            events.extend(pending.map(|event| (position, event)));
        }
        // A stable sort of sorted runs, which is cheap, and keeps the probes of a time slice
        // together.
        events.sort_by_key(|(_, event)| event.at);
        self.note_measured(&events);
        self.remember_latencies(&events, scale);
        let fine = past.now.before(Series::fine_span()).hour();
        let (coarse, fine) = events.split_at(events.partition_point(|(_, event)| event.at < fine));
        self.take_slots(coarse);
        self.note_presence(store)?;
        self.take_outcomes(fine);
        Ok(())
    }

    /// Records whether it is known exactly which outcomes were fast enough.
    fn note_precision(
        &mut self,
        store: &Store,
        probe: usize,
        past: Past,
    ) -> Result<(), StoreError> {
        let key = self.probes[probe].state.key.clone();
        for objective in self.counted().filter(|one| one.counts.contains(&probe)) {
            if let Some(threshold) = objective.objective().sli.threshold() {
                let end = store.approximate_before(&key, &threshold, past.split, past.now)?;
                let known = &mut objective.precision.approximate_before;
                *known = (*known).max(end);
            }
        }
        Ok(())
    }

    /// Records since when outcomes have the measurements that objectives use.
    fn note_measured(&mut self, events: &[(usize, Event)]) {
        for objective in self.counted() {
            let sli = objective.objective().sli;
            if sli.measurement().is_none() {
                continue;
            }
            let counting = events
                .iter()
                .filter(|(probe, _)| objective.counts.contains(probe));
            counting.for_each(|(_, event)| objective.precision.note(sli, event));
        }
    }

    fn remember_latencies(&mut self, events: &[(usize, Event)], scale: &Scale) {
        for (probe, event) in events {
            let probe = &mut self.probes[*probe];
            if !probe.continues {
                probe.state.remember_latency(*event, scale);
            }
        }
    }

    fn take_slots(&mut self, events: &[(usize, Event)]) {
        let slots = events.chunk_by(|a, b| Series::slot_of(a.1.at) == Series::slot_of(b.1.at));
        for slot in slots {
            for objective in self.counted() {
                let counting = slot
                    .iter()
                    .filter_map(|(probe, event)| Some((objective.place(*probe)?, *event)));
                let tally = objective.filling.tracker().count(counting);
                let number = Series::slot_of(slot[0].1.at);
                objective.filling.add_slot(number, tally);
            }
        }
    }

    /// Records when each of an objective's probes was configured, where it matters: if missing
    /// outcomes count, or if several probes cover the same time.
    fn note_presence(&mut self, store: &Store) -> Result<(), StoreError> {
        let probes = self.probes.iter();
        let probes: Vec<_> = probes
            .map(|probe| (probe.state.key.clone(), probe.state.first))
            .collect();
        for objective in self.counted() {
            if objective.filling.tracker().missing().is_none() && objective.counts.len() < 2 {
                continue;
            }
            let presence = |at: &usize| {
                let (key, first) = &probes[*at];
                Ok(Presence {
                    first: *first,
                    absent: store.absences(key)?,
                })
            };
            let known = objective.counts.iter().map(presence);
            let known: Vec<_> = known.collect::<Result<_, StoreError>>()?;
            objective.filling.watched_by(&known);
        }
        Ok(())
    }

    fn take_outcomes(&mut self, events: &[(usize, Event)]) {
        for objective in self.counted() {
            for (probe, event) in events {
                if let Some(place) = objective.place(*probe) {
                    objective.filling.record(place, event);
                }
            }
        }
    }

    /// Restores a probe's last outcome and last failures. Decodes only the blocks that contain one
    /// of them completely.
    fn note_last(
        &mut self,
        store: &Store,
        probe: usize,
        in_blocks: &[(usize, Event)],
        recent: &mut Recent,
    ) -> Result<(), StoreError> {
        if self.probes[probe].continues {
            return Ok(());
        }
        let counted = |event: &&(usize, Event)| event.1.verdict.counts();
        let failed = |event: &&(usize, Event)| event.1.verdict != Verdict::Good;
        let newest = in_blocks.iter().rev().filter(counted);
        let last = newest.clone().take(usize::from(recent.last.is_none()));
        let missing = RECENT_FAILURES - recent.failures.len();
        let failures = newest.filter(failed).take(missing);
        let mut wanted: Vec<Timestamp> = last.chain(failures).map(|(_, event)| event.at).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let key = self.probes[probe].state.key.clone();
        let mut records: Vec<Record> = Vec::new();
        for hour in wanted.chunk_by(|a, b| a.hour() == b.hour()) {
            let start = hour[0].hour();
            let all = store.outcomes(&key, start, start.after(HOUR))?;
            records.extend(all.into_iter().filter(|record| hour.contains(&record.at)));
        }
        records.extend(recent.failures.drain(..));
        records.extend(recent.last.take());
        records.sort_by_key(|record| record.at);
        records.dedup_by_key(|record| record.at);
        for record in &records {
            self.probes[probe].state.note(record);
        }
        Ok(())
    }
}
