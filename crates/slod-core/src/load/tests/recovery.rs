//! Recovery of services with occasional failures at any load, and of those with few requests.

use super::*;

/// Normal load, spike and normal load for 100 s each, with the failures of each second.
fn spike(rate: f64, failed: impl Fn(u64) -> u64, latency: impl Fn(u64) -> f64) -> Statement {
    let scenario = Scenario {
        stages: [10.0, 100.0, 10.0].map(|level| stage(level, 100)).into(),
        ..users(1, ramp(0.0, 0.0, 1))
    };
    let mut due = 0.0;
    let windows = (0..300).map(|second| {
        let (number, level) = scenario.at(Duration::from_secs(second)).expect("inside");
        let before = due as u64;
        due += rate * level / 10.0;
        let latencies = vec![latency(second); (due as u64 - before) as usize];
        let failed = failed(second).min(latencies.len() as u64);
        window(second, number, level, &latencies, failed)
    });
    let windows = windows.collect();
    statement(&run(scenario.clone(), windows), "recovery")
}

fn even(_: u64) -> f64 {
    50.0
}

#[test]
fn errors_from_before_the_spike_do_not_prevent_a_recovery() {
    // One in 200 requests, all the time.
    let found = spike(40.0, |second| u64::from(second % 5 == 2), even);
    states(&found, Answer::Good, "…% errors, as before…");
    // In bursts of ten, before and after.
    let found = spike(40.0, |second| if second % 20 == 3 { 10 } else { 0 }, even);
    assert_eq!(found.answer, Answer::Good, "{}", found.evidence);
}

#[test]
fn more_errors_than_before_the_spike_prevent_a_recovery() {
    let failed = |second| u64::from(second % 5 == 2) + if second > 100 { 3 } else { 0 };
    let found = spike(40.0, failed, even);
    states(
        &found,
        Answer::Bad,
        "did not recover in 100 s after the spike: 8% of the requests failed, and at most 0.88% before the spike",
    );
    let found = spike(
        40.0,
        |_| 0,
        |second| if second > 100 { 300.0 } else { 50.0 },
    );
    states(
        &found,
        Answer::Bad,
        "did not recover in 100 s after the spike: p95 stayed above 55 ms, the highest before the spike",
    );
}

#[test]
fn too_few_requests_after_the_spike_are_unknown() {
    let found = spike(1.0, |_| 0, even);
    states(&found, Answer::Unknown, "…3 windows of 80 s are required…");
}

#[test]
fn a_relapse_after_the_recovery_is_reported() {
    let slow_from_to = |from: u64, to: u64| {
        let slow = move |second| (from..to).contains(&second);
        spike(
            40.0,
            |_| 0,
            move |second| if slow(second) { 300.0 } else { 50.0 },
        )
    };
    let found = slow_from_to(250, 280);
    states(
        &found,
        Answer::Bad,
        "recovered within 5 s after the spike, but relapsed from 50 s after it to 80 s: p95 stayed above 55 ms, the highest before the spike",
    );
    let found = slow_from_to(260, 300);
    says(&found.evidence, "…from 60 s after it to the end: p95…");
    // Neither one slow window nor failures one at a time are a relapse.
    assert_eq!(slow_from_to(250, 255).answer, Answer::Good);
    let found = spike(40.0, |second| if second == 260 { 20 } else { 0 }, even);
    assert_eq!(found.answer, Answer::Good, "{}", found.evidence);
    let found = spike(40.0, |second| if second >= 260 { 20 } else { 0 }, even);
    states(&found, Answer::Bad, "…relapsed from 60 s…");
}

/// An occasional pause of the machine, before and after the spike, does not prevent a recovery.
#[test]
fn an_occasional_slow_second_is_as_before() {
    // In some windows, an eighth of the requests is slow; before the spike, fewer windows have such a
    // second.
    let slow = |second: u64| second == 33 || second >= 200 && second % 20 == 3;
    let latency = move |second| if slow(second) { 75.0 } else { 50.0 };
    let found = spike(10.0, |_| 0, latency);
    assert_ne!(found.answer, Answer::Bad, "{}", found.evidence);
    // A service that is slow all the time has not recovered.
    let found = spike(10.0, |_| 0, |second| if second > 150 { 75.0 } else { 50.0 });
    assert_eq!(found.answer, Answer::Bad, "{}", found.evidence);
    // The last responses together decide, not a single window among them.
    let last = |second| if second >= 290 { 75.0 } else { 50.0 };
    assert_eq!(spike(10.0, |_| 0, last).answer, Answer::Good);
}
