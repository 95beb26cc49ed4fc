//! Maintenance that the writer thread performs between commits.

use super::Worker;
use crate::outcome::Timestamp;
use crate::store::expiry::{Expiry, SETTLE};
use crate::store::{SILENCES_KEPT, Store, StoreError};
use crate::units::show_duration;
use std::time::{Duration, Instant};

/// Maximum time spent on compaction between two commits.
const COMPACTION_TIME: Duration = Duration::from_millis(200);

/// The schedule of deletions since the start of the program.
pub(super) fn expiry(store: &Store, now: Timestamp) -> Expiry {
    let newest = store
        .newest_before(now.before(SETTLE))
        .unwrap_or_else(|error| {
            tracing::warn!("{error}");
            None
        });
    let expiry = Expiry::new(Instant::now(), now, newest);
    if let Some(ahead) = expiry.doubted_by(now) {
        let hours = Duration::from_hours(ahead.as_secs() / 3600);
        tracing::warn!(
            "the clock is {} ahead of the newest record in the store: nothing is deleted for {}, or until the clock is set back",
            show_duration(hours),
            show_duration(SETTLE)
        );
    }
    expiry
}

impl Worker {
    /// Compacts finished hours, and deletes records older than their retention.
    pub(super) fn maintenance(&mut self) -> Result<(), StoreError> {
        let (started, now) = (Instant::now(), self.clock.now());
        while started.elapsed() < COMPACTION_TIME && self.store.compact_step(now, &*self.plan)? {}
        let samples = self.compact_samples(started, self.expiry.trusted(now));
        if self.expiry.is_due(started, now) {
            self.expire(now)?;
        }
        samples
    }

    fn compact_samples(&mut self, started: Instant, now: Timestamp) -> Result<(), StoreError> {
        while started.elapsed() < COMPACTION_TIME && self.store.compact_samples_step(now)? {}
        Ok(())
    }

    fn expire(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let horizon = now.before(self.retention);
        self.store.expire_step(horizon)?;
        self.store.expire_alerts(horizon)?;
        self.store.expire_gaps(horizon)?;
        self.store.expire_silences(now.before(SILENCES_KEPT))?;
        self.store.expire_corrections(horizon)?;
        self.store.expire_audit(horizon)?;
        self.store.expire_notifications(horizon)?;
        self.store.expire_runs(horizon)?;
        self.store.expire_markers(horizon)?;
        let retention = self.shared.state().sample_retention;
        if let Some(retention) = retention {
            self.store.expire_samples_step(now, retention)?;
        }
        Ok(())
    }
}
