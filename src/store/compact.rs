//! Compaction of finished hours into blocks, and deletion of old blocks.

use super::block::{Block, decode, encode};
use super::header::hour_of;
use super::raw;
use super::scales::Scales;
use super::{Store, StoreError, writing};
use crate::outcome::{Measurement, ProbeKey, Record, Timestamp};
use crate::slo::{TallyKey, Threshold};
use crate::units::HOUR_MS;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use std::time::Duration;

/// How long after its end an hour is compacted. By then its last outcomes have arrived, since
/// timeouts above two minutes are rare. Later outcomes are merged into the block.
const SETTLE: Duration = Duration::from_secs(150);

/// Deletes old reports of jobs, but not the last one of a configured probe: a job may run less
/// often than outcomes are kept, and a restart needs its last report.
const OLD_BEATS: &str = "DELETE FROM beat WHERE at < ?1 AND NOT EXISTS (
    SELECT 1 FROM probe WHERE probe.service = beat.service AND probe.name = beat.name
    AND NOT EXISTS (SELECT 1 FROM absence WHERE absence.probe = probe.id AND absence.to_at IS NULL))";

/// The rules for counting a probe's hours: thresholds and tallies of all objectives that the probe
/// contributes to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CountingPlan {
    /// Thresholds that must be bucket boundaries of blocks.
    pub thresholds: Vec<Threshold>,
    pub keys: Vec<TallyKey>,
}

/// The id of a block: hour first, so that blocks are appended and expire in order.
pub fn block_id(hour: i64, probe: i64) -> i64 {
    hour << 20 | probe
}

/// The hour and probe id of a block.
pub fn of_block_id(id: i64) -> (i64, i64) {
    (id >> 20, id & ((1 << 20) - 1))
}

impl Store {
    /// Compacts the oldest finished hour of one lane into blocks, in one transaction; returns
    /// `false` if none is due.
    pub fn compact_step(
        &mut self,
        now: Timestamp,
        plan: &dyn Fn(&ProbeKey) -> CountingPlan,
    ) -> Result<bool, StoreError> {
        let result = self.try_compact_step(now, plan);
        if result.is_err() {
            self.forget_rolled_back();
        }
        result.map_err(StoreError::sql("compact an hour"))
    }

    fn try_compact_step(
        &mut self,
        now: Timestamp,
        plan: &dyn Fn(&ProbeKey) -> CountingPlan,
    ) -> rusqlite::Result<bool> {
        let due = raw::next_lane_hour(&self.conn, i64::MIN, 0)?;
        let Some((hour, lane)) = due.filter(|(hour, _)| *hour < hour_of(now.before(SETTLE))) else {
            return Ok(false);
        };
        let found = raw::lane_hour(&self.conn, &self.names, hour, lane)?;
        // Written through `self.conn`, because the helpers below read through it; the transaction
        // is rolled back when `tx` is dropped.
        let tx = writing(&self.conn)?;
        for (probe, records) in found {
            let wanted = plan(&records[0].key);
            self.write_block(hour, probe, records, &wanted)?;
        }
        raw::delete_lane_hour(&tx, hour, lane)?;
        tx.commit()?;
        Ok(true)
    }

    /// Stores outcomes directly as blocks, without a row for each, in one transaction. Meant for
    /// importing a long, complete history: one commit per hour would wait for the disk each time.
    /// Each item holds outcomes of one or more probes, each probe's in ascending order of ticks.
    /// Outcomes are merged with existing blocks, like late outcomes.
    pub fn append_blocks(
        &mut self,
        batches: impl IntoIterator<Item = Vec<Record>>,
        plan: &dyn Fn(&ProbeKey) -> CountingPlan,
    ) -> Result<(), StoreError> {
        self.check_file()?;
        let result = self.try_append_blocks(batches, plan);
        if result.is_err() {
            self.forget_rolled_back();
        }
        result.map_err(StoreError::sql("store a history"))
    }

    fn try_append_blocks(
        &mut self,
        batches: impl IntoIterator<Item = Vec<Record>>,
        plan: &dyn Fn(&ProbeKey) -> CountingPlan,
    ) -> rusqlite::Result<()> {
        // As in compaction, the helpers write through `self.conn`.
        let tx = writing(&self.conn)?;
        let same_block = |a: &Record, b: &Record| a.key == b.key && a.at.hour() == b.at.hour();
        for mut batch in batches {
            while let Some(block) = batch.chunk_by(same_block).next() {
                let later = batch.split_off(block.len());
                let probe = self.names.id_for(&tx, &batch[0])?;
                let wanted = plan(&batch[0].key);
                self.write_block(hour_of(batch[0].at), probe, batch, &wanted)?;
                batch = later;
            }
        }
        tx.commit()
    }

    /// Writes a probe's hour, merged with an existing block. The existing block keeps its bucket
    /// boundaries, since its latencies are only known to that precision, and takes precedence for
    /// equal ticks. A block that cannot be decoded is not changed: its counts may be all that is
    /// left of the hour.
    fn write_block(
        &self,
        hour: i64,
        probe: i64,
        late: Vec<Record>,
        plan: &CountingPlan,
    ) -> rusqlite::Result<()> {
        let mut scales = Scales::new(&plan.thresholds);
        let mut records = late;
        let id = block_id(hour, probe);
        if is_stored(&self.conn, id)? {
            let Some((old, old_scales)) = self.decoded(&records[0].key, id)? else {
                self.unreadable.set(self.unreadable.get() + 1);
                let (probe, outcomes) = (&records[0].key, records.len());
                tracing::error!(
                    outcomes,
                    "dropped {outcomes} late outcomes of {probe}: the stored hour they belong to cannot be read"
                );
                return Ok(());
            };
            records = merged(old, records, |record| record.at);
            scales = old_scales;
        }
        let basis = intern_basis(&self.conn, &scales, &plan.keys)?;
        match encode(&records, basis, &scales, &plan.keys) {
            Ok(block) => save(&self.conn, id, &block),
            // Cannot happen: more than 16 million outcomes in an hour of milliseconds.
            Err(_) => Err(rusqlite::Error::IntegralValueOutOfRange(0, i64::MAX)),
        }
    }

