//! Renames a service or a probe, so that its history continues under a new name.

use super::series::{self, SeriesInfo};
use super::{Store, StoreError, raw, writing};
use crate::alert::Matcher;
use crate::outcome::{ProbeKey, Timestamp};
use crate::sample::SeriesKey;
use rusqlite::{Connection, Transaction, params};

/// Tables with a column for the service, and which of their rows are renamed. An alert that is still
/// firing keeps the old name, by which receivers know it, so that the next start resolves it.
const TABLES: [(&str, &str); 5] = [
    ("probe", "true"),
    ("beat", "true"),
    ("run", "true"),
    ("marker", "true"),
    ("alert_record", "to_at IS NOT NULL"),
];

/// What was renamed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Renamed {
    pub probes: usize,
    /// Probes that the new name had as well: their outcomes were added to the old ones.
    pub merged: usize,
    pub series: usize,
    pub runs: usize,
}

impl Store {
    /// The names of all services that something is stored of, in order.
    pub fn services(&self) -> Result<Vec<String>, StoreError> {
        let read = || {
            let tables = TABLES.map(|(table, _)| format!("SELECT service FROM {table}"));
            let mut statement = self.conn.prepare(&tables.join(" UNION "))?;
            let names = statement.query_map([], |row| row.get(0))?;
            let mut names = names.collect::<rusqlite::Result<Vec<String>>>()?;
            let series = series::all(&self.conn)?;
            names.extend(series.iter().filter_map(service_of).map(str::to_owned));
            // Alerts about the host and about slod itself have no service.
            names.retain(|name| !name.is_empty());
            names.sort();
            names.dedup();
            Ok(names)
        };
        read().map_err(StoreError::sql("read the services"))
    }

    /// Renames a service: outcomes, heartbeats, samples, load runs, markers, resolved alerts,
    /// corrections and silences then belong to the new name. Takes the store, because what it has in
    /// memory is outdated afterwards.
    ///
    /// If a daemon already stored outcomes under the new name, they are added to the history. Samples
    /// are not: the series of both names are exchanged, so that the longer history is continued.
    pub fn rename_service(mut self, from: &str, to: &str) -> Result<Renamed, StoreError> {
        let keys = self.names.keys().filter(|key| *key.service == *to);
        let twice: Vec<_> = keys
            .map(|key| (ProbeKey::new(from, &key.probe), key.clone()))
            .filter(|(old, _)| self.names.id(old).is_some())
            .collect();
        for (old, new) in &twice {
            self.merge_probe(old, new)?;
        }
        let rename = || {
            let tx = writing(&self.conn)?;
            let renamed = rename(&tx, from, to)?;
            tx.commit()?;
            Ok(renamed)
        };
        let renamed = rename().map_err(StoreError::sql("rename a service"))?;
        let merged = twice.len();
        Ok(Renamed { merged, ..renamed })
    }

    /// Renames a probe: outcomes and heartbeats then belong to the new name. Takes the store, because what
    /// it has in memory is outdated afterwards. If a daemon already stored outcomes under the new name,
    /// they are added to the history. Returns whether it did.
    pub fn rename_probe(mut self, from: &ProbeKey, to: &ProbeKey) -> Result<bool, StoreError> {
        let is_twice = self.names.id(to).is_some();
        if is_twice {
            self.merge_probe(from, to)?;
        }
        let rename = || {
            let tx = writing(&self.conn)?;
            let names: [&str; 4] = [&from.service, &from.probe, &to.service, &to.probe];
            // The newer report of a job stays.
            let newer = "SELECT 1 FROM beat WHERE service = ?3 AND name = ?4";
            let sql =
                format!("DELETE FROM beat WHERE service = ?1 AND name = ?2 AND EXISTS ({newer})");
            tx.execute(&sql, names)?;
            for table in ["probe", "beat"] {
                let set = "SET service = ?3, name = ?4 WHERE service = ?1 AND name = ?2";
                tx.execute(&format!("UPDATE {table} {set}"), names)?;
            }
            tx.commit()
        };
        rename().map_err(StoreError::sql("rename a probe"))?;
        Ok(is_twice)
    }

    /// Moves the outcomes of a probe to another one. Fails if some cannot be read: they would be lost.
    fn merge_probe(&mut self, to: &ProbeKey, from: &ProbeKey) -> Result<(), StoreError> {
        let unreadable = self.unreadable.get();
        let mut records = self.outcomes(from, Timestamp(0), Timestamp(i64::MAX))?;
        if self.unreadable.get() > unreadable || self.has_counts_only(from)? {
            let fault = format!("outcomes of {from} cannot be read, and would be lost");
            return Err(StoreError::Invalid { fault });
        }
        for record in &mut records {
            record.key = to.clone();
        }
        let first = records.first().map(|record| record.at);
        let (Some(to), Some(from)) = (self.names.id(to), self.names.id(from)) else {
            return Ok(());
        };
        let mut merge = || {
            let tx = writing(&self.conn)?;
            raw::insert(&tx, &mut self.names, &records)?;
            if let Some(first) = first {
                end_absence(&tx, to, first)?;
            }
            for table in ["held", "absence"] {
                let sql = format!("UPDATE OR IGNORE {table} SET probe = ?2 WHERE probe = ?1");
                tx.execute(&sql, [from, to])?;
            }
            delete_probe(&tx, from)?;
            tx.commit()
        };
        merge().map_err(StoreError::sql("merge the outcomes of a probe"))
    }

