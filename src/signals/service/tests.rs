use super::*;
use crate::observe::{ProcessView, RoleValue, RoleView, ServiceMetrics};
use crate::roles::Role;

fn metrics(values: &[(Role, RoleValue)]) -> ServiceMetrics {
    let view = |(role, value): &(Role, RoleValue)| RoleView {
        role: *role,
        selector: "x".into(),
        library: None,
        series: 1,
        value: Some(value.clone()),
    };
    ServiceMetrics {
        at: Some(Timestamp(0)),
        roles: values.iter().map(view).collect(),
        requests_per_second: Some(20.0),
        ..ServiceMetrics::unknown("app".into())
    }
}

/// What is active after so many minutes of the same values, with the subjects.
fn active(minutes: i64, values: &dyn Fn(i64) -> Vec<(Role, RoleValue)>) -> Vec<&'static str> {
    let mut history = ServiceHistory::new("app".into());
    for step in 0..=minutes * 6 {
        let at = Timestamp::from_secs(step * 10);
        history.take_metrics(at, &MetricNumbers::of(&metrics(&values(step))));
    }
    let all = history
        .findings(None, &Settings::default(), Timestamp(0))
        .into_iter();
    all.filter(|one| one.presence == Presence::Active)
        .map(|one| one.kind.name)
        .collect()
}

fn pool(in_use: f64, waiting: f64) -> Vec<(Role, RoleValue)> {
    vec![
        (Role::DbPoolInUse, RoleValue::Gauge(in_use)),
        (Role::DbPoolMax, RoleValue::Gauge(10.0)),
        (Role::DbPoolWaiting, RoleValue::Gauge(waiting)),
    ]
}

#[test]
fn a_full_pool_is_reported_and_no_other_sign() {
    assert_eq!(active(6, &|_| pool(10.0, 0.0)), ["pool_exhausted"]);
    assert_eq!(active(6, &|_| pool(5.0, 3.0)), ["pool_exhausted"]);
    assert!(active(6, &|_| pool(8.0, 0.0)).is_empty());
    assert!(active(3, &|_| pool(10.0, 0.0)).is_empty(), "too early");
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

#[test]
fn what_is_sampled_or_configured_no_more_is_forgotten() {
    let text = "services:
  - { name: app, probes: [ { name: p, http: { url: 'http://127.0.0.1:1/' } } ], processes: [ { name: main, port: 1 } ] }
";
    let source = crate::diagnostic::Source {
        name: String::new(),
        text: text.to_owned(),
    };
    let kinds = crate::probe::KINDS;
    let loaded = crate::config::Config::load(&source, std::path::Path::new(""), &|_| None, kinds);
    let mut spec = loaded.config.expect("valid").services.remove(0);
    let restarted = || {
        let mut history = ServiceHistory::new("app".into());
        for minute in 0..8 {
            let process = ProcessView {
                name: "main".into(),
                restarts: u64::from(minute > 3),
                ..ProcessView::default()
            };
            let at = Timestamp::from_secs(minute * 60);
            history.take_process(&"main".into(), at, &ProcessNumbers::of(&process));
        }
        history
    };
    let active = |history: &mut ServiceHistory| {
        let all = history
            .findings(None, &Settings::default(), Timestamp(0))
            .into_iter();
        all.filter(|one| one.presence == Presence::Active).count()
    };
    let mut history = restarted();
    history.advance(Timestamp::from_secs(8 * 60), &spec);
    assert_eq!(active(&mut history), 1);
    history.advance(Timestamp::from_secs(60 * 60), &spec);
    assert_eq!(active(&mut history), 0, "nothing was sampled for an hour");
    let mut history = restarted();
    spec.processes.clear();
    history.advance(Timestamp::from_secs(8 * 60), &spec);
    assert_eq!(
        active(&mut history),
        0,
        "the process is not configured any more"
    );
}
