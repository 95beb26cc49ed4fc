//! Fills live state with the last day: the hourly counts are too coarse for its windows. What is
//! older than the finest ones is added slot by slot, the rest outcome by outcome.

use super::restore::Past;
use super::service::ServiceState;
use super::snapshot::RECENT_FAILURES;
use super::state::Ledger;
use crate::outcome::{Event, Record, Timestamp, Verdict};
use crate::slo::series::Series;
use crate::stats::scale::Scale;
use crate::store::{Store, StoreError};
use crate::units::HOUR;
use std::collections::{BTreeSet, VecDeque};

/// One probe's outcomes that are in no block yet, in the order of time.
#[derive(Debug, Default)]
pub(super) struct Recent {
    events: Vec<Event>,
    last: Option<Record>,
    /// The newest ones.
    failures: VecDeque<Record>,
}

/// Hours of services that outcomes came to after they were counted.
pub(super) type Late = BTreeSet<(usize, Timestamp)>;

impl Ledger {
    /// What is in no block yet, by service and probe, in one walk over the table; and the hours
    /// before `split` that there is something of. What is of the future is left out.
    pub(super) fn pending(
        &self,
        store: &Store,
        split: Timestamp,
        now: Timestamp,
    ) -> Result<(Vec<Vec<Recent>>, Late), StoreError> {
        let index = self.index();
        let empty = |service: &ServiceState| {
            let probes = service.probes.iter();
            probes.map(|_| Recent::default()).collect()
        };
        let mut recent: Vec<Vec<Recent>> = self.services().iter().map(empty).collect();
        let mut late = Late::new();
        store.for_each_pending(Timestamp(i64::MAX), |record| {
            if record.at > now {
                return;
            }
            for (service, probe) in index.get(&record.key).into_iter().flatten() {
                if record.at < split {
                    late.insert((*service, record.at.hour()));
                } else {
                    recent[*service][*probe].take(&record);
                }
            }
        })?;
        Ok((recent, late))
    }
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

impl ServiceState {
    /// Feeds the outcomes from the split on.
    pub(super) fn replay(
        &mut self,
        store: &Store,
        recent: &mut [Recent],
        past: Past,
        scale: &Scale,
    ) -> Result<(), StoreError> {
        let mut events: Vec<(usize, Event)> = Vec::new();
        for (position, recent) in recent.iter_mut().enumerate() {
            let begin = events.len();
            let key = &self.probes[position].key;
            store.for_each_event(key, past.split, past.now, |event| {
                if event.at <= past.now {
                    events.push((position, event));
                }
            })?;
            self.note_precision(store, position, past)?;
            self.note_last(store, position, &events[begin..], recent)?;
            let pending = recent.events.drain(..);
            events.extend(pending.map(|event| (position, event)));
        }
        // A stable sort of sorted runs: cheap, and a slice sees its probes together.
        events.sort_by_key(|(_, event)| event.at);
        self.remember_latencies(&events, scale);
        let fine = past.now.before(Series::fine_span()).hour();
        let (coarse, fine) = events.split_at(events.partition_point(|(_, event)| event.at < fine));
        self.fill_slots(coarse);
        for objective in self.objectives.iter_mut().filter(|one| !one.restored) {
            objective.leave_out_unwatched(store, &self.probes)?;
        }
        self.fill(fine, past.now);
        Ok(())
    }

    /// Whether what is read outcome by outcome shows exactly which were fast enough.
    fn note_precision(
        &mut self,
        store: &Store,
        probe: usize,
        past: Past,
    ) -> Result<(), StoreError> {
        let key = &self.probes[probe].key;
        for objective in &mut self.objectives {
            let counts = !objective.restored && objective.counts.contains(&probe);
            if let Some(below) = objective.threshold().filter(|_| counts) {
                let end = store.approximate_before(key, below, past.split, past.now)?;
                objective.approximate = objective.approximate.max(end);
            }
        }
        Ok(())
    }

    fn remember_latencies(&mut self, events: &[(usize, Event)], scale: &Scale) {
        for (probe, event) in events {
            if !self.probes[*probe].restored {
                self.probes[*probe].remember_latency(*event, scale);
            }
        }
    }

    fn fill_slots(&mut self, events: &[(usize, Event)]) {
        let slots = events.chunk_by(|a, b| Series::slot_of(a.1.at) == Series::slot_of(b.1.at));
        for slot in slots {
            for objective in self.objectives.iter_mut().filter(|one| !one.restored) {
                let counting = slot
                    .iter()
                    .filter_map(|(probe, event)| Some((objective.place(*probe)?, *event)));
                let tally = objective.tracker.count(counting);
                let number = Series::slot_of(slot[0].1.at);
                objective.tracker.restore_slot(number, tally);
            }
        }
    }

    fn fill(&mut self, events: &[(usize, Event)], now: Timestamp) {
        for objective in self.objectives.iter_mut().filter(|one| !one.restored) {
            for (probe, event) in events {
                if let Some(place) = objective.place(*probe) {
                    objective.tracker.record(place, event);
                }
            }
            let (since, before) = (objective.since(&self.probes), objective.counted_before);
            objective.tracker.go_live(now, since, before);
            objective.restored = true;
        }
        for probe in &mut self.probes {
            probe.restored = true;
        }
    }

    /// Lets a probe keep its last outcome and its last failures. Whole outcomes are read of those
    /// blocks only that hold one of them.
    fn note_last(
        &mut self,
        store: &Store,
        probe: usize,
        in_blocks: &[(usize, Event)],
        recent: &mut Recent,
    ) -> Result<(), StoreError> {
        if self.probes[probe].restored {
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
        let key = self.probes[probe].key.clone();
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
            self.probes[probe].note(record);
        }
        Ok(())
    }
}
