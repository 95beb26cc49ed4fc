//! A new store from what can be read of a damaged one. Deletes nothing.

mod first_page;
mod outcomes;
mod workspace;

use super::backup::sync_folder;
use super::lock::WriterLock;
use super::{BUSY, Store, StoreError, schema, series, with_suffix};
use crate::format::numbers::plural;
use crate::outcome::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, params_from_iter};
use std::fs;
use std::path::{Path, PathBuf};
use workspace::Workspace;

/// What was kept and what was not.
#[derive(Clone, Debug, Default)]
pub struct Recovered {
    /// Where the damaged store is now.
    pub damaged: PathBuf,
    pub probes: u64,
    /// Outcomes that are in no block yet.
    pub outcomes: u64,
    /// A probe's hours, with every outcome.
    pub hours: u64,
    pub corrections: u64,
    /// Alerts that fired.
    pub alerts: u64,
    /// Whether the table of probes could not be read, so that nobody knows whose an outcome was.
    pub nameless: bool,
    /// A probe's hours of which the exact counts are left, and no single outcome.
    pub hours_counts_only: u64,
    /// A probe's hours that cannot be read or make no sense.
    pub hours_lost: u64,
    /// Outcomes that can be read but make no sense.
    pub outcomes_lost: u64,
    /// Gauges and counters with a history.
    pub series: u64,
    /// Hours and days of a series.
    pub sample_blocks: u64,
    pub sample_blocks_lost: u64,
    /// Tables of the store's version that are missing.
    pub missing: Vec<String>,
    /// Corrections that end before they start.
    pub corrections_lost: u64,
    /// Damaged places whose number of outcomes is unknown.
    pub gaps: u64,
}

impl Recovered {
    /// What is gone, in one sentence.
    pub fn lost(&self) -> String {
        let missing = self.missing.iter();
        let missing = missing.map(|table| format!("everything in {table}, which is missing"));
        let lost: Vec<String> = if self.nameless {
            let all =
                "all outcomes: the table of probes cannot be read, so their probes are unknown";
            [all.to_owned()].into_iter().chain(missing).collect()
        } else {
            self.lost_parts().chain(missing).collect()
        };
        if lost.is_empty() {
            return "Nothing was lost.".to_owned();
        }
        format!("Lost: {}.", lost.join("; "))
    }

    fn lost_parts(&self) -> impl Iterator<Item = String> {
        let parts = [
            (self.hours_lost, "probe-hour", ""),
            (
                self.hours_counts_only,
                "probe-hour",
                ", of which the exact counts are kept and no single outcome",
            ),
            (self.outcomes_lost, "invalid recent outcome", ""),
            (self.corrections_lost, "invalid correction", ""),
            (
                self.sample_blocks_lost,
                "block",
                " of samples, an hour or a day of a series each",
            ),
            (
                self.gaps,
                "unreadable place",
                " with an unknown number of records",
            ),
        ];
        let lost = parts.into_iter().filter(|(count, ..)| *count > 0);
        lost.map(|(count, what, about)| plural(count, what) + about)
    }
}

/// How far a recovery is: hours of `what`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    pub what: &'static str,
    pub done: u64,
    pub of: u64,
}

/// Makes a new store of what is readable at `path`, sets the damaged one aside and puts the new
/// one in its place. Needs the writer's lock: a running daemon is refused.
pub fn recover(
    path: &Path,
    now: Timestamp,
    progress: &mut dyn FnMut(Progress),
) -> Result<Recovered, StoreError> {
    if !path.exists() {
        return Err(StoreError::Missing);
    }
    let _lock = WriterLock::take(path)?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let workspace = Workspace::create(path)?;
    let (file, to) = workspace.new_store()?;
    let mut recovered = Recovered::default();
    let old = open_damaged(path, &workspace, &mut recovered)?;
    rebuild(&old, &to, now, &mut recovered, progress)?;
    drop(old);
    let synced = file.sync_all();
    synced.map_err(StoreError::io("sync the new store"))?;
    recovered.damaged = set_aside(path, now)?;
    let placed = fs::rename(&to, path);
    placed.map_err(StoreError::io("put the new store in its place"))?;
    sync_folder(folder)?;
    Ok(recovered)
}

fn rebuild(
    old: &Connection,
    to: &Path,
    now: Timestamp,
    recovered: &mut Recovered,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), StoreError> {
    let mut new = Connection::open(to).map_err(StoreError::sql("create the new store"))?;
    schema::prepare(&mut new)?;
    let new = copy(old, new, to, now, recovered, progress)?.conn;
    // One file again, without a log beside it that would keep the temporary name.
    let mode = new.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()));
    mode.map_err(StoreError::sql("finish the new store"))
}

