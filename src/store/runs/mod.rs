//! Load runs: what was planned, and what was measured.
//!
//! ```text
//! begin_run -> continue_run (a part every few seconds) -> end_run      a run that goes on
//! keep_run                                                             one that is over
//!
//! pack.rs: a run -> bytes    part.rs: what is new of it -> bytes
//! open.rs: a run that goes on, read again and again
//! window.rs: one of its windows    observed.rs: its series    fields.rs: numbers and texts
//! summary.rs: what lists show of a run
//! ```

mod fields;
mod observed;
mod open;
mod pack;
mod part;
mod requests;
mod summary;
mod window;

use super::{Store, StoreError};
use crate::load::{RunRecord, Samples};
use crate::outcome::Timestamp;
pub use open::OpenRuns;
pub use part::RunPart;
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::time::Duration;
pub use summary::KeptSummary;

/// The newest runs that are kept, in addition to baselines.
const MAX_RUNS: i64 = 500;
/// A run that goes on is written every five seconds. After four times that without a write, its
/// process has died.
const SILENT_MAX: Duration = Duration::from_secs(20);

/// A run of the store, without its windows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRun {
    pub id: i64,
    pub service: String,
    pub scenario: String,
    pub engine: String,
    pub from: Timestamp,
    /// Its end; until it ended, when it was written last.
    pub to: Timestamp,
    /// Whether later runs of the service and the scenario are compared with it.
    pub is_baseline: bool,
    /// Whether no end of it was written: see [`StoredRun::state`].
    pub is_open: bool,
}

/// Whether a run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    Running,
    /// By itself, by a threshold, or by its user: see [`RunRecord::ending`].
    Ended,
    /// Its process died: there is what it had written until then.
    Interrupted,
}

impl RunState {
    pub const fn label(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Ended => "ended",
            Self::Interrupted => "interrupted",
        }
    }
}

impl StoredRun {
    /// A process that died writes no end: its run is known by its age, 20 s after the last write.
    pub fn state(&self, now: Timestamp) -> RunState {
        let is_recent = now.before(SILENT_MAX) <= self.to;
        match (self.is_open, is_recent) {
            (false, _) => RunState::Ended,
            (true, true) => RunState::Running,
            (true, false) => RunState::Interrupted,
        }
    }
}

const HEAD: &str = "id, service, scenario, engine, from_at, to_at, is_baseline";

impl Store {
    /// Begins a run and returns its number. It has no windows yet.
    pub fn begin_run(&mut self, run: &RunRecord) -> Result<i64, StoreError> {
        self.insert_run(run, true)
    }

    /// Adds what is new of a run that goes on, in one small transaction. Returns whether it is
    /// there: somebody may have deleted it.
    pub fn continue_run(
        &mut self,
        id: i64,
        part: &RunPart,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.still_there()?;
        let packed = part::pack(part).map_err(StoreError::io("compress a run"))?;
        self.try_continue_run(id, &packed, now)
            .map_err(StoreError::sql("keep a run"))
    }

    fn try_continue_run(&mut self, id: i64, part: &[u8], now: Timestamp) -> rusqlite::Result<bool> {
        let tx = self.conn.transaction()?;
        let sql = "UPDATE run SET to_at = ?2 WHERE id = ?1 AND is_open = 1";
        let is_there = tx.execute(sql, [id, now.0])? > 0;
        if is_there {
            tx.execute(
                "INSERT INTO run_part (run, number, part)
                 SELECT ?1, coalesce(max(number) + 1, 0), ?2 FROM run_part WHERE run = ?1",
                params![id, part],
            )?;
        }
        tx.commit()?;
        Ok(is_there)
    }

    /// Ends a run that was begun: the whole of it replaces its parts. Returns its number, which is
    /// another one if somebody has deleted it.
    pub fn end_run(&mut self, id: i64, run: &RunRecord) -> Result<i64, StoreError> {
        self.still_there()?;
        let record = pack::pack(run).map_err(StoreError::io("compress a run"))?;
        let is_there = self
            .try_end_run(id, run, &record)
            .map_err(StoreError::sql("keep a run"))?;
        if is_there { Ok(id) } else { self.keep_run(run) }
    }

