//! What is kept of series, read back.

use super::block;
use super::compact::{load, merged, next_block};
use super::names::{self, SeriesId, SeriesInfo};
use super::{Span, of_id, start_of, ticks};
use crate::outcome::Timestamp;
use crate::sample::{Point, Sample, SeriesKind, Step, Steps, Summary};
use crate::store::header::hour_of;
use crate::store::{Store, StoreError};
use crate::units::HOUR_MS;
use std::collections::BTreeMap;
use std::time::Duration;

/// How far back a counter's sample before a range is looked for, as in Prometheus.
const LOOKBACK: Duration = Duration::from_secs(300);

impl Store {
    /// All series, in the order of their ids. Empty for a store of an older version.
    pub fn series(&self) -> Result<Vec<SeriesInfo>, StoreError> {
        self.try_series()
            .map_err(StoreError::sql("read the series"))
    }

    fn try_series(&self) -> rusqlite::Result<Vec<SeriesInfo>> {
        if !self.conn.table_exists(None, "series")? {
            return Ok(Vec::new());
        }
        let _tx = self.conn.unchecked_transaction()?;
        let mut all = names::all(&self.conn)?;
        for lane in all.chunk_by_mut(|a, b| a.id / ticks::LANE == b.id / ticks::LANE) {
            let bits = lane.iter().map(|info| 1_u64 << (info.id % ticks::LANE));
            let wanted = bits.fold(0, |wanted, bit| wanted | bit);
            let last = ticks::last_of_lane(&self.conn, lane[0].id / ticks::LANE, wanted)?;
            for info in lane {
                let last = last.get(&info.id).copied().unwrap_or(info.last);
                info.last = info.last.max(last);
            }
        }
        Ok(all)
    }

    /// A series in steps that start at multiples of `step` (`None`: one for everything that is kept),
    /// of the samples in `from..to`. A counter's increase begins at its last sample within five
    /// minutes before `from`.
    pub fn steps(
        &self,
        series: SeriesId,
        kind: SeriesKind,
        (from, to): (Timestamp, Timestamp),
        step: Option<Duration>,
    ) -> Result<Vec<Step>, StoreError> {
        let begin = match kind {
            SeriesKind::Gauge => from,
            SeriesKind::Counter => from.before(LOOKBACK),
        };
        let mut steps = Steps::new(kind, step, from);
        for point in self.points(series, begin, to)? {
            steps.add(&point);
        }
        Ok(steps.finish())
    }

