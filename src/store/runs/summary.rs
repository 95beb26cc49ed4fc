//! Summaries of completed runs for lists, stored separately so that a list reads nothing else.

use crate::store::{Store, StoreError};
use rusqlite::{OptionalExtension, params};

/// A run as shown in lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptSummary {
    /// Changes with everything that the verdict of the run depends on.
    pub basis: i64,
    pub text: String,
}

impl Store {
    /// Stores run summaries by run id; ids of active or deleted runs are ignored.
    pub fn keep_summaries(&mut self, all: &[(i64, KeptSummary)]) -> Result<(), StoreError> {
        self.check_file()?;
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
        keep().map_err(StoreError::sql("save run summaries"))
    }

    /// Returns the summary of a run; `None` if it was stored for another `basis`.
    pub fn run_summary(&self, run: i64, basis: i64) -> Result<Option<String>, StoreError> {
        self.read_table("run_summary", "read a run summary", |conn| {
            let sql = "SELECT summary FROM run_summary WHERE run = ?1 AND basis = ?2";
            let mut statement = conn.prepare_cached(sql)?;
            statement
                .query_row([run, basis], |row| row.get(0))
                .optional()
        })
    }
}
