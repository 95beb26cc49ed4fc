//! Windows in which the generator was the limit, and what can still be concluded.

use super::*;

/// Users from 10 to 210 in 600 s, with responses that are slow from a given second on and a generator that
/// is busy at given seconds.
fn stress(slow_from: u64, busy: impl Fn(u64) -> bool) -> RunRecord {
    let scenario = users(1, ramp(10.0, 210.0, 600));
    let windows = (0..600).map(|second| {
        let users = 10.0 + second as f64 / 3.0;
        let latency = if second >= slow_from { 900.0 } else { 50.0 };
        let rate = users / (1.0 + latency / 1000.0);
        LoadWindow {
            generator_cpu: Some(if busy(second) { 0.95 } else { 0.2 }),
            ..window(second, 0, users, &vec![latency; rate as usize], 0)
        }
    });
    let windows = windows.collect();
    run(scenario, windows)
}

fn topics(run: &RunRecord) -> Vec<&'static str> {
    let all = statements(run, None).into_iter();
    all.map(|one| one.topic).collect()
}

#[test]
fn a_break_before_the_generator_was_the_limit_counts() {
    let run = stress(300, |second| second >= 500);
    let found = statement(&run, "breaking point");
    states(
        &found,
        Answer::Bad,
        "broke between 110 and 113 users, 300 s…",
    );
    assert_eq!(
        statement(&run, "generator").evidence,
        "slod used up to 95% of its processors, more than 80% in 100 of 600 s: it was the limit, not the service"
    );
}

#[test]
fn slow_responses_while_the_generator_was_the_limit_are_not_a_break() {
    let run = stress(450, |second| second >= 450);
    let found = statement(&run, "breaking point");
    states(
        &found,
        Answer::Unknown,
        "no break up to 160 users; from there to 210, the generator was the limit",
    );
}

#[test]
fn a_briefly_busy_generator_is_not_the_limit() {
    let run = stress(999, |second| second % 40 == 7);
    assert!(!topics(&run).contains(&"generator"), "{:?}", topics(&run));
    let found = statement(&run, "breaking point");
    states(&found, Answer::Good, "no break up to 210 users");
    // The same for late starts.
    let mut late = run.clone();
    for window in &mut late.windows {
        window.generator_cpu = None;
        window.lag = Duration::from_millis(if window.start.as_secs() % 10 == 3 {
            30
        } else {
            1
        });
    }
    assert_eq!(
        statement(&late, "generator").evidence,
        "the generator ran more than 16 ms late in 60 of 600 s: the generator was the limit, not the service"
    );
}

/// 100 requests per second are planned, and 60 answered.
fn short(engine: &str, started: u64) -> RunRecord {
    let windows = (0..60).map(|second| LoadWindow {
        started,
        ..window(second, 0, 100.0, &[50.0; 60], 0)
    });
    RunRecord {
        engine: engine.to_owned(),
        ..run(ramp(99.0, 101.0, 60), windows.collect())
    }
}

#[test]
fn the_offered_rate_decides_who_fell_short() {
    for run in [short(SLOD, 100), short("k6", 60)] {
        let found = statement(&run, "breaking point");
        states(&found, Answer::Bad, "…600 of 1000 requests were answered");
    }
    // Users of Locust wait for their responses, and an engine may start too few.
    for run in [short(LOCUST, 60), short(SLOD, 60)] {
        let all = statements(&run, None);
        assert!(
            all.iter().all(|one| one.answer == Answer::Unknown),
            "{all:?}"
        );
        assert_eq!(
            all[0].evidence,
            format!(
                "{} offered 60.0/s of the planned 100.0/s in 60 of 60 s: the load was not as planned",
                run.engine
            )
        );
    }
}

/// Locust users that wait for slow responses start too few requests: more requests would not be faster.
#[test]
fn a_service_that_is_slow_under_less_than_the_planned_rate_has_broken() {
    let found = |latency: f64| {
        let mut run = short(LOCUST, 60);
        for second in &mut run.windows {
            *second = window(second.start.as_secs(), 0, 100.0, &[latency; 60], 0);
        }
        let mut all = statements(&run, Some(limit(0.95))).into_iter();
        all.find(|one| one.topic == "breaking point")
            .expect("judged")
    };
    let slow = found(900.0);
    states(
        &slow,
        Answer::Bad,
        "broke at 60 requests per second or before, 0 s after the start: p95…",
    );
    // Fast responses at a lower load than planned say nothing about the plan.
    assert_eq!(found(50.0).answer, Answer::Unknown);
}

/// A generator that is up to 131 ms late does not explain responses that take seconds.
#[test]
fn a_break_that_late_starts_cannot_explain_is_one() {
    let found = |latency: f64| {
        let mut run = short(SLOD, 100);
        for second in &mut run.windows {
            let number = second.start.as_secs();
            *second = LoadWindow {
                lag: Duration::from_millis(131),
                ..window(number, 0, 100.0, &[latency; 100], 0)
            };
        }
        let mut all = statements(&run, Some(limit(0.95))).into_iter();
        let found = all.find(|one| one.topic == "breaking point");
        found.expect("judged").answer
    };
    assert_eq!(found(2000.0), Answer::Bad);
    assert_eq!(found(700.0), Answer::Unknown);
    assert_eq!(found(50.0), Answer::Unknown);
}

