//! Copies outcomes, individual ones and those of finished hours, from a damaged store to a new one.

use super::tables::{columns, insert, rows};
use super::{Progress, Recovered};
use crate::outcome::{Measurement, Timestamp};
use crate::store::Store;
use crate::store::block::{Block, decode, encode};
use crate::store::compact::{self, block_id, of_block_id};
use crate::store::header::{Header, hour_of, verdict_of};
use crate::store::raw::lane_of;
use crate::store::scales::Scales;
use crate::store::summary::HourSummary;
use crate::units::HOUR_MS;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension};
use std::collections::{BTreeSet, HashSet};

/// Outcomes up to this far in the future may come from a wall clock that was ahead; later ones are
/// damage.
const HOURS_AHEAD: i64 = 24 * 366;
/// Ids from this one on are free: no store has had this many counting bases.
const RECOUNTED_BASIS: i64 = 1 << 20;

pub(super) fn copy(
    old: &Connection,
    new: &Store,
    now: Timestamp,
    recovered: &mut Recovered,
    progress: &mut dyn FnMut(Progress),
) -> rusqlite::Result<()> {
    let ids: Vec<i64> = new
        .names
        .keys()
        .filter_map(|key| new.names.id(key))
        .collect();
    let lanes: BTreeSet<i64> = ids.iter().map(|id| lane_of(*id)).collect();
    let firsts = new.names.keys().filter_map(|key| new.names.first(key));
    let Some(first) = firsts.min() else {
        return Ok(());
    };
    let tx = new.conn.unchecked_transaction()?;
    // A tick from a clock that was ahead may be in the future; nothing before 1970 is kept.
    let last = latest(old).unwrap_or(0).max(hour_of(now) + 1);
    let hours = hour_of(first).max(0)..=last.min(hour_of(now) + HOURS_AHEAD);
    for hour in hours.clone() {
        progress(Progress {
            what: "outcomes",
            done: hour.abs_diff(*hours.start()),
            of: hours.end().abs_diff(*hours.start()) + 1,
        });
        for lane in &lanes {
            single_outcomes(old, new, hour, *lane, recovered)?;
        }
        finished_hours(old, new, hour, &ids, recovered)?;
    }
    tx.commit()
}

/// The latest hour of any record, as far as it can be read.
fn latest(old: &Connection) -> Option<i64> {
    let max = |sql: &str| {
        let found = old.query_row(sql, [], |row| row.get::<_, Option<i64>>(0));
        found.ok().flatten()
    };
    max("SELECT max(id) >> 20 FROM hour").max(max("SELECT max(hour) FROM outcome"))
}

/// Copies one lane's hour forwards up to the first unreadable row, then backwards from the end down
/// to it.
fn single_outcomes(
    old: &Connection,
    new: &Store,
    hour: i64,
    lane: i64,
    recovered: &mut Recovered,
) -> rusqlite::Result<()> {
    for order in ["ASC", "DESC"] {
        let sql = format!(
            "SELECT * FROM outcome WHERE hour = ?1 AND lane = ?2 ORDER BY at {order}, probe {order}"
        );
        let (mut found, whole) = rows(old, &sql, &[hour, lane]);
        let all = found.len();
        found.retain(|row| is_plausible(new, row));
        recovered.outcomes_lost += (all - found.len()) as u64;
        let columns = columns(old, &new.conn, "outcome");
        recovered.outcomes += insert(&new.conn, "outcome", &columns, found)?;
        if whole {
            break;
        }
        recovered.gaps += u64::from(order == "ASC");
    }
    Ok(())
}

/// Checks the columns hour, lane, at, probe, interval, verdict, and the following ones.
fn is_plausible(new: &Store, row: &[Value]) -> bool {
    let [
        Value::Integer(hour),
        Value::Integer(_),
        Value::Integer(at),
        Value::Integer(probe),
        _,
        Value::Integer(verdict),
        ..,
    ] = row
    else {
        return false;
    };
    at.div_euclid(HOUR_MS) == *hour
        && new.names.key(*probe).is_some()
        && verdict_of(verdict.cast_unsigned()).is_ok()
}

/// Copies all probes' blocks of an hour. If the hour cannot be listed, each probe is looked up
/// individually; a lookup that fails then does not count as a lost hour, since the block may not
/// exist.
fn finished_hours(
    old: &Connection,
    new: &Store,
    hour: i64,
    probes: &[i64],
    recovered: &mut Recovered,
) -> rusqlite::Result<()> {
    let range = [block_id(hour, 0), block_id(hour + 1, 0)];
    let sql = "SELECT id FROM hour WHERE id >= ?1 AND id < ?2
               UNION SELECT id FROM block WHERE id >= ?1 AND id < ?2";
    let (listed, whole) = rows(old, sql, &range);
    if whole {
        for id in listed.iter().filter_map(|row| integer(row)) {
            one_hour(old, new, id, true, recovered)?;
        }
        return Ok(());
    }
    let listed: HashSet<i64> = listed.iter().filter_map(|row| integer(row)).collect();
    recovered.gaps += 1;
    for probe in probes {
        let id = block_id(hour, *probe);
        one_hour(old, new, id, listed.contains(&id), recovered)?;
    }
    Ok(())
}

