mod documented;
mod metrics;
mod processes;

use super::*;
use crate::config::LoadSpec;
use crate::observe::{ContainerView, ProcessView, RoleValue, RoleView, ScrapeView, ServiceMetrics};
use crate::outcome::{Cause, Verdict};
use crate::roles::Role;
use crate::signal::{Presence, Settings};
use crate::signals::usual::{EarlierLevels, ProcessLevels};
use crate::yaml::Redactions;

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

/// The active signs after this many minutes with the same values, with their subjects.
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

/// A service that is probed every ten seconds, with the latency in seconds and verdict of each
/// attempt.
fn probed(seconds: i64, attempt: impl Fn(i64) -> (f64, Verdict)) -> ServiceHistory {
    let mut history = ServiceHistory::new("app".into());
    let probe: Arc<str> = "home".into();
    for second in (0..=seconds).step_by(10) {
        let at = Timestamp::from_secs(second);
        let (latency, verdict) = attempt(second);
        let attempt = Attempt {
            probe: &probe,
            at,
            verdict,
            latency: std::time::Duration::from_secs_f64(latency),
            is_llm: false,
        };
        history.take_attempts(&[attempt, attempt], false);
        history.probes.advance(at);
        if second % 300 == 0 && second > 3600 {
            history.judge_trends(&Settings::default());
        }
    }
    history
}

fn pool(in_use: f64, waiting: f64) -> Vec<(Role, RoleValue)> {
    vec![
        (Role::DbPoolInUse, RoleValue::Gauge(in_use)),
        (Role::DbPoolMax, RoleValue::Gauge(10.0)),
        (Role::DbPoolWaiting, RoleValue::Gauge(waiting)),
    ]
}

fn judged(history: &mut ServiceHistory, name: &str) -> Finding {
    let all = history.findings(None, &Settings::default(), Timestamp(0));
    let mut all = all.into_iter();
    all.find(|one| one.kind.name == name).expect("looked for")
}

#[test]
fn a_service_without_metrics_is_judged_by_its_probes() {
    let noise = |second: i64| 1.0 + (second / 10 * 7919 % 101) as f64 / 3000.0;
    let rises = |second: i64| {
        let latency = 0.2 * (1.0 + second as f64 / 10_000.0) * noise(second);
        (latency, Verdict::Good)
    };
    let rise = judged(&mut probed(12_000, rises), "latency_rising");
    assert_eq!(rise.presence, Presence::Active, "{}", rise.evidence);
    assert!(
        rise.evidence
            .starts_with("according to its probes, p95 rose")
    );
    let fails = |second: i64| {
        let is_bad = second > 5000 && second / 10 % 20 < (second - 5000) / 600;
        let cause = Verdict::Bad(Cause::Status);
        (0.2, if is_bad { cause } else { Verdict::Good })
    };
    let climb = judged(&mut probed(12_000, fails), "errors_climbing");
    assert_eq!(climb.presence, Presence::Active, "{}", climb.evidence);
    assert!(
        climb
            .evidence
            .starts_with("according to its probes, the error rate climbed")
    );
    let steady = judged(
        &mut probed(12_000, |_| (0.2, Verdict::Good)),
        "latency_rising",
    );
    assert_eq!(steady.presence, Presence::Clear, "{}", steady.evidence);
}

#[test]
fn findings_and_indicators_of_a_new_service_say_what_is_missing() {
    let mut history = probed(60, |_| (0.2, Verdict::Good));
    let rise = judged(&mut history, "latency_rising");
    assert_eq!(rise.presence, Presence::Unknown);
    assert_eq!(
        &*rise.evidence,
        "according to its probes, p95 is known for 0 of the 20 5-minute windows required for a trend"
    );
    let findings = history.findings(None, &Settings::default(), Timestamp(0));
    let rows: Vec<String> = history
        .indicators(&findings)
        .into_iter()
        .map(|one| format!("{}: {:?}: {}", one.kind.name, one.holds, one.evidence))
        .collect();
    let expected = [
        "response_times: None: according to its probes, p95 is known for 0 of the 20 5-minute windows required for a trend",
        "error_rate: None: according to its probes, 7 of the required 10 requests are known",
        "cpu_at_peak: None: `processes` is not configured for the service, or none was seen yet",
        "memory_stable: None: `processes` is not configured for the service, or none was seen yet",
        "pooled: None: `metrics` is not configured for the service, or was not read yet",
        "no_timeouts: Some(true): according to its probes, 0 timeouts in the last 1 minute",
    ];
    assert_eq!(rows, expected);
}

