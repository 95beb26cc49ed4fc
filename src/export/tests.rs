mod checks;
mod locust;

use super::*;
use crate::load::{Model, Stage};
use slod_load::Escape;
use std::process::Command;

fn stage(from: f64, to: f64, secs: u64) -> Stage {
    Stage {
        name: String::new(),
        from,
        to,
        length: Duration::from_secs(secs),
    }
}

fn script(model: Model, stages: Vec<Stage>) -> Script {
    let plain = |value: &str| ScriptText::plain(value);
    Script {
        service: "con\"cierge\n".to_owned(),
        origin: "http://127.0.0.1:8000".to_owned(),
        scenario: Scenario {
            name: "spike".to_owned(),
            purpose: "recovery from \"sudden\" load".to_owned(),
            model,
            stages,
        },
        sequences: vec![
            ScriptSequence {
                weight: 3,
                steps: vec![
                    ScriptRequest {
                        name: "chat".to_owned(),
                        think: None,
                        method: "POST".to_owned(),
                        path: plain("/chat?mode=short"),
                        headers: vec![
                            ("Content-Type".to_owned(), plain("application/json")),
                            (
                                "Authorization".to_owned(),
                                ScriptText::environment("CHAT_TOKEN"),
                            ),
                        ],
                        body: Some(plain("{\"text\": \"gr\u{fc}\u{df} \u{1f600}\\n`${x}`\"}")),
                        statuses: vec![200..=299, 404..=404],
                        checks: checks::checks(),
                        captures: vec![
                            capture("id", ScriptSource::json("$.chats[0]['the id']")),
                            capture("next", Ok(ScriptSource::Header("location".to_owned()))),
                            capture("mark", ScriptSource::regex("mark=(\\d+)")),
                        ],
                    },
                    ScriptRequest {
                        name: "read \"it\"".to_owned(),
                        think: None,
                        method: "GET".to_owned(),
                        path: ScriptText(vec![
                            ScriptPart::Plain("/chats/".to_owned()),
                            value("captured", "id", Escape::Percent),
                            ScriptPart::Plain("?user=".to_owned()),
                            value("data", "the user", Escape::Percent),
                        ]),
                        headers: vec![],
                        body: Some(ScriptText(vec![
                            ScriptPart::Plain("{\"n\":".to_owned()),
                            value("captured", "mark", Escape::JsonValue),
                            ScriptPart::Plain(",\"u\":\"".to_owned()),
                            value("data", "the user", Escape::JsonText),
                            ScriptPart::Plain("\"}".to_owned()),
                        ])),
                        statuses: vec![200..=299],
                        checks: vec![],
                        captures: vec![],
                    },
                ],
            },
            ScriptSequence {
                weight: 1,
                steps: vec![ScriptRequest {
                    name: "GET /health".to_owned(),
                    think: None,
                    method: "GET".to_owned(),
                    path: plain("/health"),
                    headers: vec![],
                    body: None,
                    statuses: vec![200..=299],
                    checks: vec![],
                    captures: vec![],
                }],
            },
        ],
        data: Some("users.csv".into()),
        cookies: true,
        timeout: Duration::from_secs(5),
        thresholds: thresholds(&["p95<500ms", "p99<1s", "errors<0.001"]),
        certificates: Certificates::System,
        reports: false,
    }
}

fn thresholds(texts: &[&str]) -> Vec<Threshold> {
    let all = texts.iter().map(|text| text.parse().expect(text));
    all.collect()
}

/// Whether a program can be started. If not, its tests are left out, except in CI, which guarantees it.
fn is_installed(program: &str) -> bool {
    let started = Command::new(program).arg("--version").output();
    if let Err(error) = &started {
        assert!(std::env::var_os("CI").is_none(), "{program}: {error}");
        eprintln!("not tested, because {program} cannot be started: {error}");
    }
    started.is_ok()
}

fn capture(name: &str, from: Result<ScriptSource, String>) -> ScriptCapture {
    let (name, from) = (name.to_owned(), from.expect("simple"));
    ScriptCapture { name, from }
}

fn value(of: &str, name: &str, escape: Escape) -> ScriptPart {
    let (of, name) = (of.to_owned(), name.to_owned());
    ScriptPart::Value { of, name, escape }
}

/// The options of a k6 script, which are JSON.
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
        "failed_requests": ["rate<0.001"],
        "http_reqs": ["count>0"],
    });
    assert_eq!(options["thresholds"], expected);
    assert!(text.contains("sleep(1.5);") && text.contains("__ENV[\"CHAT_TOKEN\"]"));
}