fn integer(row: &[Value]) -> Option<i64> {
    match row {
        [Value::Integer(number), ..] => Some(*number),
        _ => None,
    }
}

fn one_hour(
    old: &Connection,
    new: &Store,
    id: i64,
    is_listed: bool,
    recovered: &mut Recovered,
) -> rusqlite::Result<()> {
    let blob = |sql: &str| {
        let found = old.query_row(sql, [id], |row| row.get::<_, Vec<u8>>(0));
        found.optional()
    };
    let counts = blob("SELECT counts FROM hour WHERE id = ?1");
    let outcomes = blob("SELECT outcomes FROM block WHERE id = ?1");
    let is_found = [&counts, &outcomes]
        .into_iter()
        .any(|blob| matches!(blob, Ok(Some(_))));
    if !is_found && !is_listed {
        return Ok(());
    }
    let (Some(counts), outcomes) = (counts.ok().flatten(), outcomes.ok().flatten()) else {
        // Without the counts of verdicts and latencies, their order cannot be decoded.
        recovered.hours_lost += 1;
        return Ok(());
    };
    if !countable(new, id, &counts) {
        match outcomes.and_then(|outcomes| recounted(new, id, counts, outcomes, recovered)) {
            Some(block) => compact::save(&new.conn, id, &block?)?,
            None => recovered.hours_lost += 1,
        }
        return Ok(());
    }
    let sql = "INSERT OR IGNORE INTO hour (id, counts) VALUES (?1, ?2)";
    new.conn.execute(sql, rusqlite::params![id, counts])?;
    match outcomes.and_then(|outcomes| decodable(new, id, counts, outcomes)) {
        Some(block) => {
            let sql = "INSERT OR IGNORE INTO block (id, outcomes) VALUES (?1, ?2)";
            new.conn
                .execute(sql, rusqlite::params![id, block.outcomes])?;
            recovered.hours += 1;
        }
        None => recovered.hours_counts_only += 1,
    }
    Ok(())
}

/// Rebuilds an hour whose basis is lost, with an empty basis, so that its outcomes are counted at
/// startup. If the bucket boundaries are unknown, the default ones are used, which are close.
fn recounted(
    new: &Store,
    id: i64,
    counts: Vec<u8>,
    outcomes: Vec<u8>,
    recovered: &mut Recovered,
) -> Option<rusqlite::Result<Block>> {
    let (hour, probe) = of_block_id(id);
    let block = Block { counts, outcomes };
    let known = new.basis_of(&block).ok().flatten();
    let usual = || Scales::new(&[]);
    let scales = known
        .as_ref()
        .map_or_else(usual, |basis| basis.scales.clone());
    let key = new.names.key(probe)?;
    let records = decode(key, hour, &block, &scales, Measurement::ALL).ok()?;
    // The id of the lost basis must not be assigned to another basis.
    let above = "INSERT OR IGNORE INTO basis (id, cuts, keys) VALUES (?1, ?2, '')";
    let numbered = (RECOUNTED_BASIS, Scales::new(&[]).to_text());
    if let Err(error) = new.conn.execute(above, numbered) {
        return Some(Err(error));
    }
    let again = match compact::intern_basis(&new.conn, &scales, &[]) {
        Ok(basis) => Ok(encode(&records, basis, &scales, &[]).ok()?),
        Err(error) => Err(error),
    };
    recovered.hours += 1;
    recovered.hours_rough += u64::from(known.is_none());
    Some(again)
}

fn countable(new: &Store, id: i64, counts: &[u8]) -> bool {
    let (hour, probe) = of_block_id(id);
    let Ok(header) = Header::read(counts) else {
        return false;
    };
    let basis = new.basis(header.basis).ok().flatten();
    new.names.key(probe).is_some()
        && basis.is_some_and(|basis| HourSummary::new(hour, header, basis).is_ok())
}

fn decodable(new: &Store, id: i64, counts: Vec<u8>, outcomes: Vec<u8>) -> Option<Block> {
    let (hour, probe) = of_block_id(id);
    let block = Block { counts, outcomes };
    let basis = new.basis_of(&block).ok().flatten()?;
    decode(
        new.names.key(probe)?,
        hour,
        &block,
        &basis.scales,
        Measurement::ALL,
    )
    .ok()?;
    Some(block)
}
