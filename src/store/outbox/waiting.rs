//! Notices that wait for their receivers.

use super::withheld::drop_firing;
use super::{names, notice, write};
use crate::alert::Notice;
use crate::outcome::Timestamp;
use crate::store::{Store, StoreError};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::{BTreeMap, BTreeSet};

/// Maximum number of waiting notices; further ones are dropped and counted.
pub const OUTBOX_MAX: usize = 100_000;
/// A notice joins a message of its group that is due at most this much earlier, so that alerts that
/// start shortly after each other are sent together.
const JOINS_WITHIN_MS: i64 = 60_000;

/// A notice to be delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDelivery {
    pub receiver: String,
    /// Alerts of the same group share messages.
    pub group: String,
    pub due: Timestamp,
    /// When it was created.
    pub at: Timestamp,
    /// Whether it is only sent because nobody acknowledged the alert.
    pub escalates: bool,
    pub notice: Notice,
}

impl NewDelivery {
    /// A notice that is due immediately.
    pub fn at_once(receiver: &str, group: &str, notice: Notice, now: Timestamp) -> Self {
        Self {
            receiver: receiver.to_owned(),
            group: group.to_owned(),
            due: now,
            at: now,
            escalates: false,
            notice,
        }
    }
}

/// A notice that is not delivered yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    pub receiver: String,
    pub due: Timestamp,
    /// Whether its message was tried already.
    pub is_tried: bool,
    /// Why the last attempt failed.
    pub failure: Option<String>,
    pub notice: Notice,
}

impl Store {
    /// Stores notices in one transaction. Returns the number of notices dropped because the outbox
    /// is full.
    pub fn keep_deliveries(&mut self, deliveries: &[NewDelivery]) -> Result<u64, StoreError> {
        let mut given_up = 0;
        if !deliveries.is_empty() {
            self.keep(|tx, _| {
                given_up = insert(tx, deliveries)?;
                Ok(())
            })?;
        }
        Ok(given_up)
    }

    /// Returns when the next notice to a receiver is due, excluding the groups in `without`.
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

    /// Drops the escalations of an acknowledged alert that are not due yet. Notices to other
    /// receivers stay.
    pub fn cancel_escalations(
        &mut self,
        fingerprint: u64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = "DELETE FROM outbox WHERE fingerprint = ?1 AND due_at > ?2 AND message IS NULL
                   AND escalates";
        let deleted = self
            .conn
            .execute(sql, params![fingerprint.cast_signed(), now.0]);
        deleted
            .map(drop)
            .map_err(StoreError::sql("cancel escalations"))
    }

    /// Returns the undelivered notices, earliest due first, at most `most`.
    pub fn pending_notices(&self, most: u32) -> Result<Vec<Pending>, StoreError> {
        let read = || {
            if !self.conn.column_exists(None, "outbox", "failure")? {
                return Ok(Vec::new());
            }
            let sql = "SELECT notice, receiver, due_at, message IS NOT NULL, failure FROM outbox
                       ORDER BY due_at, id LIMIT ?1";
            let mut statement = self.conn.prepare_cached(sql)?;
            let pending = |row: &Row<'_>| {
                Ok(Pending {
                    notice: notice(row)?,
                    receiver: row.get(1)?,
                    due: Timestamp(row.get(2)?),
                    is_tried: row.get(3)?,
                    failure: row.get(4)?,
                })
            };
            statement.query_map([most], pending)?.collect()
        };
        read().map_err(StoreError::sql("read the outbox"))
    }

    /// Returns the number of notices that wait for a receiver.
    pub fn waiting_for(&self, receiver: &str) -> Result<u64, StoreError> {
        let sql = "SELECT count(*) FROM outbox WHERE receiver = ?1";
        let count = self
            .conn
            .query_row(sql, [receiver], |row| row.get::<_, i64>(0));
        let count = count.map_err(StoreError::sql("read the outbox"))?;
        Ok(count.unsigned_abs())
    }

    /// Returns for each receiver why its newest message that was tried and still waits was not
    /// delivered.
    pub fn failures(&self) -> Result<BTreeMap<String, String>, StoreError> {
        let read = || {
            if !self.conn.column_exists(None, "outbox", "failure")? {
                return Ok(BTreeMap::new());
            }
            // With max(), the other columns are those of the row with the maximum.
            let sql = "SELECT receiver, failure, max(id) FROM outbox
                       WHERE failure IS NOT NULL AND message IS NOT NULL
                       GROUP BY receiver";
            let mut statement = self.conn.prepare_cached(sql)?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect()
        };
        read().map_err(StoreError::sql("read the outbox"))
    }

    /// Returns the number of waiting notices for each receiver.
    pub fn waiting(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        self.read_table("outbox", "read the outbox", |conn| {
            let sql = "SELECT receiver, count(*) FROM outbox GROUP BY receiver";
            let mut statement = conn.prepare_cached(sql)?;
            let rows = statement.query_map([], |row| {
                Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs()))
            })?;
            rows.collect()
        })
    }
}

