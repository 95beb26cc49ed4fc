//! Faults under a lower load than the service handled, and errors that make it look faster.

use super::*;

/// The latency in milliseconds and the number of failed requests of each second.
type Answers = (f64, u64);

/// Two minutes in which the rate rises from 10 to 200 per second.
fn rising(answers: impl Fn(u64, f64) -> Answers) -> RunRecord {
    let windows = (0..120).map(|second| {
        let rate = 10.0 + 190.0 * second as f64 / 120.0;
        let (latency, failed) = answers(second, rate);
        let count = rate as usize;
        window(
            second,
            0,
            rate,
            &vec![latency; count],
            failed.min(count as u64),
        )
    });
    run(ramp(10.0, 200.0, 120), windows.collect())
}

fn topics(run: &RunRecord) -> Vec<&'static str> {
    let all = statements(run, Some(limit(0.95))).into_iter();
    all.map(|one| one.topic).collect()
}

#[test]
fn an_outage_is_no_breaking_point_if_more_load_is_handled_later() {
    let failing = rising(|second, rate| {
        (
            50.0,
            if (40..65).contains(&second) {
                rate as u64
            } else {
                0
            },
        )
    });
    let found = statement(&failing, "breaking point");
    states(
        &found,
        Answer::Good,
        "no break up to 198 requests per second",
    );
    assert_eq!(found.level, None);
    states(
        &statement(&failing, "fault at a lower load"),
        Answer::Bad,
        "from 40 s to 70 s after the start, at 88 requests per second, 100% of the requests failed; the service handled 183 requests per second later, so the load alone was not the cause",
    );
    assert!(!topics(&failing).contains(&"bottleneck"));
    // A cold start.
    let slow = rising(|second, _| (if second < 25 { 900.0 } else { 50.0 }, 0));
    let found = statement(&slow, "breaking point");
    states(&found, Answer::Good, "no break up to…");
    states(
        &statement(&slow, "fault at a lower load"),
        Answer::Bad,
        "from 0 s to…",
    );
}

#[test]
fn a_break_after_an_outage_is_the_breaking_point() {
    let both = rising(|second, rate| match second {
        20..40 => (50.0, rate as u64),
        90.. => (900.0, 0),
        _ => (50.0, 0),
    });
    let found = statement(&both, "breaking point");
    states(
        &found,
        Answer::Bad,
        "broke between 151 and 167 requests per second, 90 s…",
    );
    states(
        &statement(&both, "fault at a lower load"),
        Answer::Bad,
        "from 20 s to 40 s…",
    );
}

#[test]
fn a_fault_that_about_the_same_load_causes_again_is_the_breaking_point() {
    // The load after the outage is not clearly higher.
    let late = rising(|second, _| {
        (
            if (90..110).contains(&second) {
                900.0
            } else {
                50.0
            },
            0,
        )
    });
    let found = statement(&late, "breaking point");
    states(
        &found,
        Answer::Bad,
        "broke between 151 and 167 requests per second, 90 s…",
    );
    assert!(!topics(&late).contains(&"fault at a lower load"));
    // A single good window is none.
    let bad = |second: u64| second >= 60 && !(100..110).contains(&second);
    let found = statement(
        &rising(|second, _| (if bad(second) { 900.0 } else { 50.0 }, 0)),
        "breaking point",
    );
    states(&found, Answer::Bad, "…60 s after the start…");
}

#[test]
fn a_rate_limit_that_resets_is_a_rate_limit() {
    let mut run = rising(|_, _| (50.0, 0));
    for window in run.windows.iter_mut().skip(40).take(25) {
        window.failed = vec![(Cause::RateLimited, window.good)];
        window.good = 0;
    }
    states(
        &statement(&run, "rate limit"),
        Answer::Bad,
        "rate-limited between 72 and 88…",
    );
    assert!(!topics(&run).contains(&"fault at a lower load"));
}

#[test]
fn two_bad_windows_with_a_good_one_between_them_are_no_break() {
    let is_bad = |second: u64| (40..50).contains(&second) || (60..70).contains(&second);
    let mut run = rising(|second, _| (if is_bad(second) { 900.0 } else { 50.0 }, 0));
    // In the meantime, the requests started late.
    for window in run.windows.iter_mut().skip(50).take(10) {
        window.lag = Duration::from_millis(30);
    }
    let found = statement(&run, "breaking point");
    assert_ne!(found.answer, Answer::Bad, "{}", found.evidence);
}

/// Errors that are answered at once lower all quantiles.
#[test]
fn fast_errors_break_a_service_that_looks_faster() {
    let run = rising(|_, rate| {
        if rate > 100.0 {
            (5.0, rate as u64 / 2)
        } else {
            (400.0, 0)
        }
    });
    let found = statement(&run, "breaking point");
    states(
        &found,
        Answer::Bad,
        "broke between 88 and 103 requests per second, 50 s…",
    );
}

#[test]
fn failures_after_a_spike_that_was_handled_are_no_breaking_point() {
    let scenario = Scenario {
        stages: [20.0, 100.0, 20.0].map(|level| stage(level, 60)).into(),
        ..ramp(0.0, 0.0, 1)
    };
    let windows = (0..180).map(|second| {
        let (number, level) = scenario.at(Duration::from_secs(second)).expect("inside");
        let failed = if second >= 120 { level as u64 } else { 0 };
        window(second, number, level, &vec![50.0; level as usize], failed)
    });
    let mut run = run(scenario.clone(), windows.collect());
    let found = statement(&run, "breaking point");
    states(
        &found,
        Answer::Good,
        "no break up to 100 requests per second",
    );
    let found = statement(&run, "fault at a lower load");
    states(
        &found,
        Answer::Bad,
        "from 120 s to 180 s after the start, at 20 requests per second, 100% of the requests failed; the service handled 100 requests per second before, so the load alone was not the cause",
    );
    assert_eq!(found.level, Some(20.0));
    let found = statement(&run, "recovery");
    states(&found, Answer::Bad, "did not recover…");
    // Nothing is known about the higher load.
    for window in run.windows.iter_mut().skip(60).take(60) {
        window.generator_cpu = Some(0.95);
    }
    let found = statement(&run, "breaking point");
    states(
        &found,
        Answer::Bad,
        "broke at 20 requests per second, 120 s after the start: 100% of the requests failed",
    );
}
