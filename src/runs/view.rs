//! Snapshot of runs for the metrics.

use super::{Digest, Digests};
use crate::config::Config;
use crate::load::{Figures, LoadWindow, Model, RunRecord, Transferred};
use crate::outcome::{Cause, Timestamp};
use crate::report::load_run::RunSummary;
use crate::store::{RunState, Store, StoreError, StoredRun};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Maximum number of runs to consider, the newest first.
const RUNS_MAX: u32 = 1000;
/// Maximum number of running runs, and of pairs of service and scenario, that are exported.
const RUNNING_MAX: usize = 20;
const FINISHED_MAX: usize = 200;
/// Length of the latest part of a run.
const RECENT: Duration = Duration::from_secs(10);

/// The latest snapshot.
#[derive(Clone, Debug, Default)]
pub struct RunsView {
    /// At most one per service, scenario and engine.
    pub running: Vec<Running>,
    /// The last run of each service and scenario.
    pub finished: Vec<Digest>,
}

/// A run in progress.
#[derive(Clone, Debug)]
pub struct Running {
    pub run: StoredRun,
    pub model: Model,
    /// Planned load of the last window; `None` if unknown.
    pub due: Option<f64>,
    pub active: Option<f64>,
    pub lag: Option<Duration>,
    pub generator_cpu: Option<f64>,
    /// Statistics of the last windows.
    pub recent: Figures,
    /// Since the start of the run.
    pub good: u64,
    /// Requests whose success is unknown.
    pub unjudged: u64,
    /// `None` if dropped starts are not counted.
    pub dropped: Option<DroppedStarts>,
    /// Retried requests; `None` if they are not counted.
    pub repeated: Option<u64>,
    pub transferred: Transferred,
    pub failed: Vec<(Cause, u64)>,
}

/// Due starts that were dropped, since the start of the run.
#[derive(Clone, Copy, Debug)]
pub struct DroppedStarts {
    /// Too many requests were in flight.
    pub open_requests: u64,
    /// The generator's machine lacked resources.
    pub generator: u64,
}

impl DroppedStarts {
    fn of(windows: &[LoadWindow]) -> Self {
        let sum = |of: fn(&LoadWindow) -> u64| windows.iter().map(of).sum();
        Self {
            open_requests: sum(|one| one.dropped.saturating_sub(one.lacking)),
            generator: sum(|one| one.lacking),
        }
    }
}

impl RunsView {
    /// Reads the snapshot. Blocks.
    pub fn read(
        store: &Store,
        digests: &Digests,
        config: &Arc<Config>,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let (mut running, mut seen) = (Vec::new(), BTreeSet::new());
        let (mut finished, mut known) = (Vec::new(), BTreeSet::new());
        let is_configured =
            |run: &StoredRun| config.services.iter().any(|one| *one.name == *run.service);
        let runs = store.runs(None, RUNS_MAX)?.into_iter();
        for run in runs.filter(is_configured) {
            let name = (run.service.clone(), run.scenario.clone());
            match run.state(now) {
                RunState::Running if running.len() < RUNNING_MAX => {
                    if seen.insert((name, run.engine.clone()))
                        && let Some((run, record)) = digests.open.read(store, run.id)?
                    {
                        running.extend(Running::of(run, &record));
                    }
                }
                RunState::Ended if finished.len() < FINISHED_MAX && known.insert(name) => {
                    finished.push(run);
                }
                _ => {}
            }
        }
        let ids: Vec<i64> = running.iter().map(|one| one.run.id).collect();
        digests.open.retain(&ids);
        let finished = digests.of(store, config, finished, now)?;
        Ok(Self { running, finished })
    }
}

impl Running {
    /// `None` before the first window.
    pub(super) fn of(run: StoredRun, record: &RunRecord) -> Option<Self> {
        let windows = &record.windows;
        let last = windows.last()?;
        let recent = |window: &&LoadWindow| window.start + RECENT > last.start;
        let mut failed: Vec<(Cause, u64)> = Vec::new();
        for (cause, count) in windows.iter().flat_map(|window| &window.failed) {
            match failed.iter_mut().find(|(known, _)| known == cause) {
                Some((_, known)) => *known += count,
                None => failed.push((*cause, *count)),
            }
        }
        Some(Self {
            run,
            model: record.scenario.model,
            due: record.is_planned().then_some(last.due),
            active: last.known_active(),
            lag: record.measures_lag().then_some(last.lag),
            generator_cpu: last.generator_cpu,
            recent: Figures::of(windows.iter().filter(recent)),
            good: windows.iter().map(|window| window.good).sum(),
            unjudged: windows.iter().map(|window| window.unjudged).sum(),
            dropped: record.counts_dropped().then(|| DroppedStarts::of(windows)),
            repeated: record
                .counts_repeated()
                .then(|| windows.iter().map(|window| window.repeated).sum()),
            transferred: windows.iter().fold(Transferred::default(), |all, window| {
                all.and(window.transferred)
            }),
            failed,
        })
    }
}

/// Summary of a completed run, with its run.
pub(super) fn summarized(
    view: &RunsView,
) -> impl Iterator<Item = (&StoredRun, &RunSummary)> + Clone {
    let finished = view.finished.iter();
    finished.filter_map(|digest| Some((&digest.run, digest.summary.as_deref()?)))
}
