//! The store: blocks of outcomes and samples, packed runs, and the file as a whole.

use super::{Run, decisions};
use rusqlite::types::Value;
use rusqlite::{Connection, params};
use slod::load::{Ending, LoadWindow, RunRecord, builtin};
use slod::outcome::{Cause, Measurement, Outcome, ProbeKey, Record, Timestamp, Verdict};
use slod::sample::{SeriesKey, SeriesKind};
use slod::slo::{BudgetingMethod, Sli, TallyKey};
use slod::stats::quantile::Histogram;
use slod::store::{CountingPlan, Store, Tick, check, recover};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

const HOUR: i64 = 3_600_000;
const START: i64 = 494_000 * HOUR;
/// More than what is kept. Readers look at each hour of a span, and their callers bound it.
const ALWAYS: (Timestamp, Timestamp) = (Timestamp(START - HOUR), Timestamp(START + 9 * HOUR));

fn key() -> ProbeKey {
    ProbeKey::new("a", "p")
}

fn record(at: i64) -> Record {
    let tick = at / 30_000;
    let verdict = match tick % 9 {
        7 => Verdict::Bad(Cause::Timeout),
        _ => Verdict::Good,
    };
    let micros = (tick * 7919 % 900_000).unsigned_abs() + 100;
    let mut outcome = Outcome::new(verdict, Duration::from_micros(micros));
    if verdict != Verdict::Good {
        outcome.detail.say(format_args!("no answer"));
    }
    Record {
        key: key(),
        at: Timestamp(at),
        interval: Duration::from_secs(30),
        outcome,
    }
}

fn tick(at: i64) -> Tick {
    let sample =
        |name: &str, kind, value| (Arc::new(SeriesKey::new(name, [("a", "b")])), kind, value);
    Tick {
        at: Timestamp(at),
        samples: vec![
            sample(
                "a_bytes",
                SeriesKind::Gauge,
                (at / 30_000 * 7919 % 1000) as f64 / 8.0,
            ),
            sample("b_total", SeriesKind::Counter, (at / 30_000 % 5000) as f64),
        ],
    }
}

fn run() -> RunRecord {
    let mut latency = Histogram::default();
    latency.add(700, 70_000);
    latency.add(901, 3);
    let window = |second| LoadWindow {
        start: Duration::from_secs(second),
        length: Duration::from_secs(1),
        stage: 0,
        due: 10.5,
        active: 9.0,
        started: 70_003,
        dropped: second,
        lacking: second,
        repeated: 0,
        unjudged: 0,
        good: 70_000,
        failed: vec![(Cause::Timeout, 2), (Cause::Status, 1)],
        latency: latency.clone(),
        failed_latency: Histogram::default(),
        lag: Duration::from_micros(120),
        generator_cpu: Some(0.25),
        transferred: slod::load::Transferred::default(),
    };
    RunRecord {
        service: "a".to_owned(),
        scenario: builtin("spike", 100.0).expect("built in"),
        engine: "slod".to_owned(),
        from: Timestamp(START),
        to: Timestamp(START + 2000),
        ending: Ending::Interrupted,
        windows: (0..2).map(window).collect(),
        requests: Vec::new(),
        examples: Vec::new(),
        lack: Some("no port is left".to_owned()),
        concurrent: vec!["run 7 (stress of web)".to_owned()],
        thresholds: Vec::new(),
        observed: Vec::new(),
    }
}

fn plan(_: &ProbeKey) -> CountingPlan {
    CountingPlan {
        thresholds: Vec::new(),
        keys: vec![TallyKey {
            sli: Sli::Success,
            budgeting: BudgetingMethod::Occurrences,
        }],
    }
}

/// Three hours of outcomes and samples, two of them in blocks, and a run.
fn write(path: &Path) {
    let mut store = Store::open(path).expect("opens");
    let times = || (START..START + 3 * HOUR).step_by(30_000);
    let records: Vec<_> = times().map(record).collect();
    store.append(&records).expect("appended");
    let ticks: Vec<_> = times().map(tick).collect();
    store.append_samples(&ticks).expect("appended");
    let now = Timestamp(START + 3 * HOUR);
    while store.compact_step(now, &plan).expect("compacts") {}
    while store.compact_samples_step(now).expect("compacts") {}
    store.keep_run(&run()).expect("kept");
    decisions::write(&mut store, now);
}

