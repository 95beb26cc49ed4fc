//! The store of all outcomes: `SQLite` in WAL mode, with one writer and any number of readers.
//!
//! Outcomes are appended as they arrive (`raw`). Shortly after the end of an hour, the outcomes of
//! each probe in that hour are compacted into one block (`compact`, `block`, `header`): about one
//! byte per outcome, with the exact counts of the hour stored separately, so that startup reads
//! counts only. The order within blocks is range-coded using those counts (`counts`, `column`).
//!
//! A block keeps of each outcome: tick, interval, verdict, protocol code, the message if space
//! allows, the latency within 1%, and every other measurement within 6.3% (`measured`). Rounded
//! values never cross a threshold. Addresses are only for the live view and are not stored;
//! certificate dates are dropped when the hour is compacted.

mod absence;
mod access;
mod ahead;
mod alerts;
mod audit;
mod backup;
mod beats;
mod block;
mod check;
mod column;
mod compact;
mod corrections;
mod counts;
mod error;
mod expiry;
mod fine;
mod gaps;
mod header;
mod held;
mod history;
mod leftover;
mod lock;
mod markers;
mod measured;
mod outbox;
mod outline;
mod precision;
mod raw;
mod reader;
mod recover;
mod rename;
mod runs;
mod scales;
mod schema;
mod series;
mod silences;
mod stats;
mod summary;
mod texts;
mod worker;
mod writer;

pub use access::require_file;
pub use ahead::Ahead;
pub use alerts::AlertCursor;
pub use audit::{AuditEntry, StoredAuditEntry};
pub use backup::{Backup, backup, nameless_backup};
pub use beats::PendingBeat;
pub use check::{Checked, check};
pub use compact::CountingPlan;
pub use error::StoreError;
pub use held::Stage;
pub use markers::{Marker, MarkerCursor};
pub use outbox::{
    Batch, Ended, KnownGroup, MessageFilter, Moved, NewDelivery, OUTBOX_MAX, Pending, Sent,
};
pub use outline::HourOutline;
pub use recover::{Progress, Recovered, recover};
pub use rename::Renamed;
pub use runs::{KeptSummary, OpenRuns, RunPart, RunState, StoredRun};
pub use series::{SERIES_MAX, SeriesId, SeriesInfo, Tick};
pub use silences::SILENCES_KEPT;
pub use stats::StoreStats;
pub use summary::HourSummary;
pub use writer::{Durability, StoreHandle, Writer};

use crate::outcome::{Record, Timestamp};
use absence::ReturningProbes;
use lock::WriterLock;
use raw::Names;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use summary::CountingBasis;

/// How long a statement waits for another process's lock. The writer retries afterwards anyway.
const BUSY: Duration = Duration::from_millis(500);
/// The same for storing a run, which is written only once: on a slow disk a daemon may hold the
/// lock most of the time.
const BUSY_WITH_RUN: Duration = Duration::from_mins(1);
/// How long a process that stores a run waits for another one that creates or migrates the store.
const PREPARED_BY_ANOTHER: Duration = Duration::from_secs(3);

/// An open store for reading, and for writing if it was opened for writing.
#[derive(Debug)]
pub struct Store {
    conn: Connection,
    path: PathBuf,
    /// Device and inode number of the file, to detect that it was deleted: later writes would be
    /// lost.
    file: (u64, u64),
    /// Whether the file was found empty. This connection then no longer knows what is in the file.
    emptied: Cell<bool>,
    names: Names,
    /// Series by id; `None` until the writer has samples.
    series: Option<series::Names>,
    /// See [`Store::configured`].
    returning: ReturningProbes,
    bases: RefCell<HashMap<i64, Arc<CountingBasis>>>,
    /// Blocks and headers that were invalid and ignored.
    unreadable: Cell<u64>,
    /// Held while this store may write. The last field, so that it is released last.
    _lock: Option<WriterLock>,
}

/// Starts a transaction that writes. A transaction that starts by reading would fail instead of
/// wait if another process, such as a load run that ends, wrote in the meantime.
fn writing(conn: &Connection) -> rusqlite::Result<Transaction<'_>> {
    Transaction::new_unchecked(conn, TransactionBehavior::Immediate)
}

