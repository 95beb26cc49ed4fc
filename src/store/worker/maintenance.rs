//! What the thread that writes does between two commits.

use super::Worker;
use crate::outcome::Timestamp;
use crate::store::{SILENCES_KEPT, StoreError};
use std::time::{Duration, Instant};

/// Compacting may take this long between two commits.
const COMPACTION_TIME: Duration = Duration::from_millis(200);

impl Worker {
    /// Compacts hours that are over, and deletes what is older than its retention.
    pub(super) fn maintenance(&mut self) -> Result<(), StoreError> {
        let (started, now) = (Instant::now(), self.clock.now());
        while started.elapsed() < COMPACTION_TIME && self.store.compact_step(now, &*self.plan)? {}
        let samples = self.compact_samples(started, now);
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
