use super::*;
use crate::alert::{AlertKey, Condition, Matcher, Notice, Silence, TIERS, Urgency};
use crate::outcome::{Outcome, Timestamp, Verdict};
use crate::probe::heartbeat::Beat;
use crate::store::NewDelivery;
use crate::store::writer::{ALERTS_MAX, BACKLOG_MAX, Durability, StoreHandle};
use std::collections::BTreeMap;

const HOUR: i64 = 3_600_000;

fn record(number: i64) -> Record {
    let mut outcome = Outcome::new(Verdict::Good, Duration::from_millis(80));
    outcome
        .detail
        .say("a sentence that takes some room on the disk");
    Record {
        key: ProbeKey::new("concierge", "health"),
        at: Timestamp(1000 * HOUR + number),
        interval: Duration::from_secs(10),
        outcome,
    }
}

fn worker(folder: &tempfile::TempDir) -> (Worker, StoreHandle) {
    started(folder, Clock::manual(Timestamp(1000 * HOUR)))
}

fn started(folder: &tempfile::TempDir, clock: Clock) -> (Worker, StoreHandle) {
    let store = Store::open(&folder.path().join("slod.db")).expect("opens");
    let shared = Arc::new(Shared::default());
    let handle = StoreHandle(Arc::clone(&shared));
    let retention = Duration::from_hours(24);
    let plan = Box::new(|_: &ProbeKey| CountingPlan::default());
    (Worker::new(store, shared, clock, retention, plan), handle)
}

fn round(worker: &mut Worker) {
    let result = worker.round(true);
    worker.report(result.err());
}

/// Limits the number of pages, so that writing fails with `SQLITE_FULL` as on a full disk.
fn limit(worker: &Worker, pages: i64) {
    let set = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
    let sql = format!("PRAGMA max_page_count = {pages}");
    worker.store.conn.query_row(&sql, [], set).expect("sets");
}

#[test]
fn reports_of_jobs_wait_for_a_full_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut worker, handle) = worker(&folder);
    round(&mut worker);
    limit(&worker, 20);
    let report = |number: i64, failed| Beat {
        at: Timestamp(1000 * HOUR + number),
        failed,
        message: Some("a long story ".repeat(3000).into()),
    };
    let job = ProbeKey::new("nightly", "index");
    let keep = |beat| handle.keep_beat(&job, PendingBeat::new(beat, None), Duration::ZERO);
    let in_memory = |kept| match kept {
        Some(Durability::InMemory(why)) => why,
        other => panic!("{other:?}"),
    };
    let why = in_memory(keep(report(1, true)));
    assert_eq!(why, "the store did not respond in time");
    // 39 KB of text do not fit in the remaining pages.
    for number in 0..20 {
        let key = ProbeKey::new("nightly", &format!("job-{number}"));
        let beat = PendingBeat::new(report(1, false), None);
        in_memory(handle.keep_beat(&key, beat, Duration::ZERO));
    }
    round(&mut worker);
    let why = in_memory(keep(report(2, true)));
    assert!(why.contains("full"), "{why}");
    in_memory(keep(report(3, false)));
    limit(&worker, 1_000_000);
    round(&mut worker);
    let stored = worker.store.beats().expect("readable");
    assert_eq!(stored.len(), 21);
    assert_eq!(stored[&job].last, report(3, false));
    let failures = stored[&job]
        .failures
        .as_ref()
        .expect("no outcome shows them");
    assert_eq!((failures.count, failures.last_at), (2, report(2, true).at));
}

#[test]
fn a_full_disk_keeps_the_backlog_counts_the_loss_and_recovers() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut worker, handle) = worker(&folder);
    handle.append(record(0));
    round(&mut worker);
    assert_eq!(handle.stats().committed_total, 1);

    limit(&worker, 20);
    for number in 1..=100_005 {
        handle.append(record(number));
    }
    for _ in 0..3 {
        round(&mut worker);
    }
    let stats = handle.stats();
    assert_eq!(
        (stats.backlog, stats.lost_total, stats.committed_total),
        (BACKLOG_MAX, 5, 1)
    );
    let error = stats.last_error.expect("the disk is full");
    assert!(error.contains("full"), "{error}");
    assert!(!handle.flush(Duration::ZERO));
    let trouble = handle.stats().trouble().expect("the disk is full");
    assert!(
        trouble.starts_with("the store cannot be written: ")
            && trouble.contains("100000 outcomes wait"),
        "{trouble}"
    );

    limit(&worker, 1_000_000);
    round(&mut worker);
    let stats = handle.stats();
    assert_eq!(
        (stats.backlog, stats.lost_total, stats.committed_total),
        (0, 5, 100_001)
    );
    assert_eq!((stats.trouble(), stats.last_error), (None, None));
    let (from, to) = (Timestamp(0), Timestamp(2000 * HOUR));
    let kept = worker
        .store
        .outcomes(&record(0).key, from, to)
        .expect("reads");
    assert_eq!(kept.len(), 100_001);
}

