//! Fills live state from the store: a start and a reload give the same numbers as if nothing had
//! happened. Old hours are read as counts; `replay.rs` does the last day.

use super::hours::Codes;
use super::replay::{Late, Recent};
use super::service::ServiceState;
use super::state::{Ledger, Positions};
use crate::outcome::{ProbeKey, Timestamp};
use crate::slo::Sli;
use crate::slo::series::Series;
use crate::stats::scale::Scale;
use crate::store::{CountingPlan, Store, StoreError};
use std::collections::HashMap;
use std::num::NonZero;
use std::thread;
use std::time::Duration;

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
        self.correct(now);
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
        let (mut recent, late) = self.pending(store, split, now)?;
        self.is_ahead(store.ahead(now)?);
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
    pub fn plans(&self) -> HashMap<ProbeKey, CountingPlan> {
        let mut plans: HashMap<ProbeKey, CountingPlan> = HashMap::new();
        for service in self.services() {
            for (position, probe) in service.probes.iter().enumerate() {
                let plan = plans.entry(probe.key.clone()).or_default();
                service.plan(position, plan);
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
    index: &'a HashMap<ProbeKey, Positions>,
    scale: &'a Scale,
}

impl Part<'_> {
    /// Returns how many blocks could not be read.
    fn restore(mut self, store: &Store, past: Past, late: &Late) -> Result<u64, StoreError> {
        let mut recount = self.restore_hours(store, past, late)?;
        let mine = (self.first, Timestamp(i64::MIN))
            ..(self.first + self.services.len(), Timestamp(i64::MIN));
        recount.extend(late.range(mine));
        for (service, hour) in recount {
            let late = late.contains(&(service, hour));
            self.services[service - self.first].recount_hour(store, hour, late)?;
        }
        for (service, recent) in self.services.iter_mut().zip(self.recent) {
            for probe in service.probes.iter_mut().filter(|probe| !probe.restored) {
                let first = store.first_seen(&probe.key);
                probe.first = first.filter(|first| *first <= past.now);
            }
            if !service.is_restored() {
                service.replay(store, recent, past, self.scale)?;
            }
        }
        Ok(store.unreadable_blocks())
    }

    /// Takes the counts of all hours before the split. Returns the hours of services whose outcomes
    /// must be recounted, because the counts do not suffice for some objective.
    fn restore_hours(
        &mut self,
        store: &Store,
        past: Past,
        late: &Late,
    ) -> Result<Late, StoreError> {
        let mut recount = Late::new();
        let mut codes = Codes::default();
        let mine = self.first..self.first + self.services.len();
        let positions = |key: &ProbeKey| {
            let all = self.index.get(key).into_iter().flatten().copied();
            all.filter(|(service, _)| mine.contains(service))
        };
        let wanted = |key: &ProbeKey| positions(key).next().is_some();
        store.for_each_hour(past.from, past.split, wanted, |key, hour| {
            for (service, probe) in positions(key) {
                let late = late.contains(&(service, hour.start));
                let state = &mut self.services[service - self.first];
                let translation = (self.scale, &mut codes);
                state.restore_hour(probe, &hour, late, translation, |uncounted| {
                    recount.insert((service, uncounted));
                });
            }
        })?;
        for (service, state) in (self.first..).zip(&mut *self.services) {
            state.settle_hours(|uncounted| {
                recount.insert((service, uncounted));
            });
        }
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

    fn plan(&self, probe: usize, plan: &mut CountingPlan) {
        let counting = self
            .objectives
            .iter()
            .filter(|objective| objective.counts.contains(&probe));
        for objective in counting {
            if let Sli::Latency { below } = objective.tracker.objective().sli {
                plan.cuts.push(below);
            }
            let key = objective.tracker.tally_key();
            if !plan.keys.contains(&key) {
                plan.keys.push(key);
            }
        }
    }
}
