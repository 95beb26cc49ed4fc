//! Services with too few requests for windows of ten seconds.

use super::*;

/// Ten minutes in which the rate rises from 0.3 to 3 per second, with a latency in milliseconds and a
/// failed share for each second.
fn slow_ramp(latency: impl Fn(u64) -> f64, failing: impl Fn(u64) -> bool) -> RunRecord {
    let scenario = ramp(0.3, 3.0, 600);
    let mut due = 0.0;
    let windows = (0..600).map(|second| {
        let rate = 0.3 + 2.7 * second as f64 / 600.0;
        let before = due as u64;
        due += rate;
        let count = (due as u64 - before) as usize;
        let failed = if failing(second) { count as u64 } else { 0 };
        window(second, 0, rate, &vec![latency(second); count], failed)
    });
    let windows = windows.collect();
    run(scenario, windows)
}

fn breaking(run: &RunRecord, quantile: f64) -> Statement {
    let all = statements(run, Some(limit(quantile))).into_iter();
    let mut points = all.filter(|one| one.topic == "breaking point");
    points.next().expect("stated")
}

#[test]
fn windows_are_as_wide_as_the_quantile_needs() {
    let slows_down = |second| if second >= 300 { 900.0 } else { 100.0 };
    let found = breaking(&slow_ramp(slows_down, |_| false), 0.95);
    assert_eq!(found.answer, Answer::Bad, "{}", found.evidence);
    assert!(
        found.evidence.starts_with("broke between 1.6 and ")
            && found
                .evidence
                .ends_with("p95 was at least 901 ms, above 500 ms"),
        "{}",
        found.evidence
    );
    let found = breaking(&slow_ramp(|_| 100.0, |_| false), 0.95);
    states(&found, Answer::Good, "no break up to 3 requests per second");
}

#[test]
fn failures_not_visible_in_narrow_windows_are_found_in_wide_ones() {
    let found = breaking(
        &slow_ramp(|_| 100.0, |second| second > 300 && second % 8 == 0),
        0.95,
    );
    states(&found, Answer::Bad, "…of the requests failed");
}

#[test]
fn too_few_requests_for_the_quantile_are_unknown() {
    let mut run = slow_ramp(|_| 100.0, |_| false);
    run.windows.truncate(250);
    let found = breaking(&run, 0.99);
    states(
        &found,
        Answer::Unknown,
        "too few requests to judge p99: 299 in windows of one stage are required, and the run had 215; use longer stages or a higher load",
    );
    assert_eq!(breaking(&run, 0.95).answer, Answer::Good);
}

/// The first stage has enough requests, but the last and highest one does not.
#[test]
fn a_stage_with_too_few_requests_is_not_judged_by_another_one() {
    let scenario = Scenario {
        stages: vec![stage(1.0, 400), stage(5.0, 40)],
        ..ramp(0.0, 0.0, 1)
    };
    let windows = (0..440).map(|second| {
        let (stage, rate) = scenario.at(Duration::from_secs(second)).expect("inside");
        window(second, stage, rate, &vec![100.0; rate as usize], 0)
    });
    let run = run(scenario.clone(), windows.collect());
    let found = breaking(&run, 0.99);
    states(
        &found,
        Answer::Unknown,
        "no break up to 1 requests per second; from there to 5, too few requests…",
    );
}

#[test]
fn a_bad_last_window_is_inconclusive() {
    let slows_down = |second: u64| if second >= 195 { 900.0 } else { 100.0 };
    let windows = (0..204).map(|second| {
        let rate = 50.0 + second as f64;
        window(second, 0, rate, &vec![slows_down(second); rate as usize], 0)
    });
    let run = run(ramp(50.0, 254.0, 204), windows.collect());
    let found = breaking(&run, 0.95);
    assert_eq!(found.answer, Answer::Unknown, "{}", found.evidence);
    assert_eq!(
        found.evidence,
        "no break up to the last 10 s, at 249 requests per second, in which p95 was at least 901 ms, above 500 ms: hold the highest load for longer to see whether it lasts"
    );
}

#[test]
fn without_a_latency_objective_errors_alone_decide() {
    let windows = (0..100).map(|second| window(second, 0, 10.0 + second as f64, &[20.0; 50], 0));
    let scenario = users(0, ramp(10.0, 110.0, 100));
    let all = statements(&run(scenario, windows.collect()), None);
    assert_eq!(
        all[0].evidence,
        "no break up to 109 users, judged by errors only: the service has no latency objective"
    );
}