    fn try_end_run(&mut self, id: i64, run: &RunRecord, record: &[u8]) -> rusqlite::Result<bool> {
        let tx = self.conn.transaction()?;
        let sql = "UPDATE run SET is_open = 0, from_at = ?2, to_at = ?3, record = ?4 WHERE id = ?1";
        let is_there = tx.execute(sql, params![id, run.from.0, run.to.0, record])? > 0;
        tx.execute("DELETE FROM run_part WHERE run = ?1", [id])?;
        tx.commit()?;
        Ok(is_there)
    }

    /// Keeps a run that is over and returns its number.
    pub fn keep_run(&mut self, run: &RunRecord) -> Result<i64, StoreError> {
        self.insert_run(run, false)
    }

    fn insert_run(&mut self, run: &RunRecord, is_open: bool) -> Result<i64, StoreError> {
        self.still_there()?;
        let record = pack::pack(run).map_err(StoreError::io("compress a run"))?;
        self.try_insert_run(run, &record, is_open)
            .map_err(StoreError::sql("keep a run"))
    }

    fn try_insert_run(
        &mut self,
        run: &RunRecord,
        record: &[u8],
        is_open: bool,
    ) -> rusqlite::Result<i64> {
        let tx = self.conn.transaction()?;
        tx.execute(
            "INSERT INTO run (service, scenario, engine, from_at, to_at, is_baseline, record, is_open)
             VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, ?7)",
            params![
                run.service,
                run.scenario.name,
                run.engine,
                run.from.0,
                run.to.0,
                record,
                is_open
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

    /// The newest runs, of one service or of all, the newest first; [`StoredRun::state`] shows which
    /// of them go on.
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
            let Some(is_open) = open_column(&self.conn)? else {
                return Ok(Vec::new());
            };
            let sql = format!(
                "SELECT {HEAD}, {is_open} FROM run
                 WHERE id < ?1 AND (?2 IS NULL OR service = ?2) ORDER BY id DESC LIMIT ?3"
            );
            let mut statement = self.conn.prepare_cached(&sql)?;
            let found = statement.query_map(params![before, service, most], head)?;
            found.collect()
        };
        read().map_err(StoreError::sql("read the runs"))
    }

    /// A run with its windows and samples, also one that goes on: what there is so far. `None` if
    /// there is none of this number, or it is unreadable. A run without an end is interrupted.
    pub fn run(&self, id: i64) -> Result<Option<(StoredRun, RunRecord)>, StoreError> {
        self.try_run(id).map_err(StoreError::sql("read a run"))
    }

    fn try_run(&self, id: i64) -> rusqlite::Result<Option<(StoredRun, RunRecord)>> {
        // The run and its parts as they were at one time.
        let _tx = self.conn.unchecked_transaction()?;
        let Some((head, record)) = self.head_and_record(id)? else {
            return Ok(None);
        };
        let Ok(mut run) = pack::unpack(&head, &record) else {
            return Ok(None);
        };
        if head.is_open {
            let sql = "SELECT part FROM run_part WHERE run = ?1 ORDER BY number";
            let mut statement = self.conn.prepare_cached(sql)?;
            let mut samples = Samples::default();
            for packed in statement.query_map([id], |row| row.get::<_, Vec<u8>>(0))? {
                part::add(&packed?, &mut run, &mut samples);
            }
            run.observed = samples.finish();
        }
        Ok(Some((head, run)))
    }

    fn head_and_record(&self, id: i64) -> rusqlite::Result<Option<(StoredRun, Vec<u8>)>> {
        let Some(is_open) = open_column(&self.conn)? else {
            return Ok(None);
        };
        let sql = format!("SELECT {HEAD}, {is_open}, record FROM run WHERE id = ?1");
        let both = |row: &Row<'_>| Ok((head(row)?, row.get(8)?));
        self.conn.query_row(&sql, [id], both).optional()
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

/// What to select for [`StoredRun::is_open`]; `None` without runs: a store that is only read may be
/// of an older version.
fn open_column(conn: &Connection) -> rusqlite::Result<Option<&'static str>> {
    if !conn.table_exists(None, "run")? {
        return Ok(None);
    }
    let is_current = conn.column_exists(None, "run", "is_open")?;
    Ok(Some(if is_current { "is_open" } else { "0" }))
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
        is_open: row.get(7)?,
    })
}

#[cfg(test)]
mod tests;
