//! A run against the baseline of its service and its scenario.

use crate::load::{RunRecord, Statement, compare};
use crate::store::{Store, StoreError};

/// What the comparison found.
#[derive(Clone, Debug)]
pub struct Compared {
    /// Number of the baseline.
    pub baseline: i64,
    pub statements: Vec<Statement>,
}

impl Compared {
    /// Nothing without a baseline, and for the baseline itself. `id` is the number of the run, once it
    /// is known.
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
