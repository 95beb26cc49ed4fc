//! The audit log: who changed what, in the order of time.

use super::{Store, StoreError};
use crate::outcome::Timestamp;
use rusqlite::{Row, params};

/// Maximum number of entries kept, the newest, so that a client with write access cannot fill the
/// disk.
const MAX_ENTRIES: i64 = 100_000;

/// A change, or an attempt to make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    pub at: Timestamp,
    /// The authenticated client, or `anonymous@` and the client's address.
    pub name: String,
    pub action: &'static str,
    pub object: String,
    /// `ok`, or why the change was not made.
    pub outcome: String,
}

/// An entry as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAuditEntry {
    pub id: i64,
    pub at: Timestamp,
    pub name: String,
    pub action: String,
    pub object: String,
    pub outcome: String,
}

impl Store {
    /// Adds an entry.
    pub fn add_audit(&mut self, entry: &AuditEntry) -> Result<(), StoreError> {
        self.check_file()?;
        let add = || {
            let sql =
                "INSERT INTO audit (at, name, action, object, outcome) VALUES (?1, ?2, ?3, ?4, ?5)";
            let AuditEntry {
                at,
                name,
                action,
                object,
                outcome,
            } = entry;
            let values = params![at.0, name, action, object, outcome];
            self.conn.prepare_cached(sql)?.execute(values)?;
            let newest = self.conn.last_insert_rowid();
            let sql = "DELETE FROM audit WHERE id <= ?1";
            let mut delete = self.conn.prepare_cached(sql)?;
            delete.execute([newest - MAX_ENTRIES]).map(drop)
        };
        add().map_err(StoreError::sql("save an audit log entry"))
    }

    /// Makes a change and stores its audit entry in one transaction.
    pub fn audited<T>(
        &mut self,
        change: impl FnOnce(&mut Self) -> Result<T, StoreError>,
        entry: impl FnOnce(&T) -> AuditEntry,
    ) -> Result<T, StoreError> {
        self.check_file()?;
        let run = |store: &Self, sql| {
            let result = store.conn.execute_batch(sql);
            result.map_err(StoreError::sql("save a change"))
        };
        run(self, "BEGIN IMMEDIATE")?;
        let result = change(self).and_then(|done| self.add_audit(&entry(&done)).map(|()| done));
        let ended = run(self, if result.is_ok() { "COMMIT" } else { "ROLLBACK" });
        if ended.is_err() && result.is_ok() {
            // A failed commit may leave the transaction open.
            let _ = run(self, "ROLLBACK");
        }
        let done = result?;
        ended.map(|()| done)
    }

    /// Returns the newest entries with ids below `before`, at most `most`.
    pub fn audit(&self, before: i64, most: u32) -> Result<Vec<StoredAuditEntry>, StoreError> {
        self.read_table("audit", "read the audit log", |conn| {
            let sql = "SELECT id, at, name, action, object, outcome FROM audit
                       WHERE id < ?1 ORDER BY id DESC LIMIT ?2";
            let mut statement = conn.prepare_cached(sql)?;
            statement.query_map(params![before, most], entry)?.collect()
        })
    }

    /// Deletes some of the entries from before `horizon`, like [`Store::expire_alerts`].
    pub fn expire_audit(&mut self, horizon: Timestamp) -> Result<(), StoreError> {
        let sql = "DELETE FROM audit
                   WHERE at < ?1 AND id < (SELECT min(id) FROM audit) + 100";
        self.expire(sql, horizon, "delete old audit log entries")
    }
}

fn entry(row: &Row<'_>) -> rusqlite::Result<StoredAuditEntry> {
    Ok(StoredAuditEntry {
        id: row.get(0)?,
        at: Timestamp(row.get(1)?),
        name: row.get(2)?,
        action: row.get(3)?,
        object: row.get(4)?,
        outcome: row.get(5)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(at: i64) -> AuditEntry {
        AuditEntry {
            at: Timestamp(at),
            name: "ada".to_owned(),
            action: "reload",
            object: String::new(),
            outcome: "ok".to_owned(),
        }
    }

    fn times(store: &Store, before: i64, most: u32) -> Vec<i64> {
        let entries = store.audit(before, most).expect("reads");
        entries.iter().map(|entry| entry.at.0).collect()
    }

    #[test]
    fn the_newest_come_first_and_old_ones_expire() {
        let (_folder, mut store) = Store::temporary();
        for at in 1..=5 {
            store.add_audit(&entry(at)).expect("kept");
        }
        assert_eq!(times(&store, i64::MAX, 2), [5, 4]);
        let last = store.audit(i64::MAX, 2).expect("reads")[1].id;
        assert_eq!(times(&store, last, 9), [3, 2, 1]);
        store.expire_audit(Timestamp(3)).expect("deletes");
        assert_eq!(times(&store, i64::MAX, 9), [5, 4, 3]);
    }

    #[test]
    fn only_the_newest_entries_are_kept() {
        let (_folder, mut store) = Store::temporary();
        for at in 1..=3 {
            store.add_audit(&entry(at)).expect("kept");
        }
        let given = format!("UPDATE sqlite_sequence SET seq = {MAX_ENTRIES}");
        store.conn.execute_batch(&given).expect("set");
        for at in 4..=5 {
            store.add_audit(&entry(at)).expect("kept");
        }
        assert_eq!(times(&store, i64::MAX, 9), [5, 4, 3]);
    }

    #[test]
    fn a_change_and_its_audit_entry_are_atomic() {
        let (_folder, mut store) = Store::temporary();
        let change = |store: &mut Store| store.add_audit(&entry(1));
        store.audited(change, |()| entry(2)).expect("kept");
        assert_eq!(times(&store, i64::MAX, 9), [2, 1]);
        let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON audit WHEN new.at = 4
                      BEGIN SELECT RAISE(ABORT, 'no'); END";
        store.conn.execute_batch(refuse).expect("made");
        let change = |store: &mut Store| store.add_audit(&entry(3));
        assert!(store.audited(change, |()| entry(4)).is_err());
        assert_eq!(times(&store, i64::MAX, 9), [2, 1]);
        store
            .add_audit(&entry(5))
            .expect("no transaction is left open");
    }
}
