//! Fired alerts in the order of their start times, and their acknowledgements.

use super::{NewDelivery, Store, StoreError, outbox};
use crate::alert::{Acknowledgement, AlertKey, AlertRecord, Condition, Inhibitor, Source, Urgency};
use crate::outcome::Timestamp;
use rusqlite::{Connection, OptionalExtension, Params, Row, params};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

const COLUMNS: &str = "from_at, service, is_sign, source, about, alertname, urgency, to_at, spent,
    summary, evidence, inhibited_by, silenced_by, notified, ended_because, held_back";

/// Position in a list of alerts: after the alert with this start time and key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertCursor {
    from: i64,
    service: String,
    is_sign: bool,
    source: String,
    about: String,
}

impl AlertCursor {
    pub fn behind(alert: &AlertRecord) -> Self {
        let (is_sign, source, about) = columns(&alert.key);
        Self {
            from: alert.from.0,
            service: alert.key.service.to_string(),
            is_sign,
            source: source.to_owned(),
            about,
        }
    }
}

impl Store {
    /// Returns the alerts that are firing according to the store.
    pub fn firing_alerts(&self) -> Result<Vec<AlertRecord>, StoreError> {
        let firing = "to_at IS NULL ORDER BY from_at DESC, service, is_sign, source, about";
        self.read_alerts(firing, [])
    }

    /// Returns the newest `most` alerts that fired at some time in `from..to`, latest start first.
    pub fn alerts(
        &self,
        from: Timestamp,
        to: Timestamp,
        most: u32,
    ) -> Result<Vec<AlertRecord>, StoreError> {
        let touching = "from_at < ?2 AND (to_at IS NULL OR to_at > ?1)
                        ORDER BY from_at DESC, service, is_sign, source, about LIMIT ?3";
        self.read_alerts(touching, [from.0, to.0, i64::from(most)])
    }

    /// Like [`Store::alerts`], continuing after a position in the list.
    pub fn alerts_behind(
        &self,
        cursor: &AlertCursor,
        (from, to): (Timestamp, Timestamp),
        most: u32,
    ) -> Result<Vec<AlertRecord>, StoreError> {
        let behind = "from_at < ?2 AND (to_at IS NULL OR to_at > ?1) AND from_at <= ?4
                      AND (from_at < ?4 OR (service, is_sign, source, about) > (?5, ?6, ?7, ?8))
                      ORDER BY from_at DESC, service, is_sign, source, about LIMIT ?3";
        let AlertCursor {
            from: began,
            service,
            is_sign,
            source,
            about,
        } = cursor;
        let values = params![from.0, to.0, most, began, service, is_sign, source, about];
        self.read_alerts(behind, values)
    }

    /// Deletes some of the alerts that ended before `horizon`. A call deletes only a limited
    /// number, so that a wall clock that is years ahead for a few minutes removes little history.
    pub fn expire_alerts(&mut self, horizon: Timestamp) -> Result<(), StoreError> {
        let key = "(from_at, service, is_sign, source, about)";
        let old = "SELECT from_at, service, is_sign, source, about FROM alert_record
                   WHERE to_at < ?1 ORDER BY to_at LIMIT 100";
        let delete = |table: &str| {
            let sql = format!("DELETE FROM {table} WHERE {key} IN ({old})");
            self.conn.execute(&sql, [horizon.0])
        };
        let deleted = delete("acknowledgement").and_then(|_| delete("alert_record"));
        deleted
            .map(drop)
            .map_err(StoreError::sql("delete old alerts"))
    }

    fn read_alerts(
        &self,
        filter: &str,
        values: impl Params,
    ) -> Result<Vec<AlertRecord>, StoreError> {
        self.read_table("alert_record", "read alerts", |conn| {
            let sql = format!("SELECT {COLUMNS} FROM alert_record WHERE {filter}");
            let mut statement = conn.prepare(&sql)?;
            let rows = statement.query_map(values, alert)?;
            let found: rusqlite::Result<Vec<_>> = rows.filter_map(Result::transpose).collect();
            let mut found = found?;
            for one in &mut found {
                one.acknowledged = self.acknowledgement(one)?.map(Arc::new);
            }
            Ok(found)
        })
    }

