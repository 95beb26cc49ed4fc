//! Outcomes whose tick is in the future because the clock was ahead when they were recorded.
//! Readers ignore them until their tick has passed.

use super::compact::{block_id, of_block_id};
use super::header::{Header, hour_of};
use super::{Store, StoreError};
use crate::outcome::Timestamp;
use crate::units::HOUR_MS;
use rusqlite::params;

/// Stored outcomes whose tick is in the future.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ahead {
    pub outcomes: u64,
    /// The earliest and the latest tick, `None` without outcomes; rounded to the hour for hours
    /// that start in the future.
    pub first: Option<Timestamp>,
    pub last: Option<Timestamp>,
}

impl Ahead {
    /// Returns the default (no outcomes) once all of their ticks have passed.
    #[must_use]
    pub fn seen_at(self, now: Timestamp) -> Self {
        let still = self.last.is_some_and(|last| last > now);
        if still { self } else { Self::default() }
    }

    pub fn add(&mut self, at: Timestamp, outcomes: u64) {
        self.outcomes += outcomes;
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
        self.last = self.last.max(Some(at));
    }
}

impl Store {
    /// Returns the outcomes whose tick is after `now`.
    pub fn ahead(&self, now: Timestamp) -> Result<Ahead, StoreError> {
        let read = || {
            let _tx = self.conn.unchecked_transaction()?;
            let mut ahead = Ahead::default();
            let hour = hour_of(now);
            let sql = "SELECT count(*), min(at), max(at) FROM outcome WHERE hour >= ?1 AND at > ?2";
            let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
            let (count, first, last): (i64, Option<i64>, Option<i64>) =
                self.conn.query_row(sql, params![hour, now.0], row)?;
            for at in first.into_iter().chain(last) {
                ahead.add(Timestamp(at), 0);
            }
            ahead.outcomes = count.unsigned_abs();
            self.blocks_ahead(now, &mut ahead)?;
            Ok(ahead)
        };
        read().map_err(StoreError::sql("read future outcomes"))
    }

    /// Counts whole hours from their summaries, and the current hour outcome by outcome.
    fn blocks_ahead(&self, now: Timestamp, ahead: &mut Ahead) -> rusqlite::Result<()> {
        let hour = hour_of(now);
        let sql = "SELECT id, counts FROM hour WHERE id >= ?1 ORDER BY id";
        let mut statement = self.conn.prepare_cached(sql)?;
        let mut rows = statement.query([block_id(hour, 0)])?;
        while let Some(row) = rows.next()? {
            let (of, probe) = of_block_id(row.get(0)?);
            if of == hour {
                self.events_of_block(probe, of, &[], &mut |event| {
                    if event.at > now {
                        ahead.add(event.at, 1);
                    }
                })?;
            } else if let Ok(header) = Header::read(row.get_ref(1)?.as_blob().unwrap_or_default()) {
                ahead.add(
                    Timestamp(of.saturating_mul(HOUR_MS)),
                    header.verdicts.total(),
                );
            }
        }
        Ok(())
    }
}
