//! Load runs: what was planned, and what was measured.
//!
//! ```text
//! begin_run -> continue_run (a part every few seconds) -> end_run      an active run
//! keep_run                                                             a completed run
//!
//! pack.rs: a run -> bytes    part.rs: a part of it -> bytes
//! open.rs: incremental reads of an active run
//! window.rs: one of its windows    observed.rs: its series    fields.rs: numbers and texts
//! summary.rs: run summaries for lists
//! ```

mod concurrent;
mod examples;
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

/// Maximum number of runs kept, the newest, in addition to baselines.
const MAX_RUNS: i64 = 500;
/// An active run is written every five seconds. If it was not written for four times that, its
/// process has died.
const SILENT_MAX: Duration = Duration::from_secs(20);

/// A stored run without its windows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRun {
    pub id: i64,
    pub service: String,
    pub scenario: String,
    pub engine: String,
    pub from: Timestamp,
    /// When it ended; while it is active, when it was last written.
    pub to: Timestamp,
    /// Whether later runs of the same service and scenario are compared with it.
    pub is_baseline: bool,
    /// Whether its end was not written: see [`StoredRun::state`].
    pub is_open: bool,
}

/// Whether a run is active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    Running,
    /// Completed, or stopped by a threshold or the user: see [`RunRecord::ending`].
    Ended,
    /// Its process died; the data written until then is kept.
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
    /// The state at `now`. A process that dies does not write an end: its run is interrupted 20 s
    /// after the last write.
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
    /// Begins a run without windows and returns its id.
    pub fn begin_run(&mut self, run: &RunRecord) -> Result<i64, StoreError> {
        self.insert_run(run, true)
    }

    /// Appends a part to an active run in one small transaction. Returns whether the run exists: it
    /// may have been deleted.
    pub fn continue_run(
        &mut self,
        id: i64,
        part: &RunPart,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.check_file()?;
        let packed = part::pack(part).map_err(StoreError::io("compress a run"))?;
        let mut write = || {
            let tx = self.conn.transaction()?;
            let sql = "UPDATE run SET to_at = ?2 WHERE id = ?1 AND is_open = 1";
            let is_there = tx.execute(sql, [id, now.0])? > 0;
            if is_there {
                tx.execute(
                    "INSERT INTO run_part (run, number, part)
                     SELECT ?1, coalesce(max(number) + 1, 0), ?2 FROM run_part WHERE run = ?1",
                    params![id, packed],
                )?;
            }
            tx.commit()?;
            Ok(is_there)
        };
        write().map_err(StoreError::sql("save a run"))
    }

    /// Ends a run: the complete record replaces its parts. Returns its id, which is a new one if
    /// the run was deleted meanwhile.
    pub fn end_run(&mut self, id: i64, run: &RunRecord) -> Result<i64, StoreError> {
        self.check_file()?;
        let record = pack::pack(run).map_err(StoreError::io("compress a run"))?;
        let mut write = || {
            let tx = self.conn.transaction()?;
            let sql =
                "UPDATE run SET is_open = 0, from_at = ?2, to_at = ?3, record = ?4 WHERE id = ?1";
            let is_there = tx.execute(sql, params![id, run.from.0, run.to.0, record])? > 0;
            tx.execute("DELETE FROM run_part WHERE run = ?1", [id])?;
            tx.commit()?;
            Ok(is_there)
        };
        let is_there = write().map_err(StoreError::sql("save a run"))?;
        if is_there { Ok(id) } else { self.keep_run(run) }
    }

    /// Stores a completed run and returns its id.
    pub fn keep_run(&mut self, run: &RunRecord) -> Result<i64, StoreError> {
        self.insert_run(run, false)
    }

    fn insert_run(&mut self, run: &RunRecord, is_open: bool) -> Result<i64, StoreError> {
        self.check_file()?;
        let record = pack::pack(run).map_err(StoreError::io("compress a run"))?;
        let mut write = || {
            // Part of the transaction of a change that is in the audit log.
            let tx = self.conn.savepoint()?;
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
        };
        write().map_err(StoreError::sql("save a run"))
    }

    /// Returns the newest runs of a service, or of all services, newest first. [`StoredRun::state`]
    /// shows which of them are active.
    pub fn runs(&self, service: Option<&str>, most: u32) -> Result<Vec<StoredRun>, StoreError> {
        self.runs_before(i64::MAX, service, most)
    }

    /// Like [`Store::runs`], for runs with ids below `before`.
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

    /// Returns a run with its windows and samples; of an active run, those written so far. Returns
    /// `None` if there is no run with this id, or it cannot be decoded. A run without an end is
    /// interrupted.
    pub fn run(&self, id: i64) -> Result<Option<(StoredRun, RunRecord)>, StoreError> {
        let read = || {
            // One transaction, for a consistent view of the run and its parts.
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
        };
        read().map_err(StoreError::sql("read a run"))
    }

    fn head_and_record(&self, id: i64) -> rusqlite::Result<Option<(StoredRun, Vec<u8>)>> {
        let Some(is_open) = open_column(&self.conn)? else {
            return Ok(None);
        };
        let sql = format!("SELECT {HEAD}, {is_open}, record FROM run WHERE id = ?1");
        let both = |row: &Row<'_>| Ok((head(row)?, row.get(8)?));
        self.conn.query_row(&sql, [id], both).optional()
    }

    /// Returns the id of the baseline of a service and scenario.
    pub fn baseline(&self, service: &str, scenario: &str) -> Result<Option<i64>, StoreError> {
        self.read_table("run", "read the baseline", |conn| {
            let sql = "SELECT id FROM run WHERE service = ?1 AND scenario = ?2 AND is_baseline = 1";
            let mut statement = conn.prepare_cached(sql)?;
            statement
                .query_row([service, scenario], |row| row.get(0))
                .optional()
        })
    }

    /// Makes a run the baseline of its service and scenario, replacing an earlier one. Returns
    /// whether the run exists.
    pub fn set_baseline(&mut self, id: i64) -> Result<bool, StoreError> {
        self.check_file()?;
        let sql = "UPDATE run SET is_baseline = (run.id = one.id)
                   FROM (SELECT id, service, scenario FROM run WHERE id = ?1) AS one
                   WHERE run.service = one.service AND run.scenario = one.scenario";
        let changed = self.conn.execute(sql, [id]);
        changed
            .map(|rows| rows > 0)
            .map_err(StoreError::sql("make a run the baseline"))
    }

    /// Deletes a run. Returns whether it existed.
    pub fn delete_run(&mut self, id: i64) -> Result<bool, StoreError> {
        self.check_file()?;
        let deleted = self.conn.execute("DELETE FROM run WHERE id = ?1", [id]);
        deleted
            .map(|rows| rows > 0)
            .map_err(StoreError::sql("delete a run"))
    }

    /// Deletes the oldest run that ended before `horizon` and is not a baseline; only one per call,
    /// for the reason given at [`Store::expire_alerts`].
    pub fn expire_runs(&mut self, horizon: Timestamp) -> Result<(), StoreError> {
        let sql = "DELETE FROM run WHERE id = (
                       SELECT id FROM run WHERE is_baseline = 0 AND to_at < ?1
                       ORDER BY to_at LIMIT 1)";
        self.expire(sql, horizon, "delete old runs")
    }
}

/// The SQL expression for [`StoredRun::is_open`]; `None` if there is no run table, since a store
/// opened read-only may have an older schema version.
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
