//! Reading hourly counts, and outcomes from blocks and individual rows.

use super::block::{Block, decode, for_each_event};
use super::compact::{block_id, lane_hours, load, merged, of_block_id};
use super::counts::Corrupt;
use super::header::{Header, hour_of};
use super::scales::Scales;
use super::series::newest_sample;
use super::summary::{CountingBasis, HourSummary};
use super::{Store, StoreError, raw};
use crate::outcome::{Event, Measurement, ProbeKey, Record, Timestamp};
use crate::units::HOUR_MS;
use rusqlite::OptionalExtension;
use std::sync::Arc;

/// Each read uses one transaction, so that an hour that is compacted meanwhile is seen either as
/// individual outcomes or as a block, never as both or neither.
impl Store {
    /// Returns every probe that ever had an outcome, ordered by name.
    pub fn probes(&self) -> Vec<ProbeKey> {
        let mut keys: Vec<_> = self.names.keys().cloned().collect();
        keys.sort_unstable();
        keys
    }

    /// Returns the earliest tick ever appended, even if it was deleted since.
    pub fn first_seen(&self, key: &ProbeKey) -> Option<Timestamp> {
        self.names.first(key)
    }

    /// Returns the latest tick of all probes.
    pub fn last_seen(&self) -> Result<Option<Timestamp>, StoreError> {
        let read = || {
            let _tx = self.conn.unchecked_transaction()?;
            let max = |sql: &str| {
                self.conn
                    .query_row(sql, [], |row| row.get::<_, Option<i64>>(0))
            };
            let raw =
                max("SELECT max(at) FROM outcome WHERE hour = (SELECT max(hour) FROM outcome)")?;
            let mut last = raw.map(Timestamp);
            let block_hour = max("SELECT max(id) FROM hour")?.map(|id| of_block_id(id).0);
            if let Some(hour) =
                block_hour.filter(|hour| last.is_none_or(|last| *hour > hour_of(last)))
            {
                for key in self.names.keys() {
                    let records = self.hour_of_probe(key, hour, &[])?;
                    last = last.max(records.last().map(|record| record.at));
                }
            }
            Ok(last)
        };
        read().map_err(StoreError::sql("read the latest outcome"))
    }

    /// Returns the hour of the newest outcome or sample in the hours that ended before `moment`.
    pub fn newest_before(&self, moment: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let hour = hour_of(moment);
        let read = || {
            let max = |sql: &str, before: i64| {
                let row = |row: &rusqlite::Row<'_>| row.get::<_, Option<i64>>(0);
                self.conn.query_row(sql, [before], row)
            };
            let raw = max("SELECT max(hour) FROM outcome WHERE hour < ?1", hour)?;
            let block = max("SELECT max(id) FROM hour WHERE id < ?1", block_id(hour, 0))?;
            let block = block.map(|id| of_block_id(id).0);
            let sample = newest_sample(&self.conn, hour)?;
            let newest = raw.max(block).max(sample);
            Ok(newest.map(|hour| Timestamp(hour.saturating_mul(HOUR_MS))))
        };
        read().map_err(StoreError::sql("read the newest record"))
    }

    /// Visits the finished hours of the wanted probes that start in `from..to`, hour by hour;
    /// `from` is rounded down to its hour. Reads counts only.
    pub fn for_each_hour(
        &self,
        from: Timestamp,
        to: Timestamp,
        wanted: impl Fn(&ProbeKey) -> bool,
        mut visit: impl FnMut(&ProbeKey, HourSummary),
    ) -> Result<(), StoreError> {
        let mut read = || {
            let _tx = self.conn.unchecked_transaction()?;
            let sql = "SELECT id, counts FROM hour WHERE id >= ?1 AND id < ?2 ORDER BY id";
            let mut statement = self.conn.prepare_cached(sql)?;
            let mut rows =
                statement.query([block_id(hour_of(from), 0), block_id(first_hour_from(to), 0)])?;
            while let Some(row) = rows.next()? {
                let (hour, probe) = of_block_id(row.get(0)?);
                let Some(key) = self.names.key(probe).filter(|key| wanted(key)) else {
                    continue;
                };
                let counts = row.get_ref(1)?;
                if let Some(summary) = self.summary(hour, counts.as_blob().unwrap_or_default())? {
                    visit(key, summary);
                }
            }
            Ok(())
        };
        read().map_err(StoreError::sql("read hourly counts"))
    }