/// The damaged store, or a copy of it with a repaired first page.
fn open_damaged(
    path: &Path,
    workspace: &Workspace,
    recovered: &mut Recovered,
) -> Result<Connection, StoreError> {
    let error = match readable(path, recovered) {
        Err(error @ StoreError::Unreadable { .. }) => error,
        found => return found,
    };
    let copy = workspace.copy_of(path)?;
    let opened = fs::File::options().read(true).write(true).open(&copy);
    let repaired = opened.and_then(|mut file| first_page::repair(&mut file));
    if repaired.is_err() {
        return Err(error);
    }
    let mut with_copy = Recovered::default();
    match readable(&copy, &mut with_copy) {
        // Without any of its tables it is somebody else's file.
        Ok(old) if old.table_exists(None, "probe").unwrap_or(false) => {
            *recovered = with_copy;
            Ok(old)
        }
        _ => Err(error),
    }
}

/// One in which `SQLite` sees no tables at all is refused. A file that is shorter than its header
/// says is read as far as it goes. One that is somebody else's, or newer, is refused: that is no
/// damage.
fn readable(path: &Path, recovered: &mut Recovered) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(path, flags);
    let old = opened.map_err(StoreError::sql("open the store"))?;
    let set = old.busy_timeout(BUSY);
    set.map_err(StoreError::sql("open the store"))?;
    let mut checked = schema::check(&old);
    let mut gaps = 0;
    if matches!(checked, Err(StoreError::Damaged { .. })) {
        // SQLite then passes over what is wrong about the file as a whole.
        let lenient = old.pragma_update(None, "writable_schema", true);
        lenient.map_err(StoreError::sql("open the store"))?;
        gaps = 1;
        checked = schema::check(&old);
    }
    match checked {
        Ok(0) => Err(StoreError::Unreadable {
            reason: "it is empty".to_owned(),
        }),
        Ok(_) => {
            recovered.gaps += gaps;
            recovered.missing = missing_tables(&old);
            Ok(old)
        }
        Err(StoreError::Damaged { source, .. }) => Err(StoreError::Unreadable {
            reason: source.to_string(),
        }),
        Err(error) => Err(error),
    }
}

fn missing_tables(old: &Connection) -> Vec<String> {
    // Where the definitions cannot be read, the tables cannot either.
    let version = schema::likely_version(old);
    let differences = version.and_then(|version| schema::differences(old, version));
    let missing = differences.unwrap_or_default().into_iter();
    let missing = missing.filter_map(|text| Some(text.strip_suffix(" is missing")?.to_owned()));
    missing.filter(|name| name.starts_with("table ")).collect()
}

fn copy(
    old: &Connection,
    new: Connection,
    path: &Path,
    now: Timestamp,
    recovered: &mut Recovered,
    progress: &mut dyn FnMut(Progress),
) -> Result<Store, StoreError> {
    let sql = StoreError::sql("write the new store");
    copy_tables(old, &new, recovered).map_err(sql)?;
    let store = Store::new(new, path, None)?;
    outcomes::copy(old, &store, now, recovered, progress)
        .map_err(StoreError::sql("write the new store"))?;
    let samples = series::recover(old, &store.conn, now, progress);
    let samples = samples.map_err(StoreError::sql("write the new store"))?;
    recovered.series = samples.series;
    recovered.sample_blocks = samples.blocks;
    recovered.sample_blocks_lost = samples.blocks_lost;
    recovered.gaps += samples.gaps;
    Ok(store)
}

fn copy_tables(
    old: &Connection,
    new: &Connection,
    recovered: &mut Recovered,
) -> rusqlite::Result<()> {
    let tx = new.unchecked_transaction()?;
    let gaps = &mut recovered.gaps;
    recovered.probes = table(old, &tx, "probe", "id", gaps)?;
    recovered.nameless = recovered.probes == 0 && *gaps > 0;
    table(old, &tx, "basis", "id", gaps)?;
    let corrections = table(old, &tx, "correction", "id", gaps)?;
    let invalid = tx.execute("DELETE FROM correction WHERE from_at >= to_at", [])? as u64;
    recovered.corrections = corrections - invalid;
    recovered.corrections_lost = invalid;
    table(old, &tx, "beat", "service", gaps)?;
    table(old, &tx, "held", "at", gaps)?;
    table(old, &tx, "absence", "probe", gaps)?;
    table(old, &tx, "audit", "id", gaps)?;
    table(old, &tx, "run", "id", gaps)?;
    table(old, &tx, "run_part", "run", gaps)?;
    table(old, &tx, "marker", "id", gaps)?;
    recovered.alerts = alerts(old, &tx, gaps)?;
    table(old, &tx, "acknowledgement", "from_at", gaps)?;
    table(old, &tx, "silence", "id", gaps)?;
    table(old, &tx, "outbox", "id", gaps)?;
    table(old, &tx, "delivered", "receiver", gaps)?;
    table(old, &tx, "posted", "receiver", gaps)?;
    table(old, &tx, "removed_delivered", "receiver", gaps)?;
    table(old, &tx, "notification", "id", gaps)?;
    tx.commit()
}