#[test]
fn alerts_wait_for_the_disk_and_too_many_are_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut worker, handle) = worker(&folder);
    let at = |number: i64| Timestamp(1000 * HOUR + number);
    let alert = |number: i64, to| AlertRecord {
        to,
        spent: Some(0.1),
        ..AlertRecord::new(
            AlertKey::budget(
                "concierge".into(),
                "errors".into(),
                Condition::Tier(TIERS[0]),
            ),
            "Burn",
            Urgency::Page,
            at(number),
            "",
        )
    };
    let other = rusqlite::Connection::open(folder.path().join("slod.db")).expect("opens");
    let lock =
        "CREATE TRIGGER refuse BEFORE INSERT ON alert_record BEGIN SELECT RAISE(ABORT, 'no'); END";
    other.execute_batch(lock).expect("locks");
    let notice = Notice {
        labels: [("alertname".to_owned(), "Burn".to_owned())].into(),
        annotations: BTreeMap::new(),
        from: at(1),
        to: None,
    };
    let delivery = NewDelivery::at_once("oncall", "", notice, at(1));
    handle.keep_alerts([alert(1, None), alert(2, None)], vec![delivery]);
    round(&mut worker);
    assert!(handle.stats().last_error.is_some());
    let waiting = |worker: &Worker| worker.store.waiting().expect("reads");
    assert_eq!(
        waiting(&worker),
        BTreeMap::new(),
        "only together with its alert"
    );
    let more = (0..ALERTS_MAX).map(|_| alert(1, Some(at(9))));
    handle.keep_alerts(more, Vec::new());
    assert_eq!(handle.stats().lost_alerts_total, 2);
    other.execute_batch("DROP TRIGGER refuse").expect("unlocks");
    round(&mut worker);
    assert_eq!(handle.stats().last_error, None);
    assert_eq!(waiting(&worker), [("oncall".to_owned(), 1)].into());
    let firing = worker.store.firing_alerts().expect("reads");
    assert_eq!(firing, [alert(2, None)]);
    // After a little more than a day, resolved alerts are older than the retention; firing ones
    // stay.
    worker.store.expire_alerts(at(10)).expect("deletes");
    let all = worker.store.alerts(Timestamp(0), at(20), 9).expect("reads");
    assert_eq!(all, [alert(2, None)]);
}

#[test]
fn damage_to_alerts_does_not_block_outcomes_and_reports() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut worker, handle) = worker(&folder);
    let refuse =
        "CREATE TRIGGER refuse BEFORE INSERT ON alert_record BEGIN SELECT RAISE(ABORT, 'no'); END";
    worker.store.conn.execute_batch(refuse).expect("made");
    let key = AlertKey::budget(
        "concierge".into(),
        "errors".into(),
        Condition::Tier(TIERS[0]),
    );
    let at = Timestamp(1000 * HOUR);
    let alert = AlertRecord::new(key, "Burn", Urgency::Page, at, "");
    handle.keep_alerts([alert], Vec::new());
    handle.append(record(0));
    let report = Beat {
        at,
        failed: false,
        message: None,
    };
    let report = PendingBeat::new(report, None);
    handle.keep_beat(&record(0).key, report, Duration::ZERO);
    round(&mut worker);
    let stats = handle.stats();
    let error = stats.last_error.expect("the alert is not stored");
    assert!(error.contains("no"), "{error}");
    assert_eq!((stats.committed_total, stats.backlog), (1, 0));
    assert_eq!(worker.store.beats().expect("reads").len(), 1);
}

#[test]
fn jobs_that_arrive_while_others_run_do_not_delay_a_commit() {
    fn again(shared: Arc<Shared>) -> Box<dyn FnOnce(&mut Store) + Send> {
        Box::new(move |_| {
            let next = again(shared.clone());
            let mut state = shared.state();
            state.stats.series += 1;
            if state.stats.series < 1000 {
                state.jobs.push_back(next);
            }
        })
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (mut worker, handle) = worker(&folder);
    let first = again(worker.shared.clone());
    handle.0.state().jobs.push_back(first);
    worker.run_jobs();
    assert_eq!(handle.stats().series, 1);
}

/// The thread may hang in maintenance.
#[test]
fn a_store_that_hangs_without_anything_to_write_has_no_list() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_, handle) = worker(&folder);
    assert_eq!(handle.unwritten(), "the store did not respond in time");
}

