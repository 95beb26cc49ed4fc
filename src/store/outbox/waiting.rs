//! Notices that wait for their receivers.

use super::history::{Sent, record};
use super::{names, notice, write};
use crate::alert::Notice;
use crate::outcome::Timestamp;
use crate::store::{Store, StoreError};
use rusqlite::{Connection, Row, params};
use std::collections::{BTreeMap, BTreeSet};

/// Notices that may wait for their receivers; what comes beyond is given up, and counted.
pub const OUTBOX_MAX: usize = 100_000;
/// A notice joins the message of its group that is due at most so much earlier, so that alerts that
/// begin shortly after each other are one message.
const JOINS_WITHIN_MS: i64 = 60_000;

/// A notice to be delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDelivery {
    pub receiver: String,
    /// Alerts of one group share messages.
    pub group: String,
    pub due: Timestamp,
    pub notice: Notice,
}

/// A notice that is not delivered yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    pub receiver: String,
    pub due: Timestamp,
    /// Whether its message was tried already.
    pub is_tried: bool,
    pub notice: Notice,
}

/// What waited for a receiver that is configured no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    pub receiver: String,
    pub notices: u64,
}

impl Store {
    /// Keeps notices in one transaction: all or none. Returns how many were given up because too
    /// many wait.
    pub fn keep_deliveries(&mut self, deliveries: &[NewDelivery]) -> Result<u64, StoreError> {
        self.keep_notified_alerts(&[], deliveries)
    }

    /// When the next notice to a receiver is due, of groups other than those `without`.
    pub fn next_due(
        &self,
        receiver: &str,
        without: &BTreeSet<String>,
    ) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT min(due_at) FROM outbox WHERE receiver = ?1
                   AND grouping NOT IN (SELECT value FROM json_each(?2))";
        let values = [receiver, &names(without)];
        let due = self
            .conn
            .query_row(sql, values, |row| row.get::<_, Option<i64>>(0));
        let due = due.map_err(StoreError::sql("read the outbox"))?;
        Ok(due.map(Timestamp))
    }

    /// Drops what was decided about an alert and is not due yet, such as an escalation of an alert
    /// that somebody acknowledged.
    pub fn cancel_deliveries(
        &mut self,
        fingerprint: u64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = "DELETE FROM outbox WHERE fingerprint = ?1 AND due_at > ?2 AND message IS NULL";
        let deleted = self
            .conn
            .execute(sql, params![fingerprint.cast_signed(), now.0]);
        deleted
            .map(drop)
            .map_err(StoreError::sql("cancel deliveries"))
    }

    /// Gives up what waits for receivers that are not among the `configured` ones, and forgets what
    /// these know.
    pub fn end_receivers(
        &mut self,
        configured: &[String],
        now: Timestamp,
    ) -> Result<Vec<Ended>, StoreError> {
        let removed = self.removed_receivers(configured)?;
        if removed.is_empty() {
            return Ok(Vec::new());
        }
        let mut ended = Vec::new();
        self.keep(|tx, _| {
            for receiver in &removed {
                ended.push(end(tx, receiver, now)?);
            }
            Ok(())
        })?;
        ended.retain(|one| one.notices > 0);
        Ok(ended)
    }

    /// Those that notices wait for, or that know of alerts.
    fn removed_receivers(&self, configured: &[String]) -> Result<Vec<String>, StoreError> {
        let read = || {
            let sql = "SELECT receiver FROM outbox UNION SELECT receiver FROM delivered";
            let mut statement = self.conn.prepare_cached(sql)?;
            let names = statement.query_map([], |row| row.get(0))?;
            names.collect::<rusqlite::Result<Vec<String>>>()
        };
        let mut names = read().map_err(StoreError::sql("read the outbox"))?;
        names.retain(|name| !configured.contains(name));
        Ok(names)
    }

    /// What is not delivered yet, the first due first, at most `most`.
    pub fn pending_notices(&self, most: u32) -> Result<Vec<Pending>, StoreError> {
        let read = || {
            if !self.conn.table_exists(None, "outbox")? {
                return Ok(Vec::new());
            }
            let sql = "SELECT notice, receiver, due_at, message IS NOT NULL FROM outbox
                       ORDER BY due_at, id LIMIT ?1";
            let mut statement = self.conn.prepare_cached(sql)?;
            let pending = |row: &Row<'_>| {
                Ok(Pending {
                    notice: notice(row)?,
                    receiver: row.get(1)?,
                    due: Timestamp(row.get(2)?),
                    is_tried: row.get(3)?,
                })
            };
            statement.query_map([most], pending)?.collect()
        };
        read().map_err(StoreError::sql("read the outbox"))
    }

    /// How many notices wait for each receiver.
    pub fn waiting(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        let read = || {
            if !self.conn.table_exists(None, "outbox")? {
                return Ok(BTreeMap::new());
            }
            let sql = "SELECT receiver, count(*) FROM outbox GROUP BY receiver";
            let mut statement = self.conn.prepare_cached(sql)?;
            let rows = statement.query_map([], |row| {
                Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs()))
            })?;
            rows.collect()
        };
        read().map_err(StoreError::sql("read the outbox"))
    }
}

