//! Samples of gauges and counters: one row for each time they were read, then blocks of finished hours,
//! and after two days blocks of days at one-minute resolution.
//!
//! ```text
//! ticks.rs: one row per time and 64 series -> compact.rs -> block.rs: an hour -> a day of minutes
//!                                                             values.rs: precision of values
//!                                                             numbers.rs: coding of numbers
//! ```
//!
//! Readers call [`Store::series`], and then [`Store::steps`] or [`Store::for_each_point`] for one of the series.

pub(super) mod block;
mod check;
mod compact;
mod names;
mod numbers;
mod read;
mod recover;
mod ticks;
mod values;

pub(super) use check::check;
pub(super) use names::{Names, all};
pub use names::{SeriesId, SeriesInfo};
pub(super) use recover::recover;
pub use ticks::Tick;

use super::{Store, StoreError, writing};
use crate::outcome::Timestamp;
use crate::units::HOUR_MS;
use rusqlite::Connection;
use std::time::Duration;

/// Maximum number of series with samples. Samples of further series are dropped and counted.
pub const SERIES_MAX: usize = 20_000;

/// The time range of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Span {
    Hour,
    /// A day at one-minute resolution.
    Day,
}

impl Span {
    const fn hours(self) -> i64 {
        match self {
            Self::Hour => 1,
            Self::Day => 24,
        }
    }

    /// The first id of blocks of this kind.
    const fn base(self) -> i64 {
        match self {
            Self::Hour => 0,
            Self::Day => 1 << 60,
        }
    }

    /// The id of the block that starts at an hour: hour first, so that blocks are appended and
    /// expire in order. Valid for clocks less than a million years ahead.
    fn id(self, hour: i64, series: i64) -> i64 {
        self.base() + (hour.clamp(0, 1 << 36) << 20 | series)
    }

    /// The start, as an hour, of the block that contains `at`.
    fn start(self, at: Timestamp) -> i64 {
        at.0.div_euclid(HOUR_MS * self.hours()) * self.hours()
    }
}

/// Span, first hour and series of a block.
fn of_id(id: i64) -> (Span, i64, SeriesId) {
    let span = if id < Span::Day.base() {
        Span::Hour
    } else {
        Span::Day
    };
    let rest = id - span.base();
    (span, rest >> 20, rest & ((1 << 20) - 1))
}

fn start_of(hour: i64) -> Timestamp {
    Timestamp(hour.saturating_mul(HOUR_MS))
}

/// The hour of the newest sample before an hour.
pub(super) fn newest_sample(conn: &Connection, before: i64) -> rusqlite::Result<Option<i64>> {
    let max = |sql: &str, from: i64, to: i64| {
        conn.query_row(sql, [from, to], |row| row.get::<_, Option<i64>>(0))
    };
    let sql = "SELECT max(hour) FROM sample WHERE hour >= ?1 AND hour < ?2";
    let mut newest = max(sql, i64::MIN, before)?;
    for span in [Span::Hour, Span::Day] {
        let sql = "SELECT max(id) FROM sample_head WHERE id >= ?1 AND id < ?2";
        let block = max(sql, span.base(), span.id(before, 0))?;
        newest = newest.max(block.map(|id| of_id(id).1));
    }
    Ok(newest)
}

impl Store {
    /// Commits samples in one transaction. Returns the number of samples dropped because there are
    /// [`SERIES_MAX`] other series. An existing sample of the same series and time is kept.
    pub fn append_samples(&mut self, ticks: &[Tick]) -> Result<u64, StoreError> {
        self.check_file()?;
        let result = self.try_append_samples(ticks);
        if result.is_err() {
            self.series = None;
        }
        result.map_err(StoreError::sql("commit samples"))
    }

    fn try_append_samples(&mut self, ticks: &[Tick]) -> rusqlite::Result<u64> {
        let names = match self.series.take() {
            Some(names) => names,
            None => Names::load(&self.conn)?,
        };
        let names = self.series.insert(names);
        let tx = writing(&self.conn)?;
        let mut excess = 0;
        for tick in ticks {
            excess += ticks::insert(&tx, names, tick)?;
        }
        tx.commit()?;
        Ok(excess)
    }

    /// The number of series the writer knows.
    pub(super) fn series_count(&self) -> usize {
        self.series.as_ref().map_or(0, Names::len)
    }

    /// Performs one due step of compaction: an hour of some series, or a day. Returns `false` if
    /// none is due.
    pub fn compact_samples_step(&mut self, now: Timestamp) -> Result<bool, StoreError> {
        let result = match self.compact_sample_hour(now) {
            Ok(false) => self.compact_sample_day(now),
            done => done,
        };
        result.map_err(StoreError::sql("compact samples"))
    }

    /// Deletes some of the oldest samples if they are older than `retention`, and the names of
    /// series without samples. Returns `false` if there was nothing to delete.
    pub fn expire_samples_step(
        &mut self,
        now: Timestamp,
        retention: Duration,
    ) -> Result<bool, StoreError> {
        let result = self.try_expire_samples(now.before(retention));
        result.map_err(StoreError::sql("delete old samples"))
    }
}
