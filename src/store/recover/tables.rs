//! Tables that are copied row by row.

use super::Recovered;
use crate::store::schema;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

/// Copies all tables except outcomes, samples, and run summaries, which are regenerated.
pub fn copy(old: &Connection, new: &Connection, recovered: &mut Recovered) -> rusqlite::Result<()> {
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
    table(old, &tx, "evaluation_gap", "from_at", gaps)?;
    table(old, &tx, "acknowledgement", "from_at", gaps)?;
    table(old, &tx, "silence", "id", gaps)?;
    table(old, &tx, "outbox", "id", gaps)?;
    table(old, &tx, "delivered", "receiver", gaps)?;
    table(old, &tx, "posted", "receiver", gaps)?;
    table(old, &tx, "moved", "receiver", gaps)?;
    table(old, &tx, "removed_delivered", "receiver", gaps)?;
    table(old, &tx, "notification", "id", gaps)?;
    tx.commit()
}

/// Copies alerts, including those in the table of older versions.
fn alerts(old: &Connection, new: &Connection, gaps: &mut u64) -> rusqlite::Result<u64> {
    let mut kept = table(old, new, "alert_record", "from_at", gaps)?;
    if old.table_exists(None, "alert").unwrap_or(false) {
        new.execute_batch(schema::OLD_ALERTS)?;
        kept += table(old, new, "alert", "from_at", gaps)?;
        new.execute_batch(schema::CONVERT_ALERTS)?;
    }
    Ok(kept)
}

/// Copies a table forwards up to the first unreadable row, then backwards from the end down to it.
pub fn table(
    old: &Connection,
    new: &Connection,
    name: &str,
    key: &str,
    gaps: &mut u64,
) -> rusqlite::Result<u64> {
    // An older version does not have all tables.
    if old.table_exists(None, name).is_ok_and(|there| !there) {
        return Ok(0);
    }
    let mut kept = 0;
    for order in ["ASC", "DESC"] {
        let sql = format!("SELECT * FROM {name} ORDER BY {key} {order}");
        let (rows, whole) = rows(old, &sql, &[]);
        kept += insert(new, name, &columns(old, new, name), rows)?;
        if whole {
            break;
        }
        *gaps += u64::from(order == "ASC");
    }
    Ok(kept)
}

/// The columns of the old table by their names today, and `None` in place of those that the new table lacks: an older
/// version has fewer columns, and a damaged schema may have names that are not even text.
pub fn columns(old: &Connection, new: &Connection, table: &str) -> Vec<Option<String>> {
    let known = names(new, table).unwrap_or_default();
    let all = names(old, table).unwrap_or_default().into_iter();
    let today = all.map(|name| schema::column_today(&name).to_owned());
    today
        .map(|name| known.contains(&name).then_some(name))
        .collect()
}

/// The column names of a table. `rusqlite` itself panics if one is not UTF-8.
fn names(conn: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    let sql = "SELECT CAST(name AS BLOB) FROM pragma_table_info(?1)";
    let mut statement = conn.prepare_cached(sql)?;
    let names = statement.query_map([table], |row| {
        let name: Vec<u8> = row.get(0)?;
        Ok(String::from_utf8_lossy(&name).into_owned())
    })?;
    names.collect()
}

/// The rows before the first unreadable one, and whether these are all rows.
pub fn rows(old: &Connection, sql: &str, args: &[i64]) -> (Vec<Vec<Value>>, bool) {
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

/// Inserts rows; rows that exist already or violate a constraint are skipped.
pub fn insert(
    new: &Connection,
    table: &str,
    columns: &[Option<String>],
    rows: Vec<Vec<Value>>,
) -> rusqlite::Result<u64> {
    let named: Vec<&str> = columns.iter().flatten().map(String::as_str).collect();
    if named.is_empty() {
        return Ok(0);
    }
    let places = vec!["?"; named.len()].join(", ");
    let sql = format!(
        "INSERT OR IGNORE INTO {table} ({}) VALUES ({places})",
        named.join(", ")
    );
    let mut kept = 0;
    for row in rows.into_iter().filter(|row| row.len() == columns.len()) {
        let values = row.into_iter().zip(columns);
        let values = values.filter_map(|(value, column)| column.as_ref().map(|_| value));
        let mut statement = new.prepare_cached(&sql)?;
        match statement.execute(params_from_iter(values)) {
            Ok(inserted) => kept += inserted as u64,
            Err(error) if refused(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(kept)
}

/// A value that violates a constraint of its column, as damage can cause.
fn refused(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation)
}
