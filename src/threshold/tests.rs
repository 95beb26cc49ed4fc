use super::*;
use crate::load::LoadWindow;
use crate::outcome::Cause;
use crate::stats::quantile::Histogram;
use crate::stats::scale::Scale;

fn result(text: &str, latencies_ms: &[u64], failed: u64) -> ThresholdResult {
    let scale = Scale::new([]);
    let mut latency = Histogram::default();
    for ms in latencies_ms {
        latency.add(scale.code(Duration::from_millis(*ms)), 1);
    }
    let window = LoadWindow {
        length: Duration::from_secs(10),
        due: 1.0,
        active: 1.0,
        started: latencies_ms.len() as u64,
        good: latencies_ms.len() as u64 - failed,
        failed: vec![(Cause::Status, failed)],
        latency,
        ..LoadWindow::default()
    };
    let threshold: Threshold = text.parse().expect(text);
    let (measured, decision) = threshold.judge(&Figures::of([&window]));
    ThresholdResult {
        threshold,
        source: "test".to_owned(),
        measured,
        decision,
    }
}

#[test]
fn a_threshold_without_a_measurement_is_not_met() {
    for text in ["p95<500ms", "avg<1s", "max<1s", "errors<1%", "rate>1/s"] {
        let result = result(text, &[], 0);
        assert_eq!(result.decision, Decision::Unmeasured, "{text}");
        assert_eq!(result.measured, Err(NotMeasured::Nothing), "{text}");
    }
}

#[test]
fn too_few_requests_for_a_quantile_are_unknown_unless_nearly_all_are_slow() {
    let few = result("p95<1h", &[10; 20], 0);
    assert_eq!(few.decision, Decision::Undecided);
    assert_eq!(few.in_words(), "too few requests: 20, at least 59 needed");
    let slow = result("p95<500ms", &[2000; 20], 0);
    assert_eq!(slow.decision, Decision::Missed);
    assert_eq!(slow.in_words(), "20 of 20 requests took longer");
    // One slow request of 20 is expected at the limit.
    let mut mixed = [10; 20];
    mixed[0] = 2000;
    assert_eq!(result("p95<500ms", &mixed, 0).decision, Decision::Undecided);
}

#[test]
fn zero_errors_can_be_required() {
    assert_eq!(result("errors==0", &[10; 3], 0).decision, Decision::Met);
    assert_eq!(result("errors==0", &[10; 3], 1).decision, Decision::Missed);
}

#[test]
fn a_value_never_looks_like_the_limit_that_it_misses() {
    let missed = result("errors<33.33%", &[10; 3], 1);
    assert_eq!(missed.decision, Decision::Missed);
    assert_eq!(missed.in_words(), "33.3333%");
    assert_eq!(result("errors<30%", &[10; 3], 1).in_words(), "33.33%");
}

#[test]
fn several_decisions_combine_to_the_worst() {
    let all = [
        result("max<1s", &[10], 0),
        result("p95<1h", &[10], 0),
        result("max<1ms", &[10], 0),
    ];
    let worst = |count: usize| Decision::worst(&all[..count]);
    let expected = [
        Decision::Met,
        Decision::Met,
        Decision::Undecided,
        Decision::Missed,
    ];
    assert_eq!([worst(0), worst(1), worst(2), worst(3)], expected);
}
