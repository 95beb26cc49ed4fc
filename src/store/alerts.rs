//! Firing alertsd, by when they began.

use super::{Store, StoreError};
use crate::alert::{AlertKey, AlertRecord, Tier};
use crate::outcome::Timestamp;
use rusqlite::{Params, Row, params};

impl Store {
    /// Those that fire, as far as the store knows.
    pub fn firing_alerts(&self) -> Result<Vec<AlertRecord>, StoreError> {
        self.read_alerts(
            "to_at IS NULL ORDER BY from_at DESC, service, slo, tier",
            [],
        )
    }

    /// The newest `most` of those that fired some time in `from..to`, the last to begin first.
    pub fn alerts(
        &self,
        from: Timestamp,
        to: Timestamp,
        most: u32,
    ) -> Result<Vec<AlertRecord>, StoreError> {
        let touching = "from_at < ?2 AND (to_at IS NULL OR to_at > ?1)
                        ORDER BY from_at DESC, service, slo, tier LIMIT ?3";
        self.read_alerts(touching, [from.0, to.0, i64::from(most)])
    }

    /// Deletes some of those that ended before a moment: not all at once, so that a wall clock that
    /// is years ahead for some minutes takes little of the record along.
    pub fn expire_alerts(&mut self, horizon: Timestamp) -> Result<(), StoreError> {
        let sql = "DELETE FROM alert WHERE (from_at, service, slo, tier) IN
                   (SELECT from_at, service, slo, tier FROM alert WHERE to_at < ?1
                    ORDER BY to_at LIMIT 100)";
        let deleted = self.conn.execute(sql, [horizon.0]);
        deleted
            .map(drop)
            .map_err(StoreError::sql("delete old alerts"))
    }

    fn read_alerts(
        &self,
        filter: &str,
        values: impl Params,
    ) -> Result<Vec<AlertRecord>, StoreError> {
        let read = || {
            // A store that is only read may be of an older version.
            if !self.conn.table_exists(None, "alert")? {
                return Ok(Vec::new());
            }
            let sql = format!(
                "SELECT service, slo, tier, from_at, to_at, spent, inhibited FROM alert
                 WHERE {filter}"
            );
            let mut statement = self.conn.prepare(&sql)?;
            let rows = statement.query_map(values, alert)?;
            rows.filter_map(Result::transpose).collect()
        };
        read().map_err(StoreError::sql("read alerts"))
    }

    /// Keeps alerts; one that is there already is the same one with its end.
    pub fn keep_alerts(&mut self, alerts: &[AlertRecord]) -> Result<(), StoreError> {
        self.still_there()?;
        self.try_keep_alerts(alerts)
            .map_err(StoreError::sql("keep alerts"))
    }

    fn try_keep_alerts(&mut self, alerts: &[AlertRecord]) -> rusqlite::Result<()> {
        let tx = self.conn.transaction()?;
        for alert in alerts {
            let AlertKey { service, slo, tier } = &alert.key;
            let sql = "INSERT INTO alert (service, slo, tier, from_at, to_at, spent, inhibited)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                       ON CONFLICT (from_at, service, slo, tier) DO UPDATE SET to_at = excluded.to_at";
            let values = params![
                &**service,
                &**slo,
                tier.number,
                alert.from.0,
                alert.to.map(|to| to.0),
                alert.spent,
                alert.inhibited
            ];
            tx.prepare_cached(sql)?.execute(values)?;
        }
        tx.commit()
    }
}

/// `None` for a tier that only a newer version has.
fn alert(row: &Row<'_>) -> rusqlite::Result<Option<AlertRecord>> {
    let Some(tier) = Tier::numbered(row.get(2)?) else {
        return Ok(None);
    };
    Ok(Some(AlertRecord {
        key: AlertKey {
            service: row.get::<_, String>(0)?.into(),
            slo: row.get::<_, String>(1)?.into(),
            tier,
        },
        from: Timestamp(row.get(3)?),
        to: row.get::<_, Option<i64>>(4)?.map(Timestamp),
        spent: row.get(5)?,
        inhibited: row.get(6)?,
    }))
}
