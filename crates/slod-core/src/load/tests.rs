//! Runs of services whose verdicts are known.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "small and positive"
)]

mod comparison;
mod few;
mod generator;
mod known;
mod lower_load;
mod recovery;
mod restarts;

use super::*;
use crate::outcome::{Cause, Timestamp};
use crate::sample::{Sample, SeriesKey, SeriesKind};
use crate::stats::quantile::Histogram;
use crate::stats::scale::Scale;
use std::time::Duration;

/// A one-second window at a level, with latencies in milliseconds and failures.
pub(super) fn window(
    second: u64,
    stage: usize,
    due: f64,
    latencies: &[f64],
    failed: u64,
) -> LoadWindow {
    let scale = Scale::new([]);
    let mut latency = Histogram::default();
    for ms in latencies {
        latency.add(scale.code(Duration::from_secs_f64(ms / 1000.0)), 1);
    }
    let count = latencies.len() as u64;
    LoadWindow {
        start: Duration::from_secs(second),
        length: Duration::from_secs(1),
        stage,
        due,
        active: due,
        started: count,
        good: count - failed,
        failed: if failed > 0 {
            vec![(Cause::Status, failed)]
        } else {
            vec![]
        },
        latency,
        generator_cpu: Some(0.1),
        ..LoadWindow::default()
    }
}

pub(super) fn run(scenario: Scenario, windows: Vec<LoadWindow>) -> RunRecord {
    RunRecord {
        to: Timestamp(0).after(scenario.length()),
        windows,
        ..RunRecord::begun("rag", scenario, "slod", Timestamp(0))
    }
}

/// Evenly spaced quantiles of an exponential distribution with a mean in milliseconds.
fn exponential(mean: f64, count: u64) -> Vec<f64> {
    let place = |n: u64| (n as f64 + 0.5) / count as f64;
    (0..count).map(|n| -mean * (1.0 - place(n)).ln()).collect()
}

/// An objective for latency: below 500 ms.
fn limit(quantile: f64) -> Limit {
    let below = Duration::from_millis(500);
    Limit { quantile, below }
}

fn statement(run: &RunRecord, topic: &str) -> Statement {
    let mut all = statements(run, Some(limit(0.99))).into_iter();
    all.find(|one| one.topic == topic).expect("stated")
}

/// Checks a text; `…` at the start or the end of the expected one stands for any text.
#[track_caller]
pub(super) fn says(text: &str, expected: &str) {
    let part = expected.trim_matches('…');
    let is_it = match (expected.starts_with('…'), expected.ends_with('…')) {
        (false, false) => text == part,
        (false, true) => text.starts_with(part),
        (true, false) => text.ends_with(part),
        (true, true) => text.contains(part),
    };
    assert!(is_it, "expected `{expected}`, found `{text}`");
}

/// Checks a statement; see [`says`].
#[track_caller]
pub(super) fn states(found: &Statement, answer: Answer, evidence: &str) {
    assert_eq!(found.answer, answer, "{}", found.evidence);
    says(&found.evidence, evidence);
}

fn stage(level: f64, secs: u64) -> Stage {
    Stage::new("", level, level, Duration::from_secs(secs))
}

/// The same with users that think for some seconds.
fn users(think: u64, scenario: Scenario) -> Scenario {
    let think = Duration::from_secs(think);
    Scenario {
        model: Model::Closed { think },
        ..scenario
    }
}

fn ramp(from: f64, to: f64, secs: u64) -> Scenario {
    Scenario {
        name: "test".into(),
        purpose: String::new(),
        model: Model::Open { poisson: true },
        stages: vec![Stage {
            from,
            ..stage(to, secs)
        }],
    }
}

