//! The times in which alerts were not evaluated, because slod did not run or its machine was suspended. No stored outcome
//! or sample shows them exactly, and a backtest must not end alerts in them.

use super::{Store, StoreError};
use crate::outcome::Timestamp;
use crate::slo::correction::Spans;

/// Maximum number of gaps; when there are more, the oldest are deleted.
const MAX_GAPS: i64 = 10_000;

impl Store {
    /// Stores a gap: from the last evaluation to the next. A gap without a length is ignored.
    pub fn keep_gap(&mut self, (from, to): (Timestamp, Timestamp)) -> Result<(), StoreError> {
        if from >= to {
            return Ok(());
        }
        let insert = "INSERT INTO evaluation_gap (from_at, to_at) VALUES (?1, ?2)
                      ON CONFLICT (from_at) DO UPDATE SET to_at = max(to_at, excluded.to_at)";
        let limit = "DELETE FROM evaluation_gap WHERE from_at <=
                     (SELECT from_at FROM evaluation_gap ORDER BY from_at DESC LIMIT 1 OFFSET ?1)";
        let kept = self.conn.execute(insert, [from.0, to.0]);
        let kept = kept.and_then(|_| self.conn.execute(limit, [MAX_GAPS]));
        kept.map(drop)
            .map_err(StoreError::sql("save when alerts were not evaluated"))
    }

    /// Returns the gaps that overlap `from..to`.
    pub fn gaps(&self, from: Timestamp, to: Timestamp) -> Result<Spans, StoreError> {
        let doing = "read when alerts were not evaluated";
        self.read_table("evaluation_gap", doing, |conn| {
            let sql = "SELECT from_at, to_at FROM evaluation_gap WHERE from_at < ?2 AND to_at > ?1";
            let mut statement = conn.prepare_cached(sql)?;
            let span =
                |row: &rusqlite::Row<'_>| Ok((Timestamp(row.get(0)?), Timestamp(row.get(1)?)));
            let rows = statement.query_map([from.0, to.0], span)?;
            Ok(Spans::new(rows.collect::<rusqlite::Result<Vec<_>>>()?))
        })
    }

    /// Deletes some of the gaps that ended before `horizon`, like [`Store::expire_alerts`].
    pub fn expire_gaps(&mut self, horizon: Timestamp) -> Result<(), StoreError> {
        let sql = "DELETE FROM evaluation_gap WHERE from_at IN
                   (SELECT from_at FROM evaluation_gap WHERE to_at < ?1 ORDER BY from_at LIMIT 100)";
        self.expire(sql, horizon, "delete old times without alerts")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_merged_limited_and_expire() {
        let (_folder, mut store) = Store::temporary();
        let at = Timestamp::from_secs;
        let all = |store: &Store| -> Vec<_> {
            let gaps = store.gaps(at(0), at(1_000_000)).expect("readable");
            gaps.iter().collect()
        };
        // The second start stored nothing before the third.
        for (from, to) in [(100, 200), (500, 510), (500, 530), (700, 700), (900, 800)] {
            store.keep_gap((at(from), at(to))).expect("kept");
        }
        assert_eq!(all(&store), [(at(100), at(200)), (at(500), at(530))]);
        store.expire_gaps(at(300)).expect("deleted");
        assert_eq!(all(&store), [(at(500), at(530))]);
        let fill = "WITH RECURSIVE count(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM count WHERE n < ?1)
                    INSERT INTO evaluation_gap (from_at, to_at) SELECT 600000 + n * 10, 600001 + n * 10 FROM count";
        store.conn.execute(fill, [MAX_GAPS - 1]).expect("filled");
        store.keep_gap((at(900), at(901))).expect("kept");
        let left = all(&store);
        assert_eq!(left.len(), 10_000);
        assert_ne!(left[0], (at(500), at(530)));
    }
}
