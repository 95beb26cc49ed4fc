//! Compaction of finished hours into blocks, and of finished days into blocks at one-minute
//! resolution. Works in small steps, because the same thread writes outcomes.

use super::block::{self, Block};
use super::names::{self, SeriesId};
use super::{SERIES_MAX, Span, of_id, start_of, ticks};
use crate::outcome::Timestamp;
use crate::sample::{Point, Sample, SeriesKind, Summary, minutes, thinned};
use crate::store::compact::merged;
use crate::store::header::hour_of;
use crate::store::{Store, writing};
use crate::units::DAY;
use rusqlite::{Connection, OptionalExtension, params};
use std::time::Duration;

/// How long after its end an hour is compacted; its last samples have arrived by then.
const SETTLE: Duration = Duration::from_secs(150);
/// How long after its end a day is kept at full resolution.
const FINE: Duration = Duration::from_secs(2 * DAY.as_secs());
/// Days of series per step, which takes some milliseconds.
const DAYS: usize = 4;
/// Maximum number of blocks deleted per step. There is a step every minute, so that the blocks of
/// an hour are deleted in less than an hour even if there are as many series as possible.
const DELETED: i64 = 512;
const _: () = assert!(DELETED * 50 > SERIES_MAX as i64);

impl Store {
    /// Compacts one lane's oldest finished hour into blocks.
    pub(super) fn compact_sample_hour(&self, now: Timestamp) -> rusqlite::Result<bool> {
        let due = ticks::next(&self.conn, i64::MIN, 0)?;
        let Some((hour, lane)) = due.filter(|(hour, _)| *hour < hour_of(now.before(SETTLE))) else {
            return Ok(false);
        };
        let tx = writing(&self.conn)?;
        for (series, samples) in ticks::lane_hour(&tx, hour, lane)? {
            self.write_hour(hour, series, samples)?;
        }
        let sql = "DELETE FROM sample WHERE hour = ?1 AND lane = ?2";
        tx.prepare_cached(sql)?.execute([hour, lane])?;
        tx.commit()?;
        Ok(true)
    }

    /// Writes a series' hour, merged with an existing block as far as it can be decoded.
    fn write_hour(&self, hour: i64, series: SeriesId, late: Vec<Sample>) -> rusqlite::Result<()> {
        let (Some(kind), id) = (kind_of(&self.conn, series)?, Span::Hour.id(hour, series)) else {
            return Ok(());
        };
        let old = self.readable(id)?;
        let (points, head, is_whole) = match old {
            Some(old) => (old.points, Some(old.summary), old.is_whole),
            None => (Vec::new(), None, true),
        };
        let samples = merged(points, late.into_iter().map(Point::from), |point| point.at);
        let samples: Vec<Sample> = samples.into_iter().map(sample).collect();
        let summary = match head.filter(|_| !is_whole) {
            // Only the head is left of most samples.
            Some(head) => {
                let later = samples.iter().filter(|sample| sample.at > head.last.at);
                let later = Summary::of(later.copied());
                Some(later.map_or(head, |later| followed(Some(head), later)))
            }
            None => Summary::of(samples.iter().copied()),
        };
        let Some(summary) = summary else {
            return Ok(());
        };
        let encoded = block::of_samples(&samples, &summary, kind, start_of(hour));
        save(&self.conn, id, encoded.ok())?;
        let sql = "UPDATE series SET last_at = max(last_at, ?2) WHERE id = ?1";
        let mut update = self.conn.prepare_cached(sql)?;
        update.execute([series, summary.last.at.0]).map(drop)
    }

    /// Reads a block, if it exists. If its samples cannot be decoded, only the summary in its head
    /// and the first and last samples are returned. A block with an unreadable head is treated as
    /// missing, and replaced.
    fn readable(&self, id: i64) -> rusqlite::Result<Option<Readable>> {
        let (_, hour, series) = of_id(id);
        let Some(found) = load(&self.conn, id)? else {
            return Ok(None);
        };
        let start = start_of(hour);
        let summary = block::read_head(&found.head, start).ok();
        let points = self.or_unreadable(block::decode(&found, start).ok());
        let is_whole = points.is_some();
        if !is_whole {
            let name = name_of(&self.conn, series)?;
            let start = start.to_utc().format("%Y-%m-%dT%H:%MZ");
            let kept = summary.map_or(
                "nothing is left of them",
                |_| "only their summary, the first and the last sample are left",
            );
            tracing::warn!(
                "the store is damaged: the samples of {name} from {start} cannot be read; {kept}"
            );
        }
        Ok(summary.map(|summary| Readable {
            points: points.unwrap_or_else(|| ends(&summary)),
            summary,
            is_whole,
        }))
    }