/// Reads everything in every way.
fn read(path: &Path) {
    let Ok(store) = Store::open_read_only(path) else {
        return;
    };
    let _ = store.last_seen();
    let _ = store.hours(&key(), ALWAYS.0, ALWAYS.1);
    let _ = store.outcomes(&key(), ALWAYS.0, ALWAYS.1);
    let _ = store.for_each_event(&key(), ALWAYS.0, ALWAYS.1, Measurement::ALL, |_| ());
    for hour in store.kept_hours(ALWAYS.0, ALWAYS.1).unwrap_or_default() {
        let _ = store.for_each_outline(hour, |_| true, |_, _| ());
    }
    for series in store.series().unwrap_or_default() {
        let _ = store.for_each_point(series.id, ALWAYS.0, ALWAYS.1, |_| true);
        let _ = store.steps(&series, ALWAYS, Some(Duration::from_mins(1)), 1000);
    }
    decisions::read(&store);
    for run in store.runs(None, 9).unwrap_or_default() {
        let _ = store.run(run.id);
    }
}

/// A store, and a copy of it that is changed.
struct Stores {
    folder: TempDir,
    whole: Vec<u8>,
}

impl Stores {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("whole.db");
        write(&path);
        let connection = Connection::open(&path).expect("opens");
        let sql = "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE;";
        connection.execute_batch(sql).expect("one file");
        drop(connection);
        let whole = fs::read(path).expect("readable");
        Self { folder, whole }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("data").join("slod.db")
    }

    /// Makes a copy with these bytes, beside no other file.
    fn put(&self, bytes: &[u8]) -> PathBuf {
        let path = self.path();
        let data = path.parent().expect("a folder");
        let _ = fs::remove_dir_all(data);
        fs::create_dir(data).expect("created");
        fs::write(&path, bytes).expect("written");
        path
    }
}

/// Changes bytes as the input says: four of it are an operation, a position and a value each.
fn edit(bytes: &mut Vec<u8>, edits: &[u8]) {
    for edit in edits.chunks_exact(4) {
        let at = usize::from(u16::from_le_bytes([edit[1], edit[2]]));
        let Some(at) = at.checked_rem(bytes.len()) else {
            return;
        };
        match edit[0] % 5 {
            0 => bytes[at] = edit[3],
            1 => bytes[at] ^= edit[3],
            2 => bytes.insert(at, edit[3]),
            3 => _ = bytes.remove(at),
            _ => bytes.truncate(at + usize::from(edit[3])),
        }
    }
}

/// FNV-1a, as blocks have it: without the right sum nothing else of a block would be read.
fn checksum(parts: [&[u8]; 2]) -> [u8; 4] {
    let mix = |sum: u32, byte: &u8| (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    let bytes = parts.into_iter().flatten();
    bytes.fold(0x811c_9dc5, mix).to_le_bytes()
}

/// Edits the values of any table: by the edits, a column of one of its rows, and the value in it.
fn edit_values(conn: &Connection, edits: &[u8]) {
    let mut statement = conn
        .prepare(
            "SELECT t.name, c.name FROM pragma_table_list t JOIN pragma_table_xinfo(t.name) c
             WHERE t.schema = 'main' AND t.name NOT LIKE 'sqlite%' ORDER BY t.name, c.cid",
        )
        .expect("tables");
    let columns = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    let columns: Vec<(String, String)> = columns
        .expect("rows")
        .map(|row| row.expect("names"))
        .collect();
    for edit_of in edits.chunks_exact(8) {
        let (table, column) = &columns[usize::from(edit_of[0]) % columns.len()];
        let sql = format!(
            "SELECT rowid, {column} FROM {table} LIMIT 1 OFFSET {}",
            edit_of[1] % 8
        );
        let found = conn.query_row(&sql, [], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)));
        let Ok((id, value)) = found else {
            continue;
        };
        let value = edited(value, &edit_of[2..]);
        let sql = format!("UPDATE OR IGNORE {table} SET {column} = ?1 WHERE rowid = ?2");
        // A constraint may refuse it.
        let _ = conn.execute(&sql, params![value, id]);
    }
}

