//! Failures that wait for a verdict, stored so that a killed process loses none.

use super::header::verdict_code;
use super::raw::{Names, columns, record_of};
use super::{Store, StoreError, measured};
use crate::outcome::{Record, millis};
use rusqlite::{Connection, params};

/// The stage of an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The verdict is final: it is stored as it is.
    Known,
    /// It waits for a verdict.
    Held,
    /// It waited, and its verdict is now final.
    Judged,
}

/// Stores a waiting outcome, within the caller's transaction.
pub fn hold(conn: &Connection, names: &mut Names, record: &Record) -> rusqlite::Result<()> {
    let probe = names.id_for(conn, record)?;
    let outcome = &record.outcome;
    let mut statement = conn.prepare_cached(
        "INSERT INTO held (at, probe, interval_ms, verdict, latency_ns, code, tls_not_after, message,
                           measured)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING",
    )?;
    statement.execute(params![
        record.at.0,
        probe,
        millis(record.interval),
        verdict_code(outcome.verdict).cast_signed(),
        i64::try_from(outcome.latency.as_nanos()).unwrap_or(i64::MAX),
        outcome.code,
        outcome.detail.tls_not_after,
        outcome.detail.message.as_deref(),
        measured::pack(outcome),
    ])?;
    Ok(())
}

/// Removes a waiting outcome, within the caller's transaction.
pub fn release(conn: &Connection, names: &Names, record: &Record) -> rusqlite::Result<()> {
    if let Some(probe) = names.id(&record.key) {
        conn.prepare_cached("DELETE FROM held WHERE at = ?1 AND probe = ?2")?
            .execute([record.at.0, probe])?;
    }
    Ok(())
}

impl Store {
    /// Returns the outcomes that waited for a verdict when the last process ended, in order of
    /// time.
    pub fn held(&self) -> Result<Vec<Record>, StoreError> {
        let read = || {
            let sql = format!("{} FROM held ORDER BY at", columns(&self.conn)?);
            let mut statement = self.conn.prepare_cached(&sql)?;
            let mut rows = statement.query([])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let key = self.names.key(row.get(1)?);
                if let Some(key) = key {
                    found.extend(record_of(row, key)?);
                }
            }
            Ok(found)
        };
        read().map_err(StoreError::sql("read the outcomes that wait for a verdict"))
    }
}