    /// Compacts the oldest finished day of some series into blocks at one-minute resolution.
    pub(super) fn compact_sample_day(&self, now: Timestamp) -> rusqlite::Result<bool> {
        let limit = Span::Day.start(now.before(FINE));
        if next_block(&self.conn, Span::Hour, 0, limit)?.is_none() {
            return Ok(false);
        }
        let tx = writing(&self.conn)?;
        for _ in 0..DAYS {
            let Some(id) = next_block(&tx, Span::Hour, 0, limit)? else {
                break;
            };
            let (_, hour, series) = of_id(id);
            self.write_day(Span::Day.start(start_of(hour)), series)?;
        }
        tx.commit()?;
        Ok(true)
    }

    fn write_day(&self, day: i64, series: SeriesId) -> rusqlite::Result<()> {
        let (mut points, mut summary) = (Vec::new(), None::<Summary>);
        for hour in day..day + Span::Day.hours() {
            if let Some(read) = self.readable(Span::Hour.id(hour, series))? {
                points.extend(read.points);
                summary = Some(followed(summary, read.summary));
            }
        }
        for table in ["sample_head", "sample_block"] {
            for hour in day..day + Span::Day.hours() {
                let sql = format!("DELETE FROM {table} WHERE id = ?1");
                self.conn
                    .prepare_cached(&sql)?
                    .execute([Span::Hour.id(hour, series)])?;
            }
        }
        let (Some(summary), Some(kind)) = (summary, kind_of(&self.conn, series)?) else {
            return Ok(());
        };
        self.save_day(day, series, kind, points, summary)
    }

    /// Writes a day of one series, merged with an existing block, which exists if the clock was
    /// wrong.
    fn save_day(
        &self,
        day: i64,
        series: SeriesId,
        kind: SeriesKind,
        mut points: Vec<Point>,
        mut summary: Summary,
    ) -> rusqlite::Result<()> {
        let (id, start) = (Span::Day.id(day, series), start_of(day));
        // The summary is only recomputed if all samples it was computed from are available.
        let mut is_counted_again = false;
        if let Some(old) = self.readable(id)? {
            points = merged(old.points, points, |point| point.at);
            summary = followed(Some(old.summary), summary);
            is_counted_again = old.is_whole;
        }
        let encoded = match kind {
            SeriesKind::Gauge => block::of_minutes(&minutes(points), &summary, start),
            SeriesKind::Counter => {
                let samples: Vec<Sample> = points.into_iter().map(sample).collect();
                let again = Summary::of(samples.iter().copied()).filter(|_| is_counted_again);
                block::of_samples(&thinned(&samples), &again.unwrap_or(summary), kind, start)
            }
        };
        save(&self.conn, id, encoded.ok())
    }

    /// Deletes some of the blocks older than `horizon`.
    pub(super) fn try_expire_samples(&mut self, horizon: Timestamp) -> rusqlite::Result<bool> {
        let tx = writing(&self.conn)?;
        let hour = hour_of(horizon);
        let mut is_done = tx.execute("DELETE FROM sample WHERE hour < ?1", [hour])? > 0;
        for span in [Span::Day, Span::Hour] {
            let limit = hour - span.hours() + 1;
            if let Some(first) = next_block(&tx, span, 0, limit)? {
                let until = span.id(limit, 0).min(first + DELETED);
                for table in ["sample_head", "sample_block"] {
                    let sql = format!("DELETE FROM {table} WHERE id >= ?1 AND id < ?2");
                    tx.execute(&sql, [first, until])?;
                }
                is_done = true;
            }
        }
        let mut has_unnamed = false;
        if !is_done {
            has_unnamed = delete_names(&tx, oldest(&tx)?.min(horizon.0))?;
        }
        tx.commit()?;
        if has_unnamed {
            self.series = None;
        }
        Ok(is_done || has_unnamed)
    }
}