    fn acknowledgement(&self, alert: &AlertRecord) -> rusqlite::Result<Option<Acknowledgement>> {
        let sql = "SELECT at, name, note FROM acknowledgement WHERE from_at = ?1
                   AND service = ?2 AND is_sign = ?3 AND source = ?4 AND about = ?5";
        let (is_sign, source, about) = columns(&alert.key);
        let key = params![alert.from.0, &*alert.key.service, is_sign, source, about];
        let read = |row: &Row<'_>| {
            Ok(Acknowledgement {
                at: Timestamp(row.get(0)?),
                by: row.get(1)?,
                note: row.get(2)?,
            })
        };
        let mut statement = self.conn.prepare_cached(sql)?;
        statement.query_row(key, read).optional()
    }

    /// Stores who acknowledged an alert, replacing an earlier acknowledgement.
    pub fn acknowledge(
        &mut self,
        key: &AlertKey,
        from: Timestamp,
        new: &Acknowledgement,
    ) -> Result<(), StoreError> {
        let (is_sign, source, about) = columns(key);
        let sql = "INSERT OR REPLACE INTO acknowledgement
                   (from_at, service, is_sign, source, about, at, name, note)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let Acknowledgement { at, by, note } = new;
        let values = params![
            from.0,
            &*key.service,
            is_sign,
            source,
            about,
            at.0,
            by,
            note
        ];
        let kept = self.conn.execute(sql, values);
        kept.map(drop)
            .map_err(StoreError::sql("save an acknowledgement"))
    }

    /// Stores alerts, replacing those that exist already, and the notices to send about them in one
    /// transaction: an alert that a crash loses has not been delivered either, and is later delivered
    /// under the same key. The end of an alert is also queued for every other receiver that was
    /// notified of it, even if routes have changed since. Returns the number of deliveries dropped
    /// because the outbox is full.
    pub fn keep_alerts(
        &mut self,
        alerts: &[AlertRecord],
        deliveries: &[NewDelivery],
    ) -> Result<u64, StoreError> {
        let mut given_up = 0;
        if !alerts.is_empty() || !deliveries.is_empty() {
            self.keep(|tx, _| {
                let deliveries = outbox::with_other_recipients(tx, deliveries)?;
                given_up = outbox::insert(tx, &deliveries)?;
                alerts.iter().try_for_each(|alert| insert(tx, alert))
            })?;
        }
        Ok(given_up)
    }
}

fn insert(tx: &Connection, alert: &AlertRecord) -> rusqlite::Result<()> {
    let (is_sign, source, about) = columns(&alert.key);
    let sql = format!(
        "INSERT INTO alert_record ({COLUMNS})
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
         ON CONFLICT (from_at, service, is_sign, source, about) DO UPDATE SET
             to_at = excluded.to_at, evidence = excluded.evidence,
             inhibited_by = excluded.inhibited_by, silenced_by = excluded.silenced_by,
             notified = excluded.notified, ended_because = excluded.ended_because,
             held_back = excluded.held_back"
    );
    let values = params![
        alert.from.0,
        &*alert.key.service,
        is_sign,
        source,
        about,
        &*alert.alertname,
        alert.urgency.label(),
        alert.to.map(|to| to.0),
        alert.spent,
        &*alert.summary,
        &*alert.evidence,
        alert.inhibited_by.as_ref().map(Inhibitor::words),
        alert.silenced_by,
        alert.notified,
        &*alert.ended_because,
        &*alert.held_back,
    ];
    tx.prepare_cached(&sql)?.execute(values).map(drop)
}

/// The key columns: whether it is a warning sign, its source, and its subject.
pub(super) fn columns(key: &AlertKey) -> (bool, &str, String) {
    match &key.source {
        Source::Budget { slo, condition } => (false, slo, condition.code()),
        Source::Sign { sign, subject } => (true, sign, subject.to_string()),
    }
}

/// Returns `None` for a kind of alert that only a newer version knows.
fn alert(row: &Row<'_>) -> rusqlite::Result<Option<AlertRecord>> {
    let text = |column: usize| row.get::<_, String>(column);
    let (Some(key), Some(urgency)) = (key(row)?, Urgency::labeled(&text(6)?)) else {
        return Ok(None);
    };
    let inhibited_by: Option<String> = row.get(11)?;
    Ok(Some(AlertRecord {
        key,
        alertname: text(5)?.into(),
        urgency,
        from: Timestamp(row.get(0)?),
        to: row.get::<_, Option<i64>>(7)?.map(Timestamp),
        spent: row.get(8)?,
        summary: text(9)?.into(),
        evidence: text(10)?.into(),
        chart: "".into(),
        inhibited_by: inhibited_by.as_deref().and_then(Inhibitor::parse),
        silenced_by: row.get(12)?,
        notified: row.get(13)?,
        ended_because: text(14)?.into(),
        held_back: text(15)?.into(),
        acknowledged: None,
    }))
}

/// Reads the columns from the second on: service, whether it is a sign, source, about.
pub(super) fn key(row: &Row<'_>) -> rusqlite::Result<Option<AlertKey>> {
    let (service, is_sign) = (row.get::<_, String>(1)?, row.get(2)?);
    let (source, about) = (row.get::<_, String>(3)?, row.get::<_, String>(4)?);
    let source = if is_sign {
        let (sign, subject) = (source.into(), about.into());
        Source::Sign { sign, subject }
    } else {
        let Some(condition) = Condition::parse(&about) else {
            return Ok(None);
        };
        let slo = source.into();
        Source::Budget { slo, condition }
    };
    let service = service.into();
    Ok(Some(AlertKey { service, source }))
}
