//! Messages that were delivered or given up.

use crate::outcome::Timestamp;
use crate::store::{Store, StoreError};
use rusqlite::{Connection, Row, params};

/// Maximum number of messages kept as history, the newest.
pub(super) const HISTORY_MAX: i64 = 20_000;

/// A message that was delivered or given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    pub id: i64,
    pub at: Timestamp,
    pub receiver: String,
    pub group: String,
    pub key: String,
    pub firing: u64,
    pub resolved: u64,
    pub delivered: bool,
    pub answer: String,
}

impl Store {
    /// Returns the newest messages with ids below `before`, at most `most`.
    pub fn notifications(&self, before: i64, most: u32) -> Result<Vec<Sent>, StoreError> {
        self.read_table("notification", "read the notifications", |conn| {
            let sql = "SELECT id, at, receiver, grouping, key, firing, resolved, delivered, answer
                       FROM notification WHERE id < ?1 ORDER BY id DESC LIMIT ?2";
            let mut statement = conn.prepare_cached(sql)?;
            statement.query_map(params![before, most], sent)?.collect()
        })
    }

    /// Deletes some of the messages from before `horizon`, like [`Store::expire_alerts`].
    pub fn expire_notifications(&mut self, horizon: Timestamp) -> Result<(), StoreError> {
        let sql = "DELETE FROM notification
                   WHERE at < ?1 AND id < (SELECT min(id) FROM notification) + 100";
        self.expire(sql, horizon, "delete old notifications")
    }
}

pub(super) fn record(tx: &Connection, sent: &Sent) -> rusqlite::Result<()> {
    let sql = "INSERT INTO notification
               (at, receiver, grouping, key, firing, resolved, delivered, answer)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let values = params![
        sent.at.0,
        sent.receiver,
        sent.group,
        sent.key,
        sent.firing.cast_signed(),
        sent.resolved.cast_signed(),
        sent.delivered,
        sent.answer
    ];
    tx.prepare_cached(sql)?.execute(values)?;
    let newest = tx.last_insert_rowid();
    let sql = "DELETE FROM notification WHERE id <= ?1";
    tx.prepare_cached(sql)?
        .execute([newest - HISTORY_MAX])
        .map(drop)
}

fn sent(row: &Row<'_>) -> rusqlite::Result<Sent> {
    Ok(Sent {
        id: row.get(0)?,
        at: Timestamp(row.get(1)?),
        receiver: row.get(2)?,
        group: row.get(3)?,
        key: row.get(4)?,
        firing: row.get::<_, i64>(5)?.unsigned_abs(),
        resolved: row.get::<_, i64>(6)?.unsigned_abs(),
        delivered: row.get(7)?,
        answer: row.get(8)?,
    })
}
