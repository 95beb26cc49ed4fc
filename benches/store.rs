//! Benchmarks of the store: `cargo bench --bench store`.
//!
//! `SLOD_BENCH_PER_SERVICE=4` gives each service four of the probes, `SLOD_BENCH_FAILING=100` makes
//! one attempt in a hundred fail, `SLOD_BENCH_PROBES=20` uses fewer than 1,000 probes, and
//! `SLOD_BENCH_MEASURED=0` omits all measurements except the latency.
//! `SLOD_BENCH_FOLDER=/var/tmp/month` keeps the month there, and measures an existing one.

use slod::config::Config;
use slod::ledger::{RestoreFrom, restore};
use slod::outcome::{
    Cause, Measurement, Measurements, Outcome, ProbeKey, Record, Timestamp, Verdict,
};
use slod::store::{Store, StoreError};
use std::f64::consts::TAU;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

const HOUR: i64 = 3_600_000;
const START: i64 = 494_000 * HOUR;

/// A number from an environment variable.
fn setting(name: &str, default: i64) -> i64 {
    let text = std::env::var(name).ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn probes() -> i64 {
    setting("SLOD_BENCH_PROBES", 1000)
}

fn key(probe: i64) -> ProbeKey {
    let per_service = setting("SLOD_BENCH_PER_SERVICE", 1);
    let (service, probe) = (probe / per_service, probe % per_service);
    ProbeKey::new(&format!("service-{service}"), &format!("probe-{probe}"))
}

/// A healthy probe: 120 ms, lognormal with a standard deviation of 30%.
fn record(probe: i64, at: i64, chance: &mut u64) -> Record {
    let mut uniform = || {
        *chance = chance
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((*chance >> 11) as f64 + 1.0) / (1_u64 << 53) as f64
    };
    let latency = Duration::from_secs_f64(0.12 * (0.3 * normal(&mut uniform)).exp());
    let failing = setting("SLOD_BENCH_FAILING", i64::MAX);
    let verdict = if uniform() * (failing as f64) < 1.0 {
        Verdict::Bad(Cause::Status)
    } else {
        Verdict::Good
    };
    let mut outcome = Outcome::new(verdict, latency);
    outcome.code = Some(200);
    if setting("SLOD_BENCH_MEASURED", 1) == 1 {
        outcome.measured = measured(latency, &mut uniform);
    }
    Record {
        key: key(probe),
        at: Timestamp(at),
        interval: Duration::from_secs(10),
        outcome,
    }
}

/// A normally distributed number (Box-Muller).
fn normal(uniform: &mut impl FnMut() -> f64) -> f64 {
    (-2.0 * uniform().ln()).sqrt() * (TAU * uniform()).cos()
}

/// The phases of a request over TLS within a region: resolve, connect and handshake vary by a tenth
/// to a half, the rest of the time is the service's.
fn measured(latency: Duration, uniform: &mut impl FnMut() -> f64) -> Measurements {
    let mut measured = Measurements::default();
    let mut left = latency;
    for (one, ms, spread) in [
        (Measurement::Resolve, 1.5, 0.5),
        (Measurement::Connect, 12.0, 0.1),
        (Measurement::Tls, 28.0, 0.12),
        (Measurement::Transfer, 0.4, 0.4),
    ] {
        let spent = Duration::from_secs_f64(ms / 1e3 * (spread * normal(uniform)).exp());
        let spent = spent.min(left);
        measured.add(one, spent);
        left -= spent;
    }
    measured.add(Measurement::Processing, left);
    measured
}

fn commits(folder: &Path, chance: &mut u64) -> Result<(), StoreError> {
    for outcomes in [100_i64, 1000] {
        let mut store = Store::open(&folder.join(format!("commits-{outcomes}.db")))?;
        let mut seconds = Vec::new();
        for tick in 0..60 {
            let at = START + tick * 10_000;
            let records: Vec<_> = (0..outcomes)
                .map(|probe| record(probe, at, chance))
                .collect();
            let started = Instant::now();
            store.append(&records)?;
            seconds.push(started.elapsed().as_secs_f64());
        }
        seconds.sort_by(f64::total_cmp);
        let [middle, worst] = [30, 59].map(|at| seconds[at] * 1e3);
        println!("commit of {outcomes} outcomes: median {middle:.2} ms, worst {worst:.2} ms");
    }
    Ok(())
}

/// Two real hours of all probes.
fn blocks(path: &Path, config: &Config, chance: &mut u64) -> Result<(), StoreError> {
    let plans = slod::ledger::plans(config);
    let plan = |key: &ProbeKey| Arc::unwrap_or_clone(plans.get(key).cloned().unwrap_or_default());
    let mut store = Store::open(path)?;
    for at in (START..START + 2 * HOUR).step_by(10_000) {
        let records: Vec<_> = (0..probes())
            .map(|probe| record(probe, at, chance))
            .collect();
        store.append(&records)?;
    }
    let (mut steps, mut worst, started) = (0, 0.0_f64, Instant::now());
    loop {
        let step = Instant::now();
        if !store.compact_step(Timestamp(START + 3 * HOUR), &plan)? {
            break;
        }
        steps += 1;
        worst = worst.max(step.elapsed().as_secs_f64());
    }
    println!(
        "compaction of {} probes x 2 h: {:.2?}, {steps} steps, worst {worst:.3} s",
        probes(),
        started.elapsed()
    );
    Ok(())
}

/// Repeats the two hours to fill 30 days.
fn fill(path: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let conn = rusqlite::Connection::open(path)?;
    for (table, column) in [("hour", "counts"), ("block", "outcomes")] {
        conn.execute_batch(&format!(
            "WITH RECURSIVE copy (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM copy WHERE n < 359)
             INSERT INTO {table} SELECT t.id + n * (2 << 20), t.{column} FROM copy CROSS JOIN
                 (SELECT * FROM {table}) AS t"
        ))?;
    }
    let pages = |table: &str| -> rusqlite::Result<f64> {
        let sql = "SELECT sum(pgsize) FROM dbstat WHERE name = ?1";
        conn.query_row(sql, [table], |row| row.get::<_, i64>(0))
            .map(|bytes| bytes as f64)
    };
    let outcomes = (probes() * 720 * 360) as f64;
    match (pages("hour"), pages("block")) {
        (Ok(hour), Ok(block)) => println!(
            "bytes per outcome: {:.3} (counts {:.3}, order {:.3})",
            (hour + block) / outcomes,
            hour / outcomes,
            block / outcomes
        ),
        _ => println!(
            "bytes per outcome, whole file: {:.3}",
            std::fs::metadata(path)?.len() as f64 / outcomes
        ),
    }
    Ok(())
}

/// Returns the result of `work`, and how long it took.
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let started = Instant::now();
    (work(), started.elapsed())
}

