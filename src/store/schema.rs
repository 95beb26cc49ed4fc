//! The tables, and how older files become current ones.

mod migrations;

pub use migrations::{CONVERT_ALERTS, OLD_ALERTS};

use super::StoreError;
use migrations::MIGRATIONS;
use rusqlite::{Connection, TransactionBehavior};
use std::collections::BTreeMap;

/// "slod" in ASCII: marks the file as ours, in `PRAGMA application_id`.
pub const APPLICATION: i32 = 0x736c_6f64;

/// What a column of an older version is called now.
pub fn column_today(name: &str) -> &str {
    match name {
        "http_status" => "code",
        name => name,
    }
}

/// The version that this program writes.
#[expect(clippy::cast_possible_wrap, reason = "a handful of migrations")]
pub const VERSION: i64 = MIGRATIONS.len() as i64;

/// Refuses what is not ours or newer than this program.
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

/// Sets how the file is written, and brings it up to this program's version.
///
/// `synchronous=FULL` costs one fdatasync per commit, that is per second, and makes a committed
/// outcome survive a power cut and not only a killed process. There is no auto-vacuum: retention
/// frees in a steady state as much as arrives, and the freed pages are used again.
pub fn prepare(conn: &mut Connection) -> Result<(), StoreError> {
    let version = check(conn)?;
    let result = conn.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA journal_size_limit = 16777216;",
    );
    result.map_err(StoreError::sql("set the store up"))?;
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

/// The version whose tables a store has, where its header cannot be trusted: the newest of those that
/// it differs from least.
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

/// Refuses a store of a known version that lacks a table: what is in none counts as nothing, and
/// numbers would be wrong.
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

/// An empty store of a version, in memory.
fn fresh(version: usize) -> rusqlite::Result<Connection> {
    let fresh = Connection::open_in_memory()?;
    for sql in &MIGRATIONS[..version.min(MIGRATIONS.len())] {
        fresh.execute_batch(sql)?;
    }
    Ok(fresh)
}

/// What of the tables differs from what this program's migrations make, a sentence each. A store
/// with other tables may be readable and yet take no commit.
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

/// Tables, indexes and triggers with their SQL, without its comments and spacing.
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