/// Copies alerts, also from the table of older versions.
fn alerts(old: &Connection, new: &Connection, gaps: &mut u64) -> rusqlite::Result<u64> {
    let mut kept = table(old, new, "alert_record", "from_at", gaps)?;
    if old.table_exists(None, "alert").unwrap_or(false) {
        new.execute_batch(schema::OLD_ALERTS)?;
        kept += table(old, new, "alert", "from_at", gaps)?;
        new.execute_batch(schema::CONVERT_ALERTS)?;
    }
    Ok(kept)
}

/// Copies a table forwards up to what cannot be read, and then backwards down to it.
pub(super) fn table(
    old: &Connection,
    new: &Connection,
    name: &str,
    key: &str,
    gaps: &mut u64,
) -> rusqlite::Result<u64> {
    // An older version does not have all.
    if old.table_exists(None, name).is_ok_and(|there| !there) {
        return Ok(0);
    }
    let mut kept = 0;
    for order in ["ASC", "DESC"] {
        let sql = format!("SELECT * FROM {name} ORDER BY {key} {order}");
        let (rows, whole) = rows(old, &sql, &[]);
        kept += insert(new, name, &columns(old, name), rows)?;
        if whole {
            break;
        }
        *gaps += u64::from(order == "ASC");
    }
    Ok(kept)
}

/// What the old table's columns are called: an older version has fewer.
fn columns(old: &Connection, table: &str) -> Vec<String> {
    let statement = old.prepare_cached(&format!("SELECT * FROM {table} LIMIT 0"));
    let names = statement.map(|statement| {
        let names = statement.column_names();
        names
            .map(|name| schema::column_today(name).to_owned())
            .collect()
    });
    names.unwrap_or_default()
}

/// The rows that can be read before the first that cannot, and whether these are all.
pub(super) fn rows(old: &Connection, sql: &str, args: &[i64]) -> (Vec<Vec<Value>>, bool) {
    let mut found = Vec::new();
    let Ok(mut statement) = old.prepare_cached(sql) else {
        return (found, false);
    };
    let width = statement.column_count();
    let Ok(mut rows) = statement.query(params_from_iter(args)) else {
        return (found, false);
    };
    loop {
        match rows.next() {
            Ok(Some(row)) => {
                let values: rusqlite::Result<_> = (0..width).map(|at| row.get(at)).collect();
                match values {
                    Ok(values) => found.push(values),
                    Err(_) => return (found, false),
                }
            }
            Ok(None) => return (found, true),
            Err(_) => return (found, false),
        }
    }
}

/// Inserts rows; one that is there already, or breaks the table's rules, is left out.
fn insert(
    new: &Connection,
    table: &str,
    columns: &[String],
    rows: Vec<Vec<Value>>,
) -> rusqlite::Result<u64> {
    let places = vec!["?"; columns.len()].join(", ");
    let columns = columns.join(", ");
    let sql = format!("INSERT OR IGNORE INTO {table} ({columns}) VALUES ({places})");
    let mut kept = 0;
    for row in rows {
        let mut statement = new.prepare_cached(&sql)?;
        match statement.execute(params_from_iter(row)) {
            Ok(inserted) => kept += inserted as u64,
            Err(error) if refused(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(kept)
}

/// A value that its column does not take, as damage makes them.
fn refused(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation)
}

/// Gives the damaged store another name, with what belongs to it. Its log goes first: a new store
/// must never find it. The store itself keeps its old name too until the new one takes it over, so
/// that a crash in between leaves no empty place where a daemon would begin anew.
fn set_aside(path: &Path, now: Timestamp) -> Result<PathBuf, StoreError> {
    let stamp = now.to_utc().format("%Y%m%dT%H%M%S%3fZ");
    let aside = with_suffix(path, &format!(".damaged-{stamp}"));
    for suffix in ["-wal", "-shm"] {
        let from = with_suffix(path, suffix);
        if from.exists() {
            fs::rename(from, with_suffix(&aside, suffix))
                .map_err(StoreError::io("set the damaged store's log aside"))?;
        }
    }
    fs::hard_link(path, &aside)
        // Some file systems know no second name.
        .or_else(|_| fs::rename(path, &aside))
        .map_err(StoreError::io("set the damaged store aside"))?;
    Ok(aside)
}
