//! Notices on their way to receivers, what receivers know, and what became of each message.

use super::{Store, StoreError};
use crate::alert::Notice;
use crate::outcome::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Notices that may wait for their receivers; what comes beyond is given up, and counted.
pub const OUTBOX_MAX: usize = 100_000;
/// A notice joins the message of its group that is due at most so much earlier, so that alerts that
/// begin shortly after each other are one message.
const JOINS_WITHIN_MS: i64 = 60_000;
/// Notices of one message.
const BATCH_MAX: i64 = 2000;
/// The newest messages that are kept as history.
const HISTORY_MAX: i64 = 20_000;

/// A notice to be delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDelivery {
    pub receiver: String,
    /// Alerts of one group share messages.
    pub group: String,
    pub due: Timestamp,
    pub notice: Notice,
}

/// What one message is about. It stays the same until it is delivered or given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The number of the message; 0 if it only repeats what the receiver knows.
    pub id: i64,
    pub receiver: String,
    pub group: String,
    /// When its first notice was due.
    pub due: Timestamp,
    /// What is new.
    pub notices: Vec<Notice>,
    /// What else fires in the group, as the receiver knows it.
    pub known: Vec<Notice>,
    /// What the receiver calls the message about the group that it got before; `None` if there is
    /// none that can be edited.
    pub posted: Option<String>,
}

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

    /// What is due next to a receiver; from now on it is one message.
    pub fn next_batch(
        &mut self,
        receiver: &str,
        now: Timestamp,
    ) -> Result<Option<Batch>, StoreError> {
        let mut next = None;
        self.keep(|tx, _| {
            next = take(tx, receiver, now)?;
            Ok(())
        })?;
        Ok(next)
    }

    /// When the next notice to a receiver is due.
    pub fn next_due(&self, receiver: &str) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT min(due_at) FROM outbox WHERE receiver = ?1";
        let due = self
            .conn
            .query_row(sql, [receiver], |row| row.get::<_, Option<i64>>(0));
        let due = due.map_err(StoreError::sql("read the outbox"))?;
        Ok(due.map(Timestamp))
    }

    /// A group that fires and that its receiver heard of last before a moment.
    pub fn repeat_batch(
        &self,
        receiver: &str,
        group: &str,
        heard_before: Timestamp,
    ) -> Result<Option<Batch>, StoreError> {
        let known = known(&self.conn, receiver, group, Some(heard_before));
        let known = known.map_err(StoreError::sql("read what was delivered"))?;
        Ok((!known.is_empty()).then(|| Batch {
            id: 0,
            receiver: receiver.to_owned(),
            group: group.to_owned(),
            due: heard_before,
            notices: Vec::new(),
            known,
            // A repetition reminds somebody: an edited message notifies nobody.
            posted: None,
        }))
    }

    /// The groups that fire at a receiver, with an alert of each.
    pub fn firing_groups(&self, receiver: &str) -> Result<Vec<(String, Notice)>, StoreError> {
        let read = || {
            let sql = "SELECT grouping, min(notice) FROM delivered WHERE receiver = ?1
                       GROUP BY grouping";
            let mut statement = self.conn.prepare_cached(sql)?;
            let rows = statement.query_map([receiver], |row| {
                Ok((row.get(0)?, parse(&row.get::<_, String>(1)?)))
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(StoreError::sql("read what was delivered"))
    }

    /// The alerts of a group that fire as far as a receiver knows, or will know when it has got what
    /// waits.
    pub fn known_to(&self, receiver: &str, group: &str) -> Result<Vec<Notice>, StoreError> {
        let read = || {
            let sql = "SELECT notice, 0 AS id FROM delivered WHERE receiver = ?1 AND grouping = ?2
                       UNION ALL
                       SELECT notice, id FROM outbox WHERE receiver = ?1 AND grouping = ?2
                       ORDER BY id";
            let mut statement = self.conn.prepare_cached(sql)?;
            let rows = statement.query_map([receiver, group], notice)?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        let all = read().map_err(StoreError::sql("read what was delivered"))?;
        let last: BTreeMap<u64, Notice> = all
            .into_iter()
            .map(|one| (one.fingerprint(), one))
            .collect();
        Ok(last
            .into_values()
            .filter(|one| !one.is_resolved())
            .collect())
    }

    /// Records that a message was delivered or given up: its notices wait no more. `posted` is what the
    /// receiver calls it, if it can be edited.
    pub fn settle(
        &mut self,
        batch: &Batch,
        sent: &Sent,
        posted: Option<&str>,
    ) -> Result<(), StoreError> {
        self.keep(|tx, _| {
            settle(tx, batch, sent)?;
            keep_posted(tx, batch, posted)
        })
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

    /// The newest messages before an id, at most `most`.
    pub fn notifications(&self, before: i64, most: u32) -> Result<Vec<Sent>, StoreError> {
        let read = || {
            if !self.conn.table_exists(None, "notification")? {
                return Ok(Vec::new());
            }
            let sql = "SELECT id, at, receiver, grouping, key, firing, resolved, delivered, answer
                       FROM notification WHERE id < ?1 ORDER BY id DESC LIMIT ?2";
            let mut statement = self.conn.prepare_cached(sql)?;
            statement.query_map(params![before, most], sent)?.collect()
        };
        read().map_err(StoreError::sql("read the notifications"))
    }

    /// Deletes some messages from before a moment, as with alerts.
    pub fn expire_notifications(&mut self, horizon: Timestamp) -> Result<(), StoreError> {
        let sql = "DELETE FROM notification
                   WHERE at < ?1 AND id < (SELECT min(id) FROM notification) + 100";
        let deleted = self.conn.execute(sql, [horizon.0]);
        deleted
            .map(drop)
            .map_err(StoreError::sql("delete old notifications"))
    }
}

/// Writes notices within a transaction. A resolution cancels what its receiver need not hear: a
/// notice that is not due yet. Without any notice before, the resolution is dropped as well.
/// Returns how many found the outbox full.
pub(super) fn insert(tx: &Connection, deliveries: &[NewDelivery]) -> rusqlite::Result<u64> {
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

/// A message that was tried already comes first, then the notice that is due first, with the
/// others of its group that are due.
fn take(tx: &Connection, receiver: &str, now: Timestamp) -> rusqlite::Result<Option<Batch>> {
    let sql = "SELECT id, grouping, due_at, message FROM outbox
               WHERE receiver = ?1 AND (due_at <= ?2 OR message IS NOT NULL)
               ORDER BY message IS NULL, due_at, id LIMIT 1";
    let first = tx
        .prepare_cached(sql)?
        .query_row(params![receiver, now.0], |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, i64>(2)?,
                row.get::<_, Option<i64>>(3)?,
            ))
        });
    let Some((first, group, due, message)) = first.optional()? else {
        return Ok(None);
    };
    let id = match message {
        Some(id) => id,
        None => freeze(tx, receiver, &group, first, now)?,
    };
    let sql = "SELECT notice FROM outbox WHERE message = ?1 AND receiver = ?2 ORDER BY id";
    let mut statement = tx.prepare_cached(sql)?;
    let rows = statement.query_map(params![id, receiver], notice)?;
    let notices = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    let new: BTreeSet<u64> = notices.iter().map(Notice::fingerprint).collect();
    let mut known = known(tx, receiver, &group, None)?;
    known.retain(|notice| !new.contains(&notice.fingerprint()));
    let sql = "SELECT message FROM posted WHERE receiver = ?1 AND grouping = ?2";
    let mut statement = tx.prepare_cached(sql)?;
    let posted = statement.query_row([receiver, &group], |row| row.get(0));
    Ok(Some(Batch {
        id,
        receiver: receiver.to_owned(),
        group,
        due: Timestamp(due),
        notices,
        known,
        posted: posted.optional()?,
    }))
}

/// Makes the notices of a group one message: of each alert the first only, so that its resolution
/// is a message of its own.
fn freeze(
    tx: &Connection,
    receiver: &str,
    group: &str,
    first: i64,
    now: Timestamp,
) -> rusqlite::Result<i64> {
    let sql = "UPDATE outbox SET message = ?1 WHERE id IN (
                   SELECT min(id) FROM outbox WHERE receiver = ?2 AND grouping = ?3 AND due_at <= ?4
                   GROUP BY fingerprint ORDER BY min(id) LIMIT ?5)";
    let values = params![first, receiver, group, now.0, BATCH_MAX];
    tx.prepare_cached(sql)?.execute(values)?;
    Ok(first)
}

fn known(
    conn: &Connection,
    receiver: &str,
    group: &str,
    heard_before: Option<Timestamp>,
) -> rusqlite::Result<Vec<Notice>> {
    let sql = "SELECT notice FROM delivered WHERE receiver = ?1 AND grouping = ?2
               AND (?3 IS NULL OR (SELECT max(at) FROM delivered
                                   WHERE receiver = ?1 AND grouping = ?2) <= ?3)
               ORDER BY fingerprint LIMIT ?4";
    let mut statement = conn.prepare_cached(sql)?;
    let values = params![receiver, group, heard_before.map(|at| at.0), BATCH_MAX];
    statement.query_map(values, notice)?.collect()
}

fn settle(tx: &Connection, batch: &Batch, sent: &Sent) -> rusqlite::Result<()> {
    let (receiver, group) = (&batch.receiver, &batch.group);
    let sql = "DELETE FROM outbox WHERE message = ?1 AND receiver = ?2";
    tx.prepare_cached(sql)?
        .execute(params![batch.id, receiver])?;
    for notice in &batch.notices {
        let fingerprint = notice.fingerprint().cast_signed();
        if notice.is_resolved() {
            let sql = "DELETE FROM delivered WHERE receiver = ?1 AND grouping = ?2
                       AND fingerprint = ?3";
            tx.prepare_cached(sql)?
                .execute(params![receiver, group, fingerprint])?;
        } else {
            let sql =
                "INSERT OR REPLACE INTO delivered (receiver, grouping, fingerprint, at, notice)
                       VALUES (?1, ?2, ?3, ?4, ?5)";
            let values = params![receiver, group, fingerprint, sent.at.0, write(notice)];
            tx.prepare_cached(sql)?.execute(values)?;
        }
    }
    let sql = "UPDATE delivered SET at = ?3 WHERE receiver = ?1 AND grouping = ?2";
    tx.prepare_cached(sql)?
        .execute(params![receiver, group, sent.at.0])?;
    record(tx, sent)
}

/// The message of a group is edited for as long as an alert of it fires.
fn keep_posted(tx: &Connection, batch: &Batch, posted: Option<&str>) -> rusqlite::Result<()> {
    let (receiver, group) = (&batch.receiver, &batch.group);
    if let Some(posted) = posted {
        let sql = "INSERT OR REPLACE INTO posted (receiver, grouping, message) VALUES (?1, ?2, ?3)";
        tx.prepare_cached(sql)?
            .execute(params![receiver, group, posted])?;
    }
    let sql = "DELETE FROM posted WHERE receiver = ?1 AND grouping = ?2 AND NOT EXISTS
                   (SELECT 1 FROM delivered WHERE receiver = ?1 AND grouping = ?2)";
    tx.prepare_cached(sql)?
        .execute(params![receiver, group])
        .map(drop)
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

fn record(tx: &Connection, sent: &Sent) -> rusqlite::Result<()> {
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

fn notice(row: &Row<'_>) -> rusqlite::Result<Notice> {
    row.get::<_, String>(0).map(|text| parse(&text))
}

fn write(notice: &Notice) -> String {
    json!({
        "labels": notice.labels,
        "annotations": notice.annotations,
        "from": notice.from.0,
        "to": notice.to.map(|to| to.0),
    })
    .to_string()
}

/// What was written; of a damaged text what can be read.
fn parse(text: &str) -> Notice {
    let value: Value = serde_json::from_str(text).unwrap_or_default();
    let map = |name: &str| {
        let entries = value[name].as_object().into_iter().flatten();
        let texts = entries.filter_map(|(name, text)| Some((name.clone(), text.as_str()?.into())));
        texts.collect()
    };
    Notice {
        labels: map("labels"),
        annotations: map("annotations"),
        from: Timestamp(value["from"].as_i64().unwrap_or_default()),
        to: value["to"].as_i64().map(Timestamp),
    }
}

#[cfg(test)]
mod tests;