    /// Returns one probe's finished hours that start in `from..to`; `from` is rounded down to its
    /// hour.
    pub fn hours(
        &self,
        key: &ProbeKey,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<HourSummary>, StoreError> {
        let read = || {
            let Some(probe) = self.names.id(key) else {
                return Ok(Vec::new());
            };
            let _tx = self.conn.unchecked_transaction()?;
            let mut statement = self
                .conn
                .prepare_cached("SELECT counts FROM hour WHERE id = ?1")?;
            let mut found = Vec::new();
            for hour in self.try_kept_hours(from, to)? {
                let counts =
                    statement.query_row([block_id(hour, probe)], |row| row.get::<_, Vec<u8>>(0));
                if let Some(counts) = counts.optional()? {
                    found.extend(self.summary(hour, &counts)?);
                }
            }
            Ok(found)
        };
        read().map_err(StoreError::sql("read hourly counts"))
    }

    /// Returns one probe's outcomes with ticks in `from..to`, in order.
    pub fn outcomes(
        &self,
        key: &ProbeKey,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Record>, StoreError> {
        let mut found = Vec::new();
        self.for_each_outcome(key, from, to, Measurement::ALL, |record| found.push(record))?;
        Ok(found)
    }

    /// Visits one probe's outcomes with ticks in `from..to`, in order, with one hour in memory at a
    /// time. Measurements other than the `wanted` ones may be missing.
    pub fn for_each_outcome(
        &self,
        key: &ProbeKey,
        from: Timestamp,
        to: Timestamp,
        wanted: &[Measurement],
        mut visit: impl FnMut(Record),
    ) -> Result<(), StoreError> {
        let mut read = || {
            let _tx = self.conn.unchecked_transaction()?;
            for hour in self.try_kept_hours(from, to)? {
                let records = self.hour_of_probe(key, hour, wanted)?;
                let inside = |record: &Record| record.at >= from && record.at < to;
                records.into_iter().filter(inside).for_each(&mut visit);
            }
            Ok(())
        };
        read().map_err(StoreError::sql("read outcomes"))
    }

    /// Visits the fields that counting needs of one probe's outcomes in blocks, from the hour of
    /// `from` to that of `to`, inclusive. Measurements other than the `wanted` ones are omitted.
    pub fn for_each_event(
        &self,
        key: &ProbeKey,
        from: Timestamp,
        to: Timestamp,
        wanted: &[Measurement],
        mut visit: impl FnMut(Event),
    ) -> Result<(), StoreError> {
        let Some(probe) = self.names.id(key) else {
            return Ok(());
        };
        let result = (hour_of(from)..=hour_of(to))
            .try_for_each(|hour| self.events_of_block(probe, hour, wanted, &mut visit));
        result.map_err(StoreError::sql("read outcomes"))
    }

    pub(super) fn events_of_block(
        &self,
        probe: i64,
        hour: i64,
        wanted: &[Measurement],
        visit: &mut dyn FnMut(Event),
    ) -> rusqlite::Result<()> {
        let Some(block) = load(&self.conn, block_id(hour, probe))? else {
            return Ok(());
        };
        let basis = self.basis_of(&block)?;
        let read = |basis: Arc<CountingBasis>| {
            for_each_event(hour, &block, &basis.scales, wanted, visit).ok()
        };
        self.or_unreadable(basis.and_then(read));
        Ok(())
    }

    /// Visits every outcome before the hour of `before` that is in no block yet, each probe's in
    /// order. Together with [`Store::for_each_hour`] this covers all outcomes exactly once.
    pub fn for_each_pending(
        &self,
        before: Timestamp,
        mut visit: impl FnMut(Record),
    ) -> Result<(), StoreError> {
        let mut read = || {
            let _tx = self.conn.unchecked_transaction()?;
            let pending = lane_hours(&self.conn, i64::MIN)?;
            for (hour, lane) in pending
                .into_iter()
                .filter(|(hour, _)| *hour < hour_of(before))
            {
                for (probe, mut records) in raw::lane_hour(&self.conn, &self.names, hour, lane)? {
                    // A duplicate tick that arrived after its hour was compacted.
                    let known = self.block_records(&records[0].key, probe, hour, &[])?;
                    records
                        .retain(|late| known.binary_search_by_key(&late.at, |old| old.at).is_err());
                    records.into_iter().for_each(&mut visit);
                }
            }
            Ok(())
        };
        read().map_err(StoreError::sql("read recent outcomes"))
    }

    /// Returns one probe's outcomes in the hour of `moment`, in order.
    pub fn outcomes_of_hour(
        &self,
        key: &ProbeKey,
        at: Timestamp,
        wanted: &[Measurement],
    ) -> Result<Vec<Record>, StoreError> {
        let read = || {
            let _tx = self.conn.unchecked_transaction()?;
            self.hour_of_probe(key, hour_of(at), wanted)
        };
        read().map_err(StoreError::sql("read outcomes"))
    }

    pub(super) fn hour_of_probe(
        &self,
        key: &ProbeKey,
        hour: i64,
        wanted: &[Measurement],
    ) -> rusqlite::Result<Vec<Record>> {
        let Some(probe) = self.names.id(key) else {
            return Ok(Vec::new());
        };
        let old = self.block_records(key, probe, hour, wanted)?;
        let late = raw::probe_hour(&self.conn, key, probe, hour)?;
        Ok(merged(old, late, |record| record.at))
    }

    /// Returns the outcomes of a block; empty if there is none or it cannot be decoded.
    fn block_records(
        &self,
        key: &ProbeKey,
        probe: i64,
        hour: i64,
        wanted: &[Measurement],
    ) -> rusqlite::Result<Vec<Record>> {
        let Some(block) = load(&self.conn, block_id(hour, probe))? else {
            return Ok(Vec::new());
        };
        let basis = self.basis_of(&block)?;
        let read =
            |basis: Arc<CountingBasis>| decode(key, hour, &block, &basis.scales, wanted).ok();
        let records = basis.and_then(read);
        Ok(self.or_unreadable(records).unwrap_or_default())
    }

    fn summary(&self, hour: i64, counts: &[u8]) -> rusqlite::Result<Option<HourSummary>> {
        let summary = match Header::read(counts) {
            Ok(header) => {
                let basis = self.basis(header.basis)?;
                basis.and_then(|basis| HourSummary::new(hour, header, basis).ok())
            }
            Err(Corrupt) => None,
        };
        Ok(self.or_unreadable(summary))
    }

    pub(super) fn or_unreadable<T>(&self, found: Option<T>) -> Option<T> {
        if found.is_none() {
            self.unreadable.set(self.unreadable.get() + 1);
        }
        found
    }

    /// Returns the basis of a block; `None` if its counts or the basis cannot be read.
    pub(super) fn basis_of(&self, block: &Block) -> rusqlite::Result<Option<Arc<CountingBasis>>> {
        match Header::read(&block.counts) {
            Ok(header) => self.basis(header.basis),
            Err(Corrupt) => Ok(None),
        }
    }

    pub(super) fn basis(&self, id: i64) -> rusqlite::Result<Option<Arc<CountingBasis>>> {
        if let Some(basis) = self.bases.borrow().get(&id) {
            return Ok(Some(Arc::clone(basis)));
        }
        let sql = "SELECT cuts, keys FROM basis WHERE id = ?1";
        let read =
            |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?));
        let Some((cuts, keys)) = self.conn.query_row(sql, [id], read).optional()? else {
            return Ok(None);
        };
        let basis = Scales::from_text(&cuts).map(|scales| {
            let keys = keys.split_whitespace().map(Box::from).collect();
            Arc::new(CountingBasis { scales, keys })
        });
        if let Some(basis) = &basis {
            self.bases.borrow_mut().insert(id, Arc::clone(basis));
        }
        Ok(basis)
    }

    /// Returns the hours in `from..to` that have records; `from` is rounded down to its hour.
    pub(super) fn try_kept_hours(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> rusqlite::Result<Vec<i64>> {
        let to = first_hour_from(to);
        let mut hours = Vec::new();
        let mut next = self.next_kept_hour(hour_of(from))?;
        while let Some(hour) = next.filter(|hour| *hour < to) {
            hours.push(hour);
            next = self.next_kept_hour(hour.saturating_add(1))?;
        }
        Ok(hours)
    }

    /// Returns the first hour at or after `from` that has records.
    pub(super) fn next_kept_hour(&self, from: i64) -> rusqlite::Result<Option<i64>> {
        let sql = "SELECT min(hour) FROM (
                       SELECT min(id) >> 20 AS hour FROM hour WHERE id >= ?1
                       UNION ALL SELECT min(hour) FROM outcome WHERE hour >= ?2)";
        let mut statement = self.conn.prepare_cached(sql)?;
        statement.query_row([block_id(from, 0), from], |row| row.get(0))
    }
}

/// The first hour that starts at or after `at`.
pub(super) fn first_hour_from(at: Timestamp) -> i64 {
    hour_of(Timestamp(at.0.saturating_add(HOUR_MS - 1)))
}
