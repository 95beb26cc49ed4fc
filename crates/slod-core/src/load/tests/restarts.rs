//! Processes that end during a run.

use super::*;

/// A baseline with a sample of one process every five seconds.
fn sampled(family: &str, kind: SeriesKind, value: impl Fn(i64) -> f64) -> RunRecord {
    let scenario = builtin("baseline", 1.0).expect("built in");
    let windows = (0..300).map(|second| window(second, 0, 10.0, &[50.0; 10], 0));
    let labels = [("service", "rag"), ("process", "app")];
    let samples = (0..=60).map(|tick| Sample {
        at: Timestamp::from_secs(5 * tick),
        value: value(5 * tick),
    });
    RunRecord {
        observed: vec![ObservedSeries {
            key: SeriesKey::new(family, labels),
            kind,
            samples: samples.collect(),
        }],
        ..run(scenario, windows.collect())
    }
}

#[test]
fn restarts_and_ended_processes_are_named_with_their_times() {
    let restarts = |value: fn(i64) -> f64| {
        let run = sampled("slod_process_restarts_total", SeriesKind::Counter, value);
        let mut all = statements(&run, None).into_iter();
        all.find(|one| one.topic == "restarts")
            .map(|one| one.evidence)
    };
    assert_eq!(restarts(|_| 2.0), None);
    assert_eq!(
        restarts(|at| if at < 95 { 2.0 } else { 3.0 }).as_deref(),
        Some("app of rag restarted 95 s after the start (00:01:35 UTC)")
    );
    assert_eq!(
        restarts(|at| (at / 100) as f64).as_deref(),
        Some("app of rag restarted 3 times, first 100 s after the start (00:01:40 UTC)")
    );
    let count = |value: fn(i64) -> f64| {
        let run = sampled("slod_process_instances", SeriesKind::Gauge, value);
        let mut all = statements(&run, None).into_iter();
        all.find(|one| one.topic == "restarts")
            .map(|one| one.evidence)
    };
    assert_eq!(count(|at| if at == 50 { 0.0 } else { 1.0 }), None);
    assert_eq!(count(|_| 0.0), None, "never seen");
    assert_eq!(
        count(|at| if at < 200 { 4.0 } else { 0.0 }).as_deref(),
        Some(
            "app of rag ended 200 s after the start (00:03:20 UTC) and was not running at the end"
        )
    );
}

/// A process that is killed under load is the bottleneck.
#[test]
fn a_restart_just_before_a_break_is_its_cause() {
    let mut run = sampled("slod_process_restarts_total", SeriesKind::Counter, |at| {
        if at < 200 { 0.0 } else { 1.0 }
    });
    run.scenario = builtin("stress", 1.0).expect("built in");
    run.scenario.stretch(Duration::from_mins(5));
    run.windows = (0..300)
        .map(|second| {
            let users = 10.0 + 190.0 * second as f64 / 300.0;
            let failed = if second < 198 { 0 } else { 8 };
            window(second, 0, users, &[50.0; 10], failed)
        })
        .collect();
    let found = statement(&run, "bottleneck");
    assert_eq!(found.answer, Answer::Bad, "{}", found.evidence);
    assert!(
        found
            .evidence
            .starts_with("the processes of app of rag had a restart"),
        "{}",
        found.evidence
    );
}