#[test]
fn k6_takes_rates_that_are_not_whole_by_a_longer_unit() {
    for (from, to, unit, start, target) in [
        (0.5, 2.25, "1m", 30, 135),
        // 2.5 and 7.5 per minute, 10 and 15 per hour, and 1 per day.
        (2.5 / 60.0, 7.5 / 60.0, "1h", 150, 450),
        (10.0 / 3600.0, 15.0 / 3600.0, "1h", 10, 15),
        (0.0, 1.0 / 86_400.0, "24h", 0, 1),
    ] {
        let stages = vec![stage(from, to, 60)];
        let text = script(Model::Open { poisson: false }, stages).write(Tool::K6);
        let spike = &options(&text)["scenarios"]["spike"];
        assert_eq!(spike["executor"], "ramping-arrival-rate");
        assert_eq!(
            (&spike["timeUnit"], &spike["startRate"]),
            (&unit.into(), &start.into())
        );
        assert_eq!(spike["stages"][0]["target"], target);
    }
}

#[test]
fn quantiles_are_written_as_short_percentages() {
    let mut script = script(Model::Open { poisson: false }, vec![stage(1.0, 1.0, 60)]);
    script.thresholds = thresholds(&["p57<500ms"]);
    assert!(script.write(Tool::K6).contains("\"p(57)<500\""));
    assert!(
        script
            .write(Tool::Locust)
            .contains("(\"p57 < 500ms\", None, ")
    );
}

#[test]
fn certificates_are_verified_unless_the_config_says_otherwise() {
    let of = |certificates, tool| {
        let stages = vec![stage(1.0, 1.0, 60)];
        let mut script = script(Model::Open { poisson: false }, stages);
        script.origin = "https://127.0.0.1:8000".to_owned();
        script.certificates = certificates;
        script.write(tool)
    };
    for (certificates, is_any, is_named) in [
        (Certificates::System, false, false),
        (Certificates::Named, false, true),
        (Certificates::All, true, false),
    ] {
        let k6 = of(certificates, Tool::K6);
        assert_eq!(k6.contains("\"insecureSkipTLSVerify\": true"), is_any);
        assert_eq!(k6.contains("SSL_CERT_FILE=CA.pem k6"), is_named);
        let locust = of(certificates, Tool::Locust);
        assert_eq!(locust.contains("insecure = True"), is_any, "{locust}");
        assert_eq!(locust.contains("lambda: certificates"), !is_any);
        assert_eq!(locust.contains("SSL_CERT_FILE=CA.pem locust"), is_named);
    }
}

