//! Recovery of the samples of a damaged store.

use super::block::{self, Block};
use super::{SeriesInfo, Span, names, of_id, start_of};
use crate::outcome::Timestamp;
use crate::store::header::hour_of;
use crate::store::recover::Progress;
use crate::store::recover::tables::{rows, table};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params};

/// What was recovered and what was lost.
#[derive(Clone, Debug, Default)]
pub struct RecoveredSeries {
    pub series: u64,
    /// Hours and days of a series.
    pub blocks: u64,
    pub blocks_lost: u64,
    pub gaps: u64,
}

/// Copies the readable series of an old store to a new one. Blocks are looked up one by one in the
/// hours around `now`, since an hour that cannot be listed may still have readable ones.
pub fn recover(
    old: &Connection,
    new: &Connection,
    now: Timestamp,
    progress: &mut dyn FnMut(Progress),
) -> rusqlite::Result<RecoveredSeries> {
    let mut recovered = RecoveredSeries::default();
    if old.table_exists(None, "series").is_ok_and(|there| !there) {
        return Ok(recovered);
    }
    let tx = new.unchecked_transaction()?;
    recovered.series = table(old, &tx, "series", "id", &mut recovered.gaps)?;
    let known = names::all(&tx)?;
    table(old, &tx, "sample", "hour", &mut recovered.gaps)?;
    tx.execute("DELETE FROM sample WHERE length(samples) % 8 <> 0", [])?;
    if !is_searchable(old, "sample_block", &known) {
        recovered.gaps += 1;
        tx.commit()?;
        return Ok(recovered);
    }
    for span in [Span::Day, Span::Hour] {
        let Some((first, last)) = bounds(old, span, now, &known) else {
            continue;
        };
        for hour in (first..=last).step_by(usize::try_from(span.hours()).unwrap_or(1)) {
            progress(Progress {
                what: "samples",
                done: hour.abs_diff(first),
                of: last.abs_diff(first) + 1,
            });
            blocks_of(old, &tx, (span, hour), &known, &mut recovered)?;
        }
    }
    tx.commit()?;
    Ok(recovered)
}

/// Whether looking up ids spread over a table succeeds without an error.
fn is_searchable(old: &Connection, table: &str, known: &[SeriesInfo]) -> bool {
    let sql = format!("SELECT count(*) FROM {table} WHERE id = ?1");
    let Ok(mut statement) = old.prepare(&sql) else {
        return false;
    };
    let inside = known.iter().flat_map(|info| {
        let hours = [hour_of(info.first), hour_of(info.last)];
        hours.map(|hour| Span::Hour.id(hour, info.id))
    });
    let mut ids = [-1, i64::MAX].into_iter().chain(inside);
    ids.any(|id| statement.query_row([id], |_| Ok(())).is_ok())
}

/// The first and last hour at which blocks start, limited to plausible times. If the blocks cannot
/// be read, the times of the series are used.
fn bounds(
    old: &Connection,
    span: Span,
    now: Timestamp,
    known: &[SeriesInfo],
) -> Option<(i64, i64)> {
    let range = [span.id(0, 0), span.id(1 << 36, 0)];
    let found = |what: &str| {
        let sql = format!("SELECT {what}(id) FROM sample_head WHERE id >= ?1 AND id < ?2");
        let id = old.query_row(&sql, range, |row| row.get::<_, Option<i64>>(0));
        id.ok().flatten().map(|id| of_id(id).1)
    };
    // Covers the longest retention, and a clock that was ahead.
    let (now, year) = (hour_of(now), 366 * 24);
    let oldest = span.start(start_of(now - 10 * year));
    let first = || known.iter().map(|info| span.start(info.first)).min();
    let last = || known.iter().map(|info| hour_of(info.last)).max();
    let first = found("min").or_else(first)?.max(oldest);
    let last = found("max").or_else(last)?.min(now + year);
    (first <= last).then_some((first, last))
}

fn blocks_of(
    old: &Connection,
    new: &Connection,
    (span, hour): (Span, i64),
    known: &[SeriesInfo],
    recovered: &mut RecoveredSeries,
) -> rusqlite::Result<()> {
    let range = [span.id(hour, 0), span.id(hour + 1, 0)];
    let sql = "SELECT id FROM sample_head WHERE id >= ?1 AND id < ?2
               UNION SELECT id FROM sample_block WHERE id >= ?1 AND id < ?2";
    let (listed, is_whole) = rows(old, sql, &range);
    let listed = listed.into_iter().filter_map(|row| match row[..] {
        [Value::Integer(id)] => Some(id),
        _ => None,
    });
    if is_whole {
        return listed
            .into_iter()
            .try_for_each(|id| one(old, new, id, known, recovered));
    }
    recovered.gaps += 1;
    let (start, end) = (start_of(hour), start_of(hour + span.hours()));
    known
        .iter()
        .filter(|info| info.first < end && info.last >= start)
        .try_for_each(|info| one(old, new, span.id(hour, info.id), known, recovered))
}

fn one(
    old: &Connection,
    new: &Connection,
    id: i64,
    known: &[SeriesInfo],
    recovered: &mut RecoveredSeries,
) -> rusqlite::Result<()> {
    let blob = |sql: &str| {
        let mut statement = old.prepare_cached(sql)?;
        let found = statement.query_row([id], |row| row.get::<_, Vec<u8>>(0));
        found.optional()
    };
    let head = blob("SELECT head FROM sample_head WHERE id = ?1");
    let samples = blob("SELECT samples FROM sample_block WHERE id = ?1");
    if matches!((&head, &samples), (Ok(None), Ok(None))) {
        return Ok(());
    }
    let (_, hour, series) = of_id(id);
    let is_known = known.binary_search_by_key(&series, |info| info.id).is_ok();
    let (start, head) = (start_of(hour), head.ok().flatten());
    let samples = samples.ok().flatten().filter(|_| is_known);
    let found = samples.and_then(|samples| {
        let found = Block {
            head: head.unwrap_or_default(),
            samples,
        };
        let is_valid = block::read_head(&found.head, start).is_ok();
        if is_valid && block::decode(&found, start).is_ok() {
            Some(found)
        } else {
            block::with_head_again(found.samples, start)
        }
    });
    let Some(found) = found else {
        recovered.blocks_lost += 1;
        return Ok(());
    };
    let (head, samples) = (
        "INSERT OR IGNORE INTO sample_head VALUES (?1, ?2)",
        "INSERT OR IGNORE INTO sample_block VALUES (?1, ?2)",
    );
    new.execute(head, params![id, found.head])?;
    recovered.blocks += new.execute(samples, params![id, found.samples])? as u64;
    Ok(())
}