    /// Returns the outcomes of an hour, and the scales of their latencies; `None` if they cannot be
    /// decoded, or if a recovery kept only the counts.
    fn decoded(&self, key: &ProbeKey, id: i64) -> rusqlite::Result<Option<(Vec<Record>, Scales)>> {
        let Some(block) = load(&self.conn, id)? else {
            return Ok(None);
        };
        let Some(basis) = self.basis_of(&block)? else {
            return Ok(None);
        };
        let (hour, _) = of_block_id(id);
        let records = decode(key, hour, &block, &basis.scales, Measurement::ALL);
        Ok(records.ok().map(|records| (records, basis.scales.clone())))
    }

    /// Deletes the oldest hour if it ended by `horizon`; returns `false` if there was none to
    /// delete.
    pub fn expire_step(&mut self, horizon: Timestamp) -> Result<bool, StoreError> {
        let result = self.try_expire_step(hour_of(horizon));
        result.map_err(StoreError::sql("delete old outcomes"))
    }

    fn try_expire_step(&mut self, horizon: i64) -> rusqlite::Result<bool> {
        let oldest = self.next_kept_hour(hour_of(Timestamp(i64::MIN)))?;
        let Some(oldest) = oldest.filter(|oldest| *oldest < horizon) else {
            return Ok(false);
        };
        let ids = [block_id(oldest, 0), block_id(oldest.saturating_add(1), 0)];
        let tx = self
            .conn
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute("DELETE FROM outcome WHERE hour = ?1", [oldest])?;
        tx.execute("DELETE FROM hour WHERE id >= ?1 AND id < ?2", ids)?;
        tx.execute("DELETE FROM block WHERE id >= ?1 AND id < ?2", ids)?;
        let horizon = [horizon.saturating_mul(HOUR_MS)];
        tx.execute(OLD_BEATS, horizon)?;
        tx.execute("DELETE FROM held WHERE at < ?1", horizon)?;
        tx.execute("DELETE FROM absence WHERE to_at < ?1", horizon)?;
        tx.commit()?;
        Ok(true)
    }
}

/// Merges in the order of time; of items with equal times, the old one is kept.
pub fn merged<T>(
    old: Vec<T>,
    late: impl IntoIterator<Item = T>,
    at: impl Fn(&T) -> Timestamp,
) -> Vec<T> {
    let mut all = old;
    all.extend(late);
    all.sort_by_key(&at);
    all.dedup_by_key(|one| at(one));
    all
}

/// Whether the counts of an hour are stored, with or without its outcomes.
fn is_stored(conn: &Connection, id: i64) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM hour WHERE id = ?1)";
    conn.prepare_cached(sql)?.query_row([id], |row| row.get(0))
}

pub fn load(conn: &Connection, id: i64) -> rusqlite::Result<Option<Block>> {
    let sql = "SELECT counts, outcomes FROM hour JOIN block USING (id) WHERE id = ?1";
    let mut statement = conn.prepare_cached(sql)?;
    let read = |row: &rusqlite::Row<'_>| {
        Ok(Block {
            counts: row.get(0)?,
            outcomes: row.get(1)?,
        })
    };
    statement.query_row([id], read).optional()
}

pub fn save(conn: &Connection, id: i64, block: &Block) -> rusqlite::Result<()> {
    conn.prepare_cached("REPLACE INTO hour (id, counts) VALUES (?1, ?2)")?
        .execute(params![id, block.counts])?;
    conn.prepare_cached("REPLACE INTO block (id, outcomes) VALUES (?1, ?2)")?
        .execute(params![id, block.outcomes])?;
    Ok(())
}

pub fn intern_basis(
    conn: &Connection,
    scales: &Scales,
    keys: &[TallyKey],
) -> rusqlite::Result<i64> {
    let keys: Vec<String> = keys.iter().map(TallyKey::to_string).collect();
    let (cuts, keys) = (scales.to_text(), keys.join(" "));
    let find = "SELECT id FROM basis WHERE cuts = ?1 AND keys = ?2";
    let mut find = conn.prepare_cached(find)?;
    if let Some(id) = find
        .query_row([&cuts, &keys], |row| row.get(0))
        .optional()?
    {
        return Ok(id);
    }
    conn.execute(
        "INSERT INTO basis (cuts, keys) VALUES (?1, ?2)",
        [&cuts, &keys],
    )?;
    Ok(conn.last_insert_rowid())
}

/// Returns the lanes and hours that hold outcomes not yet in blocks, from hour `from` on.
pub fn lane_hours(conn: &Connection, from: i64) -> rusqlite::Result<Vec<(i64, i64)>> {
    let mut found = Vec::new();
    let mut next = raw::next_lane_hour(conn, from, 0)?;
    while let Some((hour, lane)) = next {
        found.push((hour, lane));
        next = raw::next_lane_hour(conn, hour, lane.saturating_add(1))?;
    }
    Ok(found)
}
