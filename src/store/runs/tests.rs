mod active;

use super::*;
use crate::load::{
    Ending, LoadWindow, OBSERVED, ObservedSeries, RequestFigures, RetryAfter, Transferred, builtin,
};
use crate::outcome::Cause;
use crate::sample::{Sample, SeriesKey, SeriesKind};
use crate::stats::quantile::Histogram;
use crate::store::lock::WriterLock;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// [`run`]`("rag", 100)` without series and requests, in format 1.
const FORMAT_1: &str = "28b52ffd6014008505008408011e74657374207265636f766572792066726f6d2073756464656e206c6f616400c0843d0306\
6e6f726d616c8092408092408095f52a057370696b6580c0ac408ece1c08a3c3470114703935207761732061626f76652035\
3030206d7302008080c09140f3a20400f0a204020402090103bc05ffff03bc05f12285070300780101040c017801e83f0f00\
6c6418091c81efb0da50d5e0e0509334ae7708c352acea0e5b20846507d03ec0a3032803";

fn window(second: u64) -> LoadWindow {
    let mut latency = Histogram::default();
    latency.add(700, 70_000);
    latency.add(901, 3);
    let mut failed_latency = Histogram::default();
    failed_latency.add(901, second);
    LoadWindow {
        start: Duration::from_secs(second),
        length: Duration::from_secs(1),
        stage: 0,
        due: 10.5,
        active: 9.0,
        started: 70_003,
        dropped: second,
        good: 70_000,
        lacking: second,
        repeated: second,
        unjudged: 5 * second,
        failed: vec![(Cause::Timeout, 2), (Cause::Status, 1)],
        latency,
        failed_latency,
        lag: Duration::from_micros(120),
        generator_cpu: (second > 0).then_some(0.25),
        transferred: Transferred {
            received: Some(9_000_000),
            sent: (second > 0).then_some(0),
        },
    }
}

fn run(service: &str, from: i64) -> RunRecord {
    let from = Timestamp::from_secs(from);
    RunRecord {
        service: service.to_owned(),
        scenario: builtin("spike", 100.0).expect("built in"),
        engine: "slod".to_owned(),
        from,
        to: from.after(Duration::from_secs(2)),
        ending: Ending::Aborted {
            why: "p95 was above 500 ms".to_owned(),
        },
        windows: (0..2).map(window).collect(),
        requests: vec![RequestFigures {
            name: "GET /chat".to_owned(),
            good: 140_000,
            failed: vec![(Cause::Timeout, 4), (Cause::Status, 2)],
            unmet: vec![("body ~ /ok/".to_owned(), 2)],
            missing: vec![("token".to_owned(), 3)],
            retry_after: Some(RetryAfter {
                count: 2,
                waits: Some((Duration::from_secs(1), Duration::from_secs(30))),
            }),
            latency: window(0).latency,
            first_token: window(0).latency,
            transferred: window(0).transferred,
        }],
        examples: vec![(Cause::Status, "status 503".to_owned())],
        lack: Some("no port is left".to_owned()),
        concurrent: vec!["run 7 (stress of web)".to_owned()],
        thresholds: vec!["p95<500ms".to_owned(), "errors<0.001".to_owned()],
        observed: vec![
            series("slod_host_load1", SeriesKind::Gauge, from, &[0.25, 1.5]),
            series(
                "slod_service_requests_total",
                SeriesKind::Counter,
                from,
                &[0.0, 1_234_567.0],
            ),
        ],
    }
}

fn series(name: &str, kind: SeriesKind, from: Timestamp, values: &[f64]) -> ObservedSeries {
    let samples = (0..).zip(values).map(|(number, value)| Sample {
        at: from.after(Duration::from_secs(5 * number)),
        value: *value,
    });
    ObservedSeries {
        key: SeriesKey::new(name, [("service", "rag")]),
        kind,
        samples: samples.collect(),
    }
}

fn ids(store: &Store) -> Vec<i64> {
    let runs = store.runs(None, 99).expect("reads");
    runs.iter().map(|run| run.id).collect()
}

