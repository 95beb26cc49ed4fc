//! Periods in which known probes were not configured, so that missing outcomes mean nothing.

use super::raw::{self, Names};
use super::{Store, StoreError};
use crate::outcome::{ProbeKey, Record, Timestamp, millis};
use crate::slo::BudgetingMethod;
use crate::slo::absence::Presence;
use crate::slo::correction::Spans;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::{BTreeSet, HashMap, HashSet};

/// Probes that are configured again but have no outcome yet, with the start of their absence.
pub type ReturningProbes = HashMap<ProbeKey, Timestamp>;

impl Store {
    /// Records which probes are configured from `now` on. A known probe that is not among them is
    /// absent until its first outcome after it is configured again. Logs how to continue the history of renamed
    /// ones.
    pub fn configured(
        &mut self,
        probes: &HashSet<ProbeKey>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (mut returning, mut gone) = (ReturningProbes::new(), HashSet::new());
        let before: HashSet<ProbeKey> = self.names.keys().cloned().collect();
        self.keep(|tx, names| {
            let open = open(tx, names)?;
            let known = before.iter().filter(|key| !probes.contains(*key));
            gone = known.filter(|key| !open.contains_key(*key)).collect();
            gone.iter().try_for_each(|key| begin(tx, names, key, now))?;
            returning.extend(open.into_iter().filter(|(key, _)| probes.contains(key)));
            Ok(())
        })?;
        self.returning = returning;
        let new = probes.iter().filter(|key| !before.contains(*key));
        let (gone, new) = (named(gone.into_iter(), probes), named(new, &before));
        if let Some(hint) = rename_hint(&gone, &new) {
            tracing::info!("{hint}");
        }
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

/// The names of probes; the name of their service if it has no probe in `others`.
fn named<'a>(
    keys: impl Iterator<Item = &'a ProbeKey>,
    others: &HashSet<ProbeKey>,
) -> BTreeSet<String> {
    let services: HashSet<&str> = others.iter().map(|key| &*key.service).collect();
    let name = |key: &ProbeKey| {
        if services.contains(&*key.service) {
            key.to_string()
        } else {
            key.service.to_string()
        }
    };
    keys.map(name).collect()
}

/// How to continue the history of what may have been renamed, given the names that are no longer configured and
/// the new ones.
fn rename_hint(gone: &BTreeSet<String>, new: &BTreeSet<String>) -> Option<String> {
    let (old, other) = (gone.first()?, new.first()?);
    let list = |names: &BTreeSet<String>| match names.len() {
        1..=3 => Vec::from_iter(names.clone()).join(", "),
        count => format!("{count} services or probes"),
    };
    let command = if gone.len() == 1 && new.len() == 1 {
        format!("slod store rename {old} {other}")
    } else {
        "slod store rename OLD NEW".to_owned()
    };
    Some(format!(
        "no longer configured: {}; new: {}. If this is a new name, stop slod and run `{command}` to continue the history",
        list(gone),
        list(new),
    ))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_name_in_place_of_another_may_be_a_rename() {
        let keys = |names: &[&str]| -> HashSet<ProbeKey> {
            let key = |name: &&str| {
                name.split_once('/')
                    .map(|(service, probe)| ProbeKey::new(service, probe))
            };
            names.iter().filter_map(key).collect()
        };
        let hint = |before: &[&str], after: &[&str]| {
            let (before, after) = (keys(before), keys(after));
            let gone = named(before.difference(&after), &after);
            rename_hint(&gone, &named(after.difference(&before), &before))
        };
        let is_renamed = |before: &[&str], after: &[&str], command: &str| {
            let hint = hint(before, after).expect("a hint");
            assert!(
                hint.contains(&format!("`slod store rename {command}`")),
                "{hint}"
            );
        };
        is_renamed(
            &["web/a", "web/b", "db/a"],
            &["www/a", "www/b", "db/a"],
            "web www",
        );
        is_renamed(&["web/a", "web/b"], &["web/a", "web/c"], "web/b web/c");
        is_renamed(&["web/a", "db/a"], &["www/a", "sql/a"], "OLD NEW");
        assert_eq!(hint(&["web/a"], &["web/a", "www/a"]), None, "only added");
        assert_eq!(hint(&["web/a", "www/a"], &["web/a"]), None, "only removed");
        assert_eq!(hint(&[], &["web/a"]), None, "a new store");
    }
}
