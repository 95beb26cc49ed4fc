//! A probe's newest outcomes, at a cost proportional to what is returned, not to the time range.

use super::header::hour_of;
use super::reader::first_hour_from;
use super::{Store, StoreError};
use crate::outcome::{Measurement, ProbeKey, Record, Timestamp};
use std::collections::VecDeque;

impl Store {
    /// Returns the newest `limit` outcomes with ticks in `from..to`, oldest first. Reads backwards
    /// only while `wanted` returns `true`.
    pub fn newest_outcomes(
        &self,
        key: &ProbeKey,
        (from, to): (Timestamp, Timestamp),
        limit: usize,
        wanted: impl Fn() -> bool,
    ) -> Result<Vec<Record>, StoreError> {
        let read = || {
            let _tx = self.conn.unchecked_transaction()?;
            let mut newest = VecDeque::new();
            let mut end = first_hour_from(to);
            while newest.len() < limit && wanted() {
                let last = self.last_kept_hour(end)?;
                let Some(hour) = last.filter(|hour| *hour >= hour_of(from)) else {
                    break;
                };
                let records = self.hour_of_probe(key, hour, Measurement::ALL)?;
                let records = records
                    .into_iter()
                    .rev()
                    .filter(|record| record.at >= from && record.at < to);
                for record in records.take(limit - newest.len()) {
                    newest.push_front(record);
                }
                end = hour;
            }
            Ok(newest.into())
        };
        read().map_err(StoreError::sql("read outcomes"))
    }

    /// The last hour before `end` that has stored outcomes.
    fn last_kept_hour(&self, end: i64) -> rusqlite::Result<Option<i64>> {
        let sql = "SELECT max(hour) FROM (
                       SELECT max(id) >> 20 AS hour FROM hour WHERE id < ?1
                       UNION ALL SELECT max(hour) FROM outcome WHERE hour < ?2)";
        let mut statement = self.conn.prepare_cached(sql)?;
        statement.query_row([super::compact::block_id(end, 0), end], |row| row.get(0))
    }
}
