//! Cache of run summaries. Each is read once from the store, or otherwise computed from the run, which
//! takes milliseconds.

use crate::config::Config;
use crate::outcome::Timestamp;
use crate::report::load_run::{RunReport, RunSummary};
use crate::store::{OpenRuns, RunState, Store, StoreError, StoredRun};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

/// Maximum number of cached summaries; the store has about 500 runs.
const KEPT_MAX: usize = 2000;

/// A stored run and its summary; `None` if it cannot be read.
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
    /// Runs in progress.
    pub open: OpenRuns,
}

#[derive(Debug, Default)]
struct Known {
    /// The config whose thresholds the summaries are judged by.
    config: Option<Arc<Config>>,
    summaries: HashMap<i64, Option<Arc<RunSummary>>>,
}

/// A cache entry.
enum Found {
    Nothing,
    /// `None` for a run that cannot be read.
    Summary(Option<Arc<RunSummary>>),
}

impl Known {
    fn is_by(&self, config: &Arc<Config>) -> bool {
        let known = self.config.as_ref();
        known.is_some_and(|one| Arc::ptr_eq(one, config))
    }
}

impl Digests {
    /// Returns the digests of runs, reading those that are not cached. Blocks.
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
                Found::Nothing => self.read(store, config, &run)?,
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
        if !known.is_by(config) || known.summaries.len() >= KEPT_MAX {
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
        run: &StoredRun,
    ) -> Result<Option<Arc<RunSummary>>, StoreError> {
        let service = config.service(&run.service);
        let kept = RunSummary::read(store, run.id, RunSummary::basis(service))?;
        let summary = match kept {
            Some(summary) => summary,
            None => match self.open.read(store, run.id)? {
                Some((_, record)) => RunSummary::of(&RunReport::new(record, service)),
                None => return Ok(None),
            },
        };
        let read = Some(Arc::new(summary));
        if run.is_open {
            return Ok(read);
        }
        let mut known = self.known.lock();
        // A concurrent request may have used a newer config meanwhile.
        if known.is_by(config) {
            known.summaries.insert(run.id, read.clone());
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{RunRecord, SLOD, builtin};

    fn config(target: &str) -> Arc<Config> {
        let text = format!(
            "services:
  - name: web
    probes: [ {{ name: p, http: {{ url: 'http://127.0.0.1:1/' }} }} ]
    objectives: [ {{ name: ok, sli: success, target: {target} }} ]
"
        );
        Arc::new(text.parse().expect("valid"))
    }

    fn run() -> RunRecord {
        let scenario = builtin("baseline", 1.0).expect("built in");
        RunRecord::begun("web", scenario, SLOD, Timestamp::from_secs(1_795_000_000))
    }

    #[test]
    fn a_summary_by_an_old_config_is_not_kept_for_the_new_one() {
        let (_folder, mut store) = Store::temporary();
        let id = store.keep_run(&run()).expect("kept");
        let run = store.runs(None, 1).expect("reads").remove(0);
        let digests = Digests::default();
        let (old, new) = (config("99%"), config("90%"));
        assert!(matches!(digests.known(id, &old), Found::Nothing));
        // While it is read, another request uses the new config.
        assert!(matches!(digests.known(id, &new), Found::Nothing));
        digests.read(&store, &old, &run).expect("reads");
        assert!(matches!(digests.known(id, &new), Found::Nothing));
        digests.read(&store, &new, &run).expect("reads");
        assert!(matches!(digests.known(id, &new), Found::Summary(Some(_))));
    }

    #[test]
    fn a_kept_summary_is_shown_while_the_run_is_judged_by_the_same() {
        let (_folder, mut store) = Store::temporary();
        let id = store.keep_run(&run()).expect("kept");
        let shown = |store: &Store, config: &Arc<Config>| {
            let runs = store.runs(None, 1).expect("reads");
            let found = Digests::default().of(store, config, runs, Timestamp(0));
            let digest = found.expect("reads").remove(0);
            digest.summary.expect("readable").finding.clone()
        };
        let (old, new) = (config("99%"), config("90%"));
        let judged = shown(&store, &old);
        let basis = RunSummary::basis(old.service("web"));
        let report = RunReport::new(run(), old.service("web"));
        let kept = RunSummary {
            finding: "as it was kept".to_owned(),
            ..RunSummary::of(&report)
        };
        let kept = (id, kept.to_stored(basis));
        store.keep_summaries(&[kept]).expect("kept");
        assert_eq!(shown(&store, &old), "as it was kept");
        assert_eq!(shown(&store, &config("99%")), "as it was kept");
        assert_eq!(shown(&store, &new), judged);
        store.delete_run(id).expect("deleted");
        assert_eq!(store.run_summary(id, basis).expect("reads"), None);
    }
}
