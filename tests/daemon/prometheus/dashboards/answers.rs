//! A real Prometheus scrapes two demos with the shipped config and rules, and every query of every
//! panel of the shipped dashboards returns data that distinguishes both.

use super::{dashboard, label_values, list};
use crate::prometheus::server::{Prometheus, repository, start};
use crate::server::{response, serve};
use crate::support::free_port;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[test]
fn a_real_prometheus_answers_every_panel() {
    let folder = tempfile::tempdir().expect("a folder");
    let daemons = [free_port(), free_port()].map(|port| format!("127.0.0.1:{port}"));
    let _demos = daemons.each_ref().map(|address| {
        let mut demo = Command::new(env!("CARGO_BIN_EXE_slod"));
        demo.args(["demo", "--listen", address, "--for", "30m"]);
        // A demo that is killed leaves its store there.
        start(demo.env("TMPDIR", folder.path())).expect("built")
    });
    let shipped = repository().join("deploy/prometheus");
    let config = fs::read_to_string(shipped.join("prometheus.yml")).expect("shipped");
    let config = config
        .replace(
            "\"127.0.0.1:9771\"",
            &format!("{daemons:?}").replace(['[', ']'], ""),
        )
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
    prometheus.wait_for("count(up{job=\"slod\"} == 1) == 2");
    // slod's labels take precedence over the scrape's, and quantiles need enough samples.
    prometheus.wait_for("slod_probe_success{service=\"rag\", probe=\"health\"}");
    prometheus.wait_for("slod_host_cpu_usage_ratio");
    prometheus.wait_for("slod_latency_quantile_seconds{window=\"1h\"}");
    // The demo's first incident starts after 15 seconds.
    prometheus.wait_for("slod_slo_error_budget_exhaustion_timestamp_seconds");
    prometheus.wait_for("slod_process_cpu_usage_ratio");
    prometheus.wait_for("rate(slod_probe_runs_total[1m]) > 0");
    prometheus.wait_for("rate(slod_probe_failures_total[1m]) > 0");
    prometheus.wait_for("count(count by (instance) (slod_process_cpu_usage_ratio)) == 2");
    prometheus.wait_for("slod_service_error_ratio");
    prometheus.wait_for("slod_service_request_duration_quantile_seconds");
    prometheus.wait_for("rate(slod_service_llm_tokens_total[1m]) > 0");
    for uid in ["slod-overview", "slod-service", "slod-system"] {
        every_panel(&prometheus, &dashboard(uid));
    }
    counts_count_once(&prometheus);
    let targets = prometheus.get("/api/v1/targets", &[]).expect("an answer");
    assert_eq!(
        targets["data"]["activeTargets"][0]["lastError"], "",
        "{targets}"
    );
}

/// A run with users and one with a rate are in progress, and one has ended.
#[test]
fn a_real_prometheus_answers_every_panel_of_load_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let (target, address) = (
        crate::support::target(),
        format!("127.0.0.1:{}", free_port()),
    );
    let path = |name: &str| folder.path().join(name);
    let service = |name: &str| {
        format!(
            "  - {{ name: {name}, probes: [ {{ name: home, http: {{ url: \"http://{target}/\" }} }} ] }}\n"
        )
    };
    let slod = format!(
        "listen: {address}\nstore: {{ path: slod.db }}\nservices:\n{}{}",
        service("rag"),
        service("web")
    );
    fs::write(path("slod.yaml"), slod).expect("written");
    let config = path("slod.yaml").to_str().expect("text").to_owned();
    let run = |more: &[&str]| {
        let mut slod = Command::new(env!("CARGO_BIN_EXE_slod"));
        start(slod.args(more).args(["--config", &config])).expect("built")
    };
    let _daemon = run(&["run"]);
    let scrape = format!(
        "{{ scrape_configs: [{{ job_name: slod, honor_labels: true, scrape_interval: 1s, static_configs: [{{ targets: [\"{address}\"] }}] }}] }}"
    );
    fs::write(path("prometheus.yml"), scrape).expect("written");
    let Some(prometheus) = Prometheus::start(folder.path(), &[]) else {
        return;
    };
    prometheus.wait_for("up == 1");
    let load = |service: &str, level: [&str; 2], time: &str| {
        let named = ["load", "baseline", "--service", service, "--run-time", time];
        run(&[&named[..], &level].concat())
    };
    let _short = load("rag", ["--rate", "50/s"], "3s");
    prometheus.wait_for("slod_load_last_run_timestamp_seconds");
    let _users = load("rag", ["--users", "20"], "30m");
    let _rate = load("web", ["--rate", "50/s"], "30m");
    prometheus.wait_for("slod_load_due_users");
    prometheus.wait_for("slod_load_in_flight_requests");
    prometheus.wait_for("slod_load_latency_quantile_seconds{quantile=\"0.5\"}");
    prometheus.wait_for("rate(slod_load_requests_total[1m]) > 0");
    let dashboard = dashboard("slod-load");
    let mut queries = 0;
    for panel in list(&dashboard["panels"], "panels") {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let query = filled_in(target["expr"].as_str().expect("a query"));
            // The others belong to the dashboard of services.
            if query.contains("slod_load_") {
                // On a busy machine, it may be unknown whether a run passed.
                if !query.contains("_passed{") {
                    prometheus.wait_for(&query);
                }
                queries += 1;
            }
            if let Some(legend) = target["legendFormat"].as_str() {
                check_legends(&prometheus.labels(&query), legend, &panel["title"]);
            }
        }
    }
    assert!(queries >= 15, "only {queries} queries were run");
}

