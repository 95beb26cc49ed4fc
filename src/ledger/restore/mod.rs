//! Builds live state from the store: startup and reload give the same values as an uninterrupted
//! process. Old hours are restored from counts (`hours`), the last day from outcomes (`recent`).

mod hours;
mod objective;
mod recent;
mod service;
mod shard;
mod traffic;

use super::bounds::BoundSets;
use super::index::Index;
use super::state::Ledger;
use crate::config::Config;
use crate::outcome::Timestamp;
use crate::slo::correction::{CorrectedTime, Correction};
use crate::slo::series::Series;
use crate::slo::{Objective, Retention};
use crate::stats::scale::Scale;
use crate::store::{Ahead, Store, StoreError};
use crate::tasks::threads;
use recent::{Past, pending};
use service::{Keep, RestoringService};
use shard::Shard;
use std::collections::BTreeSet;
use std::num::NonZero;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// With fewer services than this, another thread is not worthwhile.
const PER_THREAD: usize = 16;
/// Latency quantiles cover this time, even if every objective's window is shorter.
const LONGEST_SHOWN: Duration = Duration::from_hours(30 * 24);

/// The inputs for building live state.
#[derive(Clone, Copy, Debug)]
pub struct RestoreFrom<'a> {
    pub config: &'a Config,
    /// All active corrections.
    pub corrections: &'a [Correction],
    /// `None` if it cannot be opened: the state that would be read from it starts empty.
    pub store: Option<&'a Store>,
    pub now: Timestamp,
}

impl<'a> RestoreFrom<'a> {
    pub const fn new(
        config: &'a Config,
        corrections: &'a [Correction],
        store: Option<&'a Store>,
        now: Timestamp,
    ) -> Self {
        Self {
            config,
            corrections,
            store,
            now,
        }
    }
}

/// The rebuilt live state.
#[derive(Debug)]
pub struct RestoredState {
    pub ledger: Ledger,
    /// The error, if the store could not be read.
    pub result: Result<(), StoreError>,
    /// Services that could not be read, or only in part: they start empty.
    pub unread: Unread,
}

/// Service names.
pub type Unread = BTreeSet<Arc<str>>;

/// Builds live state from everything stored up to now.
pub fn restore(from: RestoreFrom<'_>) -> Result<Ledger, StoreError> {
    let RestoredState { ledger, result, .. } = recount(Ledger::default(), from);
    result.map(|()| ledger)
}

/// Builds live state for a changed config or changed corrections. Unchanged parts keep their
/// windows and counters; the rest is read from the store, including services that could not be read
/// before.
pub fn reload(old: Ledger, unread: &Unread, from: RestoreFrom<'_>) -> RestoredState {
    // Outcomes whose time has come would otherwise only be counted where something changed.
    if old.ahead.first.is_some_and(|first| first <= from.now) {
        return recount(old, from);
    }
    let keep = |service: &Arc<str>| {
        if unread.contains(service) {
            Keep::Counters
        } else {
            Keep::Unchanged
        }
    };
    Builder::new(old, keep, from).finish(from)
}

/// Reads everything from the store again because the clock was set. Counters continue.
pub fn recount(old: Ledger, from: RestoreFrom<'_>) -> RestoredState {
    Builder::new(old, |_| Keep::Counters, from).finish(from)
}

struct Builder<'a> {
    services: Vec<RestoringService<'a>>,
    index: Index,
    scale: Scale,
    ahead: Ahead,
}

impl<'a> Builder<'a> {
    fn new(old: Ledger, keep: impl Fn(&Arc<str>) -> Keep, from: RestoreFrom<'a>) -> Self {
        let retention = |objective: &Objective| Retention::of(from.config.retention(objective));
        let time = CorrectedTime::of(from.corrections);
        let mut bounds = BoundSets::default();
        let mut before = old.services;
        let services = from.config.services.iter().map(|spec| {
            let same = before.iter().position(|old| old.name == spec.name);
            let old = same.map(|at| Arc::unwrap_or_clone(before.swap_remove(at)));
            let mut service = RestoringService::new(spec, &retention, &time, &mut bounds, from.now);
            if let Some(old) = old {
                service.continue_from(old, keep(&spec.name), from.now);
            }
            service
        });
        let services: Vec<_> = services.collect();
        Self {
            index: Index::of(services.iter().map(|one| (one.name(), one.keys()))),
            services,
            scale: old.scale,
            ahead: old.ahead,
        }
    }

    fn finish(mut self, from: RestoreFrom<'_>) -> RestoredState {
        let missing = self.services.iter().filter(|one| !one.is_complete());
        let missing: Unread = missing.map(RestoringService::name).collect();
        let result = match from.store {
            Some(store) if !missing.is_empty() => self.read(store, from.now),
            _ => Ok(()),
        };
        let known = result.is_ok() && from.store.is_some();
        let services = self.services.into_iter();
        let finish = |one: RestoringService<'_>| one.finish(&from.config.alerts, from.now, known);
        let mut services: Vec<_> = services.map(|one| Arc::new(finish(one))).collect();
        // Collected into the much larger allocation of the services before.
        services.shrink_to_fit();
        let ledger = Ledger {
            services,
            corrections: from.corrections.into(),
            rules: from.config.alerts.clone(),
            index: Arc::new(self.index),
            scale: self.scale,
            ahead: self.ahead,
            now: from.now,
        };
        RestoredState {
            ledger,
            result,
            unread: if known { Unread::new() } else { missing },
        }
    }

    /// Reads what is missing, dividing the services among the processors.
    fn read(&mut self, store: &Store, now: Timestamp) -> Result<(), StoreError> {
        let reaches = self.services.iter().map(RestoringService::reach);
        // The tiers finer than an hour are filled by outcomes, the hourly one by counts of whole
        // hours.
        let past = Past {
            from: now.before(reaches.fold(LONGEST_SHOWN, Duration::max)),
            split: now.before(Series::replay_span()).hour(),
            now,
        };
        let (mut recent, late) = pending(&self.services, &self.index, store, past)?;
        self.ahead = store.ahead(now)?;
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        let per_shard = self.services.len().div_ceil(processors).max(PER_THREAD);
        let chunks = self
            .services
            .chunks_mut(per_shard)
            .zip(recent.chunks_mut(per_shard));
        let mut shards = Vec::new();
        for (number, (services, recent)) in chunks.enumerate() {
            let shard = Shard {
                first: number * per_shard,
                services,
                recent,
                index: &self.index,
                scale: &self.scale,
                late: &late,
            };
            shards.push((store.reader()?, shard));
        }
        let restore = |(reader, shard): (Store, Shard<'_, '_>)| shard.restore(&reader, past);
        for unreadable in threads::each(shards, restore) {
            store.add_unreadable(unreadable?);
        }
        Ok(())
    }
}
