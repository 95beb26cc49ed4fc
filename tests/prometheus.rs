//! A real Prometheus scrapes the demo with the shipped config and rules, and every query of every
//! panel of the shipped dashboards has an answer.

use serde_json::Value;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

/// Ended whatever happens to the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("bound").port()
}

fn start(program: &str, args: &[String]) -> Option<Running> {
    let spawned = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    match spawned {
        Ok(child) => Some(Running(child)),
        Err(error) => {
            assert!(
                std::env::var_os("CI").is_none(),
                "{program} is needed in CI: {error}"
            );
            eprintln!("not tested, because {program} cannot be started: {error}");
            None
        }
    }
}

struct Prometheus {
    address: String,
    runtime: tokio::runtime::Runtime,
    client: reqwest::Client,
}

impl Prometheus {
    fn get(&self, path: &str, query: &[(&str, &str)]) -> Option<Value> {
        let url = reqwest::Url::parse_with_params(&format!("http://{}{path}", self.address), query)
            .expect("valid");
        self.runtime
            .block_on(async { self.client.get(url).send().await.ok()?.json().await.ok() })
    }

    /// How many series answer; an error is a fault of the query.
    fn series(&self, query: &str) -> usize {
        let answer = self
            .get("/api/v1/query", &[("query", query)])
            .unwrap_or_default();
        if answer["status"] != "success" {
            assert!(answer.is_null(), "{query}: {answer}");
            return 0;
        }
        answer["data"]["result"].as_array().map_or(0, Vec::len)
    }

    fn wait_for(&self, query: &str) {
        let end = Instant::now() + PATIENCE;
        while self.series(query) == 0 {
            assert!(Instant::now() < end, "{query} has no answer");
            sleep(Duration::from_millis(250));
        }
    }
}

#[test]
fn a_real_prometheus_answers_every_panel() {
    let (daemon, web) = (free_port(), free_port());
    let folder = tempfile::tempdir().expect("a folder");
    let _demo = start(
        env!("CARGO_BIN_EXE_slod"),
        &[
            "demo".into(),
            "--listen".into(),
            format!("127.0.0.1:{daemon}"),
            "--for".into(),
            "3m".into(),
        ],
    )
    .expect("built");
    let shipped = repository().join("deploy/prometheus");
    let config = fs::read_to_string(shipped.join("prometheus.yml")).expect("shipped");
    let config = config
        .replace("127.0.0.1:9771", &format!("127.0.0.1:{daemon}"))
        .replace("interval: 15s", "interval: 1s")
        .replace("interval: 30s", "interval: 1s");
    fs::write(folder.path().join("prometheus.yml"), config).expect("written");
    fs::copy(
        shipped.join("slod.rules.yml"),
        folder.path().join("slod.rules.yml"),
    )
    .expect("copied");
    let arguments = [
        format!(
            "--config.file={}",
            folder.path().join("prometheus.yml").display()
        ),
        format!(
            "--storage.tsdb.path={}",
            folder.path().join("tsdb").display()
        ),
        format!("--web.listen-address=127.0.0.1:{web}"),
    ];
    let Some(_prometheus) = start("prometheus", &arguments) else {
        return;
    };
    // reqwest takes the process's provider; nobody else has set one here.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let prometheus = Prometheus {
        address: format!("127.0.0.1:{web}"),
        runtime: tokio::runtime::Runtime::new().expect("a runtime"),
        client: reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(5))
            .build()
            .expect("a client"),
    };
    prometheus.wait_for("up{job=\"slod\"} == 1");
    // Our labels win over the scrape's, and quantiles need their samples.
    prometheus.wait_for("slod_probe_success{service=\"rag\", probe=\"health\"}");
    prometheus.wait_for("slod_host_cpu_usage_ratio");
    prometheus.wait_for("slod_latency_quantile_seconds{window=\"1h\"}");
    prometheus.wait_for("rate(slod_probe_runs_total[1m]) > 0");
    every_panel(&prometheus);
    let targets = prometheus.get("/api/v1/targets", &[]).expect("an answer");
    assert_eq!(
        targets["data"]["activeTargets"][0]["lastError"], "",
        "{targets}"
    );
}

fn every_panel(prometheus: &Prometheus) {
    let mut queries = 0;
    for entry in fs::read_dir(repository().join("dashboards")).expect("shipped") {
        let path = entry.expect("an entry").path();
        let dashboard: Value =
            serde_json::from_str(&fs::read_to_string(&path).expect("readable")).expect("JSON");
        for panel in dashboard["panels"].as_array().expect("panels") {
            for target in panel["targets"].as_array().into_iter().flatten() {
                let query = target["expr"].as_str().expect("a query");
                let query = query
                    .replace("$__rate_interval", "1m")
                    .replace("$job", ".+")
                    .replace("$instance", ".+")
                    .replace("$service", ".+");
                assert!(
                    prometheus.series(&query) > 0,
                    "{}: {query} is empty",
                    panel["title"]
                );
                queries += 1;
            }
        }
    }
    assert!(queries > 10, "only {queries} queries were run");
}

#[test]
fn dashboards_keep_the_conventions() {
    for entry in fs::read_dir(repository().join("dashboards")).expect("shipped") {
        let path = entry.expect("an entry").path();
        let dashboard: Value =
            serde_json::from_str(&fs::read_to_string(&path).expect("readable")).expect("JSON");
        let variables: Vec<_> = dashboard["templating"]["list"]
            .as_array()
            .expect("variables")
            .iter()
            .map(|v| v["name"].as_str().expect("named"))
            .collect();
        assert_eq!(variables, ["datasource", "job", "instance", "service"]);
        assert_eq!(
            (&dashboard["editable"], &dashboard["schemaVersion"]),
            (&false.into(), &39.into())
        );
        let mut seen: Vec<(i64, [i64; 4])> = Vec::new();
        for panel in dashboard["panels"].as_array().expect("panels") {
            let title = panel["title"].as_str().expect("a title");
            let side = |name: &str| panel["gridPos"][name].as_i64().expect("a whole number");
            let place = ["x", "y", "w", "h"].map(side);
            assert!(place[0] + place[2] <= 24, "{title} is too wide");
            for (id, other) in &seen {
                assert_ne!(panel["id"], *id, "{title}");
                let apart = |axis: usize| {
                    place[axis] + place[axis + 2] <= other[axis]
                        || other[axis] + other[axis + 2] <= place[axis]
                };
                assert!(apart(0) || apart(1), "{title} lies on another panel");
            }
            seen.push((panel["id"].as_i64().expect("a number"), place));
            if panel["type"] != "row" {
                check_panel(panel, title);
            }
        }
    }
}

fn check_panel(panel: &Value, title: &str) {
    assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
    assert!(
        panel["description"]
            .as_str()
            .is_some_and(|text| text.ends_with('.')),
        "{title}"
    );
    assert!(
        panel["fieldConfig"]["defaults"]["unit"].is_string(),
        "{title}"
    );
    for target in panel["targets"].as_array().expect("targets") {
        let query = target["expr"].as_str().expect("a query");
        let selectors = query.matches('{').count();
        for variable in ["job=~\"$job\"", "instance=~\"$instance\""] {
            assert_eq!(
                query.matches(variable).count(),
                selectors,
                "{title}: {query}"
            );
        }
        assert_eq!(
            query.matches("_total{").count(),
            query.matches("rate(slod").count() + query.matches("increase(slod").count()
                - query.matches("_bucket{").count(),
            "{title}: {query}"
        );
    }
}
