//! From what waits to one message, and what became of it.

use super::history::{Sent, record};
use super::known::{known, touch};
use super::{BATCH_MAX, names, notice, write};
use crate::alert::Notice;
use crate::outcome::Timestamp;
use crate::store::{Store, StoreError};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

/// A notice that a silence keeps back is looked at this often.
const MUTED_FOR: Duration = Duration::from_mins(1);

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

/// Which message is taken.
#[derive(Clone, Copy)]
pub struct Taking<'a> {
    pub receiver: &'a str,
    pub now: Timestamp,
    /// Groups that are not to be taken now.
    pub without: &'a BTreeSet<String>,
    /// Whether a silence keeps an alert from receivers.
    pub is_muted: &'a dyn Fn(&Notice) -> bool,
}

impl fmt::Debug for Taking<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Taking").finish_non_exhaustive()
    }
}

impl Store {
    /// What is due next to a receiver; from now on it is one message.
    pub fn next_batch(&mut self, taking: Taking<'_>) -> Result<Option<Batch>, StoreError> {
        let mut next = None;
        self.keep(|tx, _| {
            next = take(tx, taking)?;
            Ok(())
        })?;
        Ok(next)
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

    /// Records why a message could not be delivered; it waits for the next attempt.
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

/// A notice in the outbox that a message begins with.
struct First {
    group: String,
    due: Timestamp,
    /// Its message, if that was tried already.
    message: Option<i64>,
}

/// A message that was tried already comes first, then the notice that is due first, with the
/// others of its group that are due.
fn take(tx: &Connection, taking: Taking<'_>) -> rusqlite::Result<Option<Batch>> {
    follow_clock(tx, taking)?;
    while let Some(first) = first(tx, taking)? {
        let message = match first.message {
            Some(id) => Some(id),
            None => freeze(tx, &first.group, taking)?,
        };
        if let Some(id) = message {
            return batch(tx, taking.receiver, first, id).map(Some);
        }
        // Silences keep back all of the group: none of it is due any more.
    }
    Ok(None)
}

/// After the clock was set back, a notice waits for as long as it was to wait, and not for the time to
/// come again at which it was due.
fn follow_clock(tx: &Connection, taking: Taking<'_>) -> rusqlite::Result<()> {
    let sql = "UPDATE outbox SET due_at = due_at - (set_at - ?2), set_at = ?2
               WHERE receiver = ?1 AND due_at > ?2 AND set_at > ?2 AND message IS NULL";
    let values = params![taking.receiver, taking.now.0];
    tx.prepare_cached(sql)?.execute(values).map(drop)
}

fn first(tx: &Connection, taking: Taking<'_>) -> rusqlite::Result<Option<First>> {
    let sql = "SELECT grouping, due_at, message FROM outbox
               WHERE receiver = ?1 AND (due_at <= ?2 OR message IS NOT NULL)
               AND grouping NOT IN (SELECT value FROM json_each(?3))
               ORDER BY message IS NULL, due_at, id LIMIT 1";
    let values = params![taking.receiver, taking.now.0, names(taking.without)];
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

/// Makes the notices of a group one message: of each alert the first only, so that its resolution
/// is a message of its own. Returns the number of the message; `None` if all of them are muted.
fn freeze(tx: &Connection, group: &str, taking: Taking<'_>) -> rusqlite::Result<Option<i64>> {
    let sql = "SELECT notice, min(id) FROM outbox
               WHERE receiver = ?1 AND grouping = ?2 AND due_at <= ?3 AND message IS NULL
               GROUP BY fingerprint ORDER BY min(id) LIMIT ?4";
    let mut statement = tx.prepare_cached(sql)?;
    let values = params![taking.receiver, group, taking.now.0, BATCH_MAX];
    let rows = statement.query_map(values, |row| Ok((notice(row)?, row.get::<_, i64>(1)?)))?;
    let mut message = None;
    for row in rows.collect::<rusqlite::Result<Vec<_>>>()? {
        let (notice, id) = row;
        if !notice.is_resolved() && (taking.is_muted)(&notice) {
            postpone(tx, id, taking.now)?;
        } else {
            let message = *message.get_or_insert(id);
            tx.prepare_cached("UPDATE outbox SET message = ?1 WHERE id = ?2")?
                .execute([message, id])?;
        }
    }
    Ok(message)
}

/// Looks again later at a notice that a silence keeps back. One that has ended in the meantime is of
/// no interest any more, nor is its resolution to a receiver that never heard of it.
fn postpone(tx: &Connection, id: i64, now: Timestamp) -> rusqlite::Result<()> {
    let later = "SELECT later.id FROM outbox later JOIN outbox muted
                     USING (receiver, grouping, fingerprint)
                 WHERE muted.id = ?1 AND later.id > muted.id
                 ORDER BY later.id LIMIT 1";
    let ended = tx
        .prepare_cached(later)?
        .query_row([id], |row| row.get::<_, i64>(0));
    let Some(ended) = ended.optional()? else {
        let sql = "UPDATE outbox SET due_at = ?2, set_at = ?3 WHERE id = ?1";
        let values = [id, now.after(MUTED_FOR).0, now.0];
        return tx.prepare_cached(sql)?.execute(values).map(drop);
    };
    let unheard = "DELETE FROM outbox WHERE id = ?1 AND NOT EXISTS
                       (SELECT 1 FROM delivered WHERE delivered.receiver = outbox.receiver
                        AND delivered.grouping = outbox.grouping
                        AND delivered.fingerprint = outbox.fingerprint)";
    tx.prepare_cached(unheard)?.execute([ended])?;
    let muted = "DELETE FROM outbox WHERE id = ?1";
    tx.prepare_cached(muted)?.execute([id]).map(drop)
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
