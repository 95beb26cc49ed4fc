//! Silences, and acknowledgements of firing alerts.

use super::alerts::key;
use super::{Store, StoreError};
use crate::alert::{Acknowledgement, Decisions, MAX_SILENCES, Matcher, Silence};
use crate::outcome::Timestamp;
use rusqlite::{Row, params};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// How long expired silences are kept.
pub const SILENCES_KEPT: Duration = Duration::from_hours(7 * 24);
/// An active silence that has muted nothing for this long may have been forgotten.
const WITHOUT_EFFECT: Duration = Duration::from_hours(7 * 24);
/// Maximum number of alerts of that time that are checked, the newest.
const LOOKED_THROUGH: u32 = 10_000;

impl Store {
    /// Returns all stored silences, and the acknowledgements of alerts that are firing, or that
    /// started too recently to be stored.
    pub fn decisions(&self) -> Result<Decisions, StoreError> {
        let silences = self.silences()?;
        let read = || {
            let acknowledged = "SELECT from_at, service, is_sign, source, about, at, name, note
                FROM acknowledgement WHERE NOT EXISTS (
                    SELECT 1 FROM alert_record ended WHERE ended.to_at IS NOT NULL
                    AND ended.from_at = acknowledgement.from_at
                    AND ended.service = acknowledgement.service
                    AND ended.is_sign = acknowledgement.is_sign
                    AND ended.source = acknowledgement.source
                    AND ended.about = acknowledgement.about)";
            let mut statement = self.conn.prepare_cached(acknowledged)?;
            let rows = statement.query_map([], |row| {
                let given = Acknowledgement {
                    at: Timestamp(row.get(5)?),
                    by: row.get(6)?,
                    note: row.get(7)?,
                };
                let (key, from) = (key(row)?, Timestamp(row.get(0)?));
                Ok(key.map(|key| ((key, from), Arc::new(given))))
            })?;
            Ok(Decisions {
                silences,
                acknowledged: rows
                    .filter_map(Result::transpose)
                    .collect::<rusqlite::Result<_>>()?,
            })
        };
        read().map_err(StoreError::sql("read silences"))
    }

    /// Returns all stored silences in the order of their creation.
    pub fn silences(&self) -> Result<Vec<Silence>, StoreError> {
        let sql = "SELECT id, matchers, from_at, to_at, author, reason FROM silence ORDER BY id";
        self.read_table("silence", "read silences", |conn| {
            let mut statement = conn.prepare_cached(sql)?;
            let rows = statement.query_map([], silence)?;
            rows.filter_map(Result::transpose).collect()
        })
    }

    /// Returns the active silences that have muted no alert for a week.
    pub fn silences_without_effect(
        &self,
        silences: &[Silence],
        now: Timestamp,
    ) -> Result<BTreeSet<i64>, StoreError> {
        let since = now.before(WITHOUT_EFFECT);
        let old = silences
            .iter()
            .filter(|one| one.is_active(now) && one.from <= since);
        let mut ids: BTreeSet<i64> = old.map(|one| one.id).collect();
        if !ids.is_empty() {
            for alert in self.alerts(since, now, LOOKED_THROUGH)? {
                if let Some(id) = alert.silenced_by {
                    ids.remove(&id);
                }
            }
        }
        Ok(ids)
    }

    /// Adds a silence and assigns its id.
    pub fn add_silence(&mut self, new: &Silence) -> Result<Silence, StoreError> {
        let count = self
            .conn
            .query_row("SELECT count(*) FROM silence", [], |row| row.get(0));
        let count: i64 = count.map_err(StoreError::sql("count silences"))?;
        if usize::try_from(count).is_ok_and(|count| count >= MAX_SILENCES) {
            return Err(StoreError::TooManySilences { most: MAX_SILENCES });
        }
        let matchers: Vec<String> = new.matchers.iter().map(Matcher::to_string).collect();
        let sql = "INSERT INTO silence (matchers, from_at, to_at, author, reason)
                   VALUES (?1, ?2, ?3, ?4, ?5)";
        let Silence {
            from,
            to,
            author,
            reason,
            ..
        } = new;
        let values = params![matchers.join("\n"), from.0, to.0, author, reason];
        let inserted = self.conn.execute(sql, values);
        inserted.map_err(StoreError::sql("save a silence"))?;
        let id = self.conn.last_insert_rowid();
        Ok(Silence { id, ..new.clone() })
    }

