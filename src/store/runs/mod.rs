//! Load runs: what was planned, and what was measured.

mod pack;

use super::{Store, StoreError};
use crate::load::RunRecord;
use crate::outcome::Timestamp;
use rusqlite::{OptionalExtension, Row, params};

/// The newest runs that are kept, in addition to baselines.
const MAX_RUNS: i64 = 500;

/// A run of the store, without its windows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRun {
    pub id: i64,
    pub service: String,
    pub scenario: String,
    pub engine: String,
    pub from: Timestamp,
    pub to: Timestamp,
    /// Whether later runs of the service and the scenario are compared with it.
    pub is_baseline: bool,
}

impl Store {
    /// Keeps a run and returns its number.
    pub fn keep_run(&mut self, run: &RunRecord) -> Result<i64, StoreError> {
        self.still_there()?;
        let record = pack::pack(run).map_err(StoreError::io("compress a run"))?;
        self.try_keep_run(run, &record)
            .map_err(StoreError::sql("keep a run"))
    }

    fn try_keep_run(&mut self, run: &RunRecord, record: &[u8]) -> rusqlite::Result<i64> {
        let tx = self.conn.transaction()?;
        tx.execute(
            "INSERT INTO run (service, scenario, engine, from_at, to_at, is_baseline, record)
             VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6)",
            params![
                run.service,
                run.scenario.name,
                run.engine,
                run.from.0,
                run.to.0,
                record
            ],
        )?;
        let id = tx.last_insert_rowid();
        tx.execute(
            "DELETE FROM run WHERE is_baseline = 0 AND id <= ?1",
            [id - MAX_RUNS],
        )?;
        tx.commit()?;
        Ok(id)
    }

    /// The newest runs, of one service or of all, the newest first.
    pub fn runs(&self, service: Option<&str>, most: u32) -> Result<Vec<StoredRun>, StoreError> {
        self.runs_before(i64::MAX, service, most)
    }

    /// Likewise those with smaller numbers than `before`.
    pub fn runs_before(
        &self,
        before: i64,
        service: Option<&str>,
        most: u32,
    ) -> Result<Vec<StoredRun>, StoreError> {
        let read = || {
            // A store that is only read may be of an older version.
            if !self.conn.table_exists(None, "run")? {
                return Ok(Vec::new());
            }
            let sql = "SELECT id, service, scenario, engine, from_at, to_at, is_baseline FROM run
                       WHERE id < ?1 AND (?2 IS NULL OR service = ?2) ORDER BY id DESC LIMIT ?3";
            let mut statement = self.conn.prepare_cached(sql)?;
            let found = statement.query_map(params![before, service, most], head)?;
            found.collect()
        };
        read().map_err(StoreError::sql("read the runs"))
    }

    /// A run with its windows; `None` if there is none of this number, or it is unreadable.
    pub fn run(&self, id: i64) -> Result<Option<(StoredRun, RunRecord)>, StoreError> {
        let read = || {
            if !self.conn.table_exists(None, "run")? {
                return Ok(None);
            }
            let sql = "SELECT id, service, scenario, engine, from_at, to_at, is_baseline, record
                       FROM run WHERE id = ?1";
            let both = |row: &Row<'_>| Ok((head(row)?, row.get::<_, Vec<u8>>(7)?));
            self.conn.query_row(sql, [id], both).optional()
        };
        let found = read().map_err(StoreError::sql("read a run"))?;
        Ok(found.and_then(|(head, record)| {
            let run = pack::unpack(&head, &record).ok()?;
            Some((head, run))
        }))
    }

    /// The number of the baseline of a service and a scenario.
    pub fn baseline(&self, service: &str, scenario: &str) -> Result<Option<i64>, StoreError> {
        let read = || {
            if !self.conn.table_exists(None, "run")? {
                return Ok(None);
            }
            let sql = "SELECT id FROM run WHERE service = ?1 AND scenario = ?2 AND is_baseline = 1";
            let mut statement = self.conn.prepare_cached(sql)?;
            statement
                .query_row([service, scenario], |row| row.get(0))
                .optional()
        };
        read().map_err(StoreError::sql("read the baseline"))
    }

    /// Makes a run the baseline of its service and scenario, in place of an earlier one. Returns
    /// whether there is such a run.
    pub fn set_baseline(&mut self, id: i64) -> Result<bool, StoreError> {
        self.still_there()?;
        let sql = "UPDATE run SET is_baseline = (run.id = one.id)
                   FROM (SELECT id, service, scenario FROM run WHERE id = ?1) AS one
                   WHERE run.service = one.service AND run.scenario = one.scenario";
        let changed = self.conn.execute(sql, [id]);
        changed
            .map(|rows| rows > 0)
            .map_err(StoreError::sql("make a run the baseline"))
    }

    /// Returns whether there was such a run.
    pub fn delete_run(&mut self, id: i64) -> Result<bool, StoreError> {
        self.still_there()?;
        let deleted = self.conn.execute("DELETE FROM run WHERE id = ?1", [id]);
        deleted
            .map(|rows| rows > 0)
            .map_err(StoreError::sql("delete a run"))
    }

    /// Deletes those from before a moment, except baselines.
    pub fn expire_runs(&mut self, horizon: Timestamp) -> Result<(), StoreError> {
        let sql = "DELETE FROM run WHERE is_baseline = 0 AND to_at < ?1";
        let deleted = self.conn.execute(sql, [horizon.0]);
        deleted
            .map(drop)
            .map_err(StoreError::sql("delete old runs"))
    }
}

fn head(row: &Row<'_>) -> rusqlite::Result<StoredRun> {
    Ok(StoredRun {
        id: row.get(0)?,
        service: row.get(1)?,
        scenario: row.get(2)?,
        engine: row.get(3)?,
        from: Timestamp(row.get(4)?),
        to: Timestamp(row.get(5)?),
        is_baseline: row.get(6)?,
    })
}

#[cfg(test)]
mod tests;