#[test]
fn a_service_that_only_fails_has_no_knee() {
    let scenario = users(1, ramp(5.0, 40.0, 60));
    let windows = (0..60).map(|second| window(second, 0, 5.0 + second as f64, &[1.0; 50], 50));
    let found = statement(&run(scenario, windows.collect()), "knee");
    states(&found, Answer::Unknown, "needs successful responses…");
}

/// Six windows of a ramp with throughput growing to the end.
#[test]
fn a_short_ramp_has_no_knee_where_throughput_still_grows() {
    let scenario = users(1, ramp(5.0, 40.0, 60));
    let windows = (0..60).map(|second| {
        let users = 5.0 + 35.0 * second as f64 / 60.0;
        window(second, 0, users, &vec![50.0; (users / 1.05) as usize], 0)
    });
    let found = statement(&run(scenario.clone(), windows.collect()), "knee");
    says(&found.evidence, "no knee up to …");
}

fn without_success(windows: Vec<LoadWindow>, ending: Ending) -> Option<Statement> {
    let run = RunRecord {
        ending,
        examples: vec![(Cause::Status, "status 500".to_owned())],
        ..run(builtin("baseline", 0.0).expect("built in"), windows)
    };
    let all = statements(&run, None).into_iter();
    all.into_iter().find(|one| one.topic == REQUESTS)
}

#[test]
fn a_run_without_a_success_is_bad() {
    let failing = |second| window(second, 0, 10.0, &[10.0; 3], 3);
    let found = without_success(vec![failing(0), failing(1)], Ending::Completed).expect("stated");
    let evidence = "no request succeeded: all 6 failed; cause: status (first: status 500)";
    states(&found, Answer::Bad, evidence);

    let mut mixed = failing(1);
    mixed.failed = vec![(Cause::Refused, 2), (Cause::Status, 1)];
    let found = without_success(vec![mixed, failing(2)], Ending::Completed).expect("stated");
    let evidence =
        "no request succeeded: all 6 failed; most frequent cause: status (first: status 500)";
    assert_eq!(found.evidence, evidence);

    let one_good = window(1, 0, 10.0, &[10.0; 3], 2);
    assert_eq!(
        without_success(vec![failing(0), one_good], Ending::Completed),
        None
    );
}

#[test]
fn a_run_that_measured_nothing_is_bad_unless_it_was_interrupted() {
    let answer =
        |ending| without_success(vec![window(0, 0, 10.0, &[], 0)], ending).map(|one| one.answer);
    assert_eq!(answer(Ending::Completed), Some(Answer::Bad));
    assert_eq!(answer(Ending::Interrupted), Some(Answer::Unknown));
}

#[test]
fn failures_while_the_generator_was_the_limit_do_not_count() {
    let mut failing = window(0, 0, 10.0, &[10.0; 3], 3);
    failing.lag = Duration::from_secs(1);
    let found = without_success(vec![failing], Ending::Completed).expect("stated");
    assert_eq!(found.answer, Answer::Unknown, "{}", found.evidence);
}

/// It takes a long run to rule out a slowdown, but not to show one.
#[test]
fn a_slowdown_under_a_short_constant_load_is_found() {
    let topics = |name: &str, later: f64| {
        let mut scenario = builtin(name, 1.0).expect("built in");
        scenario.stretch(Duration::from_mins(5));
        let windows = (0..300).map(|second| {
            let latency = 50.0 + later * second as f64 / 300.0;
            window(second, 0, 10.0, &[latency; 10], 0)
        });
        let run = run(scenario, windows.collect());
        let all = statements(&run, None).into_iter();
        let all = all.map(|one| (one.topic, one.answer));
        all.filter(|(topic, _)| ["degradation", SOAK].contains(topic))
            .collect::<Vec<_>>()
    };
    let slower = ("degradation", Answer::Bad);
    assert_eq!(topics("baseline", 100.0), [slower]);
    assert_eq!(topics("baseline", 0.0), []);
    assert_eq!(topics("soak", 100.0), [slower, (SOAK, Answer::Unknown)]);
}