/// Reads the month, as a whole and of one probe.
fn scan(path: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let (store, took) = timed(|| Store::open(path));
    println!("open: {took:.2?}");
    let store = store?;
    let ever = (Timestamp(0), Timestamp(i64::MAX));
    let (mut hours, mut good) = (0, 0);
    let (scanned, took) = timed(|| {
        store.for_each_hour(
            ever.0,
            ever.1,
            |_| true,
            |_, hour| {
                hours += 1;
                good += hour.good;
            },
        )
    });
    scanned?;
    println!("scan of {hours} hours ({good} good outcomes): {took:.2?}");
    let key = key(probes() / 2);
    let (found, took) = timed(|| store.hours(&key, ever.0, ever.1));
    println!("{} hours of one probe: {took:.2?}", found?.len());
    let (found, took) = timed(|| store.outcomes(&key, ever.0, ever.1));
    println!("{} outcomes of one probe: {took:.2?}", found?.len());
    Ok(())
}

/// A start of the daemon on the month, until its numbers are available. Target: below 2 s.
fn start(path: &Path, config: &Config) -> Result<(), Box<dyn std::error::Error>> {
    let now = Timestamp(START + 720 * HOUR);
    let started = Instant::now();
    let store = Store::open(path)?;
    let mut ledger = restore(RestoreFrom::new(config, &[], Some(&store), now))?;
    let restored = started.elapsed();
    let snapshot = ledger.advance(now).snapshot();
    println!(
        "start with {} services, {} probes x 30 days: {restored:.2?}, first snapshot after {:.2?}, memory {} MiB",
        snapshot.services.len(),
        probes(),
        started.elapsed(),
        procfs::process::Process::myself()?.stat()?.rss * procfs::page_size() / 1024 / 1024,
    );
    let (_, took) = timed(|| ledger.advance(now).snapshot());
    println!("another snapshot: {took:.2?}");
    Ok(())
}

