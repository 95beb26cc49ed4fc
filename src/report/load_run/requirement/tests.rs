use super::*;
use crate::load::{IMPORTED, Stage, builtin};
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
    let source = crate::diagnostic::Source {
        name: String::new(),
        text: text.to_owned(),
    };
    let kinds = crate::probe::KINDS;
    let path = std::path::Path::new("");
    let loaded = crate::config::Config::load(&source, path, &|_| None, kinds);
    let config = loaded
        .config
        .unwrap_or_else(|| panic!("{:#?}", loaded.diagnostics));
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
        start: Duration::ZERO,
        length: Duration::from_secs(10),
        stage: 0,
        due,
        active: due,
        started: good + failed,
        dropped: 0,
        lacking: 0,
        repeated: 0,
        unjudged: 0,
        good,
        failed: vec![(Cause::Status, failed)],
        latency,
        failed_latency,
        lag: Duration::ZERO,
        generator_cpu: None,
    }
}

/// Ten users who think for a second cannot generate 100 requests per second, however fast the service is.
#[test]
fn a_lower_load_is_inconclusive_for_throughput() {
    let window =
        |due: f64, good: u64, ms: u64| window(due, &[(ms, good - 1, false), (10, 1, false)]);
    let judged = |name: &str, window: &LoadWindow| {
        let config = CONFIG.replace("peak_users: 100", "peak_users: 200");
        let all = requirements(&service(&config), &planned(name));
        let flow = all
            .iter()
            .find(|one| one.threshold.of == ThresholdMetric::Rate);
        flow.expect("configured").judge([window])
    };
    let few = judged("baseline", &window(10.0, 99, 10));
    assert_eq!(few.decision, Decision::NotAsked, "{few:?}");
    assert!(
        few.in_words().starts_with("at most 9.9/s were requested"),
        "{}",
        few.in_words()
    );
    let idle = judged("throughput", &super::tests::window(0.0, &[]));
    assert_eq!(idle.in_words(), "no requests were due");
    let slow = judged("stress", &window(190.0, 500, 1000));
    assert_eq!(
        slow.decision,
        Decision::Missed,
        "190 users could have asked for more: {slow:?}"
    );
    let enough = judged("stress", &window(190.0, 1500, 100));
    assert_eq!(enough.decision, Decision::Kept, "{enough:?}");
    let dropped = judged("throughput", &window(140.0, 900, 100));
    assert_eq!(dropped.decision, Decision::Missed, "{dropped:?}");
}

/// Results of other tools are judged like those of slod.
#[test]
fn a_lower_load_of_another_tool_is_inconclusive_for_throughput() {
    let imported = Scenario {
        name: IMPORTED.to_owned(),
        model: Model::Closed {
            think: Duration::ZERO,
        },
        stages: vec![Stage {
            name: IMPORTED.to_owned(),
            from: 0.0,
            to: 0.0,
            length: Duration::from_secs(10),
        }],
        ..planned("baseline")
    };
    let all = requirements(&service(CONFIG), &imported);
    let flow = all
        .iter()
        .find(|one| one.threshold.of == ThresholdMetric::Rate);
    let flow = flow.expect("configured");
    let judged = |users: f64, good: u64, ms: u64| {
        let mut window = window(users, &[(ms, good - 1, false), (10, 1, false)]);
        window.active = users;
        let held = flow.judge([&window]);
        (held.decision, held.in_words())
    };
    // Ten users with a think time of one second, and ten without.
    let (decision, words) = judged(10.0, 99, 10);
    assert_eq!(decision, Decision::NotAsked, "{words}");
    assert!(words.starts_with("at most 9.9/s were requested"), "{words}");
    let (decision, words) = judged(10.0, 200, 500);
    assert_eq!(decision, Decision::Missed, "{words}");
    // The number of users is unknown.
    let (decision, words) = judged(0.0, 200, 500);
    assert_eq!(decision, Decision::NotAsked, "{words}");
    assert_eq!(
        words,
        "20.0/s were completed, and it is unknown whether more were requested"
    );
    let (decision, words) = judged(0.0, 1500, 500);
    assert_eq!(decision, Decision::Kept, "{words}");
}

/// Decision and description of the objective of 95% below 500 ms.
fn fast(requests: &[(u64, u64, bool)]) -> (Decision, String) {
    let all = requirements(&service(CONFIG), &planned("baseline"));
    let held = all[0].judge([&window(10.0, requests)]);
    (held.decision, held.in_words())
}

/// A latency rounded to its histogram bucket.
fn shown(ms: u64) -> String {
    let scale = Scale::new([]);
    let middle = scale.middle(scale.code(Duration::from_millis(ms)));
    ThresholdMetric::Maximum.show(middle.as_secs_f64())
}

#[test]
fn a_request_is_bad_if_it_failed_or_was_slow() {
    let (fast_one, slow_one) = (shown(10), shown(800));
    let good = |count| (10, count, false);
    for (requests, decision, words) in [
        (
            vec![good(1000), (10, 40, true)],
            Decision::Kept,
            fast_one.as_str(),
        ),
        (
            vec![good(1000), (10, 60, true)],
            Decision::Missed,
            "5.66% of the requests failed, and failed requests are never fast",
        ),
        // Each alone is acceptable.
        (
            vec![good(920), (800, 40, false), (10, 40, true)],
            Decision::Missed,
            slow_one.as_str(),
        ),
        // The same requests are failed and slow.
        (
            vec![good(960), (800, 40, true)],
            Decision::Kept,
            fast_one.as_str(),
        ),
        // Exactly at the target.
        (
            vec![good(950), (800, 20, false), (10, 30, true)],
            Decision::Kept,
            fast_one.as_str(),
        ),
        (
            vec![good(949), (800, 21, false), (10, 30, true)],
            Decision::Missed,
            slow_one.as_str(),
        ),
    ] {
        assert_eq!(
            fast(&requests),
            (decision, words.to_owned()),
            "{requests:?}"
        );
    }
    // A threshold of the command line considers latencies only.
    let typed: Threshold = "p95<500ms".parse().expect("valid");
    let failing = window(10.0, &[(10, 500, true)]);
    let typed = Requirement::of_all(typed, "test").judge([&failing]);
    assert_eq!(typed.decision, Decision::Kept);
}

