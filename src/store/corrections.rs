//! Corrections of error budgets. Revoked corrections are marked, and kept as long as outcomes.

use super::{Store, StoreError};
use crate::outcome::Timestamp;
use crate::slo::correction::Correction;
use rusqlite::{Row, params};
use std::collections::BTreeSet;

/// Maximum number of active corrections. Each objective processes all of them when they change.
const MAX_CORRECTIONS: i64 = 10_000;

/// Maximum number of revoked corrections kept, the newest, so that a client with write access
/// cannot fill the disk.
const MAX_REVOKED: i64 = 1000;

impl Store {
    /// Returns the active corrections in the order of their creation.
    pub fn corrections(&self) -> Result<Vec<Correction>, StoreError> {
        let sql = "SELECT id, from_at, to_at, services, slos, reason, author FROM correction
                   WHERE taken_back_at IS NULL ORDER BY id";
        let found = self.select(sql, correction)?;
        match found.iter().find(|one| one.from >= one.to) {
            // Ignoring it would change budgets without notice.
            Some(Correction { id, .. }) => Err(StoreError::Invalid {
                fault: format!("correction {id} ends before it starts"),
            }),
            None => Ok(found),
        }
    }

    /// Returns the revoked corrections, with the time of revocation, in the order of their
    /// creation.
    pub fn revoked_corrections(&self) -> Result<Vec<(Correction, Timestamp)>, StoreError> {
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
        self.read_table("correction", "read corrections", |conn| {
            conn.prepare_cached(sql)?.query_map([], read)?.collect()
        })
    }

    /// Adds a correction and assigns its id.
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
        inserted.map_err(StoreError::sql("save a correction"))?;
        Ok(Correction {
            id: self.conn.last_insert_rowid().to_string(),
            ..new.clone()
        })
    }

    /// Revokes a correction; returns `false` if no active correction has this id.
    pub fn revoke_correction(&mut self, id: &str, now: Timestamp) -> Result<bool, StoreError> {
        let sql = "UPDATE correction SET taken_back_at = ?2
                   WHERE id = ?1 AND taken_back_at IS NULL";
        let Ok(id) = id.parse::<i64>() else {
            return Ok(false);
        };
        let revoke = || {
            let changed = self.conn.execute(sql, params![id, now.0])?;
            let sql = "DELETE FROM correction WHERE id IN (
                           SELECT id FROM correction WHERE taken_back_at IS NOT NULL
                           ORDER BY taken_back_at DESC, id DESC LIMIT -1 OFFSET ?1)";
            self.conn.execute(sql, [MAX_REVOKED])?;
            Ok(changed > 0)
        };
        revoke().map_err(StoreError::sql("revoke a correction"))
    }

    /// Deletes the corrections that were revoked before `horizon`.
    pub fn expire_corrections(&mut self, horizon: Timestamp) -> Result<(), StoreError> {
        let sql = "DELETE FROM correction WHERE taken_back_at < ?1";
        self.expire(sql, horizon, "delete old corrections")
    }
}

fn correction(row: &Row<'_>) -> rusqlite::Result<Correction> {
    // A set, since older versions stored duplicate names.
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

/// Joins names with newlines. Names contain no control characters, so this is unambiguous.
fn lines(names: &[String]) -> String {
    names.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_many_corrections_are_active() {
        let (_folder, mut store) = Store::temporary();
        let new = Correction::once(Timestamp(0), Timestamp(1000), "maintenance");
        let first = store.add_correction(&new, Timestamp(0)).expect("kept");
        let copies = format!(
            "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < {MAX_CORRECTIONS})
             INSERT INTO correction (from_at, to_at, services, slos, reason, author, made_at)
             SELECT from_at, to_at, services, slos, reason, author, made_at FROM correction, n"
        );
        store.conn.execute_batch(&copies).expect("kept");
        let refused = store.add_correction(&new, Timestamp(0)).expect_err("full");
        assert!(refused.to_string().contains("10000"), "{refused}");
        assert!(
            store
                .revoke_correction(&first.id, Timestamp(0))
                .expect("written")
        );
        store.add_correction(&new, Timestamp(0)).expect("kept");
    }
}
