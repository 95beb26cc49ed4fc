//! Signs based on the service's own metrics.

use super::*;

#[test]
fn concurrent_users_are_load_as_well() {
    let load = LoadSpec {
        target: None,
        sequences: Vec::new(),
        data: None,
        cookies: false,
        users: None,
        peak_users: Some(100),
        rate: None,
        peak_rate: None,
        average: None,
        max: None,
        timeout: std::time::Duration::from_secs(10),
        redactions: Redactions::default(),
    };
    let mut history = ServiceHistory::new("app".into());
    for step in 0..=120 {
        let at = Timestamp::from_secs(step * 10);
        let connections = [(Role::ActiveConnections, RoleValue::Gauge(120.0))];
        history.take_metrics(at, &MetricNumbers::of(&metrics(&connections)));
        let process = ProcessView {
            cpu_usage: Some(0.75),
            ..ProcessView::default()
        };
        history.take_process(&"main".into(), at, &ProcessNumbers::of(&process));
    }
    let all = history.findings(Some(&load), &Settings::default(), Timestamp(0));
    let active: Vec<_> = all
        .iter()
        .filter(|one| one.presence == Presence::Active)
        .map(|one| one.kind.name)
        .collect();
    assert_eq!(active, ["load_high", "cpu_high_at_peak"]);
}

#[test]
fn a_full_pool_is_reported_and_no_other_sign() {
    assert_eq!(active(6, &|_| pool(10.0, 0.0)), ["pool_exhausted"]);
    assert_eq!(active(6, &|_| pool(5.0, 3.0)), ["pool_exhausted"]);
    assert!(active(6, &|_| pool(8.0, 0.0)).is_empty());
    assert!(active(3, &|_| pool(10.0, 0.0)).is_empty(), "too early");
}

#[test]
fn the_fullest_of_several_pools_is_named() {
    let mut history = ServiceHistory::new("app".into());
    let evidence = |history: &mut ServiceHistory| {
        let all = history.findings(None, &Settings::default(), Timestamp(0));
        let found = all
            .into_iter()
            .find(|one| one.kind.name == "pool_exhausted");
        found.expect("judged").evidence.to_string()
    };
    history.take_fullest_pool(Some(&"orders".into()));
    assert!(!evidence(&mut history).contains("orders"), "still unknown");
    for step in 0..=36 {
        let at = Timestamp::from_secs(step * 10);
        history.take_metrics(at, &MetricNumbers::of(&metrics(&pool(10.0, 0.0))));
    }
    assert_eq!(
        evidence(&mut history),
        "exhausted: all connections were in use in 5 of the last 5 minutes, requests waited for a connection in 0; the fullest pool is orders"
    );
}

#[test]
fn a_breaker_that_opens_often_is_reported() {
    let open = |share: i64| {
        move |step: i64| {
            let value = if step % 60 < share { 1.0 } else { 0.0 };
            vec![(Role::CircuitBreakerOpen, RoleValue::Gauge(value))]
        }
    };
    assert_eq!(active(10, &open(6)), ["breaker_open"]);
    assert!(active(10, &open(2)).is_empty());
    assert!(active(2, &open(60)).is_empty(), "too early");
    let trips = |step: i64| {
        let count = if step < 20 { 0.0 } else { 3.0 };
        vec![(Role::CircuitBreakerTrips, RoleValue::Counter(count))]
    };
    assert_eq!(active(8, &trips), ["breaker_open"]);
}

#[test]
fn events_in_a_gap_do_not_count_for_the_last_ten_minutes() {
    let mut history = ServiceHistory::new("app".into());
    let timeouts = |count| [(Role::ConnectionTimeouts, RoleValue::Counter(count))];
    for (second, count) in [(0, 0.0), (10, 1.0), (1810, 51.0), (1820, 52.0)] {
        let at = Timestamp::from_secs(second);
        history.take_metrics(at, &MetricNumbers::of(&metrics(&timeouts(count))));
    }
    let found = judged(&mut history, "connection_timeouts");
    assert_eq!(found.presence, Presence::Clear);
    assert_eq!(
        &*found.evidence,
        "1 connection timed out in the last 10 minutes"
    );
}

#[test]
fn requests_to_the_provider_are_not_counted_for_the_service() {
    let evidence = |has_other_probes: bool| {
        let mut history = ServiceHistory::new("app".into());
        for second in (0..600).step_by(10) {
            let attempt = |probe, is_llm| Attempt {
                probe,
                at: Timestamp::from_secs(second),
                verdict: Verdict::Bad(Cause::Status),
                latency: std::time::Duration::from_millis(100),
                is_llm,
            };
            let (ask, home): (Arc<str>, Arc<str>) = ("ask".into(), "home".into());
            let attempts = [attempt(&ask, true), attempt(&home, false)];
            let made = 1 + usize::from(has_other_probes);
            history.take_attempts(&attempts[..made], !has_other_probes);
        }
        judged(&mut history, "provider_failing")
            .evidence
            .to_string()
    };
    let failed = "60 of 60 requests to the provider failed in the last 10 minutes; ";
    assert_eq!(
        evidence(false),
        format!("{failed}the state of the service itself is unknown")
    );
    assert_eq!(
        evidence(true),
        format!("{failed}requests to the service fail, too")
    );
}

#[test]
fn requests_of_any_number_fail() {
    let mut history = ServiceHistory::new("app".into());
    for step in 0..60 {
        let (many, some) = (1e18 * f64::from(step), 10.0 * f64::from(step));
        let counters = [
            (Role::Requests, many),
            (Role::Errors, many),
            (Role::LlmRequests, some),
            (Role::LlmErrors, some),
        ];
        let counters = counters.map(|(role, count)| (role, RoleValue::Counter(count)));
        let at = Timestamp::from_secs(i64::from(step) * 10);
        history.take_metrics(at, &MetricNumbers::of(&metrics(&counters)));
    }
    let found = judged(&mut history, "provider_failing");
    let ends = "requests to the service fail, too";
    assert!(found.evidence.ends_with(ends), "{}", found.evidence);
}

#[test]
fn timeouts_and_restarts_are_counted_over_ten_minutes() {
    let timeouts = |step: i64| {
        let count = if step < 20 { 0.0 } else { 5.0 };
        vec![(Role::ConnectionTimeouts, RoleValue::Counter(count))]
    };
    assert_eq!(active(8, &timeouts), ["connection_timeouts"]);
    assert!(active(40, &timeouts).is_empty(), "long ago");
    let mut history = ServiceHistory::new("app".into());
    for minute in 0..8 {
        let process = ProcessView {
            service: "app".into(),
            name: "main".into(),
            restarts: u64::from(minute > 3),
            ..ProcessView::default()
        };
        let at = Timestamp::from_secs(minute * 60);
        history.take_process(&"main".into(), at, &ProcessNumbers::of(&process));
    }
    let all = history.findings(None, &Settings::default(), Timestamp(0));
    let active: Vec<_> = all
        .iter()
        .filter(|one| one.presence == Presence::Active)
        .map(|one| (one.kind.name, &*one.subject))
        .collect();
    assert_eq!(active, [("restarted", "main")]);
}
