//! Fills live state from the store: a start and a reload give the same numbers as if nothing had
//! happened. Old hours are read as counts; `replay.rs` does the last day.

use super::objective::ObjectiveState;
use super::replay::Recent;
use super::service::ServiceState;
use super::state::Ledger;
use crate::outcome::{Event, ProbeKey, Timestamp};
use crate::slo::series::Series;
use crate::slo::{Sli, Tally, TallyKey};
use crate::stats::scale::Scale;
use crate::store::{HourSummary, Plan, Store, StoreError};
use std::collections::{BTreeSet, HashMap};
use std::num::NonZero;
use std::thread;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
/// Fewer services than this are not worth a thread.
const PER_THREAD: usize = 16;
/// Latency quantiles go back this far, even where every objective's window is shorter.
const LONGEST_SHOWN: Duration = Duration::from_secs(30 * 86_400);

impl Ledger {
    /// Reads back the history of everything that has none yet.
    pub fn restore(&mut self, store: &Store, now: Timestamp) -> Result<(), StoreError> {
        if self.parts().0.iter().all(ServiceState::is_restored) {
            return Ok(());
        }
        for service in self.parts().0 {
            service.anchor(now);
        }
        // The tiers below the hourly one are filled by outcomes, and only whole hours by counts.
        let split = now.before(Series::replay_span()).hour();
        let past = Past {
            from: now.before(self.longest_window()),
            split,
            now,
        };
        let (mut recent, late) = self.pending(store, split)?;
        let index = self.index().clone();
        let (services, scale) = self.parts();
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        let share = services.len().div_ceil(threads).max(PER_THREAD);
        let parts = services.chunks_mut(share).zip(recent.chunks_mut(share));
        let (index, late) = (&index, &late);
        thread::scope(|scope| {
            let mut workers = Vec::new();
            for (number, (services, recent)) in parts.enumerate() {
                let reader = store.reader()?;
                let piece = Part {
                    first: number * share,
                    services,
                    recent,
                    index,
                    scale,
                };
                workers.push(scope.spawn(move || piece.restore(&reader, past, late)));
            }
            for worker in workers {
                match worker.join() {
                    Ok(result) => store.add_unreadable(result?),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            Ok(())
        })
    }

    /// What the store should count a probe's hours by, so that the next start needs counts only.
    pub fn plans(&self) -> HashMap<ProbeKey, Plan> {
        let mut plans: HashMap<ProbeKey, Plan> = HashMap::new();
        for service in self.services() {
            for (position, probe) in service.probes.iter().enumerate() {
                plans.insert(probe.key.clone(), service.plan(position));
            }
        }
        plans
    }

    fn longest_window(&self) -> Duration {
        let windows = self
            .services()
            .iter()
            .flat_map(|service| &service.objectives);
        let longest = windows
            .map(|objective| objective.tracker.objective().reach())
            .max();
        longest.unwrap_or_default().max(LONGEST_SHOWN)
    }
}

/// What is read back: counts from `from` on, outcomes from `split` on.
#[derive(Clone, Copy)]
pub(super) struct Past {
    pub(super) from: Timestamp,
    pub(super) split: Timestamp,
    pub(super) now: Timestamp,
}

/// The services that one thread restores.
struct Part<'a> {
    /// The number of the first one.
    first: usize,
    services: &'a mut [ServiceState],
    recent: &'a mut [Vec<Recent>],
    index: &'a HashMap<ProbeKey, (usize, usize)>,
    scale: &'a Scale,
}

impl Part<'_> {
    /// Returns how many blocks could not be read.
    fn restore(
        mut self,
        store: &Store,
        past: Past,
        late: &BTreeSet<(usize, Timestamp)>,
    ) -> Result<u64, StoreError> {
        let mut recount = self.restore_hours(store, past)?;
        let mine = (self.first, Timestamp(i64::MIN))
            ..(self.first + self.services.len(), Timestamp(i64::MIN));
        recount.extend(late.range(mine));
        for (service, hour) in recount {
            self.services[service - self.first].recount_hour(store, hour)?;
        }
        for (service, recent) in self.services.iter_mut().zip(self.recent) {
            for probe in service.probes.iter_mut().filter(|probe| !probe.restored) {
                probe.first = store.first_seen(&probe.key);
            }
            if !service.is_restored() {
                service.replay(store, recent, past, self.scale)?;
            }
        }
        Ok(store.unreadable_blocks())
    }

