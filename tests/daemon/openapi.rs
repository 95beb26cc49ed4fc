//! The daemon's responses match its own description of the API.

use crate::support::{Daemon, target, write_config};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

/// A daemon with an example of everything that it can return, and its config.
fn daemon() -> (Daemon, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let text = format!(
        "defaults: {{ interval: 1s, timeout: 500ms }}
alerts: {{ budget_exhausted: true }}
observe: {{ interval: 1s }}
receivers: [ {{ name: hook, webhook: {{ url: \"http://{target}/\" }} }} ]
routes: [ {{ to: hook }} ]
services:
  - name: web
    labels: {{ team: a }}
    probes: [ {{ name: home, http: {{ url: \"http://{target}/\" }} }} ]
    objectives: [ {{ name: errors, sli: success, target: 99.9%, window: 1h, further_windows: [ month ] }} ]
    metrics: {{ url: \"http://{target}/metrics\" }}
  - name: down
    probes: [ {{ name: home, http: {{ url: \"http://{target}/bad\" }} }} ]
    objectives: [ {{ name: errors, sli: success, target: 99.9%, window: 1h }} ]
  - name: job
    probes: [ {{ name: nightly, heartbeat: {{ every: 1h }} }} ]
",
        target = target()
    );
    let file = write_config(folder.path(), &text);
    let daemon = Daemon::start(&file);
    (daemon, folder)
}

struct Client<'d> {
    daemon: &'d Daemon,
    document: Value,
    runtime: tokio::runtime::Runtime,
    http: reqwest::Client,
    /// Operations that were requested.
    seen: BTreeSet<(String, String)>,
}

impl<'d> Client<'d> {
    fn new(daemon: &'d Daemon) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut client = Self {
            daemon,
            document: Value::Null,
            runtime: tokio::runtime::Runtime::new().expect("a runtime"),
            http: reqwest::Client::builder()
                .no_proxy()
                .timeout(Duration::from_secs(20))
                .build()
                .expect("a client"),
            seen: BTreeSet::new(),
        };
        let (_, document) = client.send("get", "/api/v1/openapi.json", &Value::Null);
        // Below the path at which a proxy serves slod.
        let read_from = reqwest::Url::parse("https://example.com/slod/api/v1/openapi.json");
        let server = document["servers"][0]["url"].as_str().expect("a URL");
        let server = read_from.expect("valid").join(server).expect("relative");
        assert_eq!(server.as_str(), "https://example.com/slod/");
        client.document = document;
        close(&mut client.document["components"]["schemas"]);
        client
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("http://{}{path}", self.daemon.address);
        let method = method.to_uppercase().parse().expect("a method");
        let mut request = self.http.request(method, url);
        request = request.header("Accept-Encoding", "gzip");
        if !body.is_null() {
            request = request
                .header("Content-Type", "application/json")
                .body(body.to_string());
        }
        self.runtime.block_on(async {
            let answer = request.send().await.expect("an answer");
            let status = answer.status().as_u16();
            let is_zipped = answer.headers().get("Content-Encoding").is_some();
            let body = answer.bytes().await.expect("a whole body");
            let text = if is_zipped {
                std::io::read_to_string(flate2::read::GzDecoder::new(&body[..])).expect("gzip")
            } else {
                String::from_utf8(body.to_vec()).expect("text")
            };
            (
                status,
                serde_json::from_str(&text).unwrap_or(Value::String(text)),
            )
        })
    }

    /// Requests an operation, and checks the response against its description. `at` are the values of
    /// the path parameters, followed by a query.
    fn ask(
        &mut self,
        method: &str,
        template: &str,
        at: &[&str],
        query: &str,
        body: &Value,
    ) -> Value {
        let mut path = template.to_owned();
        for value in at {
            let (from, to) = (path.find('{').expect("one"), path.find('}').expect("one"));
            path.replace_range(from..=to, value);
        }
        let (status, answer) = self.send(method, &format!("{path}{query}"), body);
        let operation = &self.document["paths"][template][method];
        assert!(operation.is_object(), "{method} {template}");
        let described = &operation["responses"][status.to_string()];
        assert!(described.is_object(), "{method} {path}: {status} {answer}");
        let schema = &described["content"]["application/json"]["schema"];
        if schema.is_object() {
            self.validate(schema, &answer, &path);
        }
        self.seen.insert((template.to_owned(), method.to_owned()));
        answer
    }

    fn get(&mut self, template: &str, at: &[&str], query: &str) -> Value {
        self.ask("get", template, at, query, &Value::Null)
    }

    fn validate(&self, schema: &Value, answer: &Value, what: &str) {
        let mut root = schema.clone();
        root["components"] = self.document["components"].clone();
        let validator = jsonschema::draft202012::new(&root).expect("a valid schema");
        let faults: Vec<String> = validator
            .iter_errors(answer)
            .map(|fault| format!("{}: {fault}", fault.instance_path()))
            .collect();
        assert!(faults.is_empty(), "{what}: {faults:#?}");
    }
}

/// Clients must tolerate new fields, but responses here must not have any that the description lacks,
/// except for the figures of load runs, as the description says.
fn close(schemas: &mut Value) {
    for (name, schema) in schemas.as_object_mut().expect("schemas") {
        if name != "LoadFigures" {
            schema["additionalProperties"] = false.into();
        }
    }
}

fn observe_a_run(folder: &tempfile::TempDir) {
    let observed = Command::new(env!("CARGO_BIN_EXE_slod"))
        .args([
            "observe",
            "--service",
            "web",
            "--for",
            "3s",
            "--plain",
            "--config",
        ])
        .arg(folder.path().join("slod.yaml"))
        .output();
    let observed = observed.expect("the binary runs");
    let said = String::from_utf8_lossy(&observed.stderr);
    assert!(said.contains("kept as run 1"), "{said}");
}

/// Requests everything that can be read.
fn read_all(client: &mut Client<'_>) {
    for list in [
        "services",
        "objectives",
        "alerts",
        "silences",
        "corrections",
        "markers",
        "runs",
        "series",
        "signals",
        "audit",
    ] {
        let answer = client.get(&format!("/api/v1/{list}"), &[], "");
        let rows = answer.as_array().or(answer["services"].as_array());
        assert!(
            rows.is_some_and(|rows| !rows.is_empty()),
            "{list} shows nothing"
        );
    }
    client.get("/api/v1/silences/preview", &[], "?matcher=service%3Ddown");
    client.get("/api/v1/notifications", &[], "");
    client.get("/api/v1/health", &[], "");
    for service in ["web", "down", "job"] {
        client.get("/api/v1/services/{service}", &[service], "");
        client.get("/api/v1/health/{service}", &[service], "");
    }
    let outcomes = "/api/v1/probes/{service}/{probe}/outcomes";
    for (service, probe) in [("web", "home"), ("down", "home"), ("job", "nightly")] {
        client.get(outcomes, &[service, probe], "");
    }
    let series = client.get("/api/v1/series", &[], "");
    for one in series.as_array().expect("a list").iter().take(5) {
        client.get("/api/v1/series/{id}", &[&one["id"].to_string()], "");
    }
    client.get("/api/v1/runs/{id}", &["1"], "");
    for page in ["/api/v1/openapi.json", "/metrics", "/-/healthy", "/-/ready"] {
        client.get(page, &[], "");
    }
    client.get("/badge/{service}/{file}", &["web", "errors.svg"], "");
}

#[test]
fn responses_match_their_description() {
    let (daemon, folder) = daemon();
    let mut client = Client::new(&daemon);
    let later = "2099-01-01T00:00:00Z";
    let post = |client: &mut Client<'_>, template: &str, at: &[&str], body: &Value| {
        client.ask("post", template, at, "", body)
    };
    let marker = json!({ "service": "web", "version": "v1", "author": "ada" });
    post(&mut client, "/api/v1/markers", &[], &marker);
    let silence =
        json!({ "matchers": ["service=web"], "to": later, "reason": "r", "author": "ada" });
    let silence = post(&mut client, "/api/v1/silences", &[], &silence);
    let correction = json!({ "from": "2026-01-01T00:00:00Z", "to": "2026-01-01T01:00:00Z", "services": ["web"], "reason": "r", "author": "ada" });
    let correction = post(&mut client, "/api/v1/corrections", &[], &correction);
    post(
        &mut client,
        "/api/v1/heartbeat/{service}/{probe}",
        &["job", "nightly"],
        &Value::Null,
    );
    post(
        &mut client,
        "/api/v1/heartbeat/{service}/{probe}/{status}",
        &["job", "nightly", "0"],
        &Value::Null,
    );
    observe_a_run(&folder);
    let run =
        json!({ "service": "web", "from": chrono::Utc::now() - chrono::TimeDelta::minutes(1) });
    post(&mut client, "/api/v1/runs", &[], &run);
    let firing = daemon.wait_for(|_| {
        let (_, alerts) = client.send("get", "/api/v1/alerts", &Value::Null);
        alerts[0]["fingerprint"].as_str().map(str::to_owned)
    });
    daemon.wait_for(|_| {
        let (_, series) = client.send("get", "/api/v1/series", &Value::Null);
        series.as_array().filter(|all| !all.is_empty()).map(|_| ())
    });
    let acknowledgement = json!({ "author": "ada" });
    post(
        &mut client,
        "/api/v1/alerts/{fingerprint}/acknowledge",
        &[&firing],
        &acknowledgement,
    );
    read_all(&mut client);
    post(&mut client, "/-/reload", &[], &Value::Null);
    for (template, made) in [
        ("/api/v1/silences/{id}", silence),
        ("/api/v1/corrections/{id}", correction),
    ] {
        let id = made["id"].to_string();
        client.ask(
            "delete",
            template,
            &[id.trim_matches('"')],
            "",
            &Value::Null,
        );
    }
    let (status, problem) = client.send("get", "/api/v1/services/nobody", &Value::Null);
    assert_eq!(status, 404);
    let schema = json!({ "$ref": "#/components/schemas/Problem" });
    client.validate(&schema, &problem, "a problem");
    let paths = client.document["paths"].as_object().expect("paths");
    let all: BTreeSet<(String, String)> = paths
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().expect("methods").keys();
            methods.map(move |method| (path.clone(), method.clone()))
        })
        .collect();
    assert_eq!(all, client.seen, "every operation was asked");
}