impl Store {
    /// Opens the store for writing. Creates the folder and the file (with owner-only permissions)
    /// if missing, and migrates an older file.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        if path.exists() && !path.is_file() {
            return Err(StoreError::Irregular);
        }
        let lock = WriterLock::take(path)?;
        leftover::set_aside(path, &lock)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut conn = connect(path, flags)?;
        schema::prepare(&mut conn)?;
        schema::require_tables(&conn)?;
        Self::new(conn, path, Some(lock))
    }

    /// Opens the store read-only, even while a daemon writes to it. Committed outcomes are visible
    /// immediately; probes added later are visible after reopening, which takes about a
    /// millisecond.
    pub fn open_read_only(path: &Path) -> Result<Self, StoreError> {
        let store = Self::open_to_check(path)?;
        schema::require_tables(&store.conn)?;
        Ok(store)
    }

    /// Opens the store read-only without requiring any table.
    fn open_to_check(path: &Path) -> Result<Self, StoreError> {
        let (conn, version) = access::connect_to_read(path)?;
        if version == 0 {
            return Err(StoreError::Missing);
        }
        Self::new(conn, path, None)
    }

    /// Opens the store for writing, marking and deleting runs only, even while a daemon writes
    /// everything else. Does not prevent a daemon from starting: an existing store needs no
    /// writer's lock for this.
    pub fn open_for_runs(path: &Path) -> Result<Self, StoreError> {
        let until = Instant::now() + PREPARED_BY_ANOTHER;
        loop {
            if path.exists()
                && let Some(store) = Self::open_without_lock(path)?
            {
                return Ok(store);
            }
            // A new file, an older version, or a restored backup: prepared, and the lock released,
            // unless another process has it, which may be preparing the store as well.
            let prepared = Self::open(path).map(drop);
            if Instant::now() >= until || !matches!(prepared, Ok(()) | Err(StoreError::InUse)) {
                return Err(prepared.err().unwrap_or(StoreError::InUse));
            }
        }
    }

    /// Whether a daemon writes to the store in this file.
    pub fn has_writer(path: &Path) -> bool {
        path.is_file() && lock::is_held(path)
    }

    /// Opens the store for writing without the lock; returns `None` if it would have to be migrated,
    /// or the log of an earlier file set aside first.
    fn open_without_lock(path: &Path) -> Result<Option<Self>, StoreError> {
        access::require_file(path)?;
        if matches!(leftover::reject(path), Err(StoreError::Replaced { .. })) {
            return Ok(None);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = connect(path, flags)?;
        let wait = conn.busy_timeout(BUSY_WITH_RUN);
        wait.map_err(StoreError::sql("open the store"))?;
        if !schema::is_current(&conn)? {
            return Ok(None);
        }
        Self::new(conn, path, None).map(Some)
    }

    fn new(conn: Connection, path: &Path, lock: Option<WriterLock>) -> Result<Self, StoreError> {
        let names = Names::load(&conn).map_err(StoreError::sql("read the store"))?;
        Ok(Self {
            conn,
            file: identity(&fs::metadata(path).map_err(StoreError::io("inspect the store"))?),
            path: path.to_owned(),
            emptied: Cell::new(false),
            names,
            series: None,
            returning: ReturningProbes::new(),
            bases: RefCell::default(),
            unreadable: Cell::new(0),
            _lock: lock,
        })
    }

    /// Commits records in one transaction. A tick that is stored already is not changed.
    pub fn append(&mut self, records: &[Record]) -> Result<(), StoreError> {
        let returning = self.returning.clone();
        self.keep(|tx, names| {
            raw::insert(tx, names, records)?;
            absence::end(tx, names, &returning, &records.iter())
        })?;
        self.end_absences(&records.iter());
        Ok(())
    }

    /// Commits outcomes of any stage in one transaction, like [`Store::append`].
    pub fn commit(&mut self, outcomes: &[(Stage, Record)]) -> Result<(), StoreError> {
        let (returning, records) = (
            self.returning.clone(),
            outcomes.iter().map(|(_, record)| record),
        );
        self.keep(|tx, names| {
            let known = outcomes.iter().filter(|(stage, _)| *stage != Stage::Held);
            raw::insert(tx, names, known.map(|(_, record)| record))?;
            for (stage, record) in outcomes {
                match stage {
                    Stage::Known => {}
                    Stage::Held => held::hold(tx, names, record)?,
                    Stage::Judged => held::release(tx, names, record)?,
                }
            }
            absence::end(tx, names, &returning, &records)
        })?;
        self.end_absences(&records);
        Ok(())
    }

    /// Ends the absences of probes with committed outcomes.
    fn end_absences<'a>(&mut self, records: &(impl Iterator<Item = &'a Record> + Clone)) {
        self.returning.retain(|key, from| {
            !records
                .clone()
                .any(|record| absence::is_back(record, key, *from))
        });
    }

    fn keep(
        &mut self,
        write: impl FnOnce(&Connection, &mut Names) -> rusqlite::Result<()>,
    ) -> Result<(), StoreError> {
        self.check_file()?;
        let result = self.try_keep(write);
        if result.is_err() {
            self.forget_rolled_back();
        }
        result.map_err(StoreError::sql("commit outcomes"))
    }

    /// Returns an error if the file was deleted, replaced or emptied: anything written to it would
    /// be lost.
    fn check_file(&self) -> Result<(), StoreError> {
        let meta = fs::metadata(&self.path);
        let Some(meta) = meta.ok().filter(|meta| identity(meta) == self.file) else {
            return Err(StoreError::Gone);
        };
        if meta.len() == 0 {
            self.emptied.set(true);
        }
        if self.emptied.get() {
            return Err(StoreError::Emptied);
        }
        Ok(())
    }

    fn try_keep(
        &mut self,
        write: impl FnOnce(&Connection, &mut Names) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<()> {
        let tx = writing(&self.conn)?;
        write(&tx, &mut self.names)?;
        tx.commit()
    }

    /// Reloads the names after a rollback, since ids assigned in the transaction do not exist. If
    /// reading fails too, no id is known, and the next append looks each one up by inserting it,
    /// which fails as well and gets here again.
    fn forget_rolled_back(&mut self) {
        self.names = Names::load(&self.conn).unwrap_or_default();
        self.bases.borrow_mut().clear();
    }

    /// Reads from a table; returns the default if it does not exist, since a store opened read-only
    /// may have an older schema version.
    fn read_table<T: Default>(
        &self,
        table: &str,
        doing: &'static str,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let exists = self.conn.table_exists(None, table);
        let found = exists.and_then(|exists| {
            if exists {
                read(&self.conn)
            } else {
                Ok(T::default())
            }
        });
        found.map_err(StoreError::sql(doing))
    }

    /// Deletes what `sql` selects by its only parameter, a time.
    fn expire(&self, sql: &str, horizon: Timestamp, doing: &'static str) -> Result<(), StoreError> {
        let deleted = self.conn.execute(sql, [horizon.0]);
        deleted.map(drop).map_err(StoreError::sql(doing))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes on disk, including the write-ahead log.
    pub fn size_bytes(&self) -> u64 {
        let wal = with_suffix(&self.path, "-wal");
        let size = |path: &Path| fs::metadata(path).map_or(0, |meta| meta.len());
        size(&self.path) + size(&wal)
    }

    /// Opens another reader of the same file, for another thread.
    pub fn reader(&self) -> Result<Self, StoreError> {
        Self::open_read_only(&self.path)
    }

    /// Adds blocks that another reader found unreadable.
    pub fn add_unreadable(&self, blocks: u64) {
        self.unreadable.set(self.unreadable.get() + blocks);
    }

    /// Invalid blocks and headers that reads have ignored so far.
    pub fn unreadable_blocks(&self) -> u64 {
        self.unreadable.get()
    }
}

/// The folder that contains a file.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    let opened = Connection::open_with_flags(path, flags);
    let conn = opened.map_err(StoreError::sql("open the store"))?;
    let set = conn.busy_timeout(BUSY);
    set.map_err(StoreError::sql("open the store"))?;
    // Without this, SQLite recompiles a statement for each value bound to it.
    let set = conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true);
    set.map_err(StoreError::sql("open the store"))?;
    conn.set_prepared_statement_cache_capacity(32);
    Ok(conn)
}

fn identity(meta: &Metadata) -> (u64, u64) {
    (meta.dev(), meta.ino())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests;
