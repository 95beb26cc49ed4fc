mod checks;
mod k6;
mod locust;

use super::*;
use crate::load::{Model, Stage};
use slod_load::Escape;
use std::process::Command;

fn stage(from: f64, to: f64, secs: u64) -> Stage {
    Stage::new("", from, to, Duration::from_secs(secs))
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
                            capture("next", ScriptSource::header("Location", None)),
                            capture("order", ScriptSource::header("Location", Some("/o/(\\d+)"))),
                            capture("xsrf", Ok(ScriptSource::Cookie("XSRF-TOKEN".to_owned()))),
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
