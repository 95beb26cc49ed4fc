//! A cache of active runs, so that only new parts are read from the store.

use super::{StoredRun, pack, part};
use crate::load::{RunRecord, Samples};
use crate::store::{Store, StoreError};
use parking_lot::Mutex;
use rusqlite::params;
use std::sync::Arc;

/// Maximum number of cached runs; others are read from their beginning.
const KEPT_MAX: usize = 2;

/// The cache. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct OpenRuns(Arc<Mutex<Vec<OpenRun>>>);

/// The part of a run that was read.
#[derive(Debug)]
struct OpenRun {
    id: i64,
    /// With its windows, without its samples.
    record: RunRecord,
    samples: Samples,
    /// The number of the next part.
    next: i64,
}

impl OpenRuns {
    /// Reads a run, like [`Store::run`]. Blocks.
    pub fn read(
        &self,
        store: &Store,
        id: i64,
    ) -> Result<Option<(StoredRun, RunRecord)>, StoreError> {
        let mut known = self.0.lock();
        let place = known.iter().position(|run| run.id == id);
        let before = place.map(|place| known.remove(place));
        let read = store.try_open_run(id, before);
        let Some((head, run)) = read.map_err(StoreError::sql("read a run"))? else {
            drop(known);
            return store.run(id);
        };
        let record = RunRecord {
            to: head.to,
            observed: run.samples.clone().finish(),
            ..run.record.clone()
        };
        known.truncate(KEPT_MAX - 1);
        known.insert(0, run);
        Ok(Some((head, record)))
    }

    /// Removes all other runs from the cache.
    pub fn retain(&self, ids: &[i64]) {
        let mut known = self.0.lock();
        known.retain(|run| ids.contains(&run.id));
    }
}

impl Store {
    /// Reads the new parts of a run; returns `None` if it is not active or cannot be decoded.
    fn try_open_run(
        &self,
        id: i64,
        before: Option<OpenRun>,
    ) -> rusqlite::Result<Option<(StoredRun, OpenRun)>> {
        // One transaction, for a consistent view of the run and its parts.
        let _tx = self.conn.unchecked_transaction()?;
        let Some((head, packed)) = self.head_and_record(id)? else {
            return Ok(None);
        };
        if !head.is_open {
            return Ok(None);
        }
        // The id of a deleted run may have been reused.
        let same = |run: &OpenRun| run.record.from == head.from;
        let mut run = match before.filter(same) {
            Some(run) => run,
            None => match pack::unpack(&head, &packed) {
                Ok(record) => OpenRun {
                    id,
                    record,
                    samples: Samples::default(),
                    next: 0,
                },
                Err(_) => return Ok(None),
            },
        };
        let sql =
            "SELECT number, part FROM run_part WHERE run = ?1 AND number >= ?2 ORDER BY number";
        let mut statement = self.conn.prepare_cached(sql)?;
        let mut rows = statement.query(params![id, run.next])?;
        while let Some(row) = rows.next()? {
            let packed: Vec<u8> = row.get(1)?;
            part::add(&packed, &mut run.record, &mut run.samples);
            run.next = row.get::<_, i64>(0)? + 1;
        }
        Ok(Some((head, run)))
    }
}