/// Adds to each resolution the other receivers and groups that were notified of the alert, since
/// routes may have changed.
pub(in crate::store) fn with_other_recipients(
    tx: &Connection,
    deliveries: &[NewDelivery],
) -> rusqlite::Result<Vec<NewDelivery>> {
    let place = |one: &NewDelivery| {
        let fingerprint = one.notice.fingerprint();
        (fingerprint, one.receiver.clone(), one.group.clone())
    };
    let mut places: BTreeSet<_> = deliveries.iter().map(place).collect();
    let mut all = deliveries.to_vec();
    for ended in deliveries.iter().filter(|one| one.notice.is_resolved()) {
        for (receiver, group) in recipients_of(tx, ended.notice.fingerprint())? {
            let further = NewDelivery {
                receiver,
                group,
                ..ended.clone()
            };
            if places.insert(place(&further)) {
                all.push(further);
            }
        }
    }
    Ok(all)
}

/// The receivers and groups that were notified of an alert, or have a notice waiting.
fn recipients_of(tx: &Connection, fingerprint: u64) -> rusqlite::Result<Vec<(String, String)>> {
    let sql = "SELECT receiver, grouping FROM delivered WHERE fingerprint = ?1
               UNION SELECT receiver, grouping FROM outbox WHERE fingerprint = ?1";
    let mut statement = tx.prepare_cached(sql)?;
    let rows = statement.query_map([fingerprint.cast_signed()], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    rows.collect()
}

/// Inserts notices within a transaction. A resolution cancels a firing notice that is not due yet
/// or held back, and is dropped itself if the alert is not firing for the receiver. Returns the
/// number of notices dropped because the outbox is full.
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

/// Whether an alert is firing as far as a receiver was notified, including the notices that still
/// wait for it.
fn fires_at(
    tx: &Connection,
    receiver: &str,
    group: &str,
    fingerprint: i64,
) -> rusqlite::Result<bool> {
    let sql = "SELECT notice FROM outbox
               WHERE receiver = ?1 AND grouping = ?2 AND fingerprint = ?3
               ORDER BY id DESC LIMIT 1";
    let values = params![receiver, group, fingerprint];
    let last = tx
        .prepare_cached(sql)?
        .query_row(values, notice)
        .optional()?;
    if let Some(last) = last {
        return Ok(!last.is_resolved());
    }
    let sql = "SELECT EXISTS (SELECT 1 FROM delivered
                   WHERE receiver = ?1 AND grouping = ?2 AND fingerprint = ?3)";
    tx.prepare_cached(sql)?.query_row(values, |row| row.get(0))
}

fn insert_one(tx: &Connection, delivery: &NewDelivery) -> rusqlite::Result<()> {
    let NewDelivery {
        receiver,
        group,
        due,
        at,
        escalates,
        notice,
    } = delivery;
    let fingerprint = notice.fingerprint().cast_signed();
    if let Some(to) = notice.to {
        let was_tried = drop_firing(tx, (receiver, group), fingerprint, to)?;
        if !was_tried && !fires_at(tx, receiver, group, fingerprint)? {
            return Ok(());
        }
    }
    let sql =
        "INSERT INTO outbox (receiver, grouping, fingerprint, due_at, notice, set_at, escalates)
               VALUES (?1, ?2, ?3, coalesce(
                   (SELECT min(due_at) FROM outbox WHERE receiver = ?1 AND grouping = ?2
                    AND message IS NULL AND due_at BETWEEN ?4 - ?6 AND ?4), ?4), ?5, ?7, ?8)";
    let values = params![
        receiver,
        group,
        fingerprint,
        due.0,
        write(notice),
        JOINS_WITHIN_MS,
        at.0,
        escalates
    ];
    tx.prepare_cached(sql)?.execute(values)?;
    Ok(())
}
