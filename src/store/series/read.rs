//! Reading series.

use super::block;
use super::compact::{load, next_block};
use super::names::{self, SeriesId, SeriesInfo};
use super::{Span, of_id, start_of, ticks};
use crate::outcome::Timestamp;
use crate::sample::{Point, Sample, SeriesKind, Step, Steps};
use crate::store::compact::merged;
use crate::store::header::hour_of;
use crate::store::{Store, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long before a range a counter's preceding sample is searched, as in Prometheus.
const LOOKBACK: Duration = Duration::from_mins(5);

impl Store {
    /// Returns all series in the order of their ids. Empty for a store of an older version.
    pub fn series(&self) -> Result<Vec<SeriesInfo>, StoreError> {
        self.read_table("series", "read the series", |conn| {
            let _tx = conn.unchecked_transaction()?;
            let mut all = names::all(conn)?;
            let hours = ticks::hours(conn)?;
            for lane in all.chunk_by_mut(|a, b| a.id / ticks::LANE == b.id / ticks::LANE) {
                let bits = lane.iter().map(|info| 1_u64 << (info.id % ticks::LANE));
                let wanted = bits.fold(0, |wanted, bit| wanted | bit);
                let last = ticks::last_of_lane(conn, &hours, lane[0].id / ticks::LANE, wanted)?;
                for info in lane {
                    let last = last.get(&info.id).copied().unwrap_or(info.last);
                    info.last = info.last.max(last);
                }
            }
            Ok(all)
        })
    }

    /// Returns the time of a late sample: the latest one of the first series with samples in the latest hour.
    /// slod was running then. `None` if there is no sample that is not compacted yet.
    pub fn last_sampled(&self) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT max(at) FROM sample WHERE (hour, lane) =
                   (SELECT hour, min(lane) FROM sample WHERE hour = (SELECT max(hour) FROM sample))";
        let last = self
            .conn
            .query_row(sql, [], |row| row.get::<_, Option<i64>>(0));
        let last = last.map_err(StoreError::sql("read the latest sample"))?;
        Ok(last.map(Timestamp))
    }

    /// Returns a series in steps that start at multiples of `step` (`None`: one step for everything
    /// stored), from the samples in `from..to`; `None` if there are more than `limit` steps. A
    /// counter's increase starts at its last sample within five minutes before `from`.
    pub fn steps(
        &self,
        series: &SeriesInfo,
        (from, to): (Timestamp, Timestamp),
        step: Option<Duration>,
        limit: usize,
    ) -> Result<Option<Vec<Step>>, StoreError> {
        let begin = match series.kind {
            SeriesKind::Gauge => from,
            SeriesKind::Counter => from.before(LOOKBACK),
        };
        let mut steps = Steps::new(series.kind, step, from);
        self.for_each_point(series.id, begin, to, |point| {
            steps.add(&point);
            steps.len() <= limit
        })?;
        Ok((steps.len() <= limit).then(|| steps.finish()))
    }

    /// Visits the stored points of a series in `from..to`, in order: samples, or one-minute points
    /// before the last two days. Stops when the visitor returns `false`.
    pub fn for_each_point(
        &self,
        series: SeriesId,
        from: Timestamp,
        to: Timestamp,
        mut visit: impl FnMut(Point) -> bool,
    ) -> Result<(), StoreError> {
        let mut read = || {
            let _tx = self.conn.unchecked_transaction()?;
            for span in [Span::Day, Span::Hour] {
                let mut next = self.next_start(span, span.start(from))?;
                while let Some(hour) = next.filter(|hour| start_of(*hour) < to) {
                    let inside = |point: &Point| point.at >= from && point.at < to;
                    let points = self.block_points(span, hour, series)?;
                    let after = hour + span.hours();
                    // Most series have samples all the time.
                    next = if points.is_empty() {
                        self.next_start(span, after)?
                    } else {
                        Some(after)
                    };
                    for point in points.into_iter().filter(inside) {
                        if !visit(point) {
                            return Ok(());
                        }
                    }
                }
            }
            Ok(())
        };
        read().map_err(StoreError::sql("read samples"))
    }

    /// The first hour or day from `hour` on with stored points.
    fn next_start(&self, span: Span, hour: i64) -> rusqlite::Result<Option<i64>> {
        let block = next_block(&self.conn, span, hour, i64::MAX)?.map(|id| of_id(id).1);
        if span == Span::Day {
            return Ok(block);
        }
        let pending = ticks::next(&self.conn, hour, 0)?.map(|(hour, _)| hour);
        Ok(block.into_iter().chain(pending).min())
    }

    /// The points of a series in an hour or a day.
    fn block_points(
        &self,
        span: Span,
        hour: i64,
        series: SeriesId,
    ) -> rusqlite::Result<Vec<Point>> {
        let mut points = Vec::new();
        if let Some(found) = load(&self.conn, span.id(hour, series))? {
            let read = block::decode(&found, start_of(hour)).ok();
            points = self.or_unreadable(read).unwrap_or_default();
        }
        if span == Span::Day {
            return Ok(points);
        }
        let late = ticks::series_hour(&self.conn, hour, series)?;
        Ok(merged(points, late.into_iter().map(Point::from), |point| {
            point.at
        }))
    }

    /// Returns the samples of many series in one hour, each in order of time. Rows of an hour that
    /// is not compacted yet are read once for all series. Hours that were compacted to one-minute
    /// resolution have no samples here.
    pub fn samples_of_hour(
        &self,
        hour: Timestamp,
        wanted: &BTreeSet<SeriesId>,
    ) -> Result<Vec<(SeriesId, Vec<Sample>)>, StoreError> {
        let hour = hour_of(hour);
        let read = || {
            let _tx = self.conn.unchecked_transaction()?;
            let mut pending = BTreeMap::new();
            let lanes: BTreeSet<i64> = wanted.iter().map(|id| id / ticks::LANE).collect();
            for lane in lanes {
                pending.append(&mut ticks::lane_hour(&self.conn, hour, lane)?);
            }
            let mut all = Vec::with_capacity(wanted.len());
            for id in wanted {
                let late = pending.remove(id).unwrap_or_default();
                let block = load(&self.conn, Span::Hour.id(hour, *id))?;
                let block = block.and_then(|found| {
                    let read = block::decode(&found, start_of(hour)).ok();
                    self.or_unreadable(read)
                });
                let old = block.unwrap_or_default().into_iter().map(|point| Sample {
                    at: point.at,
                    value: point.last,
                });
                let samples = merged(old.collect(), late, |sample| sample.at);
                if !samples.is_empty() {
                    all.push((*id, samples));
                }
            }
            Ok(all)
        };
        read().map_err(StoreError::sql("read samples"))
    }
}
