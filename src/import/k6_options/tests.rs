//! `fixtures` contains scripts, and the output of k6 1.1 for them.

use super::{Imported, read};
use crate::units;
use serde_json::Value;

fn imported(text: &str) -> Imported {
    read(text).unwrap_or_else(|why| panic!("{why}"))
}

/// The stages of a scenario: start and end level, and seconds.
fn stages(imported: &Imported, name: &str) -> Vec<(f64, f64, u64)> {
    let config: Value = serde_yaml::from_str(&imported.yaml).expect("YAML");
    let all = config["scenarios"].as_array().expect("a list");
    let scenario = all.iter().find(|one| one["name"] == name).expect(name);
    let level = |level: &Value| {
        let rate = || units::Rate::parse(level.as_str()?).map(units::Rate::per_second);
        level.as_f64().or_else(rate).expect("a level")
    };
    let stages = scenario.get("users").or_else(|| scenario.get("rate"));
    let stages = stages.and_then(Value::as_array).expect("stages").iter();
    let each = stages.map(|one| {
        let length = units::duration(one["for"].as_str().expect("a text"));
        (
            level(&one["from"]),
            level(&one["to"]),
            length.expect("valid").as_secs(),
        )
    });
    each.collect()
}

fn thresholds(imported: &Imported, name: &str) -> Vec<String> {
    let config: Value = serde_yaml::from_str(&imported.yaml).expect("YAML");
    let all = config["scenarios"].as_array().expect("a list");
    let scenario = all.iter().find(|one| one["name"] == name).expect(name);
    let texts = scenario["thresholds"].as_array().into_iter().flatten();
    texts
        .map(|one| one.as_str().expect("a text").to_owned())
        .collect()
}

fn has(imported: &Imported, part: &str) -> bool {
    imported.remarks.iter().any(|one| one.contains(part))
}

#[test]
fn stages_begin_with_one_user_and_go_on_from_each_other() {
    let found = imported(include_str!("fixtures/stages.json"));
    assert_eq!(
        stages(&found, "default"),
        [(1.0, 20.0, 30), (20.0, 10.0, 90), (10.0, 0.0, 20)]
    );
    let command = "# slod load default --service NAME";
    assert_eq!(found.yaml.lines().next(), Some(command));
    let expected = ["p95<200ms", "p99.9<1000ms", "errors<0.01"];
    assert_eq!(thresholds(&found, "default"), expected);
}

#[test]
fn each_executor_has_its_levels() {
    let found = imported(include_str!("fixtures/scenarios.json"));
    assert_eq!(stages(&found, "constant"), [(10.0, 10.0, 30)]);
    assert_eq!(
        stages(&found, "ramping"),
        [(0.0, 10.0, 20), (10.0, 0.0, 10)]
    );
    assert_eq!(stages(&found, "arrival"), [(30.0, 30.0, 30)]);
    assert_eq!(
        stages(&found, "rarrival"),
        [(5.0, 5.0, 60), (5.0, 10.0, 120)]
    );
    assert_eq!(stages(&found, "ext"), [(10.0, 10.0, 600)]);
    for part in [
        "scenario shared is left out: shared-iterations ends after a number of iterations",
        "scenario per is left out: per-vu-iterations",
        "scenario constant: it runs the function one",
        "scenario constant: env is left out",
        "scenario constant: tags is left out",
        "scenario ramping: gracefulRampDown is left out",
        "scenario arrival: at most 50 users",
        "scenario ext: its number of users cannot be changed",
        "k6 runs its scenarios in parallel",
    ] {
        assert!(has(&found, part), "{part}: {:#?}", found.remarks);
    }
}

#[test]
fn thresholds_are_those_that_slod_judges() {
    let found = imported(include_str!("fixtures/thresholds.json"));
    assert_eq!(
        thresholds(&found, "default"),
        [
            "avg<100ms",
            "p50<100ms",
            "max<2000ms",
            "p90<150ms",
            "p95<200ms",
            "p99.99<400ms",
            "p99{name:login}<250ms",
            "errors<0.01",
            "rate>100/s",
        ]
    );
    for part in [
        "http_req_duration: min<50 is left out",
        "thresholds of one request: the requests of `load` must have the same names",
        "http_reqs: count>1000 is left out",
        "checks: rate>0.9 is left out: use `expect`",
        "iteration_duration: p(95)<3000 is left out",
        "my_trend: avg<10 is left out",
        "my_rate: rate>0.5 is left out",
        "my_counter: count<10 is left out",
        "vus: value>1 is left out",
        "rate<=0.01 ends the run in k6: `slod load --abort`",
        "rate<=0.01: the limit itself is a miss in slod",
        "`rate` counts only successful requests",
    ] {
        assert!(has(&found, part), "{part}: {:#?}", found.remarks);
    }
}

#[test]
fn options_of_files_modules_and_the_environment_are_those_that_k6_finds() {
    let found = imported(include_str!("fixtures/json.json"));
    assert_eq!(stages(&found, "default"), [(1.0, 3.0, 5)]);
    let found = imported(include_str!("fixtures/modules.json"));
    assert_eq!(stages(&found, "default"), [(7.0, 7.0, 15)]);
    let found = imported(include_str!("fixtures/env.json"));
    assert_eq!(stages(&found, "main"), [(80.0, 80.0, 60)]);
    // A stage with a duration of zero is a jump.
    let found = imported(include_str!("fixtures/noenv.json"));
    assert_eq!(
        stages(&found, "default"),
        [(20.0, 20.0, 10), (40.0, 40.0, 5)]
    );
}

