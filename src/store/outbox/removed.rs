//! Receivers that were removed from the config. A receiver that comes back within a day, because it
//! was removed by mistake or renamed and renamed back, keeps its state: alerts that ended meanwhile
//! are resolved for it as well.

use super::history::{Sent, record};
use super::notice;
use crate::outcome::Timestamp;
use crate::store::{Store, StoreError};
use crate::units::DAY;
use rusqlite::{Connection, params};
use serde_json::json;

/// Notices that waited for a removed receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    pub receiver: String,
    pub notices: u64,
}

impl Store {
    /// Gives up the notices that wait for receivers not among the `configured` ones, and sets aside
    /// the alerts those were notified of. Restores the alerts of configured receivers that had been
    /// removed.
    pub fn end_receivers(
        &mut self,
        configured: &[String],
        now: Timestamp,
    ) -> Result<Vec<Ended>, StoreError> {
        let (removed, returned) = self.removed_receivers(configured)?;
        if removed.is_empty() && returned.is_empty() {
            return Ok(Vec::new());
        }
        let mut ended = Vec::new();
        self.keep(|tx, _| {
            for receiver in &returned {
                restore(tx, receiver, now)?;
            }
            for receiver in &removed {
                ended.push(end(tx, receiver, now)?);
            }
            Ok(())
        })?;
        ended.retain(|one| one.notices > 0);
        Ok(ended)
    }

    /// The receivers with notices or alerts that are no longer configured, and those that are
    /// configured again.
    fn removed_receivers(
        &self,
        configured: &[String],
    ) -> Result<(Vec<String>, Vec<String>), StoreError> {
        let names = |sql: &str| {
            let mut statement = self.conn.prepare_cached(sql)?;
            let names = statement.query_map([json!(configured).to_string()], |row| row.get(0))?;
            names.collect::<rusqlite::Result<Vec<String>>>()
        };
        let read = || {
            let removed = names(
                "SELECT receiver FROM outbox WHERE receiver NOT IN (SELECT value FROM json_each(?1))
                 UNION SELECT receiver FROM delivered
                 WHERE receiver NOT IN (SELECT value FROM json_each(?1))
                 UNION SELECT receiver FROM moved
                 WHERE receiver NOT IN (SELECT value FROM json_each(?1))",
            )?;
            let returned = names(
                "SELECT DISTINCT receiver FROM removed_delivered
                 WHERE receiver IN (SELECT value FROM json_each(?1))",
            )?;
            Ok((removed, returned))
        };
        read().map_err(StoreError::sql("read the outbox"))
    }
}

fn restore(tx: &Connection, receiver: &str, now: Timestamp) -> rusqlite::Result<()> {
    let sql = "INSERT OR IGNORE INTO delivered (receiver, grouping, fingerprint, at, notice)
               SELECT receiver, grouping, fingerprint, at, notice FROM removed_delivered
               WHERE receiver = ?1 AND removed_at >= ?2";
    tx.execute(sql, params![receiver, now.before(DAY).0])?;
    let sql = "DELETE FROM removed_delivered WHERE receiver = ?1";
    tx.execute(sql, [receiver]).map(drop)
}

fn end(tx: &Connection, receiver: &str, now: Timestamp) -> rusqlite::Result<Ended> {
    let sql = "SELECT notice FROM outbox WHERE receiver = ?1";
    let mut statement = tx.prepare_cached(sql)?;
    let waiting = statement.query_map([receiver], notice)?;
    let waiting = waiting.collect::<rusqlite::Result<Vec<_>>>()?;
    let old = "DELETE FROM removed_delivered WHERE removed_at < ?1";
    tx.execute(old, [now.before(DAY).0])?;
    let aside = "INSERT OR REPLACE INTO removed_delivered
                 (receiver, grouping, fingerprint, at, notice, removed_at)
                 SELECT receiver, grouping, fingerprint, at, notice, ?2 FROM delivered
                 WHERE receiver = ?1";
    tx.execute(aside, params![receiver, now.0])?;
    for table in ["outbox", "delivered", "posted", "moved"] {
        let sql = format!("DELETE FROM {table} WHERE receiver = ?1");
        tx.execute(&sql, [receiver])?;
    }
    let resolved = waiting.iter().filter(|one| one.is_resolved()).count() as u64;
    let notices = waiting.len() as u64;
    if notices > 0 {
        let sent = Sent {
            id: 0,
            at: now,
            receiver: receiver.to_owned(),
            group: String::new(),
            key: String::new(),
            firing: notices - resolved,
            resolved,
            delivered: false,
            answer: "the receiver was removed from the config".to_owned(),
        };
        record(tx, &sent)?;
    }
    Ok(Ended {
        receiver: receiver.to_owned(),
        notices,
    })
}