/// The commands that read the whole month.
fn commands(path: &Path, config: &Config) -> Result<(), Box<dyn std::error::Error>> {
    let now = Timestamp(START + 720 * HOUR);
    let (checked, took) = timed(|| slod::store::check(path));
    let checked = checked?;
    let (outcomes, faults) = (checked.outcomes, checked.faults.len());
    println!("check of {outcomes} outcomes: {took:.2?}, {faults} faults");
    let store = Store::open(path)?;
    let from = now.before(Duration::from_hours(30 * 24));
    let replay = || slod::report::backtest::replayed(config, &store, from, now);
    let (backtest, took) = timed(replay);
    let backtest = backtest?;
    let (outcomes, alerts) = (backtest.outcomes, backtest.alerts.len());
    println!("backtest of {outcomes} outcomes: {took:.2?}, {alerts} alerts");
    let span = slod::report::slo::span::Span::new(from, now, now);
    let (report, took) = timed(|| slod::report::slo::report(config, &store, span));
    let most = procfs::process::Process::myself()?.status()?.vmhwm;
    println!(
        "report of {} outcomes: {took:.2?}, memory {} MiB at most",
        report?.outcomes,
        most.unwrap_or_default() / 1024,
    );
    Ok(())
}

/// Four objectives for every probe.
fn config(path: &Path) -> Result<Config, Box<dyn std::error::Error>> {
    let source = slod::diagnostic::Source::new("bench", config_text());
    let loaded = Config::load(&source, path, &|_| None);
    Ok(loaded.config.ok_or("the config is wrong")?)
}

fn config_text() -> String {
    let mut text = "defaults:
  objectives:
    - { name: availability, sli: availability, target: 99.9%, window: 30d, budgeting: timeslices }
    - { name: latency-p95, sli: latency, below: 500ms, target: 95%, window: 30d }
    - { name: latency-p99, sli: latency, below: 1s, target: 99%, window: 30d }
    - { name: errors, sli: success, target: 99.9%, window: 30d }
services:
"
    .to_owned();
    for probe in 0..probes() {
        let key = key(probe);
        if &*key.probe == "probe-0" {
            writeln!(text, "  - name: {}\n    probes:", key.service).unwrap_or_default();
        }
        let (name, url) = (key.probe, format!("http://127.0.0.1:1/{probe}"));
        writeln!(
            text,
            "      - {{ name: {name}, http: {{ url: \"{url}\" }} }}"
        )
        .unwrap_or_default();
    }
    text
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let temporary = tempfile::tempdir()?;
    let kept = std::env::var_os("SLOD_BENCH_FOLDER").map(PathBuf::from);
    let folder = kept.as_deref().unwrap_or(temporary.path());
    let (path, mut chance) = (folder.join("slod.db"), 42);
    let config = config(&path)?;
    if !path.exists() {
        commits(temporary.path(), &mut chance)?;
        blocks(&path, &config, &mut chance)?;
        fill(&path)?;
        scan(&path)?;
    }
    start(&path, &config)?;
    commands(&path, &config)
}
