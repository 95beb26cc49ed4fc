//! Summaries of runs, each computed once: a run that ended never changes, and reading one takes
//! milliseconds.

use crate::config::Config;
use crate::outcome::Timestamp;
use crate::report::load_run::{RunReport, RunSummary};
use crate::store::{OpenRuns, RunState, Store, StoreError, StoredRun};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

/// More summaries than this are never kept; the store has about 500 runs.
const KEPT_MAX: usize = 2000;

/// A run of the store, and what it shows; nothing if it cannot be read.
#[derive(Clone, Debug)]
pub struct Digest {
    pub run: StoredRun,
    pub state: RunState,
    pub summary: Option<Arc<RunSummary>>,
}

/// Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Digests {
    known: Arc<Mutex<Known>>,
    /// Runs that go on.
    pub open: OpenRuns,
}

#[derive(Debug, Default)]
struct Known {
    /// The thresholds are of this config.
    config: Option<Arc<Config>>,
    summaries: HashMap<i64, Option<Arc<RunSummary>>>,
}

/// What was read before.
enum Found {
    Nothing,
    /// `None` of a run that cannot be read.
    Summary(Option<Arc<RunSummary>>),
}

impl Digests {
    /// Reads what is not known yet. Blocks.
    pub fn of(
        &self,
        store: &Store,
        config: &Arc<Config>,
        runs: Vec<StoredRun>,
        now: Timestamp,
    ) -> Result<Vec<Digest>, StoreError> {
        let digest = |run: StoredRun| {
            let summary = match self.known(run.id, config) {
                Found::Summary(known) => known,
                Found::Nothing => self.read(store, config, run.id)?,
            };
            let state = run.state(now);
            Ok(Digest {
                run,
                state,
                summary,
            })
        };
        runs.into_iter().map(digest).collect()
    }

    fn known(&self, id: i64, config: &Arc<Config>) -> Found {
        let mut known = self.known.lock();
        let is_same = known
            .config
            .as_ref()
            .is_some_and(|one| Arc::ptr_eq(one, config));
        if !is_same || known.summaries.len() >= KEPT_MAX {
            known.summaries.clear();
            known.config = Some(config.clone());
        }
        let summary = known.summaries.get(&id).cloned();
        summary.map_or(Found::Nothing, Found::Summary)
    }

    fn read(
        &self,
        store: &Store,
        config: &Arc<Config>,
        id: i64,
    ) -> Result<Option<Arc<RunSummary>>, StoreError> {
        let Some((head, run)) = self.open.read(store, id)? else {
            return Ok(None);
        };
        let service = config.service(&run.service);
        let summary = RunSummary::of(&RunReport::new(run, service));
        let read = Some(Arc::new(summary));
        if head.is_open {
            return Ok(read);
        }
        let mut known = self.known.lock();
        known.summaries.insert(id, read.clone());
        Ok(read)
    }
}
