//! Restores objectives of real traffic: the tallies of its samples, at the resolution of each
//! window.

use super::objective::CountedObjective;
use super::recent::Past;
use super::service::RestoringService;
use crate::ledger::traffic::TrafficHistory;
use crate::outcome::Timestamp;
use crate::slo::Tally;
use crate::slo::series::Series;
use crate::store::{Store, StoreError};

impl RestoringService<'_> {
    /// Counts the objectives of real traffic.
    pub(super) fn take_traffic(
        &mut self,
        store: &Store,
        history: &TrafficHistory,
        past: Past,
    ) -> Result<(), StoreError> {
        let name = self.name();
        let span = (past.from, Timestamp(past.now.0 + 1));
        for objective in self.counted() {
            let tallies = history.tallies(store, &name, objective.objective(), span)?;
            objective.take_tallies(&tallies, past);
        }
        Ok(())
    }
}

impl CountedObjective {
    fn take_tallies(&mut self, tallies: &[(Timestamp, Tally)], past: Past) {
        if let (Some(traffic), Some((first, _))) = (&mut self.traffic, tallies.first()) {
            traffic.since = Some(*first);
        }
        let before = |end: Timestamp| tallies.partition_point(|(at, _)| *at < end);
        let (split, fine) = (
            before(past.split),
            before(past.now.before(Series::fine_span()).hour()),
        );
        for hour in tallies[..split].chunk_by(|a, b| a.0.hour() == b.0.hour()) {
            let placed: Vec<_> = hour.iter().map(|(at, tally)| (0, *at, *tally)).collect();
            self.take_parts(hour[0].0.hour(), &placed);
        }
        let slot = |at: Timestamp| Series::slot_of(at);
        for slots in tallies[split..fine].chunk_by(|a, b| slot(a.0) == slot(b.0)) {
            let placed = slots.iter().map(|(at, tally)| (0, *at, *tally));
            let tally = self.filling.tracker().sum(placed);
            self.filling.add_slot(slot(slots[0].0), tally);
        }
        for (at, tally) in &tallies[fine..] {
            self.filling.add(0, *at, Some(*tally));
        }
    }
}