/// A worker with another locustfile runs none of the users assigned to it.
#[test]
fn missing_users_mean_less_load_and_not_a_better_service() {
    let of = |active: fn(u64) -> f64| {
        let windows = (0..60).map(|second| LoadWindow {
            active: active(second),
            ..window(second, 0, 20.0, &[50.0; 20], 0)
        });
        let run = RunRecord {
            engine: LOCUST.to_owned(),
            ..run(ramp(20.0, 20.0, 60), windows.collect())
        };
        RunRecord {
            scenario: users(1, run.scenario.clone()),
            ..run
        }
    };
    let half = of(|_| 10.0);
    assert_eq!(
        statement(&half, "generator").evidence,
        "locust ran 10 of the planned 20 users in 60 of 60 s: the load was not as planned"
    );
    // Users begin and end within seconds.
    let all = of(|second| if second % 30 < 3 { 5.0 } else { 20.0 });
    assert!(!topics(&all).contains(&"generator"), "{:?}", topics(&all));
}

/// A run stopped after 60 s waits for the last responses; nothing is started meanwhile.
#[test]
fn a_run_that_was_stopped_did_not_fall_behind() {
    let windows = (0..100).map(|second| {
        let count = if second < 60 { 100 } else { 1 };
        LoadWindow {
            started: if second < 60 { 100 } else { 0 },
            ..window(second, 0, 100.0, &vec![50.0; count], 0)
        }
    });
    let mut run = run(ramp(99.0, 101.0, 600), windows.collect());
    let answer = |run: &RunRecord| statement(run, "breaking point").answer;
    run.ending = Ending::Interrupted;
    assert_eq!(answer(&run), Answer::Good);
    assert!(!topics(&run).contains(&"generator"));
}

#[test]
fn the_last_responses_after_the_plan_are_not_a_low_load() {
    let mut run = stress(300, |_| false);
    let knee = statement(&run, "knee").evidence;
    let drained = (600..620).map(|second| LoadWindow {
        active: 1.0,
        ..window(second, 0, 0.0, &[20_000.0], 0)
    });
    run.windows.extend(drained);
    assert_eq!(statement(&run, "knee").evidence, knee);
    assert_eq!(Usable::of(&run).loaded().count(), 600);
    assert_eq!(Usable::of(&run).fair().count(), 620);
}

/// One dropped start in 200 is not a break; one in 50 is.
#[test]
fn starts_dropped_because_of_waiting_requests_are_a_break() {
    let of = |dropped: fn(u64) -> u64| {
        let windows = (0..60).map(|second| LoadWindow {
            started: 100,
            dropped: if second >= 30 { dropped(second) } else { 0 },
            ..window(second, 0, 100.0, &[50.0; 100], 0)
        });
        let run = run(ramp(99.0, 101.0, 60), windows.collect());
        statement(&run, "breaking point")
    };
    assert_eq!(of(|second| second % 2).answer, Answer::Good);
    let found = of(|_| 2);
    states(&found, Answer::Bad, "…20 starts were dropped…");
}

#[test]
fn a_machine_without_ports_is_the_limit_and_says_so() {
    let mut run = stress(999, |_| false);
    run.lack = Some("no port is left".to_owned());
    for window in &mut run.windows[500..] {
        (window.dropped, window.lacking) = (7, 7);
    }
    assert_eq!(
        statement(&run, "generator").evidence,
        "700 starts were not made in 100 of 600 s, because the generator's machine lacked resources (first: no port is left): it was the limit, not the service"
    );
    // At a given rate, a service with too many requests in progress causes dropped starts; this is not the
    // case here.
    run.scenario = ramp(10.0, 210.0, 600);
    for window in &mut run.windows {
        window.due = (window.started + window.dropped) as f64;
    }
    let found = statement(&run, "breaking point");
    assert_ne!(found.answer, Answer::Bad, "{}", found.evidence);
    for window in &mut run.windows[500..] {
        window.lacking = 0;
    }
    let found = statement(&run, "breaking point");
    assert_eq!(found.answer, Answer::Bad, "{}", found.evidence);
}

/// What a stalled generator reads when it resumes has waited for the generator, not for the service.
#[test]
fn responses_just_after_late_starts_show_failures_but_not_latencies() {
    let mut run = stress(999, |_| false);
    run.windows.truncate(10);
    let (late, idle, after) = (3, 4, 5);
    run.windows[late].lag = Duration::from_secs(1);
    run.windows[idle] = window(4, 0, 10.0, &[], 0);
    run.windows[idle].started = 0;
    let usable = Usable::of(&run);
    let seconds = |windows: Vec<&LoadWindow>| -> Vec<usize> {
        let starts = windows.iter().map(|one| one.start.as_secs());
        starts
            .map(|second| usize::try_from(second).expect("small"))
            .collect()
    };
    let without = |out: &[usize]| (0..10).filter(|one| !out.contains(one)).collect::<Vec<_>>();
    assert_eq!(
        seconds(usable.timely().collect()),
        without(&[late, idle, after])
    );
    assert_eq!(
        seconds(usable.loaded().collect()),
        without(&[late, idle, after])
    );
    assert_eq!(seconds(usable.fair().collect()), without(&[late]));
}
