//! The last beat of every probe that jobs report to.

use super::{Store, StoreError};
use crate::outcome::{ProbeKey, Timestamp};
use crate::probe::beats::Beat;
use rusqlite::{Row, params};
use std::collections::HashMap;

impl Store {
    pub fn beats(&self) -> Result<HashMap<ProbeKey, Beat>, StoreError> {
        self.try_beats().map_err(StoreError::sql("read beats"))
    }

    fn try_beats(&self) -> rusqlite::Result<HashMap<ProbeKey, Beat>> {
        // A store that is only read may be of an older version.
        if !self.conn.table_exists(None, "beat")? {
            return Ok(HashMap::new());
        }
        let sql = "SELECT service, name, at, failed, message FROM beat";
        let mut statement = self.conn.prepare_cached(sql)?;
        let rows = statement.query_map([], beat)?;
        rows.collect()
    }

    /// Keeps a beat instead of the probe's last one.
    pub fn keep_beat(&mut self, key: &ProbeKey, beat: &Beat) -> Result<(), StoreError> {
        self.still_there()?;
        let sql =
            "INSERT INTO beat (service, name, at, failed, message) VALUES (?1, ?2, ?3, ?4, ?5)
                   ON CONFLICT (service, name) DO UPDATE
                   SET at = excluded.at, failed = excluded.failed, message = excluded.message";
        let Beat {
            at,
            failed,
            message,
        } = beat;
        let values = params![&*key.service, &*key.probe, at.0, failed, message];
        let kept = self.conn.execute(sql, values);
        kept.map(drop).map_err(StoreError::sql("keep a beat"))
    }
}

fn beat(row: &Row<'_>) -> rusqlite::Result<(ProbeKey, Beat)> {
    let (service, probe) = (row.get::<_, String>(0)?, row.get::<_, String>(1)?);
    let beat = Beat {
        at: Timestamp(row.get(2)?),
        failed: row.get(3)?,
        message: row.get::<_, Option<String>>(4)?.map(Into::into),
    };
    Ok((ProbeKey::new(&service, &probe), beat))
}