#[test]
fn what_has_no_load_is_refused_with_its_reason() {
    let refused = |text: &str| read(text).expect_err("refused");
    let iterations = refused(include_str!("fixtures/iterations.json"));
    assert!(iterations.contains("shared-iterations"), "{iterations}");
    for text in ["export const options = {};", "[]", "{}"] {
        let why = refused(text);
        assert!(why.contains("`k6 inspect SCRIPT`"), "{why}");
    }
    let scenario = |scenario: &str| format!(r#"{{ "scenarios": {{ {scenario} }} }}"#);
    for (text, part) in [
        (
            r#""a": { "executor": "constant-arrival-rate", "duration": "1m", "rate": 1e9 }"#,
            "above 100000 per second",
        ),
        (
            r#""a": { "executor": "constant-vus", "duration": "1m", "vus": 0.5 }"#,
            "not whole numbers",
        ),
        (
            r#""a": { "executor": "ramping-arrival-rate", "startRate": 1, "stages": [ { "target": -1, "duration": "1m" } ] }"#,
            "negative level",
        ),
        (
            r#""": { "executor": "constant-vus", "duration": "1m" }"#,
            "not valid in k6",
        ),
        (
            &format!(
                r#""{}": {{ "executor": "constant-vus", "duration": "1m" }}"#,
                "a".repeat(101)
            ),
            "its name has more than 100 characters",
        ),
        (
            r#""a\n": { "executor": "constant-vus", "duration": "1m" }"#,
            "not valid in k6",
        ),
        (
            r#""a": { "executor": "constant-vus", "duration": "200ms" }"#,
            "not between 1s and 1d",
        ),
        (
            r#""a": { "executor": "constant-vus", "vus": 20000, "duration": "1m" }"#,
            "more than 10000 users",
        ),
        (r#""a": { "executor": "constant-vus" }"#, "its duration is"),
        (
            r#""a": { "executor": "ramping-vus", "startVUs": 0 }"#,
            "it makes no load",
        ),
        (
            r#""a": { "executor": "constant-arrival-rate", "rate": 1, "timeUnit": "0s", "duration": "1m" }"#,
            "timeUnit",
        ),
        (r#""a": { "executor": "other" }"#, "unknown executor other"),
    ] {
        let why = refused(&scenario(text));
        assert!(why.contains(part), "{text}: {why}");
    }
    let stages = r#"{ "target": 9, "duration": "1s" },"#.repeat(101);
    let stages = stages.trim_end_matches(',');
    let many = format!(r#""a": {{ "executor": "ramping-vus", "stages": [ {stages} ] }}"#);
    let why = refused(&scenario(&many));
    assert!(why.contains("more than 100 stages"), "{why}");
}

#[test]
fn other_options_are_named() {
    let text = r#"{ "rps": 100, "noConnectionReuse": true, "throw": false, "dns": { "ttl": null },
        "scenarios": { "a": { "executor": "ramping-arrival-rate", "stages": [ { "target": 90, "duration": "1.5s" } ] } } }"#;
    let found = imported(text);
    assert!(has(&found, "option rps is left out"), "{found:?}");
    assert!(has(
        &found,
        "option noConnectionReuse: see `slod load --no-keep-alive`"
    ));
    assert!(!has(&found, "throw") && !has(&found, "dns"), "{found:?}");
    assert!(
        found
            .yaml
            .contains("- { from: 1/d, to: 90/s, for: 1s500ms }"),
        "{}",
        found.yaml
    );
}

fn sorted(imported: &Imported, name: &str) -> Vec<String> {
    let mut all = thresholds(imported, name);
    all.sort_unstable();
    all
}

#[test]
fn thresholds_of_a_request_or_scenario_keep_their_selector() {
    let found = imported(
        r#"{ "scenarios": {
            "a": { "executor": "constant-vus", "vus": 1, "duration": "1m" },
            "b": { "executor": "constant-vus", "vus": 1, "duration": "1m" },
            "c": { "executor": "shared-iterations" } },
        "thresholds": {
            "http_req_duration{name:\"GET /x\"}": ["p(95)<500"],
            "http_req_failed{scenario:b}": ["rate<=0"],
            "http_req_failed{scenario:c}": ["rate<0.1"],
            "failed_requests{name:z}": ["rate==0"],
            "http_reqs{scenario:a,name:y}": ["rate>5"],
            "http_req_duration{expected_response:true}": ["p(95)<300"],
            "http_req_duration{status:200}": ["p(95)<200"],
            "http_req_duration{name:a": ["p(95)<100"]
        } }"#,
    );
    let of_all = "p95{name:GET /x}<500ms";
    let exported = "errors{name:z}==0";
    assert_eq!(sorted(&found, "a"), [exported, of_all, "rate{name:y}>5/s"]);
    assert_eq!(sorted(&found, "b"), ["errors==0", exported, of_all]);
    assert!(!has(&found, "the limit itself is a miss"));
    for part in [
        "threshold errors<0.1 is left out: it is about another scenario",
        "{expected_response:true}: p(95)<300 is left out: slod's latencies include those of failed",
        "{status:200}: p(95)<200 is left out: slod selects requests only by `name`",
        "{name:a: p(95)<100 is left out",
    ] {
        assert!(has(&found, part), "{part}: {:#?}", found.remarks);
    }
}

#[test]
fn a_rate_below_one_a_day_is_one_a_day() {
    let found = imported(
        r#"{ "scenarios": { "a": { "executor": "constant-arrival-rate", "duration": "1m", "rate": 1, "timeUnit": "1000h" } } }"#,
    );
    let stage = "- { from: 1/d, to: 1/d, for: 1m }";
    assert!(found.yaml.contains(stage), "{}", found.yaml);
}
