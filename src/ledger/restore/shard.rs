//! A shard: the services that one thread restores.

use super::hours::Codes;
use super::recent::{Late, Past, Recent};
use super::service::RestoringService;
use crate::ledger::index::Index;
use crate::ledger::traffic::TrafficHistory;
use crate::outcome::{ProbeKey, Timestamp};
use crate::stats::scale::Scale;
use crate::store::{Store, StoreError};

pub(super) struct Shard<'p, 'c> {
    /// The number of the first service.
    pub(super) first: usize,
    pub(super) services: &'p mut [RestoringService<'c>],
    pub(super) recent: &'p mut [Vec<Recent>],
    pub(super) index: &'p Index,
    pub(super) scale: &'p Scale,
    pub(super) late: &'p Late,
}

impl Shard<'_, '_> {
    /// Returns the number of blocks that could not be read.
    pub(super) fn restore(mut self, store: &Store, past: Past) -> Result<u64, StoreError> {
        let traffic = TrafficHistory::of(store)?;
        let mut recount = self.take_hours(store, past)?;
        let mine = (self.first, Timestamp(i64::MIN))
            ..(self.first + self.services.len(), Timestamp(i64::MIN));
        recount.extend(self.late.range(mine));
        for (service, hour) in recount {
            let late = self.late.contains(&(service, hour));
            self.services[service - self.first].recount_hour(store, hour, late)?;
        }
        for (service, recent) in self.services.iter_mut().zip(self.recent) {
            for probe in service.probes.iter_mut().filter(|probe| !probe.continues) {
                let first = store.first_seen(&probe.state.key);
                probe.state.first = first.filter(|first| *first <= past.now);
            }
            if !service.is_complete() {
                service.take_recent(store, recent, past, self.scale)?;
                service.take_traffic(store, &traffic, past)?;
            }
        }
        Ok(store.unreadable_blocks())
    }

    /// Takes the counts of all hours before the split. Returns the hours of services whose outcomes
    /// must be recounted, because the counts are not sufficient for some objective.
    fn take_hours(&mut self, store: &Store, past: Past) -> Result<Late, StoreError> {
        let mut recount = Late::new();
        let mut codes = Codes::default();
        let mine = self.first..self.first + self.services.len();
        let positions = |key: &ProbeKey| {
            let all = self.index.positions(key);
            all.filter(|(service, _)| mine.contains(service))
        };
        let wanted = |key: &ProbeKey| positions(key).next().is_some();
        store.for_each_hour(past.from, past.split, wanted, |key, hour| {
            for (service, probe) in positions(key) {
                let late = self.late.contains(&(service, hour.start));
                let restoring = &mut self.services[service - self.first];
                let translation = (self.scale, &mut codes);
                restoring.take_hour(probe, &hour, late, translation, |unknown| {
                    recount.insert((service, unknown));
                });
            }
        })?;
        for (service, restoring) in (self.first..).zip(&mut *self.services) {
            restoring.settle_hours(|unknown| {
                recount.insert((service, unknown));
            });
        }
        Ok(recount)
    }
}
