//! Load scenarios, the records of runs, and their verdicts.

mod builtin;
mod compare;
mod counted;
mod judge;
mod observed;
mod probed;
mod run;
mod samples;
mod scenario;
mod stats;
mod table;
mod usable;
mod verdict;

pub use builtin::{BUILTIN, builtin};
pub use compare::{compare, unfit_as_baseline};
pub use counted::{CountedWindows, Reading};
pub use judge::advice::{self, Advice};
pub use judge::concurrent::TOPIC as OTHER_RUNS;
pub use judge::indicators::{Indicators, indicators};
pub use judge::success::TOPIC as REQUESTS;
pub use probed::{Attempt, probed_windows};
pub use run::{
    Ending, IMPORTED, K6, LOCUST, LoadWindow, OBSERVED, ObservedSeries, RequestFigures, RetryAfter,
    RunRecord, SLOD, Transferred, WORKERS,
};
pub use samples::{HOST_SERIES_MAX, SAMPLES_MAX, SERVICE_SERIES_MAX, Samples};
pub use scenario::{Model, Scenario, Stage};
pub use stats::Figures;
pub use table::{StageRow, stage_rows};
pub use usable::Usable;
pub use verdict::{Answer, Limit, SOAK, Statement, statements};

#[cfg(test)]
mod tests;