#[test]
fn indicators_check_the_numbers() {
    let timed_out = |second: i64| {
        let is_bad = second == 1000;
        let cause = Verdict::Bad(Cause::Timeout);
        (0.2, if is_bad { cause } else { Verdict::Good })
    };
    let mut history = probed(1800, timed_out);
    let mut own = Vec::new();
    for step in 0..=180 {
        let at = Timestamp::from_secs(step * 10);
        let process = ProcessView {
            cpu_usage: Some(if (600..960).contains(&(step * 10)) {
                0.75
            } else {
                0.1
            }),
            ..ProcessView::default()
        };
        history.take_process(&"main".into(), at, &ProcessNumbers::of(&process));
        own.push((at, metrics(&pool(8.0, 0.0))));
    }
    for (at, metrics) in own {
        history.take_metrics(at, &MetricNumbers::of(&metrics));
    }
    let findings = history.findings(None, &Settings::default(), Timestamp(0));
    let found: BTreeMap<&str, (Option<bool>, String)> = history
        .indicators(&findings)
        .into_iter()
        .map(|one| (one.kind.name, (one.holds, one.evidence.to_string())))
        .collect();
    let (holds, evidence) = &found["error_rate"];
    assert_eq!(*holds, Some(false));
    assert_eq!(
        evidence,
        "according to its probes, 1 of 181 requests failed in the last hour: 0.55%"
    );
    assert_eq!(found["no_timeouts"].0, Some(false));
    let (holds, evidence) = &found["cpu_at_peak"];
    assert_eq!(*holds, Some(false), "{evidence}");
    assert!(
        evidence.contains("was 75% in the busiest 5 minutes"),
        "{evidence}"
    );
    let (holds, evidence) = &found["pooled"];
    assert_eq!(*holds, Some(true));
    assert_eq!(
        evidence,
        "at most 80% of the pool was in use, and at most 0 requests waited in the 30 minutes with data in the last hour"
    );
}

/// When a pool is exhausted, the metrics page often fails too.
#[test]
fn unreadable_metrics_are_ignored_and_the_probes_decide() {
    let timed_out = |second: i64| {
        let is_bad = second >= 900;
        let cause = Verdict::Bad(Cause::Timeout);
        (0.2, if is_bad { cause } else { Verdict::Good })
    };
    let mut history = probed(1200, timed_out);
    let shown = |history: &mut ServiceHistory| -> BTreeMap<&str, (Option<bool>, String)> {
        let findings = history.findings(None, &Settings::default(), Timestamp(0));
        let all = history.indicators(&findings).into_iter();
        all.map(|one| (one.kind.name, (one.holds, one.evidence.to_string())))
            .collect()
    };
    for step in 0..=120 {
        let at = Timestamp::from_secs(step * 10);
        let fails = step >= 90;
        let counters = [
            (Role::Requests, RoleValue::Counter(10.0 * step as f64)),
            (Role::Errors, RoleValue::Counter(0.0)),
            (Role::ConnectionTimeouts, RoleValue::Counter(0.0)),
        ];
        let numbers = [&pool(2.0, 0.0)[..], &counters].concat();
        let read = metrics(if fails { &[] } else { &numbers[..] });
        history.take_metrics(at, &MetricNumbers::of(&read));
        let scrape = ScrapeView {
            error: fails.then(|| "no answer".to_owned()),
            failures: u64::try_from((step - 89).max(0)).expect("small"),
            ..ScrapeView::default()
        };
        history.take_scrape(at, &scrape);
        if step == 89 {
            let before = shown(&mut history);
            for name in ["error_rate", "pooled", "no_timeouts"] {
                assert_eq!(before[name].0, Some(true), "{before:?}");
            }
        }
    }
    let sign = judged(&mut history, "metrics_unreadable");
    assert_eq!(sign.presence, Presence::Active, "{}", sign.evidence);
    let after = shown(&mut history);
    let pooled = (None, "its metrics cannot be read: no answer".to_owned());
    assert_eq!(after["pooled"], pooled);
    for name in ["error_rate", "no_timeouts"] {
        let (holds, evidence) = &after[name];
        assert_eq!(*holds, Some(false), "{evidence}");
        assert!(
            evidence.starts_with("according to its probes, "),
            "{evidence}"
        );
    }
}

/// The size of a service's histories, for `docs/SIGNALS.md`.
#[test]
fn histories_of_a_service_take_some_kilobytes() {
    let trends = 12 * (size_of::<Finding>() + 160);
    let usual = 3 * 24 * size_of::<crate::stats::baseline::Baseline>() + size_of::<EarlierLevels>();
    let base = size_of::<ServiceHistory>() + trends + usual;
    let probes = ProbesHistory::default().size(60);
    let process = ProcessHistory::new().size() + size_of::<ProcessLevels>();
    let own = MetricsHistory::default().size();
    println!("probes {}, process {process}, metrics {own}", base + probes);
    assert!(base + probes < 8 * 1024, "{}", base + probes);
    assert!(process < 5 * 1024, "{process}");
    assert!(own < 10 * 1024, "{own}");
}
