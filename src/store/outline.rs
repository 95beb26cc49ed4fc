//! Outlines of finished hours: ticks and verdict counts without decoding.

use super::block::ticks;
use super::compact::{block_id, lane_hours, of_block_id};
use super::counts::Corrupt;
use super::header::{Header, hour_of};
use super::summary::HourSummary;
use super::{Store, StoreError};
use crate::outcome::{ProbeKey, Timestamp};
use crate::units::HOUR_MS;
use std::collections::BTreeSet;
use std::time::Duration;

/// One probe's finished hour without missing ticks between the first and the last one.
#[derive(Clone, Debug)]
pub struct HourOutline {
    pub counts: HourSummary,
    pub first: Timestamp,
    pub last: Timestamp,
    /// The interval of every outcome.
    pub interval: Duration,
}

impl Store {
    /// Returns the start times of the hours in `from..to` that have records; `from` is rounded down
    /// to its hour.
    pub fn kept_hours(&self, from: Timestamp, to: Timestamp) -> Result<Vec<Timestamp>, StoreError> {
        let hours = self.try_kept_hours(from, to);
        let hours = hours.map_err(StoreError::sql("list stored hours"))?;
        Ok(hours.into_iter().map(start_of).collect())
    }

    /// Returns the start times of the hours with outcomes that are in no block yet.
    pub fn pending_hours(&self) -> Result<BTreeSet<Timestamp>, StoreError> {
        let hours = lane_hours(&self.conn, i64::MIN);
        let hours = hours.map_err(StoreError::sql("read recent hours"))?;
        Ok(hours.into_iter().map(|(hour, _)| start_of(hour)).collect())
    }

    /// Visits the wanted probes that have a block of the hour; with `None` if the outcomes must be
    /// decoded.
    pub fn for_each_outline(
        &self,
        hour: Timestamp,
        wanted: impl Fn(&ProbeKey) -> bool,
        mut visit: impl FnMut(&ProbeKey, Option<HourOutline>),
    ) -> Result<(), StoreError> {
        let mut read = || {
            let hour = hour_of(hour);
            let sql = "SELECT id, counts, outcomes FROM hour JOIN block USING (id)
                       WHERE id >= ?1 AND id < ?2 ORDER BY id";
            let mut statement = self.conn.prepare_cached(sql)?;
            let ids = [block_id(hour, 0), block_id(hour.saturating_add(1), 0)];
            let mut rows = statement.query(ids)?;
            while let Some(row) = rows.next()? {
                let (_, probe) = of_block_id(row.get(0)?);
                let Some(key) = self.names.key(probe).filter(|key| wanted(key)) else {
                    continue;
                };
                let (counts, outcomes) = (row.get_ref(1)?, row.get_ref(2)?);
                let (counts, outcomes) = (counts.as_blob(), outcomes.as_blob());
                let outline = self.outline(
                    hour,
                    counts.unwrap_or_default(),
                    outcomes.unwrap_or_default(),
                )?;
                visit(key, outline);
            }
            Ok(())
        };
        read().map_err(StoreError::sql("read hourly counts"))
    }

    fn outline(
        &self,
        hour: i64,
        counts: &[u8],
        outcomes: &[u8],
    ) -> rusqlite::Result<Option<HourOutline>> {
        let (Ok(ticks), Ok(header)) = (ticks(counts, outcomes), Header::read(counts)) else {
            return Ok(None);
        };
        let basis = self.basis(header.basis)?;
        let counts = basis.ok_or(Corrupt);
        let counts = counts.and_then(|basis| HourSummary::new(hour, header, basis));
        let at = |ms: u64| {
            Some(Timestamp(
                start_of(hour).0.checked_add(i64::try_from(ms).ok()?)?,
            ))
        };
        let steady = ticks
            .interval
            .filter(|interval| ticks.longest_step <= *interval);
        Ok(match (counts, at(ticks.first), at(ticks.last), steady) {
            (Ok(counts), Some(first), Some(last), Some(interval)) => Some(HourOutline {
                counts,
                first,
                last,
                interval: Duration::from_millis(interval),
            }),
            _ => None,
        })
    }
}

fn start_of(hour: i64) -> Timestamp {
    Timestamp(hour.saturating_mul(HOUR_MS))
}
