use super::*;
use crate::load::{Ending, LoadWindow, RequestFigures, builtin};
use crate::outcome::Cause;
use crate::stats::quantile::Histogram;
use std::time::Duration;

fn window(second: u64) -> LoadWindow {
    let mut latency = Histogram::default();
    latency.add(700, 70_000);
    latency.add(901, 3);
    let mut service_time = latency.clone();
    if second == 1 {
        service_time.add(12, 1);
    }
    LoadWindow {
        start: Duration::from_secs(second),
        length: Duration::from_secs(1),
        stage: 0,
        due: 10.5,
        active: 9.0,
        started: 70_003,
        dropped: second,
        good: 70_000,
        failed: vec![(Cause::Timeout, 2), (Cause::Status, 1)],
        latency,
        service_time,
        lag: Duration::from_micros(120),
        generator_cpu: (second > 0).then_some(0.25),
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
            missing: vec![("token".to_owned(), 3)],
            latency: window(0).latency,
            first_token: window(0).latency,
        }],
        observed: Vec::new(),
    }
}

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(&folder.path().join("slod.db")).expect("opens");
    (folder, store)
}

fn ids(store: &Store) -> Vec<i64> {
    let runs = store.runs(None, 99).expect("reads");
    runs.iter().map(|run| run.id).collect()
}

#[test]
fn a_run_is_read_as_it_was_kept() {
    let (_folder, mut store) = store();
    let kept = run("rag", 100);
    let id = store.keep_run(&kept).expect("kept");
    let (head, read) = store.run(id).expect("reads").expect("there");
    assert_eq!(read, kept);
    assert_eq!((head.scenario.as_str(), head.is_baseline), ("spike", false));
    assert_eq!(store.run(id + 1).expect("reads"), None);
    assert_eq!(store.runs(Some("other"), 9).expect("reads"), []);
}

/// Before requests were counted by name, a record ended with its windows.
#[test]
fn a_run_of_an_older_version_is_read() {
    let (_folder, mut store) = store();
    let mut kept = run("rag", 100);
    kept.requests = Vec::new();
    let id = store.keep_run(&kept).expect("kept");
    let record = pack::pack(&kept).expect("packs");
    let whole = zstd::stream::decode_all(record.as_slice()).expect("reads");
    let (none, older) = whole.split_last().expect("some");
    assert_eq!(*none, 0);
    let older = zstd::bulk::compress(older, 3).expect("packs");
    let sql = "UPDATE run SET record = ?1";
    store.conn.execute(sql, [older]).expect("set");
    assert_eq!(store.run(id).expect("reads").expect("there").1, kept);
}

#[test]
fn a_damaged_run_is_none_and_no_panic() {
    let (_folder, mut store) = store();
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
fn a_scenario_has_one_baseline_that_stays() {
    let (_folder, mut store) = store();
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
fn only_so_many_are_kept() {
    let (_folder, mut store) = store();
    let first = store.keep_run(&run("rag", 100)).expect("kept");
    let given = format!("UPDATE sqlite_sequence SET seq = {MAX_RUNS}");
    store.conn.execute_batch(&given).expect("set");
    let last = store.keep_run(&run("rag", 200)).expect("kept");
    assert_eq!((first, ids(&store)), (1, vec![last]));
}

#[test]
fn runs_are_kept_while_another_process_writes() {
    let (folder, writer) = store();
    let path = folder.path().join("slod.db");
    let mut beside = Store::open_for_runs(&path).expect("opens");
    let id = beside.keep_run(&run("rag", 100)).expect("kept");
    assert_eq!(ids(&writer), [id]);
}
