use super::*;
use crate::load::IMPORTED;

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
    assert_eq!(few.decision, Decision::LoadTooLow, "{few:?}");
    assert!(
        few.in_words().starts_with("at most 9.9/s were requested"),
        "{}",
        few.in_words()
    );
    let idle = judged("throughput", &super::window(0.0, &[]));
    assert_eq!(idle.in_words(), "no requests were due");
    let slow = judged("stress", &window(190.0, 500, 1000));
    assert_eq!(
        slow.decision,
        Decision::Missed,
        "190 users could have asked for more: {slow:?}"
    );
    let enough = judged("stress", &window(190.0, 1500, 100));
    assert_eq!(enough.decision, Decision::Met, "{enough:?}");
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
        stages: vec![Stage::new(IMPORTED, 0.0, 0.0, Duration::from_secs(10))],
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
        let result = flow.judge([&window]);
        (result.decision, result.in_words())
    };
    // Ten users with a think time of one second, and ten without.
    let (decision, words) = judged(10.0, 99, 10);
    assert_eq!(decision, Decision::LoadTooLow, "{words}");
    assert!(words.starts_with("at most 9.9/s were requested"), "{words}");
    let (decision, words) = judged(10.0, 200, 500);
    assert_eq!(decision, Decision::Missed, "{words}");
    // The number of users is unknown.
    let (decision, words) = judged(0.0, 200, 500);
    assert_eq!(decision, Decision::LoadTooLow, "{words}");
    assert_eq!(
        words,
        "20.0/s were completed, and it is unknown whether more were requested"
    );
    let (decision, words) = judged(0.0, 1500, 500);
    assert_eq!(decision, Decision::Met, "{words}");
}