    /// Ends a silence, or deletes one that has not started. Returns `false` if no active or future
    /// silence has this id.
    pub fn remove_silence(&mut self, id: i64, now: Timestamp) -> Result<bool, StoreError> {
        let delete = "DELETE FROM silence WHERE id = ?1 AND from_at >= ?2";
        let end = "UPDATE silence SET to_at = ?2 WHERE id = ?1 AND to_at > ?2";
        let deleted = self.conn.execute(delete, [id, now.0]);
        let removed = match deleted {
            Ok(0) => self.conn.execute(end, [id, now.0]),
            other => other,
        };
        Ok(removed.map_err(StoreError::sql("end a silence"))? > 0)
    }

    /// Deletes the silences that ended before `horizon`. Returns whether there were any.
    pub fn expire_silences(&mut self, horizon: Timestamp) -> Result<bool, StoreError> {
        let deleted = self
            .conn
            .execute("DELETE FROM silence WHERE to_at < ?1", [horizon.0]);
        Ok(deleted.map_err(StoreError::sql("delete old silences"))? > 0)
    }
}

/// Returns `None` for a silence that this version cannot read.
fn silence(row: &Row<'_>) -> rusqlite::Result<Option<Silence>> {
    let matchers: String = row.get(1)?;
    let matchers: Result<Vec<_>, _> = matchers.lines().map(Matcher::parse).collect();
    let Ok(matchers) = matchers else {
        return Ok(None);
    };
    Ok(Some(Silence {
        id: row.get(0)?,
        matchers,
        from: Timestamp(row.get(2)?),
        to: Timestamp(row.get(3)?),
        author: row.get(4)?,
        reason: row.get(5)?,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silence_that_has_muted_nothing_for_a_week_has_no_effect() {
        let (_folder, store) = Store::temporary();
        let day = |day: i64| Timestamp::from_secs(day * 86_400);
        let silence = |id, from, to| Silence {
            id,
            matchers: vec![Matcher::parse("service=web").expect("valid")],
            from: day(from),
            to: day(to),
            author: "ada".to_owned(),
            reason: String::new(),
        };
        let all = [silence(1, 10, 90), silence(2, 28, 90), silence(3, 10, 20)];
        let found = store.silences_without_effect(&all, day(30)).expect("reads");
        assert_eq!(found, [1].into(), "the others are recent or expired");
    }

    #[test]
    fn a_thousand_silences_are_the_most() {
        let (_folder, mut store) = Store::temporary();
        let new = Silence {
            id: 0,
            matchers: vec![Matcher::parse("service=web").expect("valid")],
            from: Timestamp(0),
            to: Timestamp(1),
            author: "ada".to_owned(),
            reason: String::new(),
        };
        let fill =
            "WITH RECURSIVE count(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM count WHERE n < ?1)
                    INSERT INTO silence (matchers, from_at, to_at, author, reason)
                    SELECT 'service=web', 0, 1, 'ada', '' FROM count";
        store
            .conn
            .execute(fill, [MAX_SILENCES as i64 - 1])
            .expect("filled");
        store.add_silence(&new).expect("there is room for one");
        let refused = store.add_silence(&new).expect_err("there is no room");
        assert!(matches!(
            refused,
            StoreError::TooManySilences { most: 1000 }
        ));
        assert_eq!(store.silences().expect("reads").len(), MAX_SILENCES);
    }
}