#[test]
fn user_texts_stay_texts() {
    assert_eq!(literal("a\"\\\n\u{1f600}"), "\"a\\\"\\\\\\u000a\u{1f600}\"");
    assert_eq!(literal("\u{2028}\u{85}\u{feff}"), r#""\u2028\u0085\ufeff""#);
    assert_eq!(one_line("a\u{2028}b\r\n\u{85}c"), "a b   c");
}

/// Node loads the script as a module and runs it with stubbed answers.
#[test]
fn k6_scripts_are_valid_javascript_and_use_captures() {
    if !is_installed("node") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, text).expect("written");
    };
    let think = Duration::ZERO;
    let text = script(Model::Closed { think }, vec![stage(1.0, 2.5, 60)]).write(Tool::K6);
    write("script.mjs", &text);
    write("users.csv", "id, the user\n1,\"a \"\"b\"\", c\"\r\n2,d\n");
    for (name, exports) in [
        ("k6", "export const check = (value, all) => Object.values(all).every((one) => one(value)); export const sleep = () => {};"),
        ("k6/http", "const body = process.env.BODY;
            const request = (method, url, sent) => { console.log(method, url, sent); return { status: 200, headers: { Location: '/x' }, body }; };
            export default { expectedStatuses: (...all) => all, request };"),
        ("k6/metrics", "export class Rate { add(value, tags) { console.error('failed', value, tags.name); } }"),
        ("k6/data", "export class SharedArray { constructor(name, make) { return make(); } }"),
        ("k6/execution", "export default { scenario: { iterationInTest: 2 } };"),
    ] {
        write(&format!("node_modules/{name}/index.mjs"), exports);
    }
    let parts = ["http", "data", "execution", "metrics"]
        .map(|part| format!("\"./{part}\":\"./{part}/index.mjs\""));
    let exports = format!(
        "{{\"exports\":{{\".\":\"./index.mjs\",{}}}}}",
        parts.join(",")
    );
    write("node_modules/k6/package.json", &exports);
    write(
        "run.mjs",
        "import { readFileSync } from 'node:fs';
         globalThis.__ENV = { CHAT_TOKEN: 't' };
         globalThis.open = (file) => readFileSync(file, 'utf-8');
         Math.random = () => 0;
         const script = await import('./script.mjs');
         script.default();",
    );
    // JavaScript has no integers of 20 digits.
    for (id, path) in [
        ("\"7/8\"", "7%2F8"),
        ("12345678901234567890", "12345678901234567890"),
        (
            "{\"a\":[-9007199254740993, 0.12345678901234566, \"12345678901234567890\"]}",
            "%7B%22a%22%3A%5B-9007199254740993%2C0.12345678901234566%2C%2212345678901234567890%22%5D%7D",
        ),
    ] {
        let body = format!(
            "{{\"chats\":[{{\"the id\":{id}}}],\"x\":\"mark=42\",\"n\":1,\"text\":\"no\",\"list\":[1,{{\"a\":true}}]}}"
        );
        let ran = Command::new("node")
            .arg("run.mjs")
            .env("BODY", body)
            .current_dir(folder.path())
            .output()
            .expect("node runs");
        let (out, fault) = (
            String::from_utf8_lossy(&ran.stdout),
            String::from_utf8_lossy(&ran.stderr),
        );
        assert!(ran.status.success(), "{fault}\n{text}");
        let lines: Vec<&str> = out.lines().collect();
        let [chat, read] = lines.as_slice() else {
            panic!("two requests: {out}");
        };
        assert!(
            chat.starts_with("POST http://127.0.0.1:8000/chat?mode=short {"),
            "{chat}"
        );
        assert_eq!(
            *read,
            format!(
                "GET http://127.0.0.1:8000/chats/{path}?user=a%20%22b%22%2C%20c {{\"n\":42,\"u\":\"a \\\"b\\\", c\"}}"
            )
        );
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
            &["ConfigMap", "Job", "Job", "Service"],
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
        assert!(
            text.contains("key: \"CHAT_TOKEN\"") && text.contains("name: load-con-cierge--spike")
        );
        let pod = match tool {
            Tool::K6 => &documents[1]["spec"]["runner"],
            Tool::Locust => &documents[2]["spec"]["template"]["spec"]["containers"][0],
        };
        assert_eq!(pod["env"][0]["name"], "CHAT_TOKEN", "{text}");
        let pods: Vec<&serde_json::Value> = match tool {
            Tool::K6 => ["initializer", "starter", "runner"]
                .iter()
                .map(|pod| &documents[1]["spec"][pod])
                .collect(),
            Tool::Locust => [1, 2]
                .iter()
                .map(|job| &documents[*job]["spec"]["template"]["spec"])
                .collect(),
        };
        for pod in pods {
            // As required by the Kubernetes profile `restricted`.
            let container = match tool {
                Tool::K6 => &pod["containerSecurityContext"],
                Tool::Locust => &pod["containers"][0]["securityContext"],
            };
            assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{text}");
            assert_eq!(container["allowPrivilegeEscalation"], false, "{text}");
            assert_eq!(container["capabilities"]["drop"][0], "ALL", "{text}");
        }
        if tool == Tool::Locust {
            assert_eq!(documents[1]["spec"]["backoffLimit"], 0);
            let workers = &documents[2]["spec"];
            assert_eq!(
                (&workers["parallelism"], &workers["completions"]),
                (&4.into(), &4.into())
            );
        }
    }
}

#[test]
fn thresholds_of_one_request_have_its_name() {
    let mut script = script(Model::Open { poisson: false }, vec![stage(1.0, 1.0, 60)]);
    script.thresholds = thresholds(&[
        "p95<500ms",
        "p99{name:chat}<1s",
        "avg{name:chat}<200ms",
        "errors{name:chat}==0",
        "rate{name:GET /health}>2/s",
        "max{name:a, b}<1s",
        "ttft_p95<1s",
    ]);
    let text = script.write(Tool::K6);
    let expected = serde_json::json!({
        "http_req_duration": ["p(95)<500"],
        "http_req_duration{name:chat}": ["p(99)<1000", "avg<200"],
        "failed_requests{name:chat}": ["rate==0"],
        "http_reqs{name:GET /health}": ["rate>2"],
        "http_reqs": ["count>0"],
    });
    assert_eq!(options(&text)["thresholds"], expected);
    let left_out = [
        "max{name:a, b} < 1.00s: k6 accepts no commas, braces and quotes in the name of a request",
        "ttft_p95 < 1.00s: only slod's own engine measures tokens",
    ];
    assert_eq!(script.without_equivalent(Tool::K6), left_out);
    for line in left_out {
        assert!(text.contains(&format!("\n// Left out: {line}\n")), "{text}");
    }
    let text = script.write(Tool::Locust);
    for part in [
        "(\"avg{name:chat} < 200ms\", \"chat\", lambda stats: stats.avg_response_time < 200),",
        "(\"max{name:a, b} < 1.00s\", \"a, b\", lambda stats: stats.max_response_time < 1000),",
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
    assert!(!text.contains("ttft"));
}
