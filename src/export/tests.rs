use super::*;
use crate::load::{Model, Stage};

fn stage(from: f64, to: f64, secs: u64) -> Stage {
    Stage {
        name: String::new(),
        from,
        to,
        length: Duration::from_secs(secs),
    }
}

fn script(model: Model, stages: Vec<Stage>) -> Script {
    let plain = |value: &str| ScriptValue::Plain(value.to_owned());
    Script {
        service: "con\"cierge\n".to_owned(),
        origin: "http://127.0.0.1:8000".to_owned(),
        scenario: Scenario {
            name: "spike".to_owned(),
            purpose: "recovery from \"sudden\" load".to_owned(),
            model,
            stages,
        },
        requests: vec![
            ScriptRequest {
                method: "POST".to_owned(),
                path: "/chat?mode=short".to_owned(),
                headers: vec![
                    ("Content-Type".to_owned(), plain("application/json")),
                    (
                        "Authorization".to_owned(),
                        ScriptValue::Environment("CHAT_TOKEN".to_owned()),
                    ),
                ],
                body: Some(plain("{\"text\": \"gr\u{fc}\u{df} \u{1f600}\\n`${x}`\"}")),
                weight: 3,
                statuses: vec![200..=299, 404..=404],
            },
            ScriptRequest {
                method: "GET".to_owned(),
                path: "/health".to_owned(),
                headers: vec![],
                body: None,
                weight: 1,
                statuses: vec![200..=299],
            },
        ],
        timeout: Duration::from_secs(5),
        limits: Limits {
            latencies: vec![
                (0.95, Duration::from_millis(500)),
                (0.99, Duration::from_secs(1)),
            ],
            failed: Some(0.001),
        },
    }
}

/// The options of a script of k6 are JSON.
fn options(text: &str) -> serde_json::Value {
    let (_, rest) = text.split_once("export const options = ").expect("there");
    let (options, _) = rest.split_once(";\n").expect("it ends");
    serde_json::from_str(options).expect("JSON")
}

#[test]
fn k6_gets_stages_jumps_and_thresholds() {
    let think = Duration::from_millis(1500);
    let stages = vec![
        stage(10.0, 10.0, 60),
        stage(100.0, 100.0, 180),
        stage(100.0, 10.0, 60),
    ];
    let text = script(Model::Closed { think }, stages).write(Tool::K6);
    let options = options(&text);
    let spike = &options["scenarios"]["spike"];
    assert_eq!(spike["executor"], "ramping-vus");
    assert_eq!(spike["startVUs"], 10);
    let expected = serde_json::json!([
        { "duration": "60000ms", "target": 10 },
        { "duration": "0s", "target": 100 },
        { "duration": "180000ms", "target": 100 },
        { "duration": "60000ms", "target": 10 },
    ]);
    assert_eq!(spike["stages"], expected);
    let expected = serde_json::json!({
        "http_req_duration": ["p(95)<500", "p(99)<1000"],
        "http_req_failed": ["rate<0.001"],
        "http_reqs": ["count>0"],
    });
    assert_eq!(options["thresholds"], expected);
    assert!(text.contains("sleep(1.5);") && text.contains("__ENV[\"CHAT_TOKEN\"]"));
}

#[test]
fn k6_takes_rates_that_are_not_whole_by_the_minute() {
    let stages = vec![stage(0.5, 2.25, 60)];
    let text = script(Model::Open { poisson: false }, stages).write(Tool::K6);
    let spike = &options(&text)["scenarios"]["spike"];
    assert_eq!(spike["executor"], "ramping-arrival-rate");
    assert_eq!(
        (&spike["timeUnit"], &spike["startRate"]),
        (&"1m".into(), &30.into())
    );
    assert_eq!(spike["stages"][0]["target"], 135);
}

#[test]
fn a_locustfile_has_the_shape_and_the_limits() {
    let stages = vec![stage(10.0, 200.0, 600)];
    let think = Duration::from_secs(1);
    let text = script(Model::Closed { think }, stages).write(Tool::Locust);
    for part in [
        "wait_time = constant(1)",
        "(600, 10, 200),",
        "get_response_time_percentile(0.95) >= 500",
        "total.fail_ratio >= 0.001",
        "200 <= status <= 299 or 404 <= status <= 404",
        "os.environ[\"CHAT_TOKEN\"]",
        "@task(3)",
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
}

#[test]
fn what_users_wrote_stays_text() {
    assert_eq!(literal("a\"\\\n\u{1f600}"), "\"a\\\"\\\\\\u000a\u{1f600}\"");
}

/// The interpreter reads the script; what it imports is not there.
#[test]
fn a_locustfile_is_python() {
    let think = Duration::ZERO;
    for model in [Model::Closed { think }, Model::Open { poisson: true }] {
        let text = script(model, vec![stage(1.0, 2.5, 60)]).write(Tool::Locust);
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("locustfile.py");
        std::fs::write(&path, &text).expect("written");
        let program = "import ast, sys; ast.parse(open(sys.argv[1], encoding='utf-8').read())";
        let read = std::process::Command::new("python3")
            .args(["-c", program])
            .arg(&path)
            .output()
            .expect("python3 runs");
        let fault = String::from_utf8_lossy(&read.stderr);
        assert!(read.status.success(), "{fault}\n{text}");
    }
}

#[test]
fn manifests_are_yaml_and_carry_the_script() {
    let think = Duration::ZERO;
    let script = script(Model::Closed { think }, vec![stage(1.0, 2.0, 60)]);
    for (tool, file, kinds) in [
        (Tool::K6, "script.js", &["ConfigMap", "TestRun"][..]),
        (
            Tool::Locust,
            "locustfile.py",
            &["ConfigMap", "Job", "Deployment", "Service"],
        ),
    ] {
        let text = script.write_manifests(tool, 4);
        let documents: Vec<serde_json::Value> =
            serde_yaml::from_multiple(&text).expect("several documents");
        let found: Vec<_> = documents
            .iter()
            .map(|one| one["kind"].as_str().unwrap_or(""))
            .collect();
        assert_eq!(found, kinds);
        let carried = documents[0]["data"][file].as_str().expect("the script");
        assert_eq!(carried.trim_end(), script.write(tool).trim_end());
        assert!(text.contains("key: CHAT_TOKEN") && text.contains("name: load-con-cierge--spike"));
    }
}
