//! Markers: events such as deployments that people recorded for services, in order of time.

use super::{Store, StoreError};
use crate::outcome::Timestamp;
use rusqlite::{Row, params};
use serde::{Deserialize, Serialize};

/// Maximum number of markers kept, the newest, so that a client with write access cannot fill the
/// disk.
const MAX_MARKERS: i64 = 10_000;

/// An event in the life of a service, such as a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    /// Assigned by the store.
    pub id: i64,
    pub at: Timestamp,
    pub service: String,
    /// The deployed version; may be empty.
    pub version: String,
    /// May be empty if there is a version.
    pub text: String,
    pub author: String,
}

impl Marker {
    /// Version and text, such as `v1.4.2: new tokenizer`.
    pub fn words(&self) -> String {
        match (&*self.version, &*self.text) {
            (version, "") => version.to_owned(),
            ("", text) => text.to_owned(),
            (version, text) => format!("{version}: {text}"),
        }
    }
}

/// Position in a list of markers: after the marker with this time and id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkerCursor {
    at: i64,
    id: i64,
}

impl MarkerCursor {
    /// The position before all markers.
    pub const FIRST: Self = Self {
        at: i64::MAX,
        id: i64::MAX,
    };

    pub fn behind(marker: &Marker) -> Self {
        let (at, id) = (marker.at.0, marker.id);
        Self { at, id }
    }
}

impl Store {
    /// Adds a marker and assigns its id.
    pub fn add_marker(&mut self, new: &Marker) -> Result<Marker, StoreError> {
        let add = || {
            let sql = "INSERT INTO marker (at, service, version, text, author)
                       VALUES (?1, ?2, ?3, ?4, ?5)";
            let values = params![new.at.0, new.service, new.version, new.text, new.author];
            self.conn.execute(sql, values)?;
            let id = self.conn.last_insert_rowid();
            let sql = "DELETE FROM marker WHERE id <= ?1";
            self.conn.execute(sql, [id - MAX_MARKERS])?;
            Ok(id)
        };
        let id = add().map_err(StoreError::sql("save a marker"))?;
        Ok(Marker { id, ..new.clone() })
    }

    /// Returns the markers of a service, or of all services, in `from..to`, latest first, at most
    /// `most`.
    pub fn markers(
        &self,
        service: Option<&str>,
        span: (Timestamp, Timestamp),
        most: u32,
    ) -> Result<Vec<Marker>, StoreError> {
        self.markers_behind(MarkerCursor::FIRST, service, span, most)
    }

    /// Like [`Store::markers`], continuing after a position in the list.
    pub fn markers_behind(
        &self,
        cursor: MarkerCursor,
        service: Option<&str>,
        (from, to): (Timestamp, Timestamp),
        most: u32,
    ) -> Result<Vec<Marker>, StoreError> {
        self.read_table("marker", "read the markers", |conn| {
            let sql = "SELECT id, at, service, version, text, author FROM marker
                       WHERE (?1 IS NULL OR service = ?1) AND at >= ?2 AND at < ?3
                           AND (at, id) < (?5, ?6)
                       ORDER BY at DESC, id DESC LIMIT ?4";
            let mut statement = conn.prepare_cached(sql)?;
            statement
                .query_map(
                    params![service, from.0, to.0, most, cursor.at, cursor.id],
                    marker,
                )?
                .collect()
        })
    }

    /// Deletes some of the markers from before `horizon`, like [`Store::expire_alerts`].
    pub fn expire_markers(&mut self, horizon: Timestamp) -> Result<(), StoreError> {
        let sql = "DELETE FROM marker
                   WHERE id IN (SELECT id FROM marker WHERE at < ?1 ORDER BY at LIMIT 100)";
        self.expire(sql, horizon, "delete old markers")
    }
}

fn marker(row: &Row<'_>) -> rusqlite::Result<Marker> {
    Ok(Marker {
        id: row.get(0)?,
        at: Timestamp(row.get(1)?),
        service: row.get(2)?,
        version: row.get(3)?,
        text: row.get(4)?,
        author: row.get(5)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marker(at: i64, service: &str) -> Marker {
        Marker {
            id: 0,
            at: Timestamp(at),
            service: service.to_owned(),
            version: "v1".to_owned(),
            text: String::new(),
            author: "ada".to_owned(),
        }
    }

    #[test]
    fn the_latest_come_first_and_old_ones_expire() {
        let (_folder, mut store) = Store::temporary();
        for (at, service) in [(5, "rag"), (1, "rag"), (3, "web"), (9, "rag")] {
            let new = marker(at, service);
            let kept = store.add_marker(&new).expect("kept");
            assert_eq!((kept.at, kept.id > 0), (new.at, true));
        }
        let times = |store: &Store, service: Option<&str>, to: i64| -> Vec<i64> {
            let span = (Timestamp(0), Timestamp(to));
            let found = store.markers(service, span, 10).expect("reads");
            found.iter().map(|one| one.at.0).collect()
        };
        assert_eq!(times(&store, Some("rag"), 9), [5, 1]);
        assert_eq!(times(&store, None, 100), [9, 5, 3, 1]);
        store.expire_markers(Timestamp(4)).expect("deletes");
        assert_eq!(times(&store, None, 100), [9, 5]);
    }

    #[test]
    fn each_marker_is_on_one_page() {
        let (_folder, mut store) = Store::temporary();
        let mut add = |at| {
            let new = marker(at, "rag");
            store.add_marker(&new).expect("kept").id
        };
        // All but two have the same time.
        let mut wanted: Vec<i64> = [4, 5, 5, 5, 5, 5, 6].map(&mut add).into();
        wanted.reverse();
        let (mut cursor, mut seen) = (MarkerCursor::FIRST, Vec::new());
        while let Some(last) = store
            .markers_behind(cursor, Some("rag"), (Timestamp(0), Timestamp(9)), 2)
            .expect("reads")
            .into_iter()
            .inspect(|one| seen.push(one.id))
            .last()
        {
            assert!(seen.len() <= wanted.len(), "{seen:?}");
            cursor = MarkerCursor::behind(&last);
        }
        assert_eq!(seen, wanted);
    }

    #[test]
    fn only_the_newest_are_kept() {
        let (_folder, mut store) = Store::temporary();
        let new = marker(MAX_MARKERS + 1, "rag");
        let fill = "WITH RECURSIVE count(at) AS (SELECT 1 UNION ALL SELECT at + 1 FROM count WHERE at < ?1)
                    INSERT INTO marker (at, service, version, text, author)
                    SELECT at, 'rag', 'v0', '', 'ada' FROM count";
        store.conn.execute(fill, [MAX_MARKERS]).expect("filled");
        store.add_marker(&new).expect("kept");
        let span = (Timestamp(0), Timestamp(i64::MAX));
        let kept = store.markers(None, span, u32::MAX).expect("reads");
        let ends = [kept.first(), kept.last()].map(|one| one.map(|one| one.at.0));
        assert_eq!(ends, [Some(MAX_MARKERS + 1), Some(2)]);
        assert_eq!(i64::try_from(kept.len()), Ok(MAX_MARKERS));
    }
}
