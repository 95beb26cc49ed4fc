//! The precision of stored latencies for a threshold.

use super::compact::block_id;
use super::header::{Format, Header, hour_of};
use super::{Store, StoreError};
use crate::outcome::{ProbeKey, Timestamp};
use crate::slo::Threshold;
use crate::units::HOUR_MS;
use rusqlite::OptionalExtension;
use std::ops::RangeInclusive;

impl Store {
    /// Returns the end of a probe's last hour, from the hour of `from` to that of `to`, in which
    /// values near the threshold may be on the wrong side of it, because the threshold was not
    /// configured when they were stored.
    pub fn approximate_before(
        &self,
        key: &ProbeKey,
        threshold: &Threshold,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let Some(probe) = self.names.id(key) else {
            return Ok(None);
        };
        let sql = StoreError::sql("read hourly counts");
        let end = self.try_approximate_before(probe, threshold, hour_of(from)..=hour_of(to));
        Ok(end.map_err(sql)?.map(Timestamp))
    }

    fn try_approximate_before(
        &self,
        probe: i64,
        threshold: &Threshold,
        hours: RangeInclusive<i64>,
    ) -> rusqlite::Result<Option<i64>> {
        let _tx = self.conn.unchecked_transaction()?;
        let coarse = self.coarse_bases(threshold)?;
        if coarse.is_empty() {
            return Ok(None);
        }
        let sql = "SELECT counts FROM hour WHERE id = ?1";
        let mut statement = self.conn.prepare_cached(sql)?;
        for hour in hours.rev() {
            let id = [block_id(hour, probe)];
            let counts = statement.query_row(id, |row| row.get::<_, Vec<u8>>(0));
            let header = counts.optional()?.map(|counts| Header::read(&counts));
            let Some(Ok(header)) = header else { continue };
            let measured = threshold.of.is_none() || header.format >= Format::PartlyMeasured;
            if measured && coarse.contains(&header.basis) {
                return Ok(Some((hour + 1).saturating_mul(HOUR_MS)));
            }
        }
        Ok(None)
    }

    /// The bases of hours that were stored without this threshold. Usually there are none, and no
    /// hour has to be read.
    fn coarse_bases(&self, threshold: &Threshold) -> rusqlite::Result<Vec<i64>> {
        let mut statement = self.conn.prepare_cached("SELECT id FROM basis")?;
        let ids = statement.query_map([], |row| row.get(0))?;
        let mut coarse = Vec::new();
        for id in ids {
            let id = id?;
            let basis = self.basis(id)?;
            if basis.is_some_and(|basis| !basis.scales.separates(threshold)) {
                coarse.push(id);
            }
        }
        Ok(coarse)
    }
}
