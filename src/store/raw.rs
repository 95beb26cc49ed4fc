//! Individual outcomes: appended in order of time, read back by lane.

use super::header::{hour_of, verdict_code, verdict_of};
use super::measured;
use crate::outcome::{Outcome, ProbeKey, Record, Timestamp, millis};
use rusqlite::{Connection, Row, params};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// Probes per lane. With one outcome per 10 s, an hour of a lane is 46,080 rows, which are
/// compacted in one step of about 0.1 s, and a commit writes one page per 128 probes.
const LANE: i64 = 128;

/// The outcomes of one lane and hour by probe id, in ascending order of ticks.
pub type LaneHour = BTreeMap<i64, Vec<Record>>;

pub const fn lane_of(probe: i64) -> i64 {
    probe / LANE
}

/// Maps probes to ids and back.
#[derive(Debug, Default)]
pub struct Names {
    ids: HashMap<ProbeKey, i64>,
    keys: HashMap<i64, ProbeKey>,
    /// The earliest tick ever appended.
    first: HashMap<i64, Timestamp>,
}

impl Names {
    pub fn load(conn: &Connection) -> rusqlite::Result<Self> {
        let mut names = Self::default();
        let mut statement = conn.prepare_cached("SELECT id, service, name, first_at FROM probe")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (service, name): (String, String) = (row.get(1)?, row.get(2)?);
            let key = ProbeKey::new(&service, &name);
            names.add(row.get(0)?, key, Timestamp(row.get(3)?));
        }
        Ok(names)
    }

    fn add(&mut self, id: i64, key: ProbeKey, first: Timestamp) {
        self.first.insert(id, first);
        self.keys.insert(id, key.clone());
        self.ids.insert(key, id);
    }

    pub fn id(&self, key: &ProbeKey) -> Option<i64> {
        self.ids.get(key).copied()
    }

    pub fn key(&self, id: i64) -> Option<&ProbeKey> {
        self.keys.get(&id)
    }

    pub fn keys(&self) -> impl Iterator<Item = &ProbeKey> {
        self.ids.keys()
    }

    pub fn first(&self, key: &ProbeKey) -> Option<Timestamp> {
        self.first.get(&self.id(key)?).copied()
    }

    /// Returns the id of a record's probe, assigning one if it is new.
    pub fn id_for(&mut self, conn: &Connection, record: &Record) -> rusqlite::Result<i64> {
        let (key, at) = (&record.key, record.at);
        let Some(id) = self.id(key) else {
            conn.execute(
                "INSERT INTO probe (service, name, first_at) VALUES (?1, ?2, ?3)",
                params![&*key.service, &*key.probe, at.0],
            )?;
            let id = conn.last_insert_rowid();
            self.add(id, key.clone(), at);
            return Ok(id);
        };
        if let Some(first) = self.first.get_mut(&id).filter(|first| at < **first) {
            conn.execute("UPDATE probe SET first_at = ?1 WHERE id = ?2", [at.0, id])?;
            *first = at;
        }
        Ok(id)
    }
}

/// Inserts records within the caller's transaction. A tick that is stored already is not changed.
pub fn insert<'a>(
    conn: &Connection,
    names: &mut Names,
    records: impl IntoIterator<Item = &'a Record>,
) -> rusqlite::Result<()> {
    let mut statement = conn.prepare_cached(
        "INSERT INTO outcome (hour, lane, at, probe, interval_ms, verdict, latency_ns, code,
                              tls_not_after, message, measured)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT DO NOTHING",
    )?;
    for record in records {
        let probe = names.id_for(conn, record)?;
        let Outcome {
            verdict,
            latency,
            code,
            detail,
            ..
        } = &record.outcome;
        statement.execute(params![
            hour_of(record.at),
            lane_of(probe),
            record.at.0,
            probe,
            millis(record.interval),
            verdict_code(*verdict).cast_signed(),
            i64::try_from(latency.as_nanos()).unwrap_or(i64::MAX),
            code,
            detail.tls_not_after,
            detail.message.as_deref(),
            measured::pack(&record.outcome),
        ])?;
    }
    Ok(())
}