fn edited(value: Value, by: &[u8]) -> Value {
    let number = i64::from_le_bytes([by[0], by[1], by[2], by[3], by[4], by[5], 0, 0]);
    match value {
        Value::Integer(value) => match by[0] % 4 {
            0 => Value::Integer(value.wrapping_add(number)),
            1 => Value::Integer(i64::MIN.wrapping_add(i64::from(by[1]))),
            2 => Value::Integer(i64::MAX.wrapping_sub(i64::from(by[1]))),
            _ => Value::Integer(i64::from(by[1].cast_signed())),
        },
        Value::Real(value) => Value::Real(f64::from_bits(value.to_bits() ^ number.cast_unsigned())),
        Value::Text(text) => {
            let mut bytes = text.into_bytes();
            edit(&mut bytes, &by[..4]);
            Value::Text(String::from_utf8_lossy(&bytes).into_owned())
        }
        Value::Blob(mut bytes) => {
            edit(&mut bytes, &by[..4]);
            Value::Blob(bytes)
        }
        Value::Null => Value::Integer(number),
    }
}

/// What is edited, by the first byte.
enum Part {
    Head,
    Body,
    Both,
}

/// Edits the blobs of a table and its other half, and makes their checksums valid.
fn edit_blocks(conn: &Connection, [head, body]: [&str; 2], part: &Part, edits: &[u8]) {
    let (head_column, body_column) = match head {
        "hour" => ("counts", "outcomes"),
        _ => ("head", "samples"),
    };
    let sql = format!("SELECT id, {head_column}, {body_column} FROM {head} JOIN {body} USING (id)");
    let mut statement = conn.prepare(&sql).expect("tables");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    let rows: Vec<(i64, Vec<u8>, Vec<u8>)> =
        rows.expect("rows").map(|row| row.expect("blobs")).collect();
    for (id, mut first, second) in rows {
        let mut second = second[4..].to_vec();
        if matches!(part, Part::Head | Part::Both) {
            edit(&mut first, edits);
        }
        if matches!(part, Part::Body | Part::Both) {
            edit(&mut second, edits);
        }
        let sum = checksum([&first, &second]);
        let second = [&sum[..], &second].concat();
        let set = |table, column, bytes: &[u8]| {
            let sql = format!("UPDATE {table} SET {column} = ?1 WHERE id = ?2");
            conn.execute(&sql, params![bytes, id]).expect("set");
        };
        set(head, head_column, &first);
        set(body, body_column, &second);
    }
}

fn edit_runs(conn: &Connection, edits: &[u8]) {
    let record: Vec<u8> = conn
        .query_row("SELECT record FROM run", [], |row| row.get(0))
        .expect("one run");
    let mut record = zstd::bulk::decompress(&record, 1 << 20).expect("valid");
    edit(&mut record, edits);
    let record = zstd::bulk::compress(&record, 3).expect("compressed");
    conn.execute("UPDATE run SET record = ?1", [record])
        .expect("set");
}

/// Edits of blocks, of packed runs, and of values of any table.
pub fn blocks() -> Run {
    let stores = Stores::new();
    Box::new(move |data| {
        let Some((first, edits)) = data.split_first() else {
            return;
        };
        let path = stores.put(&stores.whole);
        let conn = Connection::open(&path).expect("opens");
        // Its edits need no disk.
        let set = conn.execute_batch("PRAGMA synchronous = OFF; BEGIN");
        set.expect("a transaction");
        let part = match first / 4 % 3 {
            0 => Part::Head,
            1 => Part::Body,
            _ => Part::Both,
        };
        match first % 4 {
            0 => edit_blocks(&conn, ["hour", "block"], &part, edits),
            1 => edit_blocks(&conn, ["sample_head", "sample_block"], &part, edits),
            2 => edit_runs(&conn, edits),
            _ => edit_values(&conn, edits),
        }
        conn.execute_batch("COMMIT").expect("committed");
        drop(conn);
        read(&path);
        let _ = check(&path);
    })
}

/// Edits of the whole file: a page by two bytes, and edits of it.
pub fn file() -> Run {
    let stores = Stores::new();
    Box::new(move |data| {
        let Some((page, edits)) = data.split_at_checked(2) else {
            return;
        };
        let pages = stores.whole.len() / 4096;
        let start = usize::from(u16::from_le_bytes([page[0], page[1]])) % pages * 4096;
        let mut bytes = stores.whole.clone();
        let mut changed = bytes[start..start + 4096].to_vec();
        edit(&mut changed, edits);
        bytes.splice(start..start + 4096, changed);
        let path = stores.put(&bytes);
        read(&path);
        let _ = check(&path);
        let _ = recover(&path, Timestamp(START + 4 * HOUR), &mut |_| {});
        read(&path);
    })
}
