//! Samples that are in no block yet: one row for 64 neighboring series at one time, from which a
//! reader of one series decodes eight bytes.

use super::names::{Names, SeriesId};
use crate::outcome::Timestamp;
use crate::sample::{Sample, SeriesKey, SeriesKind};
use crate::store::header::hour_of;
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Series per lane: the number of bits in an integer, and few enough for a row to fit in its page.
pub const LANE: i64 = 64;

/// Samples of several series read at the same time.
#[derive(Clone, Debug)]
pub struct Tick {
    pub at: Timestamp,
    pub samples: Vec<(Arc<SeriesKey>, SeriesKind, f64)>,
}

/// Inserts a tick; returns the number of samples dropped because there are too many series.
pub fn insert(conn: &Connection, names: &mut Names, tick: &Tick) -> rusqlite::Result<u64> {
    let (mut lanes, mut excess) = (BTreeMap::<i64, BTreeMap<i64, f64>>::new(), 0);
    for (key, kind, value) in &tick.samples {
        match names.id(conn, key, *kind, tick.at)? {
            Some(id) => {
                let lane = lanes.entry(id / LANE).or_default();
                lane.entry(id % LANE).or_insert(*value);
            }
            None => excess += 1,
        }
    }
    let sql = "INSERT OR IGNORE INTO sample (hour, lane, at, present, samples) VALUES (?1, ?2, ?3, ?4, ?5)";
    let mut statement = conn.prepare_cached(sql)?;
    for (lane, values) in lanes {
        let present = values.keys().fold(0_u64, |present, bit| present | 1 << bit);
        let samples: Vec<u8> = values
            .values()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        let (hour, at) = (hour_of(tick.at), tick.at.0);
        statement.execute(params![hour, lane, at, present.cast_signed(), samples])?;
    }
    Ok(excess)
}

/// A row: the time, the series of the lane that have samples, and their values.
pub struct LaneRow<'a> {
    pub at: Timestamp,
    bits: u64,
    samples: &'a [u8],
}

impl<'a> LaneRow<'a> {
    /// Decodes the columns `at`, `present` and `samples`; `None` if they are invalid.
    pub fn read(row: &'a Row<'_>) -> rusqlite::Result<Option<Self>> {
        let (at, present): (i64, i64) = (row.get(0)?, row.get(1)?);
        let present = present.cast_unsigned();
        let samples = row.get_ref(2)?.as_blob().unwrap_or_default();
        let is_whole = samples.len() == 8 * present.count_ones() as usize;
        Ok(is_whole.then_some(Self {
            at: Timestamp(at),
            bits: present,
            samples,
        }))
    }

    /// The value of one series of the lane; `None` if the row has none.
    pub fn value(&self, bit: i64) -> Option<f64> {
        if self.bits >> bit & 1 == 0 {
            return None;
        }
        let before = (self.bits & ((1 << bit) - 1)).count_ones() as usize;
        self.samples
            .get(8 * before..)?
            .first_chunk()
            .map(|bytes| f64::from_le_bytes(*bytes))
    }
}

/// Returns the samples of a lane's hour by series, each in order of time without duplicate times.
pub fn lane_hour(
    conn: &Connection,
    hour: i64,
    lane: i64,
) -> rusqlite::Result<BTreeMap<SeriesId, Vec<Sample>>> {
    let sql = "SELECT at, present, samples FROM sample WHERE hour = ?1 AND lane = ?2 ORDER BY at, present";
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query([hour, lane])?;
    let mut found: BTreeMap<SeriesId, Vec<Sample>> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let Some(row) = LaneRow::read(row)? else {
            continue;
        };
        for bit in 0..LANE {
            if let Some(value) = row.value(bit) {
                let samples = found.entry(lane * LANE + bit).or_default();
                push(samples, Sample { at: row.at, value });
            }
        }
    }
    Ok(found)
}

/// Returns the samples of one series in an hour, in order of time without duplicate times.
pub fn series_hour(
    conn: &Connection,
    hour: i64,
    series: SeriesId,
) -> rusqlite::Result<Vec<Sample>> {
    let sql = "SELECT at, present, samples FROM sample WHERE hour = ?1 AND lane = ?2 ORDER BY at, present";
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query([hour, series / LANE])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        if let Some(row) = LaneRow::read(row)?
            && let Some(value) = row.value(series % LANE)
        {
            push(&mut found, Sample { at: row.at, value });
        }
    }
    Ok(found)
}

fn push(samples: &mut Vec<Sample>, sample: Sample) {
    if samples.last().is_none_or(|last| last.at < sample.at) {
        samples.push(sample);
    }
}

/// Returns the first hour and lane with rows, starting at the given ones.
pub fn next(conn: &Connection, hour: i64, lane: i64) -> rusqlite::Result<Option<(i64, i64)>> {
    let sql =
        "SELECT hour, lane FROM sample WHERE (hour, lane) >= (?1, ?2) ORDER BY hour, lane LIMIT 1";
    let mut statement = conn.prepare_cached(sql)?;
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    statement.query_row([hour, lane], read).optional()
}

/// Returns the hours that have rows, latest first.
pub fn hours(conn: &Connection) -> rusqlite::Result<Vec<i64>> {
    let mut statement = conn.prepare_cached("SELECT max(hour) FROM sample WHERE hour < ?1")?;
    let (mut hours, mut before) = (Vec::new(), i64::MAX);
    while let Some(hour) = statement.query_row([before], |row| row.get(0))? {
        hours.push(hour);
        before = hour;
    }
    Ok(hours)
}

/// Returns the time of the last sample of each of the wanted series of a lane, from the rows of
/// these hours, latest first.
pub fn last_of_lane(
    conn: &Connection,
    hours: &[i64],
    lane: i64,
    wanted: u64,
) -> rusqlite::Result<BTreeMap<SeriesId, Timestamp>> {
    let sql = "SELECT at, present FROM sample WHERE hour = ?1 AND lane = ?2 ORDER BY at DESC";
    let mut statement = conn.prepare_cached(sql)?;
    let (mut found, mut left) = (BTreeMap::new(), wanted);
    for hour in hours {
        let mut rows = statement.query([*hour, lane])?;
        while let (true, Some(row)) = (left != 0, rows.next()?) {
            let (at, present): (i64, i64) = (row.get(0)?, row.get(1)?);
            for bit in bits(present.cast_unsigned() & left) {
                found.insert(lane * LANE + bit, Timestamp(at));
            }
            left &= !present.cast_unsigned();
        }
    }
    Ok(found)
}

/// Returns the series that have rows.
pub fn pending(conn: &Connection) -> rusqlite::Result<BTreeSet<SeriesId>> {
    let mut statement = conn.prepare_cached("SELECT lane, present FROM sample")?;
    let mut rows = statement.query([])?;
    let mut lanes = BTreeMap::<i64, u64>::new();
    while let Some(row) = rows.next()? {
        *lanes.entry(row.get(0)?).or_default() |= row.get::<_, i64>(1)?.cast_unsigned();
    }
    let lanes = lanes.into_iter();
    Ok(lanes
        .flat_map(|(lane, present)| bits(present).map(move |bit| lane * LANE + bit))
        .collect())
}

/// The numbers of the bits that are set.
fn bits(present: u64) -> impl Iterator<Item = i64> {
    (0..LANE).filter(move |bit| present >> bit & 1 == 1)
}
