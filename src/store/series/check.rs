//! Checks the samples of a store.

use super::block::{self, Block};
use super::{names, of_id, start_of, ticks};
use crate::units::HOUR_MS;
use rusqlite::Connection;
use std::collections::HashMap;

/// The result of the check.
#[derive(Clone, Debug, Default)]
pub struct CheckedSeries {
    pub series: usize,
    pub blocks: u64,
    pub samples: u64,
}

/// Reads all samples and calls `fault` with a sentence for each error. A store of an older version
/// has no samples.
pub fn check(conn: &Connection, fault: &mut dyn FnMut(String)) -> rusqlite::Result<CheckedSeries> {
    let mut checked = CheckedSeries::default();
    if !conn.table_exists(None, "series")? {
        return Ok(checked);
    }
    let all = names::all(conn)?;
    let unnamed = conn.query_row("SELECT count(*) FROM series", [], |row| {
        row.get::<_, i64>(0)
    })?;
    if unnamed != all.len() as i64 {
        fault("series: a name is invalid".to_owned());
    }
    checked.series = all.len();
    let names = all
        .into_iter()
        .map(|info| (info.id, info.key.to_string()))
        .collect();
    blocks(conn, &names, &mut checked, fault)?;
    rows(conn, &mut checked, fault)?;
    Ok(checked)
}

fn blocks(
    conn: &Connection,
    names: &HashMap<i64, String>,
    checked: &mut CheckedSeries,
    fault: &mut dyn FnMut(String),
) -> rusqlite::Result<()> {
    let sql = "SELECT id, head, samples FROM sample_head LEFT JOIN sample_block USING (id)
               UNION ALL SELECT id, NULL, samples FROM sample_block
                   WHERE id NOT IN (SELECT id FROM sample_head)";
    let mut statement = conn.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (id, head, samples) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (_, hour, series) = of_id(id);
        let start = start_of(hour).to_utc().format("%Y-%m-%dT%H:%MZ");
        let Some(name) = names.get(&series) else {
            fault(format!(
                "series number {series}, from {start}: its name is missing"
            ));
            continue;
        };
        match block(hour, head, samples) {
            Ok(samples) => {
                checked.blocks += 1;
                checked.samples += samples;
            }
            Err(reason) => fault(format!("{name}, from {start}: {reason}")),
        }
    }
    Ok(())
}

fn block(hour: i64, head: Option<Vec<u8>>, samples: Option<Vec<u8>>) -> Result<u64, &'static str> {
    let head = head.ok_or("its head is missing")?;
    let samples = samples.ok_or("its samples are missing")?;
    let start = start_of(hour);
    let summary = block::read_head(&head, start).map_err(|_| "its head is invalid")?;
    let points = block::decode(&Block { head, samples }, start);
    let points = points.map_err(|_| "its samples cannot be decoded")?;
    let is_same = points
        .first()
        .is_some_and(|point| point.at <= summary.first.at);
    let kept: u64 = points.iter().map(|point| point.count).sum();
    // A counter at one-minute resolution has fewer samples than it was computed from.
    if is_same && kept <= summary.count {
        Ok(summary.count)
    } else {
        Err("its head does not match its samples")
    }
}

fn rows(
    conn: &Connection,
    checked: &mut CheckedSeries,
    fault: &mut dyn FnMut(String),
) -> rusqlite::Result<()> {
    let mut statement = conn.prepare("SELECT at, present, samples, hour FROM sample")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (at, present): (i64, i64) = (row.get(0)?, row.get(1)?);
        let is_whole = ticks::LaneRow::read(row)?.is_some();
        if is_whole && row.get::<_, i64>(3)? == at.div_euclid(HOUR_MS) {
            checked.samples += u64::from(present.count_ones());
        } else {
            let at = crate::outcome::Timestamp(at)
                .to_utc()
                .format("%Y-%m-%dT%H:%M:%SZ");
            fault(format!("samples of {at} are invalid"));
        }
    }
    Ok(())
}