#[test]
fn a_run_is_read_as_it_was_kept() {
    let (_folder, mut store) = Store::temporary();
    let kept = run("rag", 100);
    let id = store.keep_run(&kept).expect("kept");
    let (head, read) = store.run(id).expect("reads").expect("there");
    assert_eq!(read, kept);
    assert_eq!((head.scenario.as_str(), head.is_baseline), ("spike", false));
    assert_eq!(store.run(id + 1).expect("reads"), None);
    assert_eq!(store.runs(Some("other"), 9).expect("reads"), []);
}

#[test]
fn runs_of_earlier_versions_are_read() {
    let (_folder, mut store) = Store::temporary();
    let mut kept = run("rag", 100);
    kept.requests.clear();
    kept.thresholds.clear();
    kept.examples.clear();
    kept.lack = None;
    kept.concurrent.clear();
    let id = store.keep_run(&kept).expect("kept");
    let packed = pack::pack(&kept).expect("packs");
    let mut old = fields::decompress(&packed).expect("compressed");
    assert_eq!(old[0], 12);
    // Format 11 ended before the concurrent runs, format 6 before what the generator lacked, format 4 before the examples, and format 2
    // before the thresholds; all of these are empty.
    for format in [11, 6, 4, 2] {
        assert_eq!(old.pop(), Some(0));
        old[0] = format;
        let old = fields::compress(&old).expect("compresses");
        let sql = "UPDATE run SET record = ?1";
        store.conn.execute(sql, [old]).expect("set");
        assert_eq!(store.run(id).expect("reads").expect("there").1, kept);
    }
    kept.observed.clear();
    for window in &mut kept.windows {
        window.unjudged = 0;
        window.failed_latency = Histogram::default();
        (window.lacking, window.repeated) = (0, 0);
        window.transferred = Transferred::default();
    }
    let id = store.keep_run(&kept).expect("kept");
    let old: Vec<u8> = (0..FORMAT_1.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&FORMAT_1[at..at + 2], 16).expect("hex"))
        .collect();
    assert_ne!(old, pack::pack(&kept).expect("packs"));
    store
        .conn
        .execute(
            "UPDATE run SET record = ?1 WHERE id = ?2",
            rusqlite::params![old, id],
        )
        .expect("set");
    let (_, read) = store.run(id).expect("reads").expect("there");
    assert_eq!(read, kept);
}

#[test]
fn storing_runs_does_not_prevent_a_daemon_from_starting() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("slod.db");
    let mut runs = Store::open_for_runs(&path).expect("opens");
    let _daemon = Store::open(&path).expect("opens beside it");
    runs.keep_run(&run("rag", 100)).expect("kept");
}

/// An empty file is prepared first, which takes the lock for a moment only. Another process may do the same.
#[test]
fn preparing_a_store_for_runs_waits_for_another_and_keeps_no_lock() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("slod.db");
    let before = WriterLock::take(&path).expect("locks an empty file");
    let opened = thread::scope(|scope| {
        let opened = scope.spawn(|| Store::open_for_runs(&path));
        thread::sleep(Duration::from_millis(500));
        drop(before);
        opened.join().expect("no panic")
    });
    let mut runs = opened.expect("prepared");
    let _daemon = Store::open(&path).expect("opens beside it");
    runs.keep_run(&run("rag", 100)).expect("kept");
}

#[test]
fn runs_that_made_load_at_the_same_time_are_named() {
    let (_folder, mut store) = Store::temporary();
    let of = |service, from, until| RunRecord {
        to: Timestamp::from_secs(until),
        ..run(service, from)
    };
    for (service, from, until) in [("before", 100, 199), ("web", 100, 200), ("rag", 250, 260)] {
        store.keep_run(&of(service, from, until)).expect("kept");
    }
    let observed = RunRecord {
        engine: OBSERVED.to_owned(),
        ..of("rag", 210, 220)
    };
    store.keep_run(&observed).expect("kept");
    // It is running: its last write was earlier.
    store.begin_run(&of("active", 190, 195)).expect("begins");
    let own = of("rag", 200, 300);
    let id = store.keep_run(&own).expect("kept");
    let names = |store: &Store, run: &RunRecord, id, now| {
        let found = store.concurrent_runs(id, run, Timestamp::from_secs(now));
        found.expect("reads")
    };
    let scenario = &own.scenario.name;
    let [active, second, first] = [(5, "active"), (3, "rag"), (2, "web")]
        .map(|(id, service)| format!("run {id} ({scenario} of {service})"));
    assert_eq!(
        names(&store, &own, Some(id), 210),
        [&*active, &*second, &*first]
    );
    // Its process died.
    assert_eq!(names(&store, &own, Some(id), 250), [second, first]);
    assert!(names(&store, &observed, Some(4), 250).is_empty());
}

