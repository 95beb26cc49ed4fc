mod latency;
mod throughput;

use super::*;
use crate::config::Config;
use crate::load::{Stage, builtin};
use crate::outcome::Cause;
use crate::stats::quantile::Histogram;
use crate::stats::scale::Scale;

const CONFIG: &str = "services:
  - name: app
    probes: [ { name: p, http: { url: 'http://127.0.0.1:1/' } } ]
    objectives:
      - { name: fast, sli: latency, below: 500ms, target: 95% }
      - { name: flow, sli: throughput, at_least: 100/s, target: 99% }
    metrics: { url: 'http://127.0.0.1:1/metrics' }
    load: { users: 10-50, peak_users: 100, rate: 20/s-80/s, peak_rate: 200/s, average: 200ms-400ms, max: 2s }
";

fn service(text: &str) -> ServiceSpec {
    let config: Config = text.parse().expect("valid");
    config.services.into_iter().next().expect("one")
}

fn sources(text: &str, scenario: &Scenario) -> Vec<String> {
    let all = requirements(&service(text), scenario).into_iter();
    all.map(|one| one.source).collect()
}

fn planned(name: &str) -> Scenario {
    builtin(name, 100.0).expect("built in")
}

/// Ten seconds of requests: latency in milliseconds, number of requests, and whether they failed.
fn window(due: f64, requests: &[(u64, u64, bool)]) -> LoadWindow {
    let scale = Scale::new([]);
    let (mut latency, mut failed_latency) = (Histogram::default(), Histogram::default());
    let (mut good, mut failed) = (0, 0);
    for (ms, count, is_failed) in requests {
        let code = scale.code(Duration::from_millis(*ms));
        latency.add(code, *count);
        if *is_failed {
            failed_latency.add(code, *count);
            failed += count;
        } else {
            good += count;
        }
    }
    LoadWindow {
        length: Duration::from_secs(10),
        due,
        active: due,
        started: good + failed,
        good,
        failed: vec![(Cause::Status, failed)],
        latency,
        failed_latency,
        ..LoadWindow::default()
    }
}

#[test]
fn a_value_exactly_at_the_target_meets_it() {
    let config = CONFIG.replace(
        "sli: latency, below: 500ms, target: 95%",
        "sli: success, target: 90%",
    );
    let all = requirements(&service(&config), &planned("throughput"));
    let (errors, rate) = (&all[0], &all[1]);
    let judged = |one: &Requirement, good, failed| {
        one.judge([&window(100.0, &[(10, good, false), (10, failed, true)])])
            .decision
    };
    assert_eq!(judged(errors, 900, 100), Decision::Met);
    assert_eq!(judged(errors, 899, 101), Decision::Missed);
    assert_eq!(judged(rate, 1000, 0), Decision::Met);
}

#[test]
fn each_requirement_is_judged_over_the_load_it_applies_to() {
    assert_eq!(
        sources(CONFIG, &planned("stress")),
        [
            "objective fast, up to 100 users",
            "objective flow, from 90 users, up to 100 users",
            "load, up to 50 users",
            "load, up to 50 users",
        ]
    );
    assert_eq!(
        sources(CONFIG, &planned("baseline")),
        ["objective fast", "objective flow", "load", "load"]
    );
    // Half, full and one and a half times 100 per second.
    assert_eq!(
        sources(CONFIG, &planned("throughput")),
        [
            "objective fast",
            "objective flow, from 100/s",
            "load, up to 80/s",
            "load, up to 80/s",
        ]
    );
}

#[test]
fn without_an_expected_load_it_is_the_lowest_one_of_the_plan() {
    let text = CONFIG.replace("users: 10-50, peak_users: 100, ", "");
    assert_eq!(
        sources(&text, &planned("stress")),
        [
            "objective fast",
            "objective flow, from 180 users",
            "load, up to 29 users",
            "load, up to 29 users",
        ]
    );
}

#[test]
fn without_a_plan_nothing_is_too_high() {
    let text = CONFIG.replace("rate: 20/s-80/s, peak_rate: 200/s, ", "");
    let scenario = Scenario {
        stages: vec![Stage::new("observed", 0.0, 0.0, Duration::from_mins(1))],
        ..planned("throughput")
    };
    let all = requirements(&service(&text), &scenario);
    assert_eq!(all.len(), 4);
    let parts = all.iter().map(|one| one.part);
    assert!(
        parts.skip(2).all(|part| part == LoadRange::WHOLE),
        "{all:?}"
    );
}

#[test]
fn a_plan_above_the_expected_load_is_not_judged_by_it() {
    let mut scenario = planned("baseline");
    scenario.stages = vec![Stage::new("high", 60.0, 60.0, Duration::from_mins(1))];
    assert_eq!(
        sources(CONFIG, &scenario),
        ["objective fast", "objective flow"]
    );
}

/// Late responses after an excessive load do not count for a low load.
#[test]
fn the_last_answers_belong_to_the_load_before_them() {
    let all = requirements(&service(CONFIG), &planned("capacity"));
    let average = all
        .iter()
        .find(|one| one.threshold.of == ThresholdMetric::Average);
    let average = average.expect("configured");
    let windows = |last: f64| {
        [
            window(25.0, &[(300, 100, false)]),
            window(last, &[(300, 100, false)]),
            window(0.0, &[(9000, 100, false)]),
        ]
    };
    assert_eq!(average.judge(&windows(800.0)).decision, Decision::Met);
    assert_eq!(average.judge(&windows(25.0)).decision, Decision::Missed);
}