    /// Whether only the counts of some hour are left, after a recovery.
    fn has_counts_only(&self, key: &ProbeKey) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM hour WHERE id % 1048576 = ?1
                   AND id NOT IN (SELECT id FROM block))";
        let read = self
            .conn
            .query_row(sql, [self.names.id(key)], |row| row.get(0));
        read.map_err(StoreError::sql("read the hours of a probe"))
    }
}

/// Ends the time since which a probe is not configured.
fn end_absence(conn: &Connection, probe: i64, at: Timestamp) -> rusqlite::Result<()> {
    let ended = "UPDATE absence SET to_at = max(from_at, ?2) WHERE probe = ?1 AND to_at IS NULL";
    conn.execute(ended, [probe, at.0])?;
    Ok(())
}

fn delete_probe(conn: &Connection, probe: i64) -> rusqlite::Result<()> {
    for rows in [
        "outcome WHERE probe = ?1",
        "held WHERE probe = ?1",
        "absence WHERE probe = ?1",
        // See the schema.
        "hour WHERE id % 1048576 = ?1",
        "block WHERE id % 1048576 = ?1",
        "probe WHERE id = ?1",
    ] {
        conn.execute(&format!("DELETE FROM {rows}"), [probe])?;
    }
    Ok(())
}

fn rename(tx: &Transaction<'_>, from: &str, to: &str) -> rusqlite::Result<Renamed> {
    // The newer report of a job and the newer baseline of a scenario stay.
    tx.execute(
        "DELETE FROM beat WHERE service = ?1 AND name IN (SELECT name FROM beat WHERE service = ?2)",
        [from, to],
    )?;
    tx.execute(
        "UPDATE run SET is_baseline = 0 WHERE service = ?1 AND scenario IN
         (SELECT scenario FROM run WHERE service = ?2 AND is_baseline = 1)",
        [from, to],
    )?;
    let mut changed = [0; TABLES.len()];
    for ((table, rows), changed) in TABLES.iter().zip(&mut changed) {
        let sql = format!("UPDATE {table} SET service = ?2 WHERE service = ?1 AND {rows}");
        *changed = tx.execute(&sql, [from, to])?;
    }
    let [probes, _, runs, ..] = changed;
    rename_lines(tx, ("correction", "services"), from, to)?;
    let matcher = |name| Matcher::new("service", name, true, false);
    // Names are shorter than values may be.
    if let (Ok(from), Ok(to)) = (matcher(from), matcher(to)) {
        let (from, to) = (from.to_string(), to.to_string());
        rename_lines(tx, ("silence", "matchers"), &from, &to)?;
    }
    Ok(Renamed {
        probes,
        runs,
        series: rename_series(tx, from, to)?,
        ..Renamed::default()
    })
}

/// Replaces a line in all rows of a column that has a line for each name or matcher.
fn rename_lines(
    tx: &Transaction<'_>,
    (table, column): (&str, &str),
    from: &str,
    to: &str,
) -> rusqlite::Result<()> {
    let lines = format!("char(10) || {column} || char(10)");
    let sql = format!(
        "UPDATE {table} SET {column} = trim(replace({lines}, ?1, ?2), char(10))
         WHERE instr({lines}, ?1) > 0"
    );
    tx.execute(&sql, [format!("\n{from}\n"), format!("\n{to}\n")])?;
    Ok(())
}

/// Gives the series of each name the other name; returns how many had the old one.
fn rename_series(tx: &Transaction<'_>, from: &str, to: &str) -> rusqlite::Result<usize> {
    let all = series::all(tx)?;
    let of = |name: &str| {
        let mine = all.iter().filter(move |one| service_of(one) == Some(name));
        mine.collect::<Vec<_>>()
    };
    let (old, new) = (of(from), of(to));
    // Names are unique at all times.
    for one in &new {
        let sql = "UPDATE series SET series = char(10) || series WHERE id = ?1";
        tx.execute(sql, [one.id])?;
    }
    let set = "UPDATE series SET series = ?2 WHERE id = ?1";
    for one in &old {
        tx.execute(set, params![one.id, renamed(&one.key, to)])?;
    }
    for one in &new {
        tx.execute(set, params![one.id, renamed(&one.key, from)])?;
    }
    Ok(old.len())
}

fn service_of(series: &SeriesInfo) -> Option<&str> {
    series.key.label("service")
}

fn renamed(key: &SeriesKey, service: &str) -> String {
    let labels = key.labels().map(|(name, value)| match name {
        "service" => (name, service),
        _ => (name, value),
    });
    SeriesKey::new(key.name(), labels).to_string()
}
