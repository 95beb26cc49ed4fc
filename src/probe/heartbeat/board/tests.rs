use super::*;
use crate::outcome::{Cause, VoidReason};
use crate::probe::heartbeat::{Pace, Terms};

fn every(secs: u64) -> HeartbeatProbe {
    let due = Due {
        pace: Pace::Every(Duration::from_secs(secs)),
        grace: Duration::ZERO,
    };
    HeartbeatProbe::new(Terms { due, token: None })
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_secs(second)
}

fn beat(second: i64, failed: bool) -> Beat {
    Beat {
        at: at(second),
        failed,
        message: None,
    }
}

fn key() -> ProbeKey {
    ProbeKey::new("jobs", "backup")
}

fn accept(board: &HeartbeatBoard, second: i64, probe: &dyn Probe) {
    board.accept(at(second), [(&key(), probe)].into_iter(), |_| None);
}

/// What a previous process recorded, with the first outcome at 50 s.
fn before(last: i64, verdict: Verdict) -> PreviousRun {
    PreviousRun {
        first: at(50),
        last: at(last),
        verdict,
        waited: Duration::ZERO,
    }
}

/// Resumes at 1,000 s.
fn resume(board: &HeartbeatBoard, probe: &dyn Probe, before: PreviousRun) {
    board.accept(at(1000), [(&key(), probe)].into_iter(), |_| Some(before));
}

/// Accepts a report that was written to disk.
fn take(board: &HeartbeatBoard, beat: Beat) {
    let stored = Some(beat.at);
    board.take(&key(), beat, stored);
}

fn since(board: &HeartbeatBoard, second: i64) -> Timestamp {
    board.look(&key(), at(second)).since
}

#[test]
fn reports_are_expected_since_each_probe_was_added() {
    let board = HeartbeatBoard::new(HashMap::new());
    accept(&board, 100, &every(60));
    assert_eq!(since(&board, 120), at(100));
    accept(&board, 130, &every(60));
    assert_eq!(since(&board, 140), at(100), "the same pace goes on");
    accept(&board, 150, &every(10));
    assert_eq!(since(&board, 155), at(150), "a shorter pace gets its time");
    accept(&board, 200, &every(20));
    assert_eq!(
        since(&board, 210),
        at(200),
        "nobody looked when it was overdue"
    );
    since(&board, 260);
    accept(&board, 261, &every(30));
    assert_eq!(
        since(&board, 262),
        at(200),
        "what was seen overdue stays so"
    );
}

#[test]
fn readded_probes_keep_their_reports_and_get_a_full_interval() {
    let board = HeartbeatBoard::new(HashMap::new());
    accept(&board, 0, &every(60));
    take(&board, beat(30, false));
    since(&board, 40);
    board.accept(at(50), std::iter::empty(), |_| None);
    assert_eq!(board.admit(&key(), None), Err(Refused::Unknown));
    assert!(board.names().is_empty());
    accept(&board, 500, &every(60));
    let state = board.look(&key(), at(510));
    assert_eq!((state.since, state.last), (at(500), Some(beat(30, false))));
}

#[test]
fn overdue_jobs_stay_overdue_after_a_restart() {
    let stored = |failures| {
        let last = beat(100, false);
        HashMap::from([(key(), StoredBeat { last, failures })])
    };
    let restarted = |verdict| {
        let board = HeartbeatBoard::new(stored(None));
        let probe = every(60);
        resume(&board, &probe, before(900, verdict));
        since(&board, 1001)
    };
    assert_eq!(restarted(Verdict::Good), at(1000));
    assert_eq!(restarted(Verdict::Void(VoidReason::Listening)), at(1000));
    assert_eq!(restarted(Verdict::Bad(Cause::Silent)), at(100));
    // A good outcome after a failure may be from an attempt that did not include it.
    let failures = Failures::new(&beat(90, true), None);
    let board = HeartbeatBoard::new(stored(Some(failures.clone())));
    let probe = every(60);
    resume(&board, &probe, before(95, Verdict::Good));
    assert_eq!(board.look(&key(), at(1001)).failures, Some(failures));
}

#[test]
fn a_report_from_the_future_counts_as_one_of_now() {
    // The clock was ahead, and set back before slod was started again.
    let last = beat(5000, false);
    let failures = None;
    let board = HeartbeatBoard::new(HashMap::from([(key(), StoredBeat { last, failures })]));
    let probe = every(60);
    resume(&board, &probe, before(4990, Verdict::Good));
    let verdict = |second| probe.judge(&board.look(&key(), at(second))).verdict;
    assert_eq!([1001, 1061].map(verdict), [Verdict::Good; 2]);
    assert_eq!(verdict(1062), Verdict::Bad(Cause::Silent));
}

