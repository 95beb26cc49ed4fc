//! Notices held back from a receiver by a silence, an acknowledgement, maintenance or the hours of their route.

use super::message::{MessageFilter, Waiting};
use super::{names, notice};
use crate::alert::Notice;
use crate::outcome::Timestamp;
use crate::store::{Store, StoreError};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeSet;
use std::time::Duration;

/// How often a held-back notice is checked again.
const RECHECK_EVERY: Duration = Duration::from_mins(1);
/// The failure shown for a notice that is not retried for now.
const HELD_BACK: &str = "held back: the alert was silenced or acknowledged, or maintenance began";

impl Store {
    /// Removes alerts that were silenced or acknowledged in the meantime, and escalations of alerts in
    /// maintenance, from messages that wait for their next attempt, except in the groups `begun`: some of
    /// their recipients have the message already, and the others get the same one. Resolutions stay.
    /// Returns the number of notices removed.
    pub fn withhold(
        &mut self,
        taking: MessageFilter<'_>,
        begun: &BTreeSet<String>,
    ) -> Result<u64, StoreError> {
        let without = taking.without.union(begun).cloned().collect();
        let read = || {
            let sql = "SELECT notice, id, escalates, grouping FROM outbox
                       WHERE receiver = ?1 AND message IS NOT NULL
                       AND grouping NOT IN (SELECT value FROM json_each(?2))";
            let mut statement = self.conn.prepare_cached(sql)?;
            let values = params![taking.receiver, names(&without)];
            let rows = statement.query_map(values, |row| {
                let waiting = Waiting {
                    notice: notice(row)?,
                    id: row.get(1)?,
                    is_tried: true,
                    escalates: row.get(2)?,
                };
                Ok((waiting, row.get::<_, String>(3)?))
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        let tried = read().map_err(StoreError::sql("read the outbox"))?;
        let tried = tried.into_iter();
        let muted: Vec<i64> = tried
            .filter(|(waiting, group)| taking.withholds(group, waiting))
            .map(|(waiting, _)| waiting.id)
            .collect();
        if !muted.is_empty() {
            self.keep(|tx, _| {
                let shown = "UPDATE outbox SET failure = ?2 WHERE id = ?1";
                for id in &muted {
                    tx.prepare_cached(shown)?.execute(params![id, HELD_BACK])?;
                    recheck(tx, *id, taking.now)?;
                }
                Ok(())
            })?;
        }
        Ok(muted.len() as u64)
    }
}

/// Schedules the next check of a firing notice that is held back by a silence or an acknowledgement.
pub(super) fn recheck(tx: &Connection, id: i64, now: Timestamp) -> rusqlite::Result<()> {
    postpone(tx, id, now.after(RECHECK_EVERY), now)
}

/// Postpones a notice until the hours of its route begin.
pub(super) fn hold(
    tx: &Connection,
    (id, notice): (i64, &Notice),
    until: Timestamp,
    now: Timestamp,
) -> rusqlite::Result<()> {
    if notice.is_resolved() {
        return set_due(tx, id, until, now);
    }
    postpone(tx, id, until, now)
}

fn set_due(tx: &Connection, id: i64, until: Timestamp, now: Timestamp) -> rusqlite::Result<()> {
    let sql = "UPDATE outbox SET due_at = ?2, set_at = ?3, message = NULL WHERE id = ?1";
    tx.prepare_cached(sql)?
        .execute([id, until.0, now.0])
        .map(drop)
}

/// Postpones a firing notice. If its alert has ended meanwhile, the notice is dropped, and so is the
/// resolution if the receiver was never notified of the alert. A failed attempt may have reached the
/// receiver.
fn postpone(tx: &Connection, id: i64, until: Timestamp, now: Timestamp) -> rusqlite::Result<()> {
    let later = "SELECT later.id FROM outbox later JOIN outbox muted
                     USING (receiver, grouping, fingerprint)
                 WHERE muted.id = ?1 AND later.id > muted.id
                 ORDER BY later.id LIMIT 1";
    let ended = tx
        .prepare_cached(later)?
        .query_row([id], |row| row.get::<_, i64>(0));
    let Some(ended) = ended.optional()? else {
        return set_due(tx, id, until, now);
    };
    let never_sent = "DELETE FROM outbox WHERE id = ?1 AND NOT EXISTS
                       (SELECT 1 FROM delivered WHERE delivered.receiver = outbox.receiver
                        AND delivered.grouping = outbox.grouping
                        AND delivered.fingerprint = outbox.fingerprint)
                   AND (SELECT failure FROM outbox WHERE id = ?2) IS NULL";
    tx.prepare_cached(never_sent)?.execute([ended, id])?;
    let muted = "DELETE FROM outbox WHERE id = ?1";
    tx.prepare_cached(muted)?.execute([id]).map(drop)
}

/// Drops the firing notice of an alert that ended, if it is not due yet or held back. Returns
/// whether the receiver may have got one anyway.
pub(super) fn drop_firing(
    tx: &Connection,
    (receiver, group): (&str, &str),
    fingerprint: i64,
    to: Timestamp,
) -> rusqlite::Result<bool> {
    let sql = "DELETE FROM outbox WHERE receiver = ?1 AND grouping = ?2 AND fingerprint = ?3
                   AND message IS NULL AND (due_at > ?4 OR failure IS NOT NULL)
               RETURNING failure IS NOT NULL";
    let mut statement = tx.prepare_cached(sql)?;
    let values = params![receiver, group, fingerprint, to.0];
    let tried = statement.query_map(values, |row| row.get::<_, bool>(0))?;
    let tried = tried.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(tried.contains(&true))
}
