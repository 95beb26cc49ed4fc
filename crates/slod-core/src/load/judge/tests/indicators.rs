use super::*;
use crate::load::{Indicators, indicators};
use Answer::{Bad, Good, Unknown};

const FIVE_MINUTES: (u64, u64) = (5, 300);

/// The built-in baseline with 40 requests per second.
fn baseline(observed: Vec<ObservedSeries>, failed: impl Fn(u64) -> u64) -> Indicators {
    let scenario = builtin("baseline", 1.0).expect("built in");
    let windows = (0..300).map(|second| {
        let wobble = 1.0 + (second * 7919 % 101) as f64 / 1000.0;
        window(second, 0, 10.0, &vec![50.0 * wobble; 40], failed(second))
    });
    let windows = windows.collect();
    indicators(&RunRecord {
        requests: Vec::new(),
        observed,
        ..run(scenario, windows)
    })
}

fn answers(list: &[Statement]) -> Vec<Answer> {
    list.iter().map(|one| one.answer).collect()
}

fn service(name: &str, value: f64) -> ObservedSeries {
    gauge(
        &format!(r#"slod_service_{name}{{service="rag"}}"#),
        FIVE_MINUTES,
        move |_| value,
    )
}

fn host(value: f64) -> ObservedSeries {
    gauge("slod_host_cpu_usage_ratio", FIVE_MINUTES, move |_| value)
}

#[test]
fn the_rows_are_those_of_the_checklist() {
    let found = baseline(Vec::new(), |_| 0);
    let topics = |list: &[Statement]| list.iter().map(|one| one.topic).collect::<Vec<_>>();
    assert_eq!(
        topics(&found.healthy),
        [
            "Response times stay consistent under load",
            "Error rate remains below 0.1%",
            "CPU usage < 70% at peak",
            "Memory usage stable (no growth)",
            "Database connections properly pooled",
            "No connection timeouts",
        ]
    );
    assert_eq!(
        topics(&found.warnings),
        [
            "Response times increasing over time",
            "Error rate climbing",
            "Memory usage growing",
            "Database connection pool exhausted",
            "High CPU usage (> 80%)",
            "Circuit breakers frequently open",
        ]
    );
    assert_eq!(
        answers(&found.healthy),
        [Good, Good, Unknown, Unknown, Unknown, Good]
    );
    assert_eq!(
        answers(&found.warnings),
        [Good, Good, Unknown, Unknown, Unknown, Unknown]
    );
}

#[test]
fn a_last_window_with_time_after_the_plan_is_no_lower_load() {
    let scenario = builtin("baseline", 1.0).expect("built in");
    let windows = (0..301).map(|second| {
        let wobble = 1.0 + (second * 7919 % 101) as f64 / 1000.0;
        let due = if second < 300 { 10.0 } else { 5.0 };
        window(second, 0, due, &vec![50.0 * wobble; 40], 0)
    });
    let found = indicators(&run(scenario, windows.collect()));
    let consistent = &found.healthy[0];
    assert_eq!(consistent.answer, Good, "{consistent:?}");
    assert!(consistent.evidence.starts_with("p95 did not rise"));
}

#[test]
fn a_healthy_run_has_every_indicator_that_five_minutes_can_show() {
    let found = baseline(
        vec![
            host(0.41),
            service("db_pool_in_use", 4.0),
            service("db_pool_max", 20.0),
            service("circuit_breaker_open", 0.0),
        ],
        |_| 0,
    );
    // Detecting memory growth takes longer.
    assert_eq!(
        answers(&found.healthy),
        [Good, Good, Good, Unknown, Good, Good],
        "{found:#?}"
    );
    assert_eq!(
        answers(&found.warnings),
        [Good, Good, Unknown, Good, Good, Good],
        "{found:#?}"
    );
    assert!(found.warnings.iter().all(|one| one.advice.is_none()));
}

#[test]
fn each_threshold_of_the_checklist_decides() {
    let healthy = |at: usize, found: Indicators| found.healthy[at].answer;
    let warning = |at: usize, found: Indicators| found.warnings[at].answer;
    let good = |observed| baseline(observed, |_| 0);
    for (cpu, is_healthy, is_fine) in [
        (0.69, Good, Good),
        (0.71, Bad, Good),
        (0.79, Bad, Good),
        (0.81, Bad, Bad),
    ] {
        assert_eq!(healthy(2, good(vec![host(cpu)])), is_healthy, "{cpu}");
        assert_eq!(warning(4, good(vec![host(cpu)])), is_fine, "{cpu}");
    }
    // 12,000 requests: 11 failures are below 0.1%, 30 are clearly above.
    let failing =
        |count: u64| move |second: u64| u64::from(second % 10 == 5 && second / 10 < count);
    assert_eq!(healthy(1, baseline(Vec::new(), failing(11))), Good);
    assert_eq!(healthy(1, baseline(Vec::new(), failing(30))), Bad);
    assert_eq!(
        healthy(
            1,
            baseline(Vec::new(), |second| if second == 100 { 20 } else { 0 })
        ),
        Bad
    );
    // One failure in ten minutes of a slow service: its window of 10 s has 50 requests.
    let slow = (0..3600).map(|second| {
        let failed = u64::from(second % 600 == 5);
        window(second, 0, 10.0, &[50.0; 5], failed)
    });
    let scenario = builtin("baseline", 1.0).expect("built in");
    let slow = indicators(&run(scenario, slow.collect()));
    assert_eq!(healthy(1, slow), Good);
    let full = || vec![service("db_pool_usage_ratio", 1.0)];
    assert_eq!(healthy(4, good(full())), Bad);
    assert_eq!(warning(3, good(full())), Bad);
    assert_eq!(
        warning(5, good(vec![service("circuit_breaker_open", 1.0)])),
        Bad
    );
    let trips = |each: f64| {
        let key = r#"slod_service_circuit_breaker_trips_total{service="rag"}"#;
        vec![counter(key, FIVE_MINUTES, move |second| {
            (second / each).floor()
        })]
    };
    assert_eq!(warning(5, good(trips(60.0))), Bad);
    assert_eq!(warning(5, good(trips(200.0))), Good);
    let mut late = trips(60.0);
    late[0]
        .samples
        .retain(|one| one.at >= Timestamp(235_000) && one.at <= Timestamp(250_000));
    assert_eq!(
        warning(5, good(late)),
        Good,
        "a counter that is known for 15 s only rose once"
    );
    let key = r#"slod_service_connection_timeouts_total{service="rag"}"#;
    let timeouts = vec![counter(key, FIVE_MINUTES, |second| {
        f64::from(second > 200.0)
    })];
    assert_eq!(healthy(5, good(timeouts)), Bad);
}

#[test]
fn errors_that_are_not_counted_are_unknown() {
    let scenario = builtin("baseline", 1.0).expect("built in");
    let windows = (0..300).map(|second| LoadWindow {
        good: 0,
        unjudged: 40,
        ..window(second, 0, 10.0, &[50.0; 40], 0)
    });
    let found = indicators(&run(scenario, windows.collect()));
    let of = |list: &[Statement], topic: &str| {
        let row = list.iter().find(|one| one.topic == topic).expect(topic);
        (row.answer, row.evidence.clone())
    };
    let reason = "the metrics of the service do not count errors".to_owned();
    let expected = (Unknown, reason);
    assert_eq!(
        of(&found.healthy, "Error rate remains below 0.1%"),
        expected
    );
    assert_eq!(of(&found.warnings, "Error rate climbing"), expected);
}

/// The verdict and both lists agree about a processor that was observed once.
#[test]
fn one_sample_of_the_processor_is_unknown_everywhere() {
    let key = "slod_host_cpu_usage_ratio";
    let found = baseline(vec![gauge(key, (600, 300), |_| 1.0)], |_| 0);
    let (peak, high) = (&found.healthy[2], &found.warnings[4]);
    assert_eq!((peak.answer, high.answer), (Unknown, Unknown), "{found:#?}");
    says(&peak.evidence, "…in one sample…");
    let service = r#"slod_container_cpu_usage_max_ratio{service="rag"}"#;
    let both = baseline(
        vec![host(0.4), gauge(service, FIVE_MINUTES, |_| 0.6)],
        |_| 0,
    );
    let peak = &both.healthy[2];
    says(&peak.evidence, "…60% of its limit…");
}