#[test]
fn jobs_that_never_reported_are_silent_since_their_first_outcome() {
    let board = HeartbeatBoard::new(HashMap::new());
    let probe = every(60);
    let silent = Verdict::Bad(Cause::Silent);
    resume(&board, &probe, before(900, silent));
    let outcome = probe.judge(&board.look(&key(), at(1001)));
    assert_eq!(outcome.verdict, silent);
    assert_eq!(outcome.latency, Duration::from_secs(1001 - 50));
}

#[test]
fn failures_are_stored_until_their_outcome_is_on_disk() {
    let board = HeartbeatBoard::new(HashMap::new());
    accept(&board, 0, &every(60));
    board.look(&key(), at(5));
    assert_eq!(board.judged(&key(), at(100)), None, "none was handed out");
    take(&board, beat(6, true));
    board.look(&key(), at(7));
    assert_eq!(board.judged(&key(), at(16)), None);
    assert_eq!(board.judged(&key(), at(17)), Some(at(7)));
}

#[test]
fn an_identical_report_is_known_only_if_the_last_one_is_on_disk() {
    let board = HeartbeatBoard::new(HashMap::new());
    accept(&board, 0, &every(60));
    let report = |ms: i64, failed| Beat {
        at: Timestamp(ms),
        ..beat(0, failed)
    };
    let stored = |ms, failed| board.stored(&key(), &report(ms, failed));
    assert_eq!(stored(1000, false), None);
    board.take(&key(), report(1000, false), Some(Timestamp(1000)));
    assert_eq!(stored(1999, false), Some(Timestamp(1000)));
    assert_eq!(stored(1500, true), None, "another report");
    assert_eq!(stored(2000, false), None, "a second later");
    // The disk is full: the report only waits in memory.
    for failed in [true, false] {
        board.take(&key(), report(1500, failed), None);
        assert_eq!(stored(1600, failed), None);
    }
}

#[test]
fn failures_between_two_attempts_are_returned_once() {
    let board = HeartbeatBoard::new(HashMap::new());
    accept(&board, 0, &every(60));
    for (second, failed) in [(1, true), (2, true), (3, false)] {
        take(&board, beat(second, failed));
    }
    let state = board.look(&key(), at(10));
    assert_eq!(state.last, Some(beat(3, false)));
    let failures = state.failures.expect("two");
    assert_eq!(failures.words(), "the job reported 2 failures");
    assert_eq!(board.look(&key(), at(20)).failures, None);
}

fn maintenance(from: i64, to: i64, services: &[&str], slos: &[&str]) -> Correction {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Correction {
        id: "1".to_owned(),
        services: names(services),
        slos: names(slos),
        author: "ada".to_owned(),
        ..Correction::once(at(from), at(to), "upgrade")
    }
}

#[test]
fn reports_due_during_maintenance_are_not_expected() {
    let outcome = |correction: Correction, second: i64| {
        let board = HeartbeatBoard::new(HashMap::new());
        let all: Arc<[_]> = [correction].into();
        board.correct_by(move || all.clone());
        let probe = every(60);
        accept(&board, 0, &probe);
        take(&board, beat(100, false));
        let outcome = probe.judge(&board.look(&key(), at(second)));
        let words = outcome.detail.message.map(String::from);
        (outcome.verdict, words.unwrap_or_default())
    };
    let silent = Verdict::Bad(Cause::Silent);
    let listening = Verdict::Void(VoidReason::Listening);
    let all = || maintenance(150, 300, &[], &[]);
    assert_eq!(outcome(all(), 159).0, Verdict::Good);
    let (verdict, words) = outcome(all(), 200);
    assert_eq!(verdict, listening);
    assert!(
        words.ends_with("since the end of this maintenance"),
        "{words}"
    );
    let (verdict, words) = outcome(all(), 310);
    assert_eq!(verdict, listening);
    assert!(
        words.ends_with("since the end of a maintenance, 10s ago"),
        "{words}"
    );
    assert_eq!(outcome(all(), 361).0, silent);
    // Overdue before the maintenance, due after it, of another service, of one objective.
    assert_eq!(outcome(maintenance(161, 300, &[], &[]), 310).0, silent);
    assert_eq!(outcome(maintenance(110, 150, &[], &[]), 170).0, silent);
    assert_eq!(outcome(maintenance(150, 300, &["web"], &[]), 310).0, silent);
    assert_eq!(
        outcome(maintenance(150, 300, &[], &["fast"]), 310).0,
        silent
    );
}