/// Deletes the names of series whose last sample is older than `oldest`. Samples that are in no
/// block yet count too: a job that runs as often as its samples expire has no others.
fn delete_names(conn: &Connection, oldest: i64) -> rusqlite::Result<bool> {
    let mut statement = conn.prepare_cached("SELECT id FROM series WHERE last_at < ?1")?;
    let old = statement.query_map([oldest], |row| row.get(0))?;
    let mut old: Vec<SeriesId> = old.collect::<rusqlite::Result<_>>()?;
    if !old.is_empty() {
        let pending = ticks::pending(conn)?;
        old.retain(|id| !pending.contains(id));
    }
    let mut delete = conn.prepare_cached("DELETE FROM series WHERE id = ?1")?;
    for id in &old {
        delete.execute([id])?;
    }
    Ok(!old.is_empty())
}

/// The start of the oldest record of any series.
fn oldest(conn: &Connection) -> rusqlite::Result<i64> {
    let mut oldest = i64::MAX;
    if let Some((hour, _)) = ticks::next(conn, i64::MIN, 0)? {
        oldest = start_of(hour).0;
    }
    for span in [Span::Hour, Span::Day] {
        if let Some(id) = next_block(conn, span, 0, 1 << 36)? {
            oldest = oldest.min(start_of(of_id(id).1).0);
        }
    }
    Ok(oldest)
}

fn sample(point: Point) -> Sample {
    Sample {
        at: point.at,
        value: point.last,
    }
}

fn followed(before: Option<Summary>, next: Summary) -> Summary {
    before.map_or(next, |mut all| {
        all.add(&next);
        all
    })
}

/// The readable part of a block.
struct Readable {
    points: Vec<Point>,
    summary: Summary,
    /// Whether the points are complete.
    is_whole: bool,
}

/// The samples contained in a head.
fn ends(summary: &Summary) -> Vec<Point> {
    let mut ends = vec![Point::from(summary.first), Point::from(summary.last)];
    ends.dedup_by_key(|point| point.at);
    ends
}

/// The kind of a series, even if its name is invalid. A series without a valid kind is treated as a
/// counter, whose values are never rounded.
fn kind_of(conn: &Connection, series: SeriesId) -> rusqlite::Result<Option<SeriesKind>> {
    let mut statement = conn.prepare_cached("SELECT kind FROM series WHERE id = ?1")?;
    let code = statement.query_row([series], |row| row.get(0)).optional()?;
    Ok(code.map(|code| names::kind(code).unwrap_or(SeriesKind::Counter)))
}

/// The name of a series, for messages.
fn name_of(conn: &Connection, series: SeriesId) -> rusqlite::Result<String> {
    let mut statement = conn.prepare_cached("SELECT series FROM series WHERE id = ?1")?;
    let name = statement.query_row([series], |row| {
        let text = row.get_ref(0)?.as_str().ok();
        Ok(text.map(str::to_owned))
    });
    let name = name.optional()?.flatten();
    Ok(name.unwrap_or_else(|| format!("series number {series}")))
}

/// The first block of a kind that starts in these hours.
pub(super) fn next_block(
    conn: &Connection,
    span: Span,
    from: i64,
    to: i64,
) -> rusqlite::Result<Option<i64>> {
    let sql = "SELECT min(id) FROM sample_head WHERE id >= ?1 AND id < ?2";
    let mut statement = conn.prepare_cached(sql)?;
    statement.query_row([span.id(from, 0), span.id(to, 0)], |row| row.get(0))
}

pub(super) fn load(conn: &Connection, id: i64) -> rusqlite::Result<Option<Block>> {
    let sql = "SELECT head, samples FROM sample_head JOIN sample_block USING (id) WHERE id = ?1";
    let mut statement = conn.prepare_cached(sql)?;
    let read = |row: &rusqlite::Row<'_>| {
        Ok(Block {
            head: row.get(0)?,
            samples: row.get(1)?,
        })
    };
    statement.query_row([id], read).optional()
}

fn save(conn: &Connection, id: i64, block: Option<Block>) -> rusqlite::Result<()> {
    // Fails for more than 16 million samples, which an hour of milliseconds cannot have.
    let Some(block) = block else {
        return Err(rusqlite::Error::IntegralValueOutOfRange(0, i64::MAX));
    };
    conn.prepare_cached("REPLACE INTO sample_head (id, head) VALUES (?1, ?2)")?
        .execute(params![id, block.head])?;
    conn.prepare_cached("REPLACE INTO sample_block (id, samples) VALUES (?1, ?2)")?
        .execute(params![id, block.samples])?;
    Ok(())
}
