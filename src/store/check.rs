//! Checks whether a store is valid: reads all of it and tries a commit, without changing anything.

use super::block::{Block, decode};
use super::compact::of_block_id;
use super::counts::ValueCounts;
use super::header::{Header, verdict_code, verdict_of};
use super::summary::HourSummary;
use super::{Store, StoreError, schema, series};
use crate::outcome::{Measurement, Timestamp};
use crate::units::HOUR_MS;
use rusqlite::{Connection, OpenFlags, Row, TransactionBehavior};
use std::path::Path;

/// Maximum number of faults that are listed; further ones are only counted.
const FAULTS_MAX: usize = 1000;

/// The result of a check.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    pub version: usize,
    pub probes: usize,
    pub hours: u64,
    pub outcomes: u64,
    /// Finished hours for which a recovery kept the exact counts but no individual outcomes.
    pub counts_only: u64,
    pub corrections: u64,
    /// Stored time series of gauges and counters.
    pub series: usize,
    pub samples: u64,
    /// One sentence per fault, with probe and hour where known.
    pub faults: Vec<String>,
    /// Faults that are counted but not listed.
    pub unlisted: u64,
}

impl Checked {
    pub fn sound(&self) -> bool {
        self.faults.is_empty()
    }

    fn fault(&mut self, text: String) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(text);
        } else {
            self.unlisted += 1;
        }
    }
}

/// Checks the store at `path`. Returns an error if there is nothing to check.
pub fn check(path: &Path) -> Result<Checked, StoreError> {
    let mut checked = Checked::default();
    let store = match Store::open_to_check(path) {
        Ok(store) => store,
        Err(StoreError::Damaged { source, .. }) => {
            checked.fault(format!("it cannot be opened: {source}"));
            return Ok(checked);
        }
        Err(error) => return Err(error),
    };
    checked.version = schema::check(&store.conn)?;
    checked.probes = store.names.keys().count();
    // A single snapshot, so that an hour compacted meanwhile is not reported as a fault.
    let tx = store.conn.unchecked_transaction();
    let tx = tx.map_err(StoreError::sql("read the store"))?;
    checked.part("pages", |checked| {
        let faults = lines(&store.conn, "PRAGMA integrity_check(100)")?;
        for text in faults {
            checked.fault(text);
        }
        Ok(())
    });
    checked.part("tables", |checked| {
        for difference in schema::differences(&store.conn, checked.version)? {
            checked.fault(difference);
        }
        Ok(())
    });
    checked.part("hours", |checked| hours(&store, checked));
    checked.part("blocks", |checked| orphans(&store, checked));
    checked.part("outcomes", |checked| outcomes(&store, checked));
    checked.part("corrections", |checked| corrections(&store, checked));
    checked.part("samples", |checked| {
        let found = series::check(&store.conn, &mut |text| checked.fault(text))?;
        (checked.series, checked.samples) = (found.series, found.samples);
        Ok(())
    });
    drop(tx);
    match try_write(path) {
        Err(error) if !is_unrelated(&error) => {
            checked.fault(format!("a commit fails: {error}"));
        }
        _ => {}
    }
    Ok(checked)
}

/// Whether a commit could not be tried for reasons other than the store itself.
fn is_unrelated(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{
        CannotOpen, DatabaseBusy, DatabaseLocked, PermissionDenied, ReadOnly,
    };
    let elsewhere = [
        CannotOpen,
        DatabaseBusy,
        DatabaseLocked,
        PermissionDenied,
        ReadOnly,
    ];
    error
        .sqlite_error_code()
        .is_some_and(|code| elsewhere.contains(&code))
}

/// Inserts an outcome as the daemon does, and rolls back.
fn try_write(path: &Path) -> rusqlite::Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(super::BUSY)?;
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute_batch(
        "INSERT INTO probe (service, name, first_at) VALUES ('', '', 0);
         INSERT INTO outcome (hour, lane, at, probe, interval_ms, verdict, latency_ns)
             VALUES (0, 0, 0, last_insert_rowid(), 1, 0, 0);",
    )?;
    tx.rollback()
}

/// Returns what SQLite's quick check reports, which does not compare indexes; empty if the file is
/// valid.
pub fn quick_check(conn: &Connection) -> rusqlite::Result<Vec<String>> {
    lines(conn, "PRAGMA quick_check(100)")
}

fn lines(conn: &Connection, sql: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = conn.prepare(sql)?;
    let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
    let lines: Vec<String> = rows.collect::<Result<_, _>>()?;
    Ok(lines.into_iter().filter(|line| line != "ok").collect())
}