/// The response times of a queue with one server of 100 requests per second are exponential with the mean 1
/// / (100 - rate), so the 99th percentile exceeds 500 ms from 90.8 requests per second on.
#[test]
fn a_random_queue_breaks_where_theory_predicts() {
    let scenario = ramp(50.0, 99.0, 490);
    let level = |second: u64| 50.0 + second as f64 / 10.0;
    let windows = (0..490).map(|second| {
        let rate = level(second);
        let latencies = exponential(1000.0 / (100.0 - rate), rate as u64);
        window(second, 0, rate, &latencies, 0)
    });
    let found = statement(&run(scenario, windows.collect()), "breaking point");
    assert_eq!(found.answer, Answer::Bad);
    let broke: f64 = found
        .evidence
        .split(" and ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next())
        .and_then(|number| number.parse().ok())
        .expect("a level");
    assert!((90.0..97.0).contains(&broke), "{}", found.evidence);
}

#[test]
fn nothing_breaks_and_errors_break() {
    let windows = |failing_from: u64| -> Vec<LoadWindow> {
        let failed = |second| if second >= failing_from { 5 } else { 0 };
        (0..200)
            .map(|s| window(s, 0, 10.0 + s as f64, &[20.0; 50], failed(s)))
            .collect()
    };
    let scenario = || users(0, ramp(10.0, 210.0, 200));
    let found = statement(&run(scenario(), windows(999)), "breaking point");
    states(&found, Answer::Good, "no break up to 209 users");
    let found = statement(&run(scenario(), windows(100)), "breaking point");
    let expected =
        "broke between 109 and 119 users, 100 s after the start: 10% of the requests failed";
    states(&found, Answer::Bad, expected);
}

#[test]
fn a_busy_generator_is_not_a_break_of_the_service() {
    // Neither errors nor their absence show where the service breaks.
    for failed in [50, 0] {
        let busy = |second| LoadWindow {
            generator_cpu: Some(0.95),
            ..window(second, 0, 10.0, &[20.0; 50], failed)
        };
        let scenario = ramp(10.0, 20.0, 60);
        let run = run(scenario, (0..60).map(busy).collect());
        let all = statements(&run, None);
        assert_eq!(all[0].topic, "generator");
        assert!(
            all.iter().all(|one| one.answer == Answer::Unknown),
            "{all:?}"
        );
    }
}

/// 60 requests per second are served. After 60 s of 100 per second, 2,400 wait; at 10 per second they are
/// served in 48 s.
#[test]
fn a_queue_has_recovered_when_it_is_drained() {
    let scenario = Scenario {
        stages: vec![stage(10.0, 60), stage(100.0, 60), stage(10.0, 120)],
        ..ramp(0.0, 0.0, 1)
    };
    let mut waiting = 0.0_f64;
    let windows = (0..240).map(|second| {
        let (number, rate) = scenario.at(Duration::from_secs(second)).expect("inside");
        let latency = 1000.0 * (1.0 + waiting) / 60.0;
        let served = (waiting + rate).min(60.0);
        waiting = waiting + rate - served;
        LoadWindow {
            started: rate as u64,
            ..window(second, number, rate, &vec![latency; served as usize], 0)
        }
    });
    let windows = windows.collect();
    let found = statement(&run(scenario, windows), "recovery");
    assert_eq!(found.answer, Answer::Good, "{}", found.evidence);
    let seconds: u64 = found
        .evidence
        .split(' ')
        .nth(2)
        .and_then(|one| one.parse().ok())
        .expect("a time");
    assert!((48..=62).contains(&seconds), "{}", found.evidence);
}

#[test]
fn a_soak_that_slows_down_is_detected() {
    let soak = |rise: f64| {
        let scenario = users(1, ramp(50.0, 50.0, 7200));
        let windows = (0..7200).map(|second| {
            let wobble = 1.0 + ((second * 7919) % 101) as f64 / 2000.0;
            let mean = 100.0 * wobble * (1.0 + rise * second as f64 / 7200.0);
            window(second, 0, 50.0, &[mean; 5], 0)
        });
        statement(&run(scenario, windows.collect()), "degradation")
    };
    assert_eq!(soak(0.0).answer, Answer::Good, "{}", soak(0.0).evidence);
    assert_eq!(soak(0.4).answer, Answer::Bad, "{}", soak(0.4).evidence);
}

#[test]
fn figures_are_those_of_the_raw_list() {
    let latencies: Vec<f64> = exponential(100.0, 2000);
    let windows = [
        window(0, 0, 1.0, &latencies[..700], 7),
        window(1, 0, 1.0, &latencies[700..], 3),
    ];
    let figures = Figures::of(&windows);
    assert_eq!((figures.completed, figures.errors), (2000, 10));
    for q in [0.5, 0.9, 0.95, 0.99] {
        let exact = -100.0 * (1.0_f64 - q).ln();
        let found = figures.quantile(q).expect("enough").as_secs_f64() * 1000.0;
        assert!((found / exact - 1.0).abs() < 0.02, "{q}: {found} {exact}");
        assert!(figures.quantile_at_least(q) <= figures.quantile(q));
    }
    assert_eq!(Figures::of(&windows[..0]).error_ratio(), None);
    assert_eq!(
        Figures::of([&window(0, 0, 1.0, &[1.0; 58], 0)]).quantile(0.95),
        None
    );
}

/// A run of 300 s at 20 requests per second whose latencies vary by a few percent.
fn steady(factor: f64, failed: u64) -> RunRecord {
    let scenario = ramp(20.0, 20.0, 300);
    let windows = (0..300).map(|second| {
        let wobble = 1.0 + ((second * 7919) % 101) as f64 / 1000.0;
        let latencies: Vec<f64> = exponential(50.0 * factor * wobble, 20);
        window(
            second,
            0,
            20.0,
            &latencies,
            if second % 10 == 0 { failed } else { 0 },
        )
    });
    run(scenario, windows.collect())
}

#[test]
fn a_slower_run_is_worse_than_its_baseline() {
    let answers = |now: &RunRecord| -> Vec<(&'static str, Answer)> {
        let all = compare(&steady(1.0, 0), now);
        all.iter().map(|one| (one.topic, one.answer)).collect()
    };
    let same = [
        ("p50", Answer::Good),
        ("p95", Answer::Good),
        ("throughput", Answer::Good),
        ("errors", Answer::Good),
    ];
    assert_eq!(answers(&steady(1.0, 0)), same);
    // 3% are significant here, but too little to matter.
    assert_eq!(answers(&steady(1.03, 0)), same);
    assert_eq!(answers(&steady(0.7, 0)), same);
    let slower = answers(&steady(1.3, 0));
    assert_eq!(slower[..2], [("p50", Answer::Bad), ("p95", Answer::Bad)]);
    assert_eq!(answers(&steady(1.0, 3))[3], ("errors", Answer::Bad));
}

#[test]
fn runs_that_cannot_be_compared_are_unknown() {
    let mut short = steady(1.0, 0);
    short.windows.truncate(20);
    let all = compare(&steady(1.0, 0), &short);
    assert!(
        all[..3].iter().all(|one| one.answer == Answer::Unknown),
        "{all:?}"
    );
    let mut other = steady(1.0, 0);
    other.scenario.stages[0].to = 30.0;
    let all = compare(&steady(1.0, 0), &other);
    assert_eq!((all.len(), all[0].answer), (1, Answer::Unknown));
    let mut other = steady(1.0, 0);
    other.engine = K6.to_owned();
    let all = compare(&steady(1.0, 0), &other);
    assert_eq!((all.len(), all[0].answer), (1, Answer::Unknown));
    let reason = "the engines of the two runs (slod before, k6 now) measure latencies differently";
    assert!(all[0].evidence.starts_with(reason), "{all:?}");
    assert!(compare(&other, &other).len() > 1);
}

/// Eight workers of 50 ms serve 160 requests per second. With one second of think time, they are busy from
/// (0.05 + 1) x 160 = 168 users on.
#[test]
fn the_knee_of_workers_is_where_the_bounds_meet() {
    let of = |peak: u64| {
        let scenario = users(1, ramp(10.0, peak as f64, 600));
        let windows = (0..600).map(|second| {
            let users = 10.0 + (peak - 10) as f64 * second as f64 / 600.0;
            let rate = (users / 1.05).min(160.0);
            let latency = (users / rate - 1.0) * 1000.0;
            window(second, 0, users, &vec![latency; rate.round() as usize], 0)
        });
        let all = statements(&run(scenario, windows.collect()), None).into_iter();
        all.filter(|one| one.topic == "knee").collect::<Vec<_>>()
    };
    let found = of(400);
    let knee = found[0]
        .evidence
        .split(' ')
        .nth(2)
        .and_then(|one| one.parse().ok());
    assert!(
        knee.is_some_and(|knee: f64| (knee - 168.0).abs() < 3.0),
        "{found:?}"
    );
    assert!(
        of(100)[0].evidence.starts_with("no knee up to"),
        "{:?}",
        of(100)
    );
}

#[test]
fn a_lost_worker_is_not_a_verdict_on_the_service() {
    let windows = (0..20).map(|second| window(second, 0, 10.0, &[20.0; 10], 0));
    let mut run = run(ramp(10.0, 10.0, 20), windows.collect());
    let workers = |values: &[f64]| ObservedSeries {
        key: SeriesKey::new(WORKERS, [("service", "rag")]),
        kind: SeriesKind::Gauge,
        samples: (0..)
            .zip(values)
            .map(|(place, value)| Sample {
                at: Timestamp(place * 5000),
                value: *value,
            })
            .collect(),
    };
    let topics = |run: &RunRecord| statements(run, None).into_iter().map(|one| one.topic);
    // Workers may join late.
    run.observed = vec![workers(&[2.0, 4.0, 4.0, 4.0])];
    assert!(topics(&run).all(|topic| topic != "generator"));
    run.observed = vec![workers(&[2.0, 4.0, 3.0, 4.0])];
    let found = statement(&run, "generator");
    assert_eq!(found.answer, Answer::Unknown);
    assert_eq!(
        found.evidence,
        "1 of 4 workers were lost after 10 s: from then on the load was not as planned"
    );
}
