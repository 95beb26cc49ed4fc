use super::*;
use crate::load::{LoadWindow, Model, Scenario, Stage};
use crate::outcome::{Cause, Timestamp};

/// An observed minute of a service that counts requests and nothing else.
fn watched(thresholds: &[&str]) -> RunReport {
    let window = |second| LoadWindow {
        start: Duration::from_secs(second),
        length: Duration::from_secs(10),
        due: 50.0,
        started: 500,
        unjudged: 500,
        ..LoadWindow::default()
    };
    let scenario = Scenario {
        name: OBSERVED.to_owned(),
        purpose: String::new(),
        model: Model::Open { poisson: false },
        stages: vec![Stage::new(OBSERVED, 0.0, 0.0, Duration::from_mins(1))],
    };
    let run = RunRecord {
        to: Timestamp(60_000),
        ending: Ending::Completed,
        windows: (0..6).map(|number| window(10 * number)).collect(),
        thresholds: thresholds.iter().map(|one| (*one).to_owned()).collect(),
        ..RunRecord::begun("web", scenario, OBSERVED, Timestamp(0))
    };
    RunReport::new(run, None)
}

#[test]
fn uncounted_values_of_an_observed_service_are_unknown_in_every_report() {
    let report = watched(&["errors<1%", "p95<1s", "avg<1s", "max<1s", "rate>40/s"]);
    let decisions: Vec<_> = report.results.iter().map(|one| one.decision).collect();
    let (unmeasured, kept) = (Decision::Unmeasured, Decision::Met);
    assert_eq!(
        decisions,
        [unmeasured, unmeasured, unmeasured, unmeasured, kept]
    );
    let summary = RunSummary::of(&report);
    assert_eq!((&*summary.verdict, summary.error_ratio), ("failed", None));

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
    let reason = "it is unknown which requests failed";
    assert_eq!(errors["reason"], reason);
    let times = "response times are unknown";
    assert_eq!(json["thresholds"][1]["reason"], times);

    let texts = [
        report.to_text(ReportExtras::default()),
        report.to_markdown(ReportExtras::default()),
        report.to_html(ReportExtras::default()),
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
    report.results[0].measured = Err(NotMeasured::Bad {
        failed: 6,
        slow: 0,
        requests: 100,
    });
    let json: serde_json::Value = serde_json::from_str(&report.to_json()).expect("JSON");
    let reason = "6% of the requests failed, and failed requests are never fast";
    assert_eq!(json["thresholds"][0]["reason"], reason);
    assert!(json["thresholds"][0]["measured"].is_null());
    for text in [
        report.to_text(ReportExtras::default()),
        report.to_junit(),
        report.to_markdown(ReportExtras::default()),
    ] {
        assert!(text.contains(reason), "{text}");
    }
}

#[test]
fn the_reason_for_an_early_end_comes_before_the_finding() {
    let why = "avg < 100ms was missed".to_owned();
    for (ending, begin) in [
        (Ending::Aborted { why }, "aborted: avg < 100ms was missed"),
        (Ending::Interrupted, "interrupted"),
    ] {
        let mut report = watched(&[]);
        report.run.ending = ending;
        report.statements.clear();
        assert_eq!(report.finding(), begin);
        let busy = Statement::new("cpu", Answer::Bad, "the CPU was at 100%");
        report.statements.push(busy);
        assert_eq!(report.finding(), format!("{begin}; the CPU was at 100%"));
    }
    // A run that was interrupted fails all the same if it missed a threshold.
    let mut report = watched(&["rate>60/s"]);
    report.run.ending = Ending::Interrupted;
    report.statements.clear();
    let expected = "interrupted; 1 of 1 thresholds was missed (rate > 60.0/s: 50.0/s)";
    assert_eq!(report.finding(), expected);
}

#[test]
fn what_failed_the_run_comes_before_the_findings() {
    let finding = Statement::new("pool", Answer::Bad, "the connection pool was full");
    for (threshold, begin) in [
        (
            "rate>60/s",
            "1 of 1 thresholds was missed (rate > 60.0/s: 50.0/s); ",
        ),
        ("errors<1%", "1 of 1 thresholds could not be measured; "),
        ("rate>40/s", ""),
    ] {
        let mut report = watched(&[threshold]);
        report.statements = vec![finding.clone()];
        let expected = format!("{begin}the connection pool was full");
        assert_eq!(report.finding(), expected);
    }
}

/// Ten planned seconds, with one modification.
fn planned(change: impl Fn(&mut LoadWindow)) -> RunReport {
    let mut run = watched(&["rate>40/s"]).run;
    crate::load::SLOD.clone_into(&mut run.engine);
    run.scenario.name = "own".to_owned();
    for window in &mut run.windows {
        (window.good, window.unjudged) = (window.started, 0);
        change(window);
    }
    RunReport::new(run, None)
}

#[test]
fn a_threshold_that_the_generator_prevented_from_being_measured_is_unknown() {
    let report = planned(|window| window.lag = Duration::from_secs(1));
    let result = &report.results[0];
    let found = (result.decision, result.in_words());
    assert_eq!(
        found,
        (
            Decision::Undecided,
            "the generator was the limit".to_owned()
        )
    );
    assert_eq!(report.answer(), Answer::Unknown, "{}", report.headline());
    // No requests at all is a failure of the run.
    let report = planned(|window| (window.good, window.started) = (0, 0));
    assert_eq!(report.results[0].decision, Decision::Unmeasured);
}

#[test]
fn dropped_starts_name_the_resource_that_the_generator_lacked() {
    let mut report = planned(|window| {
        (window.dropped, window.lacking) = (30, 20);
        window.lag = Duration::from_millis(1);
    });
    report.run.lack = Some("no port is left".to_owned());
    let words = "180 (120 of them for lack of resources on the generator's machine; first: no port is left)";
    for text in [
        report.to_text(ReportExtras::default()),
        report.to_markdown(ReportExtras::default()),
        report.to_html(ReportExtras::default()),
    ] {
        assert!(text.contains(words), "{text}");
        assert!(text.contains("at most 1.0ms late"), "{text}");
    }
    let json: serde_json::Value = serde_json::from_str(&report.to_json()).expect("JSON");
    assert_eq!(
        (&json["total"]["dropped"], &json["total"]["lacking"]),
        (&180.into(), &120.into())
    );
    assert_eq!(json["first_lack"], "no port is left");
}

#[test]
fn the_first_line_names_other_load_at_the_same_time() {
    let mut run = planned(|_| {}).run;
    run.concurrent = vec!["run 7 (stress of web)".to_owned()];
    let report = RunReport::new(run, None);
    let words =
        "the figures include the effect of other load at the same time: run 7 (stress of web)";
    let first = format!("; {words}");
    assert!(report.headline().ends_with(&first), "{}", report.headline());
    assert_eq!(report.answer(), Answer::Good);
    let json: serde_json::Value = serde_json::from_str(&report.to_json()).expect("JSON");
    assert_eq!(json["concurrent_runs"][0], "run 7 (stress of web)");
}

#[test]
fn failures_are_not_called_slow_and_missed_thresholds_are_named() {
    let mut run =
        planned(|window| (window.good, window.failed) = (400, vec![(Cause::Status, 100)])).run;
    run.thresholds = ["p95<500ms", "errors<1%"].map(str::to_owned).to_vec();
    let advised = |first: &str| {
        let examples = vec![(Cause::Status, first.to_owned())];
        let mut report = RunReport::new(
            RunRecord {
                examples,
                ..run.clone()
            },
            None,
        );
        report.statements.clear();
        report.indicators.warnings.clear();
        (report.results[0].measured, report.results[0].decision) = (
            Err(NotMeasured::Bad {
                failed: 600,
                slow: 0,
                requests: 3000,
            }),
            Decision::Missed,
        );
        (report.advice(), report.finding())
    };
    let (advice, finding) = advised("status 500");
    assert_eq!(advice, [advice::FAILED]);
    assert_eq!(
        finding,
        "2 of 2 thresholds were missed (errors < 1%: 20%, cause: status (first: status 500); ...)"
    );
    assert_eq!(advised("status 429").0, [advice::REFUSED]);
}

#[test]
fn nothing_is_advised_to_a_service_that_no_request_reached() {
    let mut report = planned(|window| {
        (window.good, window.failed) = (100, vec![(Cause::Status, 100), (Cause::Dns, 300)]);
    });
    report.indicators.warnings.clear();
    report.statements = vec![
        Statement::new("errors", Answer::Bad, "more requests failed").advised(advice::ERRORS),
        Statement::new("requests", Answer::Bad, "requests failed").advised(advice::FAILED),
    ];
    report.results.clear();
    assert_eq!(report.advice(), [advice::UNREACHED]);
}

/// A stress test whose service breaks at 80 users, judged by a config.
fn broken(load: &str) -> RunReport {
    let text = format!(
        "services:
  - name: web
    probes: [ {{ name: p, http: {{ url: 'http://127.0.0.1:1/' }} }} ]
    load: {{ {load} }}
"
    );
    let config: crate::config::Config = text.parse().expect("valid");
    let mut run = watched(&[]).run;
    run.engine = crate::load::SLOD.to_owned();
    run.scenario.name = "stress".to_owned();
    run.scenario.model = Model::Closed {
        think: Duration::ZERO,
    };
    run.scenario.stages[0].from = 10.0;
    run.scenario.stages[0].to = 100.0;
    for (window, users) in run
        .windows
        .iter_mut()
        .zip([20.0, 40.0, 60.0, 80.0, 90.0, 100.0])
    {
        (window.due, window.active, window.unjudged) = (users, users, 0);
        let failed = if users < 80.0 { 0 } else { 250 };
        window.good = 500 - failed;
        window.failed = vec![(Cause::Status, failed)];
    }
    RunReport::new(run, config.service("web"))
}

#[test]
fn a_break_fails_a_run_where_the_load_was_promised() {
    let address = "url: 'http://127.0.0.1:1/'";
    for (promise, verdict, failures) in [
        ("", "passed, 1 finding", 0),
        (", users: 10-50, peak_users: 70", "passed, 1 finding", 0),
        (", users: 10-50, peak_users: 80", "failed", 1),
        (", users: 10-90", "failed", 1),
    ] {
        let report = broken(&format!("{address}{promise}"));
        let bad = report.statements.iter().find(|one| one.level.is_some());
        let bad = bad.unwrap_or_else(|| panic!("no break: {:?}", report.statements));
        assert_eq!(
            (bad.answer, bad.level),
            (Answer::Bad, Some(80.0)),
            "{bad:?}"
        );
        assert!(
            report.verdict_in_words().starts_with(verdict),
            "{promise}: {}",
            report.to_text(ReportExtras::default())
        );
        let summary = RunSummary::of(&report);
        assert_eq!(summary.verdict(), report.verdict_in_words());
        let junit = report.to_junit();
        assert!(
            junit.contains(&format!("failures=\"{failures}\" errors=\"0\"")),
            "{junit}"
        );
        let is_output = junit.contains("<system-out>found: broke between 60 and 80 users");
        assert_eq!(is_output, failures == 0, "{junit}");
    }
}

#[test]
fn a_failed_generator_is_an_error_and_an_abort_a_failure() {
    let mut report = watched(&[]);
    for (ending, verdict, counts) in [
        (Ending::Completed, "passed", [0, 0, 0]),
        (
            Ending::Aborted {
                why: "a < b".to_owned(),
            },
            "failed",
            [1, 0, 0],
        ),
        (
            Ending::Failed {
                why: "k6 ended".to_owned(),
            },
            "unknown",
            [0, 1, 0],
        ),
        (Ending::Interrupted, "unknown", [0, 0, 1]),
    ] {
        report.run.ending = ending;
        report.statements.clear();
        let [failures, errors, skipped] = counts;
        let expected = format!("failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\"");
        let junit = report.to_junit();
        assert!(junit.contains(&expected), "{junit}");
        assert_eq!(report.verdict(), verdict);
    }
}

#[test]
fn a_run_that_shows_nothing_has_no_failures_in_junit() {
    let nothing = |ending: Ending| {
        let mut run = planned(|window| (window.good, window.started) = (0, 0)).run;
        run.ending = ending;
        RunReport::new(run, None)
    };
    let report = nothing(Ending::Interrupted);
    assert_eq!(report.answer(), Answer::Unknown, "{}", report.headline());
    let junit = report.to_junit();
    assert!(junit.contains("failures=\"0\" errors=\"0\""), "{junit}");
    assert!(nothing(Ending::Completed).to_junit().contains("<failure"));
}
