//! A real Prometheus scrapes the demo with the shipped config and rules, and every query of every
//! panel of the shipped dashboards has an answer.

use crate::server::{Prometheus, free_port, repository, start};
use serde_json::Value;
use std::fs;

#[test]
fn a_real_prometheus_answers_every_panel() {
    let daemon = free_port();
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
    let Some(prometheus) = Prometheus::start(folder.path(), &[]) else {
        return;
    };
    prometheus.wait_for("up{job=\"slod\"} == 1");
    // Our labels win over the scrape's, and quantiles need their samples.
    prometheus.wait_for("slod_probe_success{service=\"rag\", probe=\"health\"}");
    prometheus.wait_for("slod_host_cpu_usage_ratio");
    prometheus.wait_for("slod_latency_quantile_seconds{window=\"1h\"}");
    // The demo's first incident comes after a quarter of a minute.
    prometheus.wait_for("slod_slo_error_budget_exhaustion_timestamp_seconds");
    prometheus.wait_for("slod_process_cpu_usage_ratio");
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

/// Those of Grafana's units that are used: its panels show an unknown one as bare text.
const UNITS: [&str; 7] = ["percentunit", "none", "short", "s", "bytes", "Bps", "ops"];

fn check_panel(panel: &Value, title: &str) {
    assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
    assert!(
        panel["description"]
            .as_str()
            .is_some_and(|text| text.ends_with('.')),
        "{title}"
    );
    let unit = panel["fieldConfig"]["defaults"]["unit"].as_str();
    assert!(unit.is_some_and(|unit| UNITS.contains(&unit)), "{title}");
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
            query.matches("rate(").count() + query.matches("increase(").count(),
            query.matches("[$__rate_interval]").count(),
            "{title}: {query}"
        );
        assert_eq!(
            query.matches("_total{").count(),
            query.matches("rate(slod").count() + query.matches("increase(slod").count()
                - query.matches("_bucket{").count(),
            "{title}: {query}"
        );
    }
}
