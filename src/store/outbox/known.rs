//! The alerts that receivers were notified of, and when each was last sent.

use super::message::Batch;
use super::{BATCH_MAX, notice, parse};
use crate::alert::Notice;
use crate::outcome::Timestamp;
use crate::store::{Store, StoreError};
use rusqlite::{Connection, Row, params};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// A group of alerts that a receiver was notified of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownGroup {
    pub group: String,
    /// When the alert was sent that was not sent for the longest time; `None` if that is in the
    /// future because the clock was set back.
    pub at: Option<Timestamp>,
    pub example: Notice,
}

impl Store {
    /// Returns the groups with firing alerts that a receiver was notified of, without the `muted`
    /// alerts, which are given by fingerprint.
    pub fn known_groups(
        &self,
        receiver: &str,
        muted: &BTreeSet<u64>,
        now: Timestamp,
    ) -> Result<Vec<KnownGroup>, StoreError> {
        let read = || {
            let sql =
                "SELECT grouping, iif(max(at) > ?3, NULL, min(at)), min(notice) FROM delivered
                       WHERE receiver = ?1
                       AND fingerprint NOT IN (SELECT value FROM json_each(?2))
                       GROUP BY grouping";
            let mut statement = self.conn.prepare_cached(sql)?;
            let group = |row: &Row<'_>| {
                Ok(KnownGroup {
                    group: row.get(0)?,
                    at: row.get::<_, Option<i64>>(1)?.map(Timestamp),
                    example: parse(&row.get::<_, String>(2)?),
                })
            };
            let rows = statement.query_map(params![receiver, list(muted), now.0], group)?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(StoreError::sql("read delivered alerts"))
    }

    /// Returns the alerts of a group that a receiver was last sent before `sent_before`, longest
    /// ago first, without the `muted` ones. An alert sent later than `now` was sent before the
    /// clock was set back, and is sent again.
    pub fn repeat_batch(
        &self,
        receiver: &str,
        group: &str,
        sent_before: Timestamp,
        muted: &BTreeSet<u64>,
        now: Timestamp,
    ) -> Result<Option<Batch>, StoreError> {
        let read = || {
            let sql = "SELECT notice FROM delivered
                       WHERE receiver = ?1 AND grouping = ?2 AND (at <= ?3 OR at > ?6)
                       AND fingerprint NOT IN (SELECT value FROM json_each(?4))
                       ORDER BY at, fingerprint LIMIT ?5";
            let mut statement = self.conn.prepare_cached(sql)?;
            let before = sent_before.0;
            let values = params![receiver, group, before, list(muted), BATCH_MAX, now.0];
            let rows = statement.query_map(values, notice)?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        let known = read().map_err(StoreError::sql("read delivered alerts"))?;
        Ok((!known.is_empty()).then(|| Batch {
            id: 0,
            receiver: receiver.to_owned(),
            group: group.to_owned(),
            due: sent_before,
            notices: Vec::new(),
            known,
            // A repetition is a reminder, and editing a message does not notify anyone.
            posted: None,
        }))
    }

    /// Records that the alerts of a batch were sent to the receiver again.
    pub fn sent_again(&mut self, batch: &Batch, at: Timestamp) -> Result<(), StoreError> {
        self.keep(|tx, _| touch(tx, batch, at))
    }

    /// Returns the alerts that are firing as far as a receiver was notified, including the notices that still
    /// wait for it, each with its group: `kind`, or `kind` followed by labels in braces.
    pub fn known_to(
        &self,
        receiver: &str,
        kind: &str,
    ) -> Result<Vec<(String, Notice)>, StoreError> {
        let all = self.known_of(Some((receiver, kind)))?;
        let all = all.into_iter().map(|(_, group, notice)| (group, notice));
        Ok(all.collect())
    }

    /// The same for all receivers and groups: receiver, group, alert.
    pub fn all_known(&self) -> Result<Vec<(String, String, Notice)>, StoreError> {
        self.known_of(None)
    }

    fn known_of(
        &self,
        of: Option<(&str, &str)>,
    ) -> Result<Vec<(String, String, Notice)>, StoreError> {
        let (receiver, kind) = of.unzip();
        // Follows `kind{`.
        let end = kind.map(|kind| format!("{kind}|"));
        let read = || {
            let sql = "SELECT notice, receiver, grouping, 0 AS id FROM delivered
                       WHERE ?1 IS NULL OR (receiver = ?1 AND grouping >= ?2 AND grouping < ?3)
                       UNION ALL
                       SELECT notice, receiver, grouping, id FROM outbox
                       WHERE ?1 IS NULL OR (receiver = ?1 AND grouping >= ?2 AND grouping < ?3)
                       ORDER BY id";
            let mut statement = self.conn.prepare_cached(sql)?;
            let known = |row: &Row<'_>| {
                let notice = notice(row)?;
                Ok(((row.get(1)?, row.get(2)?, notice.fingerprint()), notice))
            };
            let rows = statement.query_map(params![receiver, kind, end], known)?;
            rows.collect::<rusqlite::Result<BTreeMap<(String, String, u64), Notice>>>()
        };
        let last = read().map_err(StoreError::sql("read delivered alerts"))?;
        let fires = last.into_iter().filter(|(_, one)| !one.is_resolved());
        Ok(fires
            .map(|((receiver, group, _), notice)| (receiver, group, notice))
            .collect())
    }
}

/// The other firing alerts of a group.
pub(super) fn known(
    conn: &Connection,
    receiver: &str,
    group: &str,
) -> rusqlite::Result<Vec<Notice>> {
    let sql = "SELECT notice FROM delivered WHERE receiver = ?1 AND grouping = ?2
               ORDER BY fingerprint LIMIT ?3";
    let mut statement = conn.prepare_cached(sql)?;
    statement
        .query_map(params![receiver, group, BATCH_MAX], notice)?
        .collect()
}

/// Records when the receiver was sent alerts again that it was notified of.
pub(super) fn touch(tx: &Connection, batch: &Batch, at: Timestamp) -> rusqlite::Result<()> {
    let sql = "UPDATE delivered SET at = ?4
               WHERE receiver = ?1 AND grouping = ?2 AND fingerprint = ?3";
    let mut statement = tx.prepare_cached(sql)?;
    for notice in &batch.known {
        let fingerprint = notice.fingerprint().cast_signed();
        statement.execute(params![batch.receiver, batch.group, fingerprint, at.0])?;
    }
    Ok(())
}

fn list(fingerprints: &BTreeSet<u64>) -> String {
    let signed: Vec<i64> = fingerprints.iter().map(|one| one.cast_signed()).collect();
    json!(signed).to_string()
}