#[test]
fn failed_requests_count_where_there_are_few() {
    for (requests, decision, words) in [
        (
            vec![(10, 10, false), (10, 40, true)],
            Decision::Missed,
            "80% of the requests failed, and failed requests are never fast",
        ),
        (
            vec![(10, 30, false), (800, 10, false), (10, 10, true)],
            Decision::Missed,
            "10 of 50 requests failed and 10 took longer",
        ),
        (
            vec![(10, 49, false), (10, 1, true)],
            Decision::Undecided,
            "too few requests: 50, at least 59 needed",
        ),
    ] {
        assert_eq!(
            fast(&requests),
            (decision, words.to_owned()),
            "{requests:?}"
        );
    }
}

#[test]
fn it_may_be_unknown_whether_slow_requests_are_those_that_failed() {
    let of = |failed_ms: u64, failed: u64, slow: u64| {
        let mut window = window(
            10.0,
            &[
                (10, 1000 - failed - slow, false),
                (800, slow, false),
                (failed_ms, failed, true),
            ],
        );
        window.failed_latency = Histogram::default();
        let all = requirements(&service(CONFIG), &planned("baseline"));
        all[0].judge([&window])
    };
    assert_eq!(of(10, 20, 20).decision, Decision::Kept);
    assert_eq!(of(10, 60, 0).decision, Decision::Missed);
    let open = of(10, 40, 40);
    assert_eq!(open.decision, Decision::Undecided);
    assert_eq!(
        open.in_words(),
        "40 of 1000 requests failed and up to 40 others took longer: the duration of the failed ones is unknown"
    );
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
    assert_eq!(judged(errors, 900, 100), Decision::Kept);
    assert_eq!(judged(errors, 899, 101), Decision::Missed);
    assert_eq!(judged(rate, 1000, 0), Decision::Kept);
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
        stages: vec![Stage {
            name: "observed".into(),
            from: 0.0,
            to: 0.0,
            length: Duration::from_mins(1),
        }],
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
    scenario.stages = vec![Stage {
        name: "high".into(),
        from: 60.0,
        to: 60.0,
        length: Duration::from_mins(1),
    }];
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
    assert_eq!(average.judge(&windows(800.0)).decision, Decision::Kept);
    assert_eq!(average.judge(&windows(25.0)).decision, Decision::Missed);
}

/// Responses by the milliseconds to their first token, and the number of failed requests.
fn streams(tokens: &[(u64, u64)], failed: u64) -> RequestFigures {
    let (scale, mut first_token) = (Scale::new([]), Histogram::default());
    for (ms, count) in tokens {
        first_token.add(scale.code(Duration::from_millis(*ms)), *count);
    }
    let good = tokens.iter().map(|(_, count)| count).sum();
    RequestFigures {
        name: "POST /chat".to_owned(),
        good,
        failed: vec![(Cause::RateLimited, failed)],
        first_token,
        ..RequestFigures::default()
    }
}

#[test]
fn times_to_the_first_token_are_judged_over_the_run() {
    const CHAT: &str = "services:
  - name: ai
    probes: [ { name: p, llm: { url: 'http://127.0.0.1:1/v1/chat/completions', model: m } } ]
    objectives: [ { name: ttft, sli: latency, of: time_to_first_token, below: 500ms, target: 95% } ]
";
    let all = requirements(&service(CHAT), &planned("baseline"));
    let [objective] = all.as_slice() else {
        panic!("{all:?}");
    };
    assert!(objective.is_of_tokens());
    let given = "ttft_p95<500ms".parse().expect("valid");
    let given = Requirement::of_all(given, "--threshold");
    // For the objective, a failed request is never fast.
    for (tokens, failed, by_objective, by_threshold) in [
        (
            &[(100, 96), (900, 4)][..],
            0,
            Decision::Kept,
            Decision::Kept,
        ),
        // The failed requests may be the slow ones.
        (
            &[(100, 96), (900, 4)],
            4,
            Decision::Undecided,
            Decision::Kept,
        ),
        (&[(100, 96), (900, 4)], 10, Decision::Missed, Decision::Kept),
        (
            &[(100, 90), (900, 10)],
            0,
            Decision::Missed,
            Decision::Missed,
        ),
        (&[(100, 20)], 0, Decision::Undecided, Decision::Undecided),
        (&[], 0, Decision::Unmeasured, Decision::Unmeasured),
    ] {
        let requests = [streams(tokens, failed)];
        let decisions = [objective, &given].map(|one| one.judge_tokens(&requests).decision);
        assert_eq!(
            decisions,
            [by_objective, by_threshold],
            "{tokens:?}, {failed}"
        );
    }
    let shown = objective.judge_tokens(&[streams(&[(100, 96), (900, 4)], 0)]);
    assert_eq!(shown.threshold.to_string(), "ttft_p95 < 500ms");
    assert_eq!(shown.source, "objective ttft");
    // Windows do not contain it, so it cannot abort a run.
    let windows = [window(10.0, &[(900, 100, false)])];
    assert_eq!(given.judge(&windows).decision, Decision::Undecided);
}