    /// Takes the counts of all hours before the split. Returns the hours of services whose outcomes
    /// must be counted anew, because an objective's tally was not counted when they were stored.
    fn restore_hours(
        &mut self,
        store: &Store,
        past: Past,
    ) -> Result<BTreeSet<(usize, Timestamp)>, StoreError> {
        let mut recount = BTreeSet::new();
        let mut codes = Codes::default();
        let mine = self.first..self.first + self.services.len();
        let place = |key: &ProbeKey| self.index.get(key).filter(|(at, _)| mine.contains(at));
        let wanted = |key: &ProbeKey| place(key).is_some();
        store.for_each_hour(past.from, past.split, wanted, |key, hour| {
            if let Some((service, probe)) = place(key).copied() {
                let state = &mut self.services[service - self.first];
                if state.restore_hour(probe, &hour, self.scale, &mut codes) {
                    recount.insert((service, hour.start));
                }
            }
        })?;
        Ok(recount)
    }
}

impl ServiceState {
    pub(super) fn is_restored(&self) -> bool {
        self.probes.iter().all(|probe| probe.restored)
            && self.objectives.iter().all(|objective| objective.restored)
    }

    /// What is filled from the past should not pass through windows that have long moved on.
    fn anchor(&mut self, now: Timestamp) {
        for probe in self.probes.iter_mut().filter(|probe| !probe.restored) {
            probe.anchor(now);
        }
        let waiting = self.objectives.iter_mut().filter(|one| !one.restored);
        waiting.for_each(|objective| objective.tracker.anchor(now));
    }

    fn plan(&self, probe: usize) -> Plan {
        let mut plan = Plan::default();
        let counting = self
            .objectives
            .iter()
            .filter(|objective| objective.counts.contains(&probe));
        for objective in counting {
            if let Sli::Latency { below } = objective.tracker.objective().sli {
                plan.cuts.push(below);
            }
            if let Some(key) = objective
                .tracker
                .tally_key()
                .filter(|key| !plan.keys.contains(key))
            {
                plan.keys.push(key);
            }
        }
        plan
    }

    /// Returns whether an objective could not be told from the counts.
    fn restore_hour(
        &mut self,
        probe: usize,
        hour: &HourSummary,
        scale: &Scale,
        codes: &mut Codes,
    ) -> bool {
        if !self.probes[probe].restored {
            let failed = hour.bad.values().sum();
            let good = codes.translated(hour, scale);
            self.probes[probe].remember_hour(hour.start, &good, failed, scale);
        }
        let mut missing = false;
        for objective in self
            .objectives
            .iter_mut()
            .filter(|o| !o.restored && o.counts.contains(&probe))
        {
            match objective.stored_tally(hour) {
                Some(tally) => objective.tracker.restore_hour(hour.start, tally),
                None => missing = true,
            }
        }
        missing
    }

    /// Counts the outcomes of one hour for the objectives that its stored counts say nothing about.
    fn recount_hour(&mut self, store: &Store, hour: Timestamp) -> Result<(), StoreError> {
        for at in 0..self.objectives.len() {
            let objective = &self.objectives[at];
            if objective.restored {
                continue;
            }
            let mut records = Vec::new();
            for probe in &objective.counts {
                let key = &self.probes[*probe].key;
                let stored = store.hours(key, hour, hour.after(HOUR))?;
                let told = stored
                    .first()
                    .is_some_and(|stored| objective.stored_tally(stored).is_some());
                if !told {
                    records.extend(store.outcomes(key, hour, hour.after(HOUR))?);
                }
            }
            // A slice must see its probes together.
            records.sort_by_key(|record| record.at);
            let objective = &mut self.objectives[at];
            let tally = objective.count(records.iter().map(Event::from));
            objective.tracker.restore_hour(hour, tally);
        }
        Ok(())
    }
}

impl ObjectiveState {
    fn key(&self) -> TallyKey {
        let objective = self.tracker.objective();
        TallyKey {
            sli: objective.sli,
            budgeting: objective.budgeting,
        }
    }

    /// The hour's tally as it was stored, if it may be used.
    fn stored_tally(&self, hour: &HourSummary) -> Option<Tally> {
        let corrected = self.tracker.corrected();
        if corrected.touch(hour.start, hour.start.after(HOUR)) {
            return None;
        }
        hour.tally(self.tally_key.as_deref()?)
    }

    /// Counts outcomes in the order of time, without those that are corrected.
    pub(super) fn count(&self, events: impl Iterator<Item = Event>) -> Tally {
        let corrected = self.tracker.corrected();
        let counted = events.filter(|event| !corrected.contains(event.at));
        self.key().count(counted)
    }
}

/// Translates bucket numbers of stored hours to today's, once per number and set of cuts.
#[derive(Default)]
struct Codes {
    cuts_us: Vec<u64>,
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
        if self.cuts_us != from.cuts_us() {
            self.cuts_us = from.cuts_us().to_vec();
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