/// The columns that [`record_of`] reads; a store opened read-only may have an older schema version.
pub fn columns(conn: &Connection) -> rusqlite::Result<String> {
    let rest = if conn.column_exists(None, "outcome", "measured")? {
        "code, tls_not_after, message, measured"
    } else {
        "http_status, tls_not_after, message, NULL"
    };
    Ok(format!(
        "SELECT at, probe, interval_ms, verdict, latency_ns, {rest}"
    ))
}

/// Decodes a row; `None` if it is invalid, which only another program can have caused.
pub fn record_of(row: &Row<'_>, key: &ProbeKey) -> rusqlite::Result<Option<Record>> {
    let verdict = verdict_of(row.get::<_, i64>(3)?.cast_unsigned());
    let latency = Duration::from_nanos(row.get::<_, i64>(4)?.unsigned_abs());
    let measured: Option<Vec<u8>> = row.get(8)?;
    let (Ok(verdict), Ok((measured, figures))) = (verdict, measured::unpack(measured.as_deref()))
    else {
        return Ok(None);
    };
    let mut outcome = Outcome::new(verdict, latency);
    outcome.measured = measured;
    outcome.figures = figures;
    outcome.code = row.get(5)?;
    outcome.detail.tls_not_after = row.get(6)?;
    outcome.detail.message = row.get::<_, Option<String>>(7)?.map(Into::into);
    Ok(Some(Record {
        key: key.clone(),
        at: Timestamp(row.get(0)?),
        interval: Duration::from_millis(row.get::<_, i64>(2)?.unsigned_abs()),
        outcome,
    }))
}

/// Returns all outcomes of a lane and hour.
pub fn lane_hour(
    conn: &Connection,
    names: &Names,
    hour: i64,
    lane: i64,
) -> rusqlite::Result<LaneHour> {
    let columns = columns(conn)?;
    let sql = format!("{columns} FROM outcome WHERE hour = ?1 AND lane = ?2 ORDER BY at");
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query([hour, lane])?;
    let mut found = LaneHour::new();
    while let Some(row) = rows.next()? {
        let id = row.get(1)?;
        let Some(key) = names.key(id) else { continue };
        if let Some(record) = record_of(row, key)? {
            found.entry(id).or_default().push(record);
        }
    }
    Ok(found)
}

/// Returns one probe's outcomes of an hour.
pub fn probe_hour(
    conn: &Connection,
    key: &ProbeKey,
    id: i64,
    hour: i64,
) -> rusqlite::Result<Vec<Record>> {
    let columns = columns(conn)?;
    let sql =
        format!("{columns} FROM outcome WHERE hour = ?1 AND lane = ?2 AND probe = ?3 ORDER BY at");
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query([hour, lane_of(id), id])?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        records.extend(record_of(row, key)?);
    }
    Ok(records)
}

/// Returns the first lane and hour with outcomes at or after (`hour`, `lane`).
pub fn next_lane_hour(
    conn: &Connection,
    hour: i64,
    lane: i64,
) -> rusqlite::Result<Option<(i64, i64)>> {
    let mut statement = conn.prepare_cached(
        "SELECT hour, lane FROM outcome WHERE (hour, lane) >= (?1, ?2) ORDER BY hour, lane LIMIT 1",
    )?;
    let mut rows = statement.query([hour, lane])?;
    let row = rows.next()?;
    row.map(|row| Ok((row.get(0)?, row.get(1)?))).transpose()
}

pub fn delete_lane_hour(conn: &Connection, hour: i64, lane: i64) -> rusqlite::Result<()> {
    let sql = "DELETE FROM outcome WHERE hour = ?1 AND lane = ?2";
    conn.prepare_cached(sql)?.execute([hour, lane])?;
    Ok(())
}
