//! What lists show of runs that ended: kept apart from the runs, so that a list reads nothing else.

use crate::store::{Store, StoreError};
use rusqlite::{OptionalExtension, params};

/// A run as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptSummary {
    /// Changes with everything that the run is judged by.
    pub basis: i64,
    pub text: String,
}

impl Store {
    /// Keeps what lists show of runs, by their numbers; of those that go on or are gone, nothing.
    pub fn keep_summaries(&mut self, all: &[(i64, KeptSummary)]) -> Result<(), StoreError> {
        self.still_there()?;
        let mut keep = || {
            let tx = self.conn.transaction()?;
            for (run, summary) in all {
                tx.execute(
                    "INSERT OR REPLACE INTO run_summary (run, basis, summary)
                     SELECT id, ?2, ?3 FROM run WHERE id = ?1 AND is_open = 0",
                    params![run, summary.basis, summary.text],
                )?;
            }
            tx.commit()
        };
        keep().map_err(StoreError::sql("keep what runs show"))
    }

    /// What was kept of a run; `None` if that was by something else than `basis`.
    pub fn run_summary(&self, run: i64, basis: i64) -> Result<Option<String>, StoreError> {
        let read = || {
            // A store that is only read may be of an older version.
            if !self.conn.table_exists(None, "run_summary")? {
                return Ok(None);
            }
            let sql = "SELECT summary FROM run_summary WHERE run = ?1 AND basis = ?2";
            let mut statement = self.conn.prepare_cached(sql)?;
            statement
                .query_row([run, basis], |row| row.get(0))
                .optional()
        };
        read().map_err(StoreError::sql("read what a run shows"))
    }
}
