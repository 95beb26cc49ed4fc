//! Runs that made load at the same time as another one.

use super::{RunState, StoredRun};
use crate::load::{OBSERVED, RunRecord};
use crate::outcome::Timestamp;
use crate::store::{Store, StoreError};

/// Maximum number of runs to consider, the newest first, and of those that are named.
const CONSIDERED_MAX: u32 = 100;
const NAMED_MAX: usize = 5;

impl Store {
    /// Names the runs other than `id` that made load during this run: `run 2 (stress of rag)`. A run that only observes
    /// a load makes none, and the load of others is what it observes.
    pub fn concurrent_runs(
        &self,
        id: Option<i64>,
        run: &RunRecord,
        now: Timestamp,
    ) -> Result<Vec<String>, StoreError> {
        if run.engine == OBSERVED {
            return Ok(Vec::new());
        }
        let end = |one: &StoredRun| match one.state(now) {
            RunState::Running => now,
            RunState::Ended | RunState::Interrupted => one.to,
        };
        let is_concurrent = |one: &StoredRun| {
            let overlaps = one.from <= run.to && end(one) >= run.from;
            overlaps && Some(one.id) != id && one.engine != OBSERVED
        };
        let all = self.runs(None, CONSIDERED_MAX)?.into_iter();
        let name = |one: StoredRun| format!("run {} ({} of {})", one.id, one.scenario, one.service);
        Ok(all
            .filter(is_concurrent)
            .take(NAMED_MAX)
            .map(name)
            .collect())
    }
}
