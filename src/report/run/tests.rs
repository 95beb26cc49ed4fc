use super::*;
use crate::load::{LoadWindow, builtin};
use crate::outcome::{Cause, Timestamp};
use crate::stats::quantile::Histogram;
use crate::stats::scale::Scale;
use std::time::Duration;

/// A stress run in which requests begin to fail after five minutes.
fn run() -> RunRecord {
    let scenario = builtin("stress", 100.0).expect("built in");
    let window = |second: u64| {
        let mut latency = Histogram::default();
        latency.add(Scale::new([]).code(Duration::from_millis(40)), 50);
        let failed = if second < 300 { 0 } else { 5 };
        LoadWindow {
            start: Duration::from_secs(second),
            length: Duration::from_secs(1),
            stage: 0,
            due: 10.0 + second as f64 * 190.0 / 600.0,
            active: 10.0,
            started: 50,
            dropped: 0,
            good: 50 - failed,
            failed: vec![(Cause::Status, failed)],
            service_time: latency.clone(),
            latency,
            lag: Duration::ZERO,
            generator_cpu: Some(0.1),
        }
    };
    RunRecord {
        service: "rag".to_owned(),
        engine: "slod".to_owned(),
        from: Timestamp(0),
        to: Timestamp(0).after(scenario.length()),
        ending: Ending::Completed,
        windows: (0..600).map(window).collect(),
        scenario,
    }
}

fn stored() -> StoredRun {
    StoredRun {
        id: 3,
        service: "rag".to_owned(),
        scenario: "stress".to_owned(),
        engine: "slod".to_owned(),
        from: Timestamp(0),
        to: Timestamp::from_secs(600),
        is_baseline: true,
    }
}

#[test]
fn the_first_line_says_what_broke() {
    let report = RunReport::of(&stored(), &run(), &Expectations::default());
    assert!(!report.is_fine());
    let text = report.to_text();
    let mut lines = text.lines();
    assert_eq!(
        lines.next(),
        Some(
            "breaking point, bad: broke between 105 and 108 users, 300 s after the start: 10.0 % of the requests failed"
        )
    );
    assert_eq!(
        lines.next(),
        Some("Run 3 of rag: stress by slod, 1970-01-01 00:00:00 UTC, 10m")
    );
    assert!(text.contains("30,000"), "{text}");
    assert!(report.to_markdown().starts_with("# breaking point, bad"));
}

#[test]
fn nothing_is_claimed_of_a_run_without_requests() {
    let mut empty = run();
    empty.windows.clear();
    let report = RunReport::of(&stored(), &empty, &Expectations::default());
    assert!(report.headline.starts_with("breaking point, cannot tell"));
    assert_eq!(report.stages[0].error_ratio, None);
}

#[test]
fn a_list_of_runs() {
    let text = list_to_text(&[RunEntry::of(&stored())]);
    assert!(
        text.contains("stress") && text.contains("baseline"),
        "{text}"
    );
    assert_eq!(list_to_text(&[]), "no runs\n");
}
