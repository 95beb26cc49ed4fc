//! Building messages from waiting notices, and recording their results.

use super::history::{Sent, record};
use super::known::{known, touch};
use super::withheld::{hold, recheck};
use super::{BATCH_MAX, names, notice, write};
use crate::alert::Notice;
use crate::outcome::Timestamp;
use crate::store::{Store, StoreError};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeSet;
use std::fmt;

/// The contents of one message. Its alerts stay the same until it is delivered or given up, except for
/// those that are held back after a failed attempt. Their texts are those of the decision to send them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The number of the message; 0 if it only repeats alerts.
    pub id: i64,
    pub receiver: String,
    pub group: String,
    /// When its first notice was due.
    pub due: Timestamp,
    /// New notices.
    pub notices: Vec<Notice>,
    /// The other firing alerts of the group that the receiver was notified of.
    pub known: Vec<Notice>,
    /// The receiver's id of the previous message about the group; `None` if no message can be
    /// edited.
    pub posted: Option<String>,
}

/// Selects which message to take next.
#[derive(Clone, Copy)]
pub struct MessageFilter<'a> {
    pub receiver: &'a str,
    pub now: Timestamp,
    /// Groups to leave out.
    pub without: &'a BTreeSet<String>,
    /// Whether a notice of a group is muted by a silence.
    pub is_muted: &'a dyn Fn(&str, &Notice) -> bool,
    /// Whether somebody handles an alert: failed attempts are then not retried.
    pub is_handled: &'a dyn Fn(&Notice) -> bool,
    /// Whether the subject of an alert is in maintenance: the alert is then not escalated.
    pub is_maintained: &'a dyn Fn(&Notice) -> bool,
    /// When a notice of a group may be sent: now, or when the hours of its route begin.
    pub opens: &'a dyn Fn(&str, &Notice) -> Timestamp,
}

/// A notice that waits in the outbox.
pub(super) struct Waiting {
    pub notice: Notice,
    pub id: i64,
    /// Whether an attempt to deliver it failed.
    pub is_tried: bool,
    /// Whether it is only sent because nobody acknowledged the alert.
    pub escalates: bool,
}

impl MessageFilter<'_> {
    /// Whether a notice of a group is held back now.
    pub(super) fn withholds(&self, group: &str, waiting: &Waiting) -> bool {
        let notice = &waiting.notice;
        let is_kept = || {
            (self.is_muted)(group, notice)
                || (waiting.is_tried && (self.is_handled)(notice))
                || (waiting.escalates && (self.is_maintained)(notice))
        };
        !notice.is_resolved() && is_kept()
    }
}

impl fmt::Debug for MessageFilter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageFilter").finish_non_exhaustive()
    }
}

impl Store {
    /// Returns the next due notices of a receiver, and makes them one message.
    pub fn next_batch(&mut self, filter: MessageFilter<'_>) -> Result<Option<Batch>, StoreError> {
        let mut next = None;
        self.keep(|tx, _| {
            next = take(tx, filter)?;
            Ok(())
        })?;
        Ok(next)
    }

    /// Records that a message was delivered or given up, and removes its notices. `posted` is the
    /// receiver's id of the message if it can be edited.
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

    /// Records why a message could not be delivered; it stays queued for the next attempt.
    pub fn note_failure(&mut self, batch: &Batch, why: &str) -> Result<(), StoreError> {
        let sql = "UPDATE outbox SET failure = ?3
                   WHERE message = ?1 AND receiver = ?2 AND failure IS NOT ?3";
        let values = params![batch.id, batch.receiver, why];
        let noted = self.conn.execute(sql, values);
        noted
            .map(drop)
            .map_err(StoreError::sql("record a failed delivery"))
    }
}

/// The notice in the outbox that the next message starts with.
struct First {
    group: String,
    due: Timestamp,
    /// Its message, if it was tried already.
    message: Option<i64>,
}

/// Takes a message that was tried already first; otherwise the notice that is due first, with the
/// others of its group that are due.
fn take(tx: &Connection, filter: MessageFilter<'_>) -> rusqlite::Result<Option<Batch>> {
    follow_clock(tx, filter)?;
    while let Some(first) = first(tx, filter)? {
        let message = match first.message {
            Some(id) => Some(id),
            None => freeze(tx, &first.group, filter)?,
        };
        if let Some(id) = message {
            return batch(tx, filter.receiver, first, id).map(Some);
        }
        // All notices of the group are held back, so none is due any more.
    }
    Ok(None)
}

