//! How exactly stored latencies can answer a question.

use super::compact::block_id;
use super::header::{Format, Header, hour_of};
use super::{Store, StoreError};
use crate::outcome::{ProbeKey, Timestamp};
use crate::slo::Threshold;
use crate::units::HOUR_MS;
use rusqlite::OptionalExtension;

impl Store {
    /// The end of the last hour of a probe, from that of `from` to that of `to`, in which values near
    /// a threshold may be on the wrong side of it: it was no threshold yet when they were
    /// stored.
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
        for hour in (hour_of(from)..=hour_of(to)).rev() {
            let shown = self.separates(probe, hour, threshold);
            if shown.map_err(StoreError::sql("read hourly counts"))? == Some(false) {
                let end = (hour + 1).saturating_mul(HOUR_MS);
                return Ok(Some(Timestamp(end)));
            }
        }
        Ok(None)
    }

    /// `None` where nothing that the threshold is about is stored as a block.
    fn separates(
        &self,
        probe: i64,
        hour: i64,
        threshold: &Threshold,
    ) -> rusqlite::Result<Option<bool>> {
        let sql = "SELECT counts FROM hour WHERE id = ?1";
        let mut statement = self.conn.prepare_cached(sql)?;
        let counts = statement.query_row([block_id(hour, probe)], |row| row.get::<_, Vec<u8>>(0));
        let Some(counts) = counts.optional()? else {
            return Ok(None);
        };
        let Ok(header) = Header::read(&counts) else {
            return Ok(None);
        };
        if threshold.of.is_some() && header.format < Format::PartlyMeasured {
            return Ok(None);
        }
        let basis = self.basis(header.basis)?;
        Ok(basis.map(|basis| basis.scales.separates(threshold)))
    }
}
