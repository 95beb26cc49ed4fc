//! Periods in which known probes were not configured, so that missing outcomes mean nothing.

use super::raw::{self, Names};
use super::{Store, StoreError};
use crate::outcome::{ProbeKey, Record, Timestamp, millis};
use crate::slo::BudgetingMethod;
use crate::slo::absence::Presence;
use crate::slo::correction::Spans;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::{HashMap, HashSet};

/// Probes that are configured again but have no outcome yet, with the start of their absence.
pub type ReturningProbes = HashMap<ProbeKey, Timestamp>;

impl Store {
    /// Records which probes are configured from `now` on. A known probe that is not among them is
    /// absent until its first outcome after it is configured again.
    pub fn configured(
        &mut self,
        probes: &HashSet<ProbeKey>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut returning = ReturningProbes::new();
        self.keep(|tx, names| {
            let open = open(tx, names)?;
            let known = names.keys().filter(|key| !probes.contains(*key));
            for key in known.filter(|key| !open.contains_key(*key)) {
                begin(tx, names, key, now)?;
            }
            returning.extend(open.into_iter().filter(|(key, _)| probes.contains(key)));
            Ok(())
        })?;
        self.returning = returning;
        Ok(())
    }

    /// The periods in which a probe was configured.
    pub fn presence(&self, key: &ProbeKey) -> Result<Presence, StoreError> {
        Ok(Presence {
            first: self.first_seen(key),
            absent: self.absences(key)?,
        })
    }

    /// The periods in which a probe was not configured. The last one is open-ended until the next
    /// outcome.
    pub fn absences(&self, key: &ProbeKey) -> Result<Spans, StoreError> {
        let Some(id) = self.names.id(key) else {
            return Ok(Spans::default());
        };
        let doing = "read the configuration history of probes";
        self.read_table("absence", doing, |conn| {
            let sql = "SELECT from_at, to_at FROM absence WHERE probe = ?1";
            let mut statement = conn.prepare_cached(sql)?;
            let rows = statement.query_map([id], |row| {
                let to = row.get::<_, Option<i64>>(1)?.unwrap_or(i64::MAX);
                Ok((Timestamp(row.get(0)?), Timestamp(to)))
            })?;
            Ok(Spans::new(rows.collect::<rusqlite::Result<Vec<_>>>()?))
        })
    }
}

/// Ends the absence of probes that have new outcomes, within the caller's transaction.
pub fn end<'a>(
    conn: &Connection,
    names: &Names,
    returning: &ReturningProbes,
    records: &(impl Iterator<Item = &'a Record> + Clone),
) -> rusqlite::Result<()> {
    for (key, from) in returning {
        let first = records.clone().filter(|record| is_back(record, key, *from));
        let first = first.map(|record| record.at).min();
        if let (Some(first), Some(id)) = (first, names.id(key)) {
            conn.prepare_cached(
                "UPDATE absence SET to_at = ?2 WHERE probe = ?1 AND to_at IS NULL",
            )?
            .execute([id, first.0])?;
        }
    }
    Ok(())
}

pub fn is_back(record: &Record, key: &ProbeKey, from: Timestamp) -> bool {
    record.key == *key && record.at >= from
}

fn open(conn: &Connection, names: &Names) -> rusqlite::Result<ReturningProbes> {
    let sql = "SELECT probe, from_at FROM absence WHERE to_at IS NULL";
    let mut statement = conn.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, Timestamp(row.get(1)?))))?;
    let mut found = ReturningProbes::new();
    for row in rows {
        let (id, from): (i64, Timestamp) = row?;
        found.extend(names.key(id).cloned().map(|key| (key, from)));
    }
    Ok(found)
}

/// Starts an absence at the first minute without an outcome.
fn begin(conn: &Connection, names: &Names, key: &ProbeKey, now: Timestamp) -> rusqlite::Result<()> {
    let Some(id) = names.id(key) else {
        return Ok(());
    };
    let slice = millis(BudgetingMethod::SLICE);
    let minute = now.0.div_euclid(slice) * slice;
    let sql = "SELECT 1 FROM outcome WHERE hour = ?1 AND lane = ?2 AND at >= ?3 AND probe = ?4";
    let place = params![super::header::hour_of(now), raw::lane_of(id), minute, id];
    let seen = conn.prepare_cached(sql)?.query_row(place, |_| Ok(()));
    let from = if seen.optional()?.is_some() {
        minute + slice
    } else {
        minute
    };
    conn.prepare_cached(
        "INSERT INTO absence (probe, from_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
    )?
    .execute([id, from])?;
    Ok(())
}
