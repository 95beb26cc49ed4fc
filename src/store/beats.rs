//! The last report of every heartbeat probe, and failures that no outcome shows yet.

use super::header::hour_of;
use super::{Store, StoreError, writing};
use crate::outcome::{Cause, ProbeKey, Record, Timestamp, Verdict, VoidReason, millis};
use crate::probe::heartbeat::{Beat, COMMITTED_AFTER, Failures, StoredBeat};
use rusqlite::{Connection, Row, params};
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// How many hours back a probe's last outcome, and the outcome that shows a failure, are searched.
const LOOK_BACK_HOURS: i64 = 48;
/// How many hours back outcomes are counted: enough for two reports of a monthly job.
const COUNTED_HOURS: u64 = 63 * 24;
const OURS: VoidReason = VoidReason::Network;

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
        read().map_err(StoreError::sql("read heartbeat reports"))
    }

    /// Returns the failures that no outcome shows yet: `None` if an outcome shows the last one.
    /// Failures are kept for a while after they are judged; if an outcome shows an earlier one from
    /// that time, only the last failure remains.
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
        // A store opened read-only may have an older schema version.
        if !self.conn.column_exists(None, "beat", "failures")? {
            return Ok(HashMap::new());
        }
        let sql =
            "SELECT service, name, at, failed, message, failures, failed_at, failure FROM beat";
        let mut statement = self.conn.prepare_cached(sql)?;
        let rows = statement.query_map([], beat)?;
        rows.collect()
    }

    /// Returns a probe's last outcome, searching the 48 hours up to `latest`.
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

    /// Returns the number of a probe's outcomes after `from`, up to and including `to`, within the
    /// last 63 days. Outcomes during a failure of the host's own network are excluded, since no
    /// report could arrive.
    pub fn count_outcomes(
        &self,
        key: &ProbeKey,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<u64, StoreError> {
        let from = from.max(to.before(Duration::from_hours(COUNTED_HOURS)));
        let whole = self.hours(key, from, to.hour())?.into_iter();
        let whole: BTreeMap<i64, u64> = whole
            .filter(|hour| hour.start > from)
            .map(|hour| {
                let ours = hour.void.get(&OURS).copied().unwrap_or(0);
                (hour_of(hour.start), hour.outcomes() - u64::from(ours))
            })
            .collect();
        let count = |hour: i64| {
            if let Some(known) = whole.get(&hour) {
                return Ok(*known);
            }
            let records = self.hour_of_probe(key, hour, &[])?;
            let within = records.iter().filter(|one| from < one.at && one.at <= to);
            let listening = within.filter(|one| one.outcome.verdict != Verdict::Void(OURS));
            Ok(listening.count() as u64)
        };
        let each = (hour_of(from)..=hour_of(to)).map(count);
        each.sum::<rusqlite::Result<u64>>()
            .map_err(StoreError::sql("count a probe's outcomes"))
    }

    /// Stores reports in one transaction, replacing each probe's last one.
    pub fn keep_beats(&mut self, beats: &HashMap<ProbeKey, PendingBeat>) -> Result<(), StoreError> {
        self.check_file()?;
        let keep = || {
            let tx = writing(&self.conn)?;
            for (key, beat) in beats {
                keep_beat(&tx, key, beat)?;
            }
            tx.commit()
        };
        keep().map_err(StoreError::sql("save heartbeat reports"))
    }
}

fn keep_beat(conn: &Connection, key: &ProbeKey, beat: &PendingBeat) -> rusqlite::Result<()> {
    let sql = "INSERT INTO beat (service, name, at, failed, message, failures, failed_at, failure)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
               ON CONFLICT (service, name) DO UPDATE SET
                   at = excluded.at, failed = excluded.failed, message = excluded.message,
                   failures = excluded.failures + iif(failed_at > ?9, failures, 0),
                   failed_at = coalesce(excluded.failed_at, failed_at),
                   failure = iif(excluded.failures > 0, excluded.failure, failure)";
    let Beat {
        at,
        failed,
        message,
    } = &beat.last;
    let failures = beat.failures.as_ref();
    let values = params![
        &*key.service,
        &*key.probe,
        at.0,
        failed,
        message,
        failures.map_or(0, |failures| failures.count),
        failures.map(|failures| failures.last_at.0),
        failures.and_then(|failures| failures.message.as_deref()),
        beat.judged.map_or(i64::MIN, |judged| judged.0)
    ];
    conn.prepare_cached(sql)?.execute(values).map(drop)
}

/// A report that is not on disk yet, with the preceding failures that are not on disk either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingBeat {
    last: Beat,
    failures: Option<Failures>,
    /// Failures up to this time are dropped, since outcomes show them.
    judged: Option<Timestamp>,
}

impl PendingBeat {
    pub fn new(beat: Beat, judged: Option<Timestamp>) -> Self {
        Self {
            failures: beat.failed.then(|| Failures::new(&beat, None)),
            last: beat,
            judged,
        }
    }

    /// Replaces this report with a later one, adding up failures that are not judged yet.
    pub(super) fn replace(&mut self, later: Self) {
        let before = self.failures.take();
        let before = before.filter(|failures| Some(failures.last_at) > later.judged);
        let failures = match (before, later.failures) {
            (Some(before), Some(later)) => Some(Failures {
                count: later.count.saturating_add(before.count),
                ..later
            }),
            (before, later) => later.or(before),
        };
        *self = Self {
            failures,
            judged: later.judged.max(self.judged),
            last: later.last,
        };
    }
}

/// Adds later reports to the waiting ones.
pub(super) fn add_beats(
    waiting: &mut HashMap<ProbeKey, PendingBeat>,
    later: HashMap<ProbeKey, PendingBeat>,
) {
    for (key, beat) in later {
        match waiting.entry(key) {
            Entry::Occupied(mut before) => before.get_mut().replace(beat),
            Entry::Vacant(place) => {
                place.insert(beat);
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn report(at: i64, failed: bool) -> Beat {
        Beat {
            at: Timestamp(at),
            failed,
            message: Some(format!("report {at}").into()),
        }
    }

    #[test]
    fn reports_stored_together_equal_those_stored_one_by_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let open = |name: &str| Store::open(&folder.path().join(name)).expect("opens");
        let (mut each, mut together) = (open("each.db"), open("together.db"));
        let key = ProbeKey::new("nightly", "index");
        let mut waiting = HashMap::new();
        // Failures up to the time at which a report says they are judged no longer count.
        for (at, failed, judged) in [
            (1, true, None),
            (2, true, None),
            (3, false, None),
            (4, true, Some(1)),
            (5, true, Some(4)),
            (6, false, Some(4)),
        ] {
            let beat = PendingBeat::new(report(at, failed), judged.map(Timestamp));
            let beat: HashMap<_, _> = [(key.clone(), beat)].into();
            each.keep_beats(&beat).expect("kept");
            add_beats(&mut waiting, beat);
        }
        together.keep_beats(&waiting).expect("kept");
        let stored = together.beats().expect("readable");
        assert_eq!(stored, each.beats().expect("readable"));
        assert_eq!(stored[&key].last, report(6, false));
        let failures = stored[&key].failures.as_ref().expect("not shown yet");
        assert_eq!((failures.count, failures.last_at), (1, Timestamp(5)));
    }
}
