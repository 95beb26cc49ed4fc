//! What was measured in a load run.

use crate::outcome::{Cause, Timestamp};
use crate::sample::{Sample, SeriesKey, SeriesKind};
use crate::stats::quantile::Histogram;
use std::time::Duration;

/// One span of a run, normally a second. Requests belong to the span in which they ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoadWindow {
    /// Since the start of the run.
    pub start: Duration,
    pub length: Duration,
    /// The number of the stage that it began in.
    pub stage: usize,
    /// Level that was due, on average: users, or starts per second.
    pub due: f64,
    /// Users that ran, or requests in flight, on average.
    pub active: f64,
    /// Requests that were started.
    pub started: u64,
    /// Starts that were due and not made, because the generator had no free user, or because its
    /// machine lacked something for them.
    pub dropped: u64,
    /// Those of them that its machine lacked a port, a descriptor, memory or the like for.
    pub lacking: u64,
    /// Requests that were sent once more, because the service ended their kept connection or did not
    /// process them.
    pub repeated: u64,
    /// Requests that succeeded.
    pub good: u64,
    /// Requests that ended, of which nothing says whether they failed: of a service that does not
    /// count its errors.
    pub unjudged: u64,
    /// Those that failed.
    pub failed: Vec<(Cause, u64)>,
    /// Of all requests, from their intended start, by the codes of a
    /// [`Scale`](crate::stats::scale::Scale) without cuts.
    pub latency: Histogram,
    /// Likewise of the failed requests among them, as far as it is known of each.
    pub failed_latency: Histogram,
    /// How late the generator was, at the 99th percentile of the starts that were made, or of the moments
    /// at which it looked at its clock: the larger one.
    pub lag: Duration,
    /// Share of its processors' time that the generator used, from 0 to 1.
    pub generator_cpu: Option<f64>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    Completed,
    /// A threshold with `abort` was crossed.
    Aborted {
        why: String,
    },
    /// By its user.
    Interrupted,
    /// What made its load failed before its end.
    Failed {
        why: String,
    },
}

/// The engine of slod itself: only it knows how late its requests were.
pub const SLOD: &str = "slod";

/// The engine that has users only: a rate is what they reach together.
pub const LOCUST: &str = "locust";

pub const K6: &str = "k6";

/// The engine of a run whose load somebody else made, and slod only watched.
pub const OBSERVED: &str = "observed";

/// The scenario of a run that is read from the results of another tool: they do not say what was
/// planned.
pub const IMPORTED: &str = "imported";

/// The series of an engine's workers on other machines, among those that were observed.
pub const WORKERS: &str = "slod_load_workers";

/// A run that ended.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRecord {
    pub service: String,
    pub scenario: super::Scenario,
    /// Who made the load: `slod`, `locust`, `k6`, or [`OBSERVED`].
    pub engine: String,
    pub from: Timestamp,
    pub to: Timestamp,
    pub ending: Ending,
    /// In their order, without gaps.
    pub windows: Vec<LoadWindow>,
    /// What was counted of each request of the plan, in its order; empty if that is not known.
    pub requests: Vec<RequestFigures>,
    /// The first failure of each cause, in words, as far as it is known.
    pub examples: Vec<(Cause, String)>,
    /// What the generator's machine lacked first for a start, in words.
    pub lack: Option<String>,
    /// Conditions that its user set for it, in addition to those of the config: as texts.
    pub thresholds: Vec<String>,
    /// What was sampled meanwhile of the service, its processes, and the host; empty if nothing was.
    pub observed: Vec<ObservedSeries>,
}

impl RunRecord {
    /// A run of which nothing is measured yet.
    pub fn begun(
        service: impl Into<String>,
        scenario: super::Scenario,
        engine: impl Into<String>,
        from: Timestamp,
    ) -> Self {
        Self {
            service: service.into(),
            scenario,
            engine: engine.into(),
            from,
            to: from,
            ending: Ending::Completed,
            windows: Vec::new(),
            requests: Vec::new(),
            examples: Vec::new(),
            lack: None,
            thresholds: Vec::new(),
            observed: Vec::new(),
        }
    }

    /// How many requests failed of each cause, the most frequent first.
    pub fn causes(&self) -> Vec<(Cause, u64)> {
        let mut causes: Vec<(Cause, u64)> = Vec::new();
        for (cause, count) in self.windows.iter().flat_map(|one| &one.failed) {
            match causes.iter_mut().find(|(known, _)| known == cause) {
                Some((_, known)) => *known += count,
                None => causes.push((*cause, *count)),
            }
        }
        causes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        causes
    }

    /// The first failure of a cause, in words.
    pub fn example(&self, cause: Cause) -> Option<&str> {
        let mut examples = self.examples.iter();
        let found = examples.find(|(known, _)| *known == cause);
        found.map(|(_, words)| words.as_str())
    }
}

/// One request of the plan over the whole run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestFigures {
    pub name: String,
    /// Requests that succeeded.
    pub good: u64,
    /// Those that failed.
    pub failed: Vec<(Cause, u64)>,
    /// Failures because the answer lacked a value for a later request, by the name of the value.
    pub missing: Vec<(String, u64)>,
    /// Of all of them, as in a [`LoadWindow`].
    pub latency: Histogram,
    /// Until the first token of streamed answers; empty where none was waited for.
    pub first_token: Histogram,
}

/// The samples of one series from `from` to `to` of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservedSeries {
    /// As on `/metrics`, such as `slod_process_memory_bytes{service="rag",process="app"}`.
    pub key: SeriesKey,
    pub kind: SeriesKind,
    /// Oldest first.
    pub samples: Vec<Sample>,
}

/// What is known of a run depends on who made its load.
impl RunRecord {
    /// Whether it is known which load was due.
    pub fn is_planned(&self) -> bool {
        self.engine != OBSERVED && !self.is_imported()
    }

    /// Whether it is a result of another tool, of which there are no samples of the service.
    pub fn is_imported(&self) -> bool {
        self.scenario.name == IMPORTED
    }

    /// Whether starts that were due and not made were counted.
    pub fn counts_dropped(&self) -> bool {
        matches!(self.engine.as_str(), SLOD | K6)
    }

    /// Whether it was counted which requests were sent once more.
    pub fn counts_repeated(&self) -> bool {
        self.engine == SLOD
    }

    /// Whether it was measured how late requests were.
    pub fn measures_lag(&self) -> bool {
        self.engine == SLOD
    }
}

impl RequestFigures {
    /// Whether the first token of any answer was timed.
    pub fn has_tokens(&self) -> bool {
        self.first_token.iter().next().is_some()
    }

    /// Requests that ended.
    pub fn completed(&self) -> u64 {
        self.good + self.errors()
    }

    pub fn errors(&self) -> u64 {
        self.failed.iter().map(|(_, count)| count).sum()
    }
}

impl LoadWindow {
    /// Requests that ended.
    pub fn completed(&self) -> u64 {
        self.good + self.unjudged + self.errors()
    }

    /// Users that ran, or requests in flight; `None` where nobody counted them, since responses are
    /// requests that were in flight before.
    pub fn known_active(&self) -> Option<f64> {
        (self.active > 0.0 || self.completed() == 0).then_some(self.active)
    }

    pub fn errors(&self) -> u64 {
        self.failed.iter().map(|(_, count)| count).sum()
    }
}