#[tokio::test]
async fn a_thread_that_panics_is_noticed() {
    let folder = tempfile::tempdir().expect("a folder");
    let (worker, handle) = worker(&folder);
    let thread = thread::spawn(move || worker.run());
    let asked = handle.ask(Duration::from_secs(10), |_| -> u8 { panic!("a test") });
    assert_eq!(asked, None);
    handle.ended().await;
    assert!(thread.join().is_err());
    let trouble = handle.stats().trouble().expect("nothing is written");
    assert!(trouble.contains("its writer thread panicked"), "{trouble}");
    handle.append(record(0));
    assert_eq!(handle.stats().lost_total, 1);
}

/// A job that arrives while another one panics never runs.
#[test]
fn a_thread_that_panics_keeps_no_caller_waiting() {
    const TIMEOUT: Duration = Duration::from_mins(1);
    let folder = tempfile::tempdir().expect("a folder");
    let (worker, handle) = worker(&folder);
    let wait = |jobs: usize| {
        while handle.0.state().jobs.len() != jobs {
            thread::yield_now();
        }
    };
    let behind = handle.clone();
    let panic = move |_: &mut Store| -> u8 {
        while behind.0.state().jobs.is_empty() {
            thread::yield_now();
        }
        panic!("a test")
    };
    let begun = Instant::now();
    thread::scope(|scope| {
        let first = scope.spawn(|| handle.ask(TIMEOUT, panic));
        wait(1);
        let running = thread::spawn(move || worker.run());
        wait(0);
        let second = scope.spawn(|| handle.ask(TIMEOUT, |_| 2));
        assert!(running.join().is_err());
        assert_eq!(first.join().expect("no panic"), None);
        assert_eq!(second.join().expect("no panic"), None);
    });
    assert!(begun.elapsed() < TIMEOUT);
}

#[test]
fn a_backlog_of_a_new_probe_survives_the_rollback_of_its_id() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut worker, handle) = worker(&folder);
    let other = rusqlite::Connection::open(folder.path().join("slod.db")).expect("opens");
    let lock =
        "CREATE TRIGGER refuse BEFORE INSERT ON outcome BEGIN SELECT RAISE(ABORT, 'no'); END";
    other.execute_batch(lock).expect("locks");
    handle.append(record(0));
    round(&mut worker);
    assert_eq!(handle.stats().backlog, 1);
    assert_eq!(worker.store.probes(), []);
    other.execute_batch("DROP TRIGGER refuse").expect("unlocks");
    round(&mut worker);
    assert_eq!(handle.stats().committed_total, 1);
    assert_eq!(worker.store.probes(), [record(0).key]);
}

#[test]
fn old_hours_go_one_at_a_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut worker, handle) = worker(&folder);
    for hour in 0..3 {
        handle.append(record((hour - 100) * HOUR));
    }
    round(&mut worker);
    round(&mut worker);
    let (from, to) = (Timestamp(0), Timestamp(2000 * HOUR));
    let kept = worker.store.hours(&record(0).key, from, to).expect("reads");
    let kept: Vec<_> = kept.iter().map(|hour| hour.start).collect();
    assert_eq!(kept, [901, 902].map(|hour| Timestamp(hour * HOUR)));
}

#[test]
fn a_clock_that_is_wrong_at_startup_deletes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let silence = Silence {
        id: 1,
        matchers: vec![Matcher::parse("service=concierge").expect("valid")],
        from: Timestamp(999 * HOUR),
        to: Timestamp(1002 * HOUR),
        author: "ada".to_owned(),
        reason: String::new(),
    };
    let (mut before, handle) = worker(&folder);
    handle.append(record(0));
    before.store.add_silence(&silence).expect("kept");
    round(&mut before);
    drop(before);

    let kept = |worker: &Worker| {
        let (from, to) = (Timestamp(0), Timestamp(100_000 * HOUR));
        let kept = worker.store.outcomes(&record(0).key, from, to);
        kept.expect("reads").len()
    };
    let ahead = Clock::manual(Timestamp(50_000 * HOUR));
    let (mut wrong, handle) = started(&folder, ahead.clone());
    handle.append(record(49_000 * HOUR));
    round(&mut wrong);
    drop(wrong);
    // Restarted with the same clock: its own records do not confirm it.
    let (mut wrong, _) = started(&folder, ahead.clone());
    round(&mut wrong);
    assert_eq!(kept(&wrong), 2);
    assert_eq!(wrong.store.silences().expect("reads"), [silence]);
    ahead.jump(-49_000 * HOUR);
    round(&mut wrong);
    assert_eq!(kept(&wrong), 2, "nothing is old by the correct time");
    drop(wrong);

    // The host was off for years; since then slod has been running, with restarts, for some hours.
    let (mut right, _) = started(&folder, Clock::manual(Timestamp(50_003 * HOUR)));
    round(&mut right);
    assert_eq!(kept(&right), 1);
    assert_eq!(right.store.silences().expect("reads"), []);
}