/// A provider that rejects every third request.
#[test]
fn a_real_prometheus_answers_every_panel_of_the_ai_provider() {
    let folder = tempfile::tempdir().expect("a folder");
    let (provider, address) = (provider(), format!("127.0.0.1:{}", free_port()));
    let path = |name: &str| folder.path().join(name);
    let slod = format!(
        "listen: {address}
store: {{ path: slod.db }}
defaults: {{ interval: 500ms, timeout: 400ms }}
services:
  - name: concierge
    probes:
      - {{ name: ai, llm: {{ url: \"http://{provider}/v1/chat/completions\", model: m }} }}
    objectives:
      - {{ name: first-token, sli: latency, of: time_to_first_token, below: 300ms, target: 95% }}
"
    );
    fs::write(path("slod.yaml"), slod).expect("written");
    let mut daemon = Command::new(env!("CARGO_BIN_EXE_slod"));
    daemon.args(["run", "--config"]).arg(path("slod.yaml"));
    let _daemon = start(&mut daemon).expect("built");
    let scrape = format!(
        "{{ scrape_configs: [{{ job_name: slod, honor_labels: true, scrape_interval: 1s, static_configs: [{{ targets: [\"{address}\"] }}] }}] }}"
    );
    fs::write(path("prometheus.yml"), scrape).expect("written");
    let Some(prometheus) = Prometheus::start(folder.path(), &[]) else {
        return;
    };
    prometheus.wait_for("increase(slod_llm_rate_limit_hits_total[1m]) > 0");
    prometheus.wait_for("rate(slod_llm_tokens_total[1m]) > 0");
    prometheus.wait_for("rate(slod_llm_time_per_output_token_seconds_count[1m]) > 0");
    prometheus.wait_for("slod_llm_rate_limit_remaining_ratio == 0.5");
    prometheus.wait_for(
        "gen_ai_client_operation_duration_seconds_count{gen_ai_provider_name=\"openai\"}",
    );
    prometheus.wait_for("slod_slo_events_total{slo=\"first-token\"} > 0");
    every_panel(&prometheus, &dashboard("slod-ai-provider"));
}

/// Responds like OpenAI, until the test ends.
fn provider() -> SocketAddr {
    const LIMITS: &str = "x-ratelimit-limit-requests: 10\r\nx-ratelimit-remaining-requests: 5\r\nConnection: close\r\n";
    let count = AtomicUsize::new(0);
    serve(move |mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        if count.fetch_add(1, Ordering::Relaxed) % 3 == 2 {
            let refusal = response("429 Too Many Requests", LIMITS, "");
            let _ = stream.write_all(refusal.as_bytes());
            return;
        }
        let head = format!("HTTP/1.1 200 OK\r\n{LIMITS}Content-Type: text/event-stream\r\n\r\n");
        let _ = stream.write_all(head.as_bytes());
        for event in [
            r#"{"choices":[{"delta":{"content":"po"}}]}"#,
            r#"{"choices":[{"delta":{"content":"ng"},"finish_reason":"stop"}]}"#,
            r#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2}}"#,
            "[DONE]",
        ] {
            std::thread::sleep(Duration::from_millis(5));
            let _ = write!(stream, "data: {event}\n\n");
        }
    })
}

/// As sent by Grafana with everything selected.
fn filled_in(query: &str) -> String {
    query
        .replace("$__rate_interval", "1m")
        .replace("$job", ".+")
        .replace("$instance", ".+")
        .replace("$service", ".+")
}

fn every_panel(prometheus: &Prometheus, dashboard: &Value) {
    let mut queries = 0;
    for panel in list(&dashboard["panels"], "panels") {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let query = filled_in(target["expr"].as_str().expect("a query"));
            if !may_be_absent(&query) {
                prometheus.wait_for(&query);
            }
            if let Some(legend) = target["legendFormat"].as_str() {
                check_legends(&prometheus.labels(&query), legend, &panel["title"]);
            }
            queries += 1;
        }
    }
    for variable in &list(&dashboard["templating"]["list"], "variables")[1..] {
        let query = variable["query"]["query"].as_str().expect("a query");
        let (metric, label) = label_values(query);
        let query = format!("count by ({label}) ({})", filled_in(metric));
        prometheus.wait_for(&query);
    }
    for annotation in list(&dashboard["annotations"]["list"], "annotations") {
        // Nothing has to fire: only errors are failures.
        prometheus.series(&filled_in(annotation["expr"].as_str().expect("a query")));
    }
    assert!(queries >= 10, "only {queries} queries were run");
}

/// Whether a query uses metrics that not every host has (container limits, or what its kernel does
/// not measure), or warning signs, which are unknown at first.
fn may_be_absent(query: &str) -> bool {
    let absent = [
        "slod_container_",
        "slod_host_pressure_",
        "slod_host_disk_",
        "slod_signal_",
    ];
    let words = query.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let mut families = words.filter(|word| word.starts_with("slod_")).peekable();
    let declared = |name: &str| {
        let mut families = slod::observe::metrics::families();
        name == slod::signals::metrics::ACTIVE.name || families.any(|one| one.name == name)
    };
    families.peek().is_some()
        && families.all(|name| absent.iter().any(|part| name.starts_with(part)) && declared(name))
}

/// Each line of a panel has a unique name, regardless of its daemon.
fn check_legends(series: &[Value], legend: &str, title: &Value) {
    let mut names = BTreeSet::new();
    for labels in series {
        let mut name = legend.to_owned();
        for (label, value) in labels.as_object().expect("labels") {
            name = name.replace(&format!("{{{{{label}}}}}"), value.as_str().expect("text"));
        }
        assert!(
            !name.contains("{{"),
            "{title}: {name} names no label of {labels}"
        );
        assert!(names.insert(name.clone()), "{title}: {name} is there twice");
    }
}

/// Both daemons probe the same services, so their data must not be added.
fn counts_count_once(prometheus: &Prometheus) {
    // A scrape may have failed on a busy machine.
    prometheus.wait_for(
        "count(slod_probe_success) == 2 * count(count by (service, probe) (slod_probe_success))",
    );
    let probes = prometheus.series("count by (service, probe) (slod_probe_success)");
    let dashboard = dashboard("slod-overview");
    let panels = list(&dashboard["panels"], "panels").iter();
    let mut compared = 0;
    for panel in panels.filter(|panel| panel["type"] == "stat") {
        let query = filled_in(panel["targets"][0]["expr"].as_str().expect("a query"));
        // Regardless of what it counts: as if both were one.
        let counted = query
            .strip_prefix("count(")
            .and_then(|rest| rest.split_once(" == 0)"));
        if let Some((counted, _)) = counted {
            prometheus.wait_for(&format!("count({counted}) == {probes}"));
            compared += 1;
        }
    }
    assert_eq!(compared, 1, "of the probes that fail");
}