#[test]
fn reports_are_not_expected_while_slod_is_suspended() {
    let probe = every(60);
    let board = HeartbeatBoard::new(HashMap::new());
    accept(&board, 0, &probe);
    let verdict = |second| probe.judge(&board.look(&key(), at(second))).verdict;
    let listen =
        |seconds: std::ops::Range<i64>| seconds.for_each(|second| board.listen(at(second)));
    let listening = Verdict::Void(VoidReason::Listening);
    let silent = Verdict::Bad(Cause::Silent);
    listen(0..101);
    take(&board, beat(100, false));
    assert_eq!(verdict(110), Verdict::Good);
    // Suspended for 200 s; the probe runs before anything else.
    listen(101..121);
    assert_eq!(verdict(320), listening);
    listen(320..400);
    assert_eq!(verdict(380), listening);
    assert_eq!(verdict(381), silent, "it had its time");
    // What was overdue before stays overdue.
    assert_eq!(verdict(700), silent);
    take(&board, beat(701, false));
    assert_eq!(verdict(702), Verdict::Good);
    // The clock is set back by an hour: the last report is not in the future, and the next one is missing.
    listen(4000..4001);
    take(&board, beat(4001, false));
    board.listen(at(401));
    assert_eq!(verdict(402), Verdict::Good);
    listen(402..480);
    assert_eq!(verdict(470), silent);
}

#[test]
fn a_break_excuses_one_report_and_not_two() {
    let probe = every(60);
    let stored = || StoredBeat {
        last: beat(100, false),
        failures: None,
    };
    let verdict = |waited, corrected: bool| {
        let board = HeartbeatBoard::new(HashMap::from([(key(), stored())]));
        let corrections = corrected.then(|| maintenance(150, 300, &[], &[]));
        let all: Arc<[_]> = corrections.into_iter().collect();
        board.correct_by(move || all.clone());
        let before = PreviousRun {
            waited: Duration::from_secs(waited),
            ..before(990, Verdict::Void(VoidReason::Listening))
        };
        resume(&board, &probe, before);
        probe.judge(&board.look(&key(), at(1010))).verdict
    };
    let listening = Verdict::Void(VoidReason::Listening);
    assert_eq!(verdict(110, false), listening);
    assert_eq!(verdict(111, false), Verdict::Bad(Cause::Silent));
    assert_eq!(verdict(111, true), listening);
    // Under another schedule than before, it is not meaningful.
    let board = HeartbeatBoard::new(HashMap::new());
    let (daily, hourly) = (every(86_400), every(3600));
    accept(&board, 0, &daily);
    take(&board, beat(100, false));
    accept(&board, 50_000, &hourly);
    let verdict = |second| hourly.judge(&board.look(&key(), at(second))).verdict;
    assert_eq!(verdict(50_001), listening);
    assert_eq!(verdict(53_601), Verdict::Bad(Cause::Silent));
}

#[test]
fn reports_are_not_expected_without_a_network() {
    let probe = every(60);
    let board = HeartbeatBoard::new(HashMap::new());
    accept(&board, 0, &probe);
    let outcome = |second| probe.judge(&board.look(&key(), at(second)));
    let verdict = |second| outcome(second).verdict;
    let listen =
        |seconds: std::ops::Range<i64>| seconds.for_each(|second| board.listen(at(second)));
    let follow = |lost_since: Option<i64>, now| board.follow_network(lost_since.map(at), at(now));
    let silent = Verdict::Bad(Cause::Silent);
    let listening = Verdict::Void(VoidReason::Listening);
    let ours = Verdict::Void(VoidReason::Network);
    listen(0..101);
    take(&board, beat(100, false));
    listen(101..170);
    assert_eq!(verdict(165), silent, "as far as is known then");
    // The control probes have detected it.
    follow(Some(150), 170);
    assert_eq!(verdict(171), ours);
    listen(172..300);
    follow(Some(150), 290);
    assert_eq!(verdict(300), ours);
    follow(None, 300);
    listen(300..311);
    assert_eq!(verdict(310), listening);
    let words = outcome(311).detail.message.expect("why");
    assert!(
        words.ends_with("since the return of slod's own network, 11s ago"),
        "{words}"
    );
    // Reports could be received for 50 s before the break, for 20 s after it, and from 400 s on: a break does not
    // excuse two reports.
    listen(311..321);
    follow(Some(320), 330);
    listen(330..400);
    follow(None, 400);
    listen(400..460);
    assert_eq!(verdict(450), listening);
    assert_eq!(verdict(451), silent);
    // What was overdue before stays overdue.
    follow(Some(452), 459);
    assert_eq!(verdict(460), silent);
    follow(None, 461);
    assert_eq!(verdict(462), silent);
}
