//! Corrections. What was taken back is marked, and kept for as long as outcomes.

use super::{Store, StoreError};
use crate::outcome::Timestamp;
use crate::slo::correction::Correction;
use rusqlite::{Row, params};
use std::collections::BTreeSet;

/// In force at once. Each objective goes through all of them when they change.
const MAX_CORRECTIONS: i64 = 10_000;

/// The newest of those taken back that are kept: whoever may write must not be able to fill the disk.
const MAX_TAKEN_BACK: i64 = 1000;

impl Store {
    /// Those in force, in the order in which they were made.
    pub fn corrections(&self) -> Result<Vec<Correction>, StoreError> {
        let sql = "SELECT id, from_at, to_at, services, slos, reason, author FROM correction
                   WHERE taken_back_at IS NULL ORDER BY id";
        let found = self.select(sql, correction)?;
        match found.iter().find(|one| one.from >= one.to) {
            // Leaving it out would change budgets, and nobody would see it.
            Some(Correction { id, .. }) => Err(StoreError::Invalid {
                fault: format!("correction {id} ends before it starts"),
            }),
            None => Ok(found),
        }
    }

    /// Those that were taken back, with the moment when, in the order in which they were made.
    pub fn corrections_taken_back(&self) -> Result<Vec<(Correction, Timestamp)>, StoreError> {
        let sql = "SELECT id, from_at, to_at, services, slos, reason, author, taken_back_at
                   FROM correction WHERE taken_back_at IS NOT NULL ORDER BY id";
        let read = |row: &Row<'_>| Ok((correction(row)?, Timestamp(row.get(7)?)));
        self.select(sql, read)
    }

    fn select<T>(
        &self,
        sql: &str,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let select = || {
            // A store that is only read may be of an older version.
            if !self.conn.table_exists(None, "correction")? {
                return Ok(Vec::new());
            }
            self.conn
                .prepare_cached(sql)?
                .query_map([], read)?
                .collect()
        };
        select().map_err(StoreError::sql("read corrections"))
    }

    /// Keeps a correction; its id is given here.
    pub fn add_correction(
        &mut self,
        new: &Correction,
        now: Timestamp,
    ) -> Result<Correction, StoreError> {
        let in_force = "SELECT count(*) FROM correction WHERE taken_back_at IS NULL";
        let count = self
            .conn
            .query_row(in_force, [], |row| row.get::<_, i64>(0));
        if count.map_err(StoreError::sql("count corrections"))? >= MAX_CORRECTIONS {
            return Err(StoreError::TooManyCorrections {
                most: MAX_CORRECTIONS,
            });
        }
        let sql = "INSERT INTO correction (from_at, to_at, services, slos, reason, author, made_at)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let inserted = self.conn.execute(
            sql,
            params![
                new.from.0,
                new.to.0,
                lines(&new.services),
                lines(&new.slos),
                new.reason,
                new.author,
                now.0
            ],
        );
        inserted.map_err(StoreError::sql("keep a correction"))?;
        Ok(Correction {
            id: self.conn.last_insert_rowid().to_string(),
            ..new.clone()
        })
    }

    /// Takes a correction back; `false` if none in force has this id.
    pub fn take_back_correction(&mut self, id: &str, now: Timestamp) -> Result<bool, StoreError> {
        let sql = "UPDATE correction SET taken_back_at = ?2
                   WHERE id = ?1 AND taken_back_at IS NULL";
        let Ok(id) = id.parse::<i64>() else {
            return Ok(false);
        };
        let take_back = || {
            let changed = self.conn.execute(sql, params![id, now.0])?;
            let sql = "DELETE FROM correction WHERE id IN (
                           SELECT id FROM correction WHERE taken_back_at IS NOT NULL
                           ORDER BY taken_back_at DESC, id DESC LIMIT -1 OFFSET ?1)";
            self.conn.execute(sql, [MAX_TAKEN_BACK])?;
            Ok(changed > 0)
        };
        take_back().map_err(StoreError::sql("take a correction back"))
    }

    /// Deletes those that were taken back before `horizon`.
    pub fn expire_corrections(&mut self, horizon: Timestamp) -> Result<(), StoreError> {
        let sql = "DELETE FROM correction WHERE taken_back_at < ?1";
        let deleted = self.conn.execute(sql, [horizon.0]);
        deleted
            .map(drop)
            .map_err(StoreError::sql("delete old corrections"))
    }
}

fn correction(row: &Row<'_>) -> rusqlite::Result<Correction> {
    // A set: older versions kept names as often as they were given.
    let names = |text: String| {
        let names: BTreeSet<&str> = text.lines().collect();
        names.into_iter().map(str::to_owned).collect()
    };
    Ok(Correction {
        id: row.get::<_, i64>(0)?.to_string(),
        from: Timestamp(row.get(1)?),
        to: Timestamp(row.get(2)?),
        repeats: None,
        services: names(row.get(3)?),
        slos: names(row.get(4)?),
        reason: row.get(5)?,
        author: row.get(6)?,
    })
}

/// Names hold no control characters, so a line each is unambiguous.
fn lines(names: &[String]) -> String {
    names.join("\n")
}