/// After the clock was set back, restarts the remaining delay of a notice, instead of waiting until
/// its original due time comes again.
fn follow_clock(tx: &Connection, filter: MessageFilter<'_>) -> rusqlite::Result<()> {
    let sql = "UPDATE outbox SET due_at = due_at - (set_at - ?2), set_at = ?2
               WHERE receiver = ?1 AND due_at > ?2 AND set_at > ?2 AND message IS NULL";
    let values = params![filter.receiver, filter.now.0];
    tx.prepare_cached(sql)?.execute(values).map(drop)
}

fn first(tx: &Connection, filter: MessageFilter<'_>) -> rusqlite::Result<Option<First>> {
    let sql = "SELECT grouping, due_at, message FROM outbox
               WHERE receiver = ?1 AND (due_at <= ?2 OR message IS NOT NULL)
               AND grouping NOT IN (SELECT value FROM json_each(?3))
               ORDER BY message IS NULL, due_at, id LIMIT 1";
    let values = params![filter.receiver, filter.now.0, names(filter.without)];
    let first = tx.prepare_cached(sql)?.query_row(values, |row| {
        Ok(First {
            group: row.get(0)?,
            due: Timestamp(row.get(1)?),
            message: row.get(2)?,
        })
    });
    first.optional()
}

fn batch(tx: &Connection, receiver: &str, first: First, id: i64) -> rusqlite::Result<Batch> {
    let sql = "SELECT notice FROM outbox WHERE message = ?1 AND receiver = ?2 ORDER BY id";
    let mut statement = tx.prepare_cached(sql)?;
    let rows = statement.query_map(params![id, receiver], notice)?;
    let notices = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    let new: BTreeSet<u64> = notices.iter().map(Notice::fingerprint).collect();
    let mut known = known(tx, receiver, &first.group)?;
    known.retain(|notice| !new.contains(&notice.fingerprint()));
    let sql = "SELECT message FROM posted WHERE receiver = ?1 AND grouping = ?2";
    let mut statement = tx.prepare_cached(sql)?;
    let posted = statement.query_row([receiver, &first.group], |row| row.get(0));
    Ok(Batch {
        id,
        receiver: receiver.to_owned(),
        group: first.group,
        due: first.due,
        notices,
        known,
        posted: posted.optional()?,
    })
}

/// Makes the due notices of a group one message: only the first of each alert, so that its
/// resolution is a separate message. Returns the number of the message, or `None` if all are held back.
fn freeze(
    tx: &Connection,
    group: &str,
    filter: MessageFilter<'_>,
) -> rusqlite::Result<Option<i64>> {
    let sql = "SELECT notice, min(id), failure IS NOT NULL, escalates FROM outbox
               WHERE receiver = ?1 AND grouping = ?2 AND due_at <= ?3 AND message IS NULL
               GROUP BY fingerprint ORDER BY min(id) LIMIT ?4";
    let mut statement = tx.prepare_cached(sql)?;
    let values = params![filter.receiver, group, filter.now.0, BATCH_MAX];
    let rows = statement.query_map(values, |row| {
        Ok(Waiting {
            notice: notice(row)?,
            id: row.get(1)?,
            is_tried: row.get(2)?,
            escalates: row.get(3)?,
        })
    })?;
    let mut message = None;
    for waiting in rows.collect::<rusqlite::Result<Vec<_>>>()? {
        let id = waiting.id;
        let opens = (filter.opens)(group, &waiting.notice);
        if opens > filter.now {
            hold(tx, (id, &waiting.notice), opens, filter.now)?;
        } else if filter.withholds(group, &waiting) {
            recheck(tx, id, filter.now)?;
        } else {
            let message = *message.get_or_insert(id);
            tx.prepare_cached("UPDATE outbox SET message = ?1 WHERE id = ?2")?
                .execute([message, id])?;
        }
    }
    Ok(message)
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
    touch(tx, batch, sent.at)?;
    record(tx, sent)
}

/// Stores the id of a group's message for editing while an alert of the group is firing.
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
