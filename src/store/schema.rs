//! The tables, and migrations of older files.

mod migrations;

pub use migrations::{CONVERT_ALERTS, OLD_ALERTS};

use super::StoreError;
use migrations::MIGRATIONS;
use rusqlite::{Connection, TransactionBehavior};
use std::collections::BTreeMap;

/// "slod" in ASCII: identifies the file in `PRAGMA application_id`.
pub const APPLICATION: i32 = 0x736c_6f64;

/// The current name of a column of an older version.
pub fn column_today(name: &str) -> &str {
    match name {
        "http_status" => "code",
        name => name,
    }
}

/// The schema version that this program writes.
#[expect(clippy::cast_possible_wrap, reason = "a handful of migrations")]
pub const VERSION: i64 = MIGRATIONS.len() as i64;

/// Rejects files of other programs and of newer versions.
pub fn check(conn: &Connection) -> Result<usize, StoreError> {
    let read = |pragma: &str| conn.query_row(pragma, [], |row| row.get::<_, i64>(0));
    let version = read("PRAGMA user_version").map_err(StoreError::sql("read the store"))?;
    let application = read("PRAGMA application_id").map_err(StoreError::sql("read the store"))?;
    let tables =
        read("SELECT count(*) FROM sqlite_schema").map_err(StoreError::sql("read the store"))?;
    let fresh = application == 0 && version == 0 && tables == 0;
    if !fresh && application != i64::from(APPLICATION) {
        return Err(StoreError::Foreign);
    }
    match usize::try_from(version) {
        Ok(version) if version <= MIGRATIONS.len() => Ok(version),
        _ => Err(StoreError::Newer {
            found: version,
            known: MIGRATIONS.len(),
        }),
    }
}

/// Whether it needs no migration.
pub fn is_current(conn: &Connection) -> Result<bool, StoreError> {
    Ok(check(conn)? == MIGRATIONS.len())
}

/// Sets the journal mode, and migrates the file to this program's version.
///
/// `synchronous=FULL` costs one fdatasync per commit, i.e. per second, and makes committed outcomes
/// survive a power failure and not only a killed process. There is no auto-vacuum: in a steady
/// state retention frees as many pages as new records need.
pub fn prepare(conn: &mut Connection) -> Result<(), StoreError> {
    let version = check(conn)?;
    let result = conn.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA journal_size_limit = 16777216;",
    );
    result.map_err(StoreError::sql("set up the store"))?;
    if (1..MIGRATIONS.len()).contains(&version) {
        tracing::info!("migrating the store from schema version {version} to {VERSION}");
    }
    if version < MIGRATIONS.len() {
        migrate(conn, version).map_err(StoreError::sql("migrate the store"))?;
    }
    Ok(())
}

fn migrate(conn: &mut Connection, from: usize) -> rusqlite::Result<()> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for sql in &MIGRATIONS[from..] {
        tx.execute_batch(sql)?;
    }
    tx.pragma_update(None, "application_id", APPLICATION)?;
    tx.pragma_update(None, "user_version", VERSION)?;
    tx.commit()
}

/// The schema version of a store with an untrusted header: the newest of the versions that it
/// differs from least.
pub fn likely_version(conn: &Connection) -> rusqlite::Result<usize> {
    let mut likely = (MIGRATIONS.len(), usize::MAX);
    for version in (1..=MIGRATIONS.len()).rev() {
        let differences = differences(conn, version)?.len();
        if differences < likely.1 {
            likely = (version, differences);
        }
    }
    Ok(likely.0)
}

/// Rejects a store of a known version that lacks a table: the missing records would make numbers
/// wrong without notice.
pub fn require_tables(conn: &Connection) -> Result<(), StoreError> {
    let version = check(conn)?;
    let missing = || {
        let found = definitions(conn)?;
        let wanted = definitions(&fresh(version)?)?;
        let mut tables = wanted.into_keys().filter(|name| name.starts_with("table "));
        Ok(tables.find(|name| !found.contains_key(name)))
    };
    match missing().map_err(StoreError::sql("read the store"))? {
        Some(name) => Err(StoreError::Invalid {
            fault: format!("{name} is missing"),
        }),
        None => Ok(()),
    }
}

/// An empty in-memory store of a version.
fn fresh(version: usize) -> rusqlite::Result<Connection> {
    let fresh = Connection::open_in_memory()?;
    for sql in &MIGRATIONS[..version.min(MIGRATIONS.len())] {
        fresh.execute_batch(sql)?;
    }
    Ok(fresh)
}

/// Describes how the tables differ from those that this program's migrations create, one sentence
/// each. A store with different tables may be readable and still reject commits.
pub fn differences(conn: &Connection, version: usize) -> rusqlite::Result<Vec<String>> {
    let (wanted, found) = (definitions(&fresh(version)?)?, definitions(conn)?);
    let missing = wanted
        .iter()
        .filter_map(|(name, sql)| match found.get(name) {
            None => Some(format!("{name} is missing")),
            Some(found) if found != sql => {
                Some(format!("{name} is not defined as this program needs it"))
            }
            Some(_) => None,
        });
    let unknown = found.keys().filter(|name| !wanted.contains_key(*name));
    let unknown = unknown.map(|name| format!("{name} is not from this program"));
    Ok(missing.chain(unknown).collect())
}

/// Tables, indexes and triggers with their SQL, without comments and whitespace.
fn definitions(conn: &Connection) -> rusqlite::Result<BTreeMap<String, String>> {
    let mut statement = conn.prepare(
        "SELECT type || ' ' || name, sql FROM sqlite_schema
         WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND sql IS NOT NULL",
    )?;
    let rows = statement.query_map([], |row| {
        let (name, sql): (String, String) = (row.get(0)?, row.get(1)?);
        let code = sql.lines().filter_map(|line| line.split("--").next());
        let words: Vec<_> = code.flat_map(str::split_whitespace).collect();
        Ok((name, words.join(" ")))
    })?;
    rows.collect()
}
