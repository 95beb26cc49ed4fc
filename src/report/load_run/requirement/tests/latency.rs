use super::*;
use Decision::{Met, Missed, Undecided, Unmeasured};

/// Decision and description of the objective of 95% below 500 ms.
fn fast(requests: &[(u64, u64, bool)]) -> (Decision, String) {
    let all = requirements(&service(CONFIG), &planned("baseline"));
    let result = all[0].judge([&window(10.0, requests)]);
    (result.decision, result.in_words())
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
    let failed = "5.66% of the requests failed, and failed requests are never fast";
    let good = |count| (10, count, false);
    for (requests, decision, words) in [
        (vec![good(1000), (10, 40, true)], Met, &*fast_one),
        (vec![good(1000), (10, 60, true)], Missed, failed),
        // Each alone is acceptable.
        (
            vec![good(920), (800, 40, false), (10, 40, true)],
            Missed,
            &slow_one,
        ),
        // The same requests are failed and slow.
        (vec![good(960), (800, 40, true)], Met, &fast_one),
        // Exactly at the target.
        (
            vec![good(950), (800, 20, false), (10, 30, true)],
            Met,
            &fast_one,
        ),
        (
            vec![good(949), (800, 21, false), (10, 30, true)],
            Missed,
            &slow_one,
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
    assert_eq!(typed.decision, Met);
}

#[test]
fn failed_requests_count_where_there_are_few() {
    for (requests, decision, words) in [
        (
            vec![(10, 10, false), (10, 40, true)],
            Missed,
            "80% of the requests failed, and failed requests are never fast",
        ),
        (
            vec![(10, 30, false), (800, 10, false), (10, 10, true)],
            Missed,
            "10 of 50 requests failed and 10 took longer",
        ),
        (
            vec![(10, 49, false), (10, 1, true)],
            Undecided,
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
    assert_eq!(of(10, 20, 20).decision, Met);
    assert_eq!(of(10, 60, 0).decision, Missed);
    let open = of(10, 40, 40);
    assert_eq!(open.decision, Undecided);
    assert_eq!(
        open.in_words(),
        "40 of 1000 requests failed and up to 40 others took longer: the duration of some is unknown"
    );
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
    let given = Requirement::of_all(given, "threshold");
    // For the objective, a failed request is never fast.
    for (tokens, failed, by_objective, by_threshold) in [
        (&[(100, 96), (900, 4)][..], 0, Met, Met),
        // The failed requests may be the slow ones.
        (&[(100, 96), (900, 4)], 4, Undecided, Met),
        (&[(100, 96), (900, 4)], 10, Missed, Met),
        (&[(100, 90), (900, 10)], 0, Missed, Missed),
        (&[(100, 20)], 0, Undecided, Undecided),
        (&[], 0, Unmeasured, Unmeasured),
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
    assert_eq!(given.judge(&windows).decision, Undecided);
}