impl Checked {
    /// Checks one part of the store. An error while reading it is a fault, and the next part is
    /// still checked.
    fn part(&mut self, name: &str, look: impl FnOnce(&mut Self) -> rusqlite::Result<()>) {
        if let Err(error) = look(self) {
            self.fault(format!("{name} cannot be read to the end: {error}"));
        }
    }
}

fn hours(store: &Store, checked: &mut Checked) -> rusqlite::Result<()> {
    let sql = "SELECT id, counts, outcomes FROM hour LEFT JOIN block USING (id) ORDER BY id";
    let mut statement = store.conn.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        checked.hours += 1;
        let id: i64 = row.get(0)?;
        match hour(store, id, row)? {
            Ok(Some(outcomes)) => checked.outcomes += outcomes,
            Ok(None) => checked.counts_only += 1,
            Err(fault) => checked.fault(format!("{}: {fault}", place(store, id))),
        }
    }
    Ok(())
}

/// Checks an hour and returns the number of its outcomes, if it has any.
fn hour(
    store: &Store,
    id: i64,
    row: &Row<'_>,
) -> rusqlite::Result<Result<Option<u64>, &'static str>> {
    let (hour, probe) = of_block_id(id);
    let (counts, outcomes): (Vec<u8>, Option<Vec<u8>>) = (row.get(1)?, row.get(2)?);
    let Ok(header) = Header::read(&counts) else {
        return Ok(Err("its counts are invalid"));
    };
    let Some(basis) = store.basis(header.basis)? else {
        return Ok(Err("its counting rules are missing"));
    };
    if HourSummary::new(hour, header.clone(), basis.clone()).is_err() {
        return Ok(Err("its counts do not match its counting rules"));
    }
    let Some(key) = store.names.key(probe) else {
        return Ok(Err("its probe is unknown"));
    };
    let Some(outcomes) = outcomes else {
        return Ok(Ok(None));
    };
    let block = Block { counts, outcomes };
    let Ok(records) = decode(key, hour, &block, &basis.scales, Measurement::ALL) else {
        return Ok(Err("its outcomes cannot be decoded"));
    };
    let codes = records.iter().map(|r| verdict_code(r.outcome.verdict));
    if ValueCounts::of(codes) != header.verdicts {
        return Ok(Err("its counts do not match its outcomes"));
    }
    Ok(Ok(Some(records.len() as u64)))
}

fn orphans(store: &Store, checked: &mut Checked) -> rusqlite::Result<()> {
    let sql = "SELECT id FROM block WHERE id NOT IN (SELECT id FROM hour) ORDER BY id";
    let mut statement = store.conn.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let place = place(store, row.get(0)?);
        checked.fault(format!("{place}: its counts are missing"));
    }
    Ok(())
}

fn outcomes(store: &Store, checked: &mut Checked) -> rusqlite::Result<()> {
    let sql = "SELECT hour, at, probe, verdict FROM outcome";
    let mut statement = store.conn.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (hour, at, probe): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let verdict = verdict_of(row.get::<_, i64>(3)?.cast_unsigned());
        let known = store.names.key(probe).is_some();
        if verdict.is_err() || !known || hour != at.div_euclid(HOUR_MS) {
            let place = place(store, super::compact::block_id(hour, probe));
            checked.fault(format!("{place}: an outcome is invalid"));
        } else {
            checked.outcomes += 1;
        }
    }
    Ok(())
}

fn corrections(store: &Store, checked: &mut Checked) -> rusqlite::Result<()> {
    if !store.conn.table_exists(None, "correction")? {
        return Ok(());
    }
    let mut statement = store.conn.prepare("SELECT * FROM correction")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (from, to): (i64, i64) = (row.get(1)?, row.get(2)?);
        checked.corrections += 1;
        if from >= to {
            let id: i64 = row.get(0)?;
            checked.fault(format!("correction {id} ends before it starts"));
        }
    }
    Ok(())
}

/// A block's probe and hour, for messages.
fn place(store: &Store, id: i64) -> String {
    let (hour, probe) = of_block_id(id);
    let start = Timestamp(hour.saturating_mul(HOUR_MS)).to_utc();
    let start = start.format("%Y-%m-%dT%H:%MZ");
    match store.names.key(probe) {
        Some(key) => format!("{key}, hour {start}"),
        None => format!("probe number {probe}, hour {start}"),
    }
}