    /// What is kept of a series in `from..to`, in order: samples, and before the last two days minutes.
    pub fn points(
        &self,
        series: SeriesId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Point>, StoreError> {
        let result = self.try_points(series, from, to);
        result.map_err(StoreError::sql("read samples"))
    }

    fn try_points(
        &self,
        series: SeriesId,
        from: Timestamp,
        to: Timestamp,
    ) -> rusqlite::Result<Vec<Point>> {
        let _tx = self.conn.unchecked_transaction()?;
        let mut points = Vec::new();
        for span in [Span::Day, Span::Hour] {
            let end = hour_of(Timestamp(to.0.saturating_sub(1))) + 1;
            let mut next = next_block(&self.conn, span, span.start(from), end)?;
            while let Some(id) = next {
                let (_, hour, _) = of_id(id);
                if let Some(found) = load(&self.conn, span.id(hour, series))? {
                    let read = block::decode(&found, start_of(hour)).ok();
                    points.extend(self.or_unreadable(read).unwrap_or_default());
                }
                next = next_block(&self.conn, span, hour + span.hours(), end)?;
            }
        }
        let mut late = Vec::new();
        let mut next = ticks::next(&self.conn, hour_of(from), 0)?;
        while let Some((hour, _)) = next.filter(|(hour, _)| start_of(*hour) < to) {
            late.extend(ticks::series_hour(&self.conn, hour, series)?);
            next = ticks::next(&self.conn, hour.saturating_add(1), 0)?;
        }
        let mut points = merged(points, late.into_iter().map(Point::from), |point| {
            point.at.0
        });
        points.retain(|point| point.at >= from && point.at < to);
        Ok(points)
    }

    /// Visits what is known of every series without its samples: of each hour, or day before the last
    /// two, that overlaps `from..to`, each series' in order. Joined by [`Summary::add`], they are
    /// everything, with nothing twice.
    pub fn for_each_summary(
        &self,
        from: Timestamp,
        to: Timestamp,
        mut visit: impl FnMut(SeriesId, Summary),
    ) -> Result<(), StoreError> {
        let result = self.try_for_each_summary(from, to, &mut visit);
        result.map_err(StoreError::sql("read the heads of samples"))
    }

    fn try_for_each_summary(
        &self,
        from: Timestamp,
        to: Timestamp,
        visit: &mut dyn FnMut(SeriesId, Summary),
    ) -> rusqlite::Result<()> {
        let _tx = self.conn.unchecked_transaction()?;
        let mut pending = self.pending(from, to)?;
        let end = to.0.saturating_add(HOUR_MS - 1).div_euclid(HOUR_MS);
        for span in [Span::Day, Span::Hour] {
            let sql = "SELECT id, head FROM sample_head WHERE id >= ?1 AND id < ?2 ORDER BY id";
            let mut statement = self.conn.prepare_cached(sql)?;
            let mut rows = statement.query([span.id(span.start(from), 0), span.id(end, 0)])?;
            while let Some(row) = rows.next()? {
                let id = row.get(0)?;
                let (_, hour, series) = of_id(id);
                // Hours that came before and are in no block yet.
                while span == Span::Hour && pending.keys().next().is_some_and(|early| *early < id) {
                    visit_first(&mut pending, visit);
                }
                let found = match pending.remove(&id) {
                    Some(late) => self.joined(id, late)?,
                    None => {
                        let head = row.get_ref(1)?.as_blob().unwrap_or_default();
                        block::read_head(head, start_of(hour)).ok()
                    }
                };
                if let Some(summary) = self.or_unreadable(found) {
                    visit(series, summary);
                }
            }
        }
        while !pending.is_empty() {
            visit_first(&mut pending, visit);
        }
        Ok(())
    }

    /// Samples that are in no block, by the block that they belong to.
    fn pending(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> rusqlite::Result<BTreeMap<i64, Vec<Sample>>> {
        let mut found = BTreeMap::new();
        let mut next = ticks::next(&self.conn, hour_of(from), 0)?;
        while let Some((hour, lane)) = next.filter(|(hour, _)| start_of(*hour) < to) {
            for (series, samples) in ticks::lane_hour(&self.conn, hour, lane)? {
                found.insert(Span::Hour.id(hour, series), samples);
            }
            next = ticks::next(&self.conn, hour, lane.saturating_add(1))?;
        }
        Ok(found)
    }

    /// The summary of an hour of which some samples came after its block was written.
    fn joined(&self, id: i64, late: Vec<Sample>) -> rusqlite::Result<Option<Summary>> {
        let Some(found) = load(&self.conn, id)? else {
            return Ok(Summary::of(late));
        };
        let Ok(points) = block::decode(&found, start_of(of_id(id).1)) else {
            return Ok(None);
        };
        let old = points.into_iter().map(|point| Sample {
            at: point.at,
            value: point.last,
        });
        Ok(Summary::of(merged(old.collect(), late, |sample| {
            sample.at.0
        })))
    }
}

fn visit_first(pending: &mut BTreeMap<i64, Vec<Sample>>, visit: &mut dyn FnMut(SeriesId, Summary)) {
    if let Some((id, samples)) = pending.pop_first()
        && let Some(summary) = Summary::of(samples)
    {
        visit(of_id(id).2, summary);
    }
}
