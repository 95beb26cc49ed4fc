use super::*;
use crate::load::{LoadWindow, Model, Scenario, Stage};
use crate::outcome::Timestamp;
use crate::stats::quantile::Histogram;

/// A minute that was watched, of a service that counts its requests and nothing else.
fn watched(thresholds: &[&str]) -> RunReport {
    let window = |second| LoadWindow {
        start: Duration::from_secs(second),
        length: Duration::from_secs(10),
        stage: 0,
        due: 50.0,
        active: 0.0,
        started: 500,
        dropped: 0,
        good: 0,
        unjudged: 500,
        failed: Vec::new(),
        latency: Histogram::default(),
        failed_latency: Histogram::default(),
        lag: Duration::ZERO,
        generator_cpu: None,
    };
    let run = RunRecord {
        service: "web".to_owned(),
        scenario: Scenario {
            name: OBSERVED.to_owned(),
            purpose: String::new(),
            model: Model::Open { poisson: false },
            stages: vec![Stage {
                name: OBSERVED.to_owned(),
                from: 0.0,
                to: 0.0,
                length: Duration::from_mins(1),
            }],
        },
        engine: OBSERVED.to_owned(),
        from: Timestamp(0),
        to: Timestamp(60_000),
        ending: Ending::Completed,
        windows: (0..6).map(|number| window(10 * number)).collect(),
        requests: Vec::new(),
        examples: Vec::new(),
        thresholds: thresholds.iter().map(|one| (*one).to_owned()).collect(),
        observed: Vec::new(),
    };
    RunReport::new(run, None)
}

#[test]
fn what_a_watched_service_does_not_count_is_unknown_in_every_report() {
    let report = watched(&["errors<1%", "p95<1s", "avg<1s", "max<1s", "rate>40/s"]);
    let decisions: Vec<_> = report.held.iter().map(|one| one.decision).collect();
    let (unmeasured, kept) = (Decision::Unmeasured, Decision::Kept);
    assert_eq!(
        decisions,
        [unmeasured, unmeasured, unmeasured, unmeasured, kept]
    );
    let summary = RunSummary::of(&report);
    assert_eq!((summary.verdict, summary.error_ratio), ("failed", None));

    let json: serde_json::Value = serde_json::from_str(&report.to_json()).expect("JSON");
    for part in [&json["total"], &json["stages"][0], &json["windows"][0]] {
        for field in ["errors", "error_ratio", "dropped"] {
            assert!(part[field].is_null(), "{field}: {part}");
        }
    }
    for field in ["due", "active", "lag_seconds"] {
        let window = &json["windows"][0];
        assert!(
            window.get(field).is_some_and(serde_json::Value::is_null),
            "{field}: {window}"
        );
    }
    assert_eq!(json["total"]["requests"], 3000);
    let errors = &json["thresholds"][0];
    assert_eq!(errors["measured"], serde_json::Value::Null);
    let reason = "it is not known which requests failed";
    assert_eq!(errors["reason"], reason);
    let times = "response times are not known";
    assert_eq!(json["thresholds"][1]["reason"], times);

    let texts = [
        report.to_text(),
        report.to_markdown(Beside::default()),
        report.to_html(Beside::default()),
        report.to_junit(),
    ];
    for text in &texts {
        assert!(text.contains(reason) && text.contains(times), "{text}");
        assert!(!text.contains("succeeded"), "{text}");
    }
    for text in &texts[..3] {
        assert!(text.contains("- (errors are not counted)"), "{text}");
    }
}

#[test]
fn an_objective_that_failures_broke_says_so_in_every_report() {
    let mut report = watched(&["p95<500ms"]);
    report.held[0].measured = Err(Missing::Bad {
        failed: 6,
        slow: 0,
        requests: 100,
    });
    let json: serde_json::Value = serde_json::from_str(&report.to_json()).expect("JSON");
    let reason = "6% of the requests failed, and those are never fast";
    assert_eq!(json["thresholds"][0]["reason"], reason);
    assert!(json["thresholds"][0]["measured"].is_null());
    for text in [
        report.to_text(),
        report.to_junit(),
        report.to_markdown(Beside::default()),
    ] {
        assert!(text.contains(reason), "{text}");
    }
}

#[test]
fn how_a_run_ended_early_comes_before_what_it_found() {
    let why = "avg < 100ms was missed".to_owned();
    for (ending, begin) in [
        (Ending::Aborted { why }, "aborted: avg < 100ms was missed"),
        (Ending::Interrupted, "interrupted"),
    ] {
        let mut report = watched(&[]);
        report.run.ending = ending;
        report.statements.clear();
        assert_eq!(report.finding(), begin);
        let busy = Statement::new("cpu", Answer::Bad, "the CPU was at 100 %");
        report.statements.push(busy);
        assert_eq!(report.finding(), format!("{begin}; the CPU was at 100 %"));
    }
}
