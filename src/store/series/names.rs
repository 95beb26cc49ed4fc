//! The names of series, and their ids.

use super::SERIES_MAX;
use crate::outcome::Timestamp;
use crate::sample::{SeriesKey, SeriesKind};
use rusqlite::{Connection, Row, params};
use std::collections::HashMap;
use std::sync::Arc;

/// Below [`SERIES_MAX`].
pub type SeriesId = i64;

/// Maximum length of a name in bytes. Without it, megabytes of text could become a series.
const NAME_MAX: usize = 4096;

/// A series that has samples.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesInfo {
    pub id: SeriesId,
    pub key: SeriesKey,
    pub kind: SeriesKind,
    pub first: Timestamp,
    pub last: Timestamp,
}

/// The ids assigned by the writer.
#[derive(Debug, Default)]
pub struct Names {
    ids: HashMap<(Arc<SeriesKey>, SeriesKind), SeriesId>,
    /// Free ids below the highest one in use, the lowest last.
    free: Vec<SeriesId>,
    /// The lowest id that was never assigned.
    next: SeriesId,
}

impl Names {
    pub fn load(conn: &Connection) -> rusqlite::Result<Self> {
        let mut names = Self::default();
        // Includes ids of rows that cannot be decoded.
        for id in used(conn)? {
            names.free.extend(names.next..id);
            names.next = id + 1;
        }
        for info in all(conn)? {
            names.ids.insert((Arc::new(info.key), info.kind), info.id);
        }
        names.free.reverse();
        Ok(names)
    }

    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Returns the id of a series, assigning one if it is new; `None` if there are too many.
    pub fn id(
        &mut self,
        conn: &Connection,
        key: &Arc<SeriesKey>,
        kind: SeriesKind,
        at: Timestamp,
    ) -> rusqlite::Result<Option<SeriesId>> {
        let wanted = (Arc::clone(key), kind);
        if let Some(id) = self.ids.get(&wanted) {
            return Ok(Some(*id));
        }
        if self.ids.len() >= SERIES_MAX || key.size() > NAME_MAX {
            return Ok(None);
        }
        let id = self.free.last().copied().unwrap_or(self.next);
        let sql =
            "INSERT INTO series (id, series, kind, first_at, last_at) VALUES (?1, ?2, ?3, ?4, ?4)";
        let mut insert = conn.prepare_cached(sql)?;
        insert.execute(params![id, key.to_string(), code(kind), at.0])?;
        if self.free.pop().is_none() {
            self.next += 1;
        }
        self.ids.insert(wanted, id);
        Ok(Some(id))
    }
}

/// The ids of all rows, in order.
fn used(conn: &Connection) -> rusqlite::Result<Vec<SeriesId>> {
    let mut statement = conn.prepare_cached("SELECT id FROM series ORDER BY id")?;
    let ids = statement.query_map([], |row| row.get(0))?;
    ids.collect()
}

/// All series in the order of their ids, with the time of the last sample in a block. Series with
/// invalid names are omitted.
pub fn all(conn: &Connection) -> rusqlite::Result<Vec<SeriesInfo>> {
    let sql = "SELECT id, series, kind, first_at, last_at FROM series ORDER BY id";
    let mut statement = conn.prepare_cached(sql)?;
    let found = statement.query_map([], read)?;
    found.filter_map(Result::transpose).collect()
}

pub fn read(row: &Row<'_>) -> rusqlite::Result<Option<SeriesInfo>> {
    let Some(kind) = kind(row.get(2)?) else {
        return Ok(None);
    };
    // Damage may have left invalid UTF-8.
    let text = row.get_ref(1)?.as_str().ok();
    let Some(key) = text.and_then(|text| text.parse().ok()) else {
        return Ok(None);
    };
    Ok(Some(SeriesInfo {
        id: row.get(0)?,
        key,
        kind,
        first: Timestamp(row.get(3)?),
        last: Timestamp(row.get(4)?),
    }))
}

/// The kind of a code; `None` if it is unknown.
pub const fn kind(code: i64) -> Option<SeriesKind> {
    match code {
        0 => Some(SeriesKind::Gauge),
        1 => Some(SeriesKind::Counter),
        _ => None,
    }
}

const fn code(kind: SeriesKind) -> i64 {
    match kind {
        SeriesKind::Gauge => 0,
        SeriesKind::Counter => 1,
    }
}