/// Writes notices within a transaction. A resolution cancels what its receiver need not hear: a
/// notice that is not due yet. Without any notice before, the resolution is dropped as well.
/// Returns how many found the outbox full.
pub(in crate::store) fn insert(
    tx: &Connection,
    deliveries: &[NewDelivery],
) -> rusqlite::Result<u64> {
    let count = "SELECT count(*) FROM outbox";
    let waiting = tx.query_row(count, [], |row| row.get::<_, i64>(0))?;
    let waiting = usize::try_from(waiting).unwrap_or(OUTBOX_MAX);
    let room = OUTBOX_MAX.saturating_sub(waiting);
    for delivery in deliveries.iter().take(room) {
        insert_one(tx, delivery)?;
    }
    Ok(deliveries.len().saturating_sub(room) as u64)
}

fn insert_one(tx: &Connection, delivery: &NewDelivery) -> rusqlite::Result<()> {
    let NewDelivery {
        receiver,
        group,
        due,
        notice,
    } = delivery;
    let fingerprint = notice.fingerprint().cast_signed();
    if let Some(to) = notice.to {
        let sql = "DELETE FROM outbox WHERE receiver = ?1 AND grouping = ?2
                       AND fingerprint = ?3 AND due_at > ?4 AND message IS NULL";
        let values = params![receiver, group, fingerprint, to.0];
        tx.prepare_cached(sql)?.execute(values)?;
        let sql = "SELECT EXISTS (SELECT 1 FROM outbox WHERE receiver = ?1 AND grouping = ?2
                                      AND fingerprint = ?3)
                           OR EXISTS (SELECT 1 FROM delivered WHERE receiver = ?1 AND grouping = ?2
                                      AND fingerprint = ?3)";
        let values = params![receiver, group, fingerprint];
        if !tx
            .prepare_cached(sql)?
            .query_row(values, |row| row.get::<_, bool>(0))?
        {
            return Ok(());
        }
    }
    let sql = "INSERT INTO outbox (receiver, grouping, fingerprint, due_at, notice)
               VALUES (?1, ?2, ?3, coalesce(
                   (SELECT min(due_at) FROM outbox WHERE receiver = ?1 AND grouping = ?2
                    AND message IS NULL AND due_at BETWEEN ?4 - ?6 AND ?4), ?4), ?5)";
    let values = params![
        receiver,
        group,
        fingerprint,
        due.0,
        write(notice),
        JOINS_WITHIN_MS
    ];
    tx.prepare_cached(sql)?.execute(values)?;
    Ok(())
}

fn end(tx: &Connection, receiver: &str, now: Timestamp) -> rusqlite::Result<Ended> {
    let sql = "SELECT notice FROM outbox WHERE receiver = ?1";
    let mut statement = tx.prepare_cached(sql)?;
    let waiting = statement.query_map([receiver], notice)?;
    let waiting = waiting.collect::<rusqlite::Result<Vec<_>>>()?;
    for table in ["outbox", "delivered", "posted"] {
        tx.execute(
            &format!("DELETE FROM {table} WHERE receiver = ?1"),
            [receiver],
        )?;
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
