//! The last report of every probe that jobs report to, and the failures that no outcome shows yet.

use super::header::hour_of;
use super::{Store, StoreError};
use crate::outcome::{Cause, ProbeKey, Record, Timestamp, Verdict, millis};
use crate::probe::heartbeat::{Beat, COMMITTED_AFTER, Failures, StoredBeat};
use rusqlite::{Row, params};
use std::collections::HashMap;

/// How far a probe's last outcome, and the one that shows a failure, are looked for.
const LOOK_BACK_HOURS: i64 = 48;

impl Store {
    pub fn beats(&self) -> Result<HashMap<ProbeKey, StoredBeat>, StoreError> {
        let read = || {
            let mut beats = self.try_beats()?;
            for (key, beat) in &mut beats {
                beat.failures = match beat.failures.take() {
                    Some(failures) => self.not_shown(key, failures)?,
                    None => None,
                };
            }
            Ok(beats)
        };
        read().map_err(StoreError::sql("read reports"))
    }

    /// The failures that no outcome shows: none, if one shows the last of them. If one shows those
    /// shortly before it, which are kept for a while all the same, the last one remains.
    fn not_shown(&self, key: &ProbeKey, failures: Failures) -> rusqlite::Result<Option<Failures>> {
        let last_at = failures.last_at;
        let kept_since = Timestamp(last_at.0 - millis(COMMITTED_AFTER));
        let (first, mut count) = (hour_of(kept_since), failures.count);
        for hour in first..first + LOOK_BACK_HOURS {
            for record in self.hour_of_probe(key, hour, &[])? {
                let is_failure = record.outcome.verdict == Verdict::Bad(Cause::JobFailed);
                if is_failure && record.at >= last_at {
                    return Ok(None);
                }
                if is_failure && record.at >= kept_since {
                    count = 1;
                }
            }
        }
        Ok(Some(Failures { count, ..failures }))
    }

    fn try_beats(&self) -> rusqlite::Result<HashMap<ProbeKey, StoredBeat>> {
        // A store that is only read may be of an older version.
        if !self.conn.column_exists(None, "beat", "failures")? {
            return Ok(HashMap::new());
        }
        let sql =
            "SELECT service, name, at, failed, message, failures, failed_at, failure FROM beat";
        let mut statement = self.conn.prepare_cached(sql)?;
        let rows = statement.query_map([], beat)?;
        rows.collect()
    }

    /// A probe's last outcome, if it is from the last days before `latest`.
    pub fn last_outcome(
        &self,
        key: &ProbeKey,
        latest: Timestamp,
    ) -> Result<Option<Record>, StoreError> {
        let hours = (0..LOOK_BACK_HOURS).map(|back| hour_of(latest) - back);
        let mut last = hours.filter_map(|hour| {
            let records = self.hour_of_probe(key, hour, &[]);
            records.map(|mut records| records.pop()).transpose()
        });
        let last = last.next().transpose();
        last.map_err(StoreError::sql("read a probe's last outcome"))
    }

    /// Keeps a report instead of the probe's last one. Failures up to `judged` are forgotten.
    pub fn keep_beat(
        &mut self,
        key: &ProbeKey,
        beat: &Beat,
        judged: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        self.still_there()?;
        let sql =
            "INSERT INTO beat (service, name, at, failed, message, failures, failed_at, failure)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?4, iif(?4, ?3, NULL), iif(?4, ?5, NULL))
                   ON CONFLICT (service, name) DO UPDATE SET
                       at = excluded.at, failed = excluded.failed, message = excluded.message,
                       failures = excluded.failures + iif(failed_at > ?6, failures, 0),
                       failed_at = coalesce(excluded.failed_at, failed_at),
                       failure = iif(excluded.failed, excluded.failure, failure)";
        let Beat {
            at,
            failed,
            message,
        } = beat;
        let judged = judged.map_or(i64::MIN, |judged| judged.0);
        let values = params![&*key.service, &*key.probe, at.0, failed, message, judged];
        let kept = self.conn.execute(sql, values);
        kept.map(drop).map_err(StoreError::sql("keep a report"))
    }
}

fn beat(row: &Row<'_>) -> rusqlite::Result<(ProbeKey, StoredBeat)> {
    let (service, probe) = (row.get::<_, String>(0)?, row.get::<_, String>(1)?);
    let last = Beat {
        at: Timestamp(row.get(2)?),
        failed: row.get(3)?,
        message: row.get::<_, Option<String>>(4)?.map(Into::into),
    };
    let (count, last_at): (u32, Option<i64>) = (row.get(5)?, row.get(6)?);
    let message: Option<String> = row.get(7)?;
    let failures = last_at.filter(|_| count > 0).map(|last_at| Failures {
        count,
        last_at: Timestamp(last_at),
        message: message.map(Into::into),
    });
    let key = ProbeKey::new(&service, &probe);
    Ok((key, StoredBeat { last, failures }))
}
