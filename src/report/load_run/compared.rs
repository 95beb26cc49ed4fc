//! Comparison of a run with the baseline of its service and scenario.

use crate::load::{RunRecord, Statement, compare};
use crate::store::{Store, StoreError};

/// Result of the comparison.
#[derive(Clone, Debug)]
pub struct Compared {
    /// Run number of the baseline.
    pub baseline: i64,
    pub statements: Vec<Statement>,
}

impl Compared {
    /// Compares a run with its baseline; `None` without a baseline, or if the run is the baseline. `id` is
    /// the run number, if the run is stored.
    pub fn read(
        store: &Store,
        id: Option<i64>,
        run: &RunRecord,
    ) -> Result<Option<Self>, StoreError> {
        let known = store.baseline(&run.service, &run.scenario.name)?;
        let Some(known) = known.filter(|known| Some(*known) != id) else {
            return Ok(None);
        };
        let found = store.run(known)?;
        Ok(found.map(|(_, baseline)| Self {
            baseline: known,
            statements: compare(&baseline, run),
        }))
    }
}