#[test]
fn a_damaged_run_is_none_without_a_panic() {
    let (_folder, mut store) = Store::temporary();
    let id = store.keep_run(&run("rag", 100)).expect("kept");
    let record = pack::pack(&run("rag", 100)).expect("packs");
    for cut in 0..record.len() {
        let cut = &record[..cut];
        let sql = "UPDATE run SET record = ?1";
        store.conn.execute(sql, [cut]).expect("set");
        assert_eq!(store.run(id).expect("reads"), None);
    }
}

#[test]
fn counts_that_no_run_has_are_damage() {
    let (_folder, mut store) = Store::temporary();
    for (count, is_read) in [(1 << 48, true), ((1 << 48) + 1, false), (u64::MAX, false)] {
        let mut kept = run("rag", 100);
        kept.windows[0].latency.add(800, count);
        let id = store.keep_run(&kept).expect("kept");
        let read = store.run(id).expect("reads");
        assert_eq!(read.is_some(), is_read, "{count}");
    }
}

#[test]
fn a_scenario_has_one_baseline_that_stays() {
    let (_folder, mut store) = Store::temporary();
    let all: Vec<i64> = [("rag", 100), ("rag", 200), ("web", 300)]
        .map(|(service, from)| store.keep_run(&run(service, from)).expect("kept"))
        .into();
    assert!(store.set_baseline(all[2]).expect("set"));
    assert!(store.set_baseline(all[0]).expect("set"));
    assert!(store.set_baseline(all[1]).expect("set"));
    assert!(!store.set_baseline(99).expect("set"));
    let runs = store.runs(None, 9).expect("reads");
    let baselines = runs.iter().filter(|run| run.is_baseline).map(|run| run.id);
    assert_eq!(baselines.collect::<Vec<_>>(), [all[2], all[1]]);
    store
        .expire_runs(Timestamp::from_secs(999))
        .expect("deletes");
    assert_eq!(ids(&store), [all[2], all[1]]);
    assert!(store.delete_run(all[1]).expect("deletes"));
    assert!(!store.delete_run(all[1]).expect("deletes"));
}

#[test]
fn old_runs_are_deleted_one_at_a_time() {
    let (_folder, mut store) = Store::temporary();
    let all: Vec<i64> = [200, 100, 2000]
        .map(|from| store.keep_run(&run("rag", from)).expect("kept"))
        .into();
    let mut left = || {
        let horizon = Timestamp::from_secs(999);
        store.expire_runs(horizon).expect("deletes");
        ids(&store)
    };
    assert_eq!(left(), [all[2], all[0]]);
    assert_eq!([left(), left()], [[all[2]], [all[2]]]);
}

#[test]
fn only_the_newest_runs_are_kept() {
    let (_folder, mut store) = Store::temporary();
    let first = store.keep_run(&run("rag", 100)).expect("kept");
    let given = format!("UPDATE sqlite_sequence SET seq = {MAX_RUNS}");
    store.conn.execute_batch(&given).expect("set");
    let last = store.keep_run(&run("rag", 200)).expect("kept");
    assert_eq!((first, ids(&store)), (1, vec![last]));
}

#[test]
fn runs_are_kept_while_another_process_writes() {
    let (folder, writer) = Store::temporary();
    let path = folder.path().join("slod.db");
    let mut beside = Store::open_for_runs(&path).expect("opens");
    let id = beside.keep_run(&run("rag", 100)).expect("kept");
    assert_eq!(ids(&writer), [id]);
}
