//! A real Prometheus scrapes two demos with the shipped config and rules, and every query of every
//! panel of the shipped dashboards has an answer that distinguishes both.

use super::server::{Prometheus, free_port, repository, start};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

#[test]
fn a_real_prometheus_answers_every_panel() {
    let folder = tempfile::tempdir().expect("a folder");
    let daemons = [free_port(), free_port()].map(|port| format!("127.0.0.1:{port}"));
    let _demos = daemons.each_ref().map(|address| {
        let arguments = ["demo", "--listen", address, "--for", "3m"];
        start(env!("CARGO_BIN_EXE_slod"), &arguments.map(str::to_owned)).expect("built")
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
    // Our labels win over the scrape's, and quantiles need their samples.
    prometheus.wait_for("slod_probe_success{service=\"rag\", probe=\"health\"}");
    prometheus.wait_for("slod_host_cpu_usage_ratio");
    prometheus.wait_for("slod_latency_quantile_seconds{window=\"1h\"}");
    // The demo's first incident comes after a quarter of a minute.
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

/// A run of users and one of a rate go on, and one has ended.
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
        let arguments = more.iter().map(|one| (*one).to_owned());
        let arguments: Vec<String> = arguments
            .chain(["--config".into(), config.clone()])
            .collect();
        start(env!("CARGO_BIN_EXE_slod"), &arguments).expect("built")
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
    let _users = load("rag", ["--users", "20"], "60s");
    let _rate = load("web", ["--rate", "50/s"], "60s");
    prometheus.wait_for("slod_load_due_users");
    prometheus.wait_for("slod_load_in_flight_requests");
    prometheus.wait_for("slod_load_latency_quantile_seconds{quantile=\"0.5\"}");
    prometheus.wait_for("rate(slod_load_requests_total[1m]) > 0");
    let dashboard = dashboard("slod-load");
    let mut queries = 0;
    for panel in list(&dashboard["panels"], "panels") {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let query = filled_in(target["expr"].as_str().expect("a query"));
            // The others are those of the dashboard of services.
            if query.contains("slod_load_") {
                // A busy machine may not show whether a run passed.
                let is_there = prometheus.series(&query) > 0 || query.contains("_passed{");
                assert!(is_there, "{}: {query}", panel["title"]);
                queries += 1;
            }
            if let Some(legend) = target["legendFormat"].as_str() {
                check_legends(&prometheus.labels(&query), legend, &panel["title"]);
            }
        }
    }
    assert!(queries >= 15, "only {queries} queries were run");
}

/// A provider that refuses every third request.
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
    let config = path("slod.yaml");
    let arguments = ["run", "--config", config.to_str().expect("text")];
    let _daemon = start(env!("CARGO_BIN_EXE_slod"), &arguments.map(str::to_owned)).expect("built");
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

/// Answers as OpenAI does, until the test ends.
fn provider() -> SocketAddr {
    const LIMITS: &str = "x-ratelimit-limit-requests: 10\r\nx-ratelimit-remaining-requests: 5\r\nConnection: close\r\n";
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let Ok(mut stream) = stream else { return };
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            if number % 3 == 2 {
                let refusal =
                    format!("HTTP/1.1 429 Too Many Requests\r\n{LIMITS}Content-Length: 0\r\n\r\n");
                let _ = stream.write_all(refusal.as_bytes());
                continue;
            }
            let head =
                format!("HTTP/1.1 200 OK\r\n{LIMITS}Content-Type: text/event-stream\r\n\r\n");
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
        }
    });
    address
}

fn dashboards() -> Vec<Value> {
    let files = fs::read_dir(repository().join("dashboards")).expect("shipped");
    let all: Vec<_> = files
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .map(|path| serde_json::from_str(&fs::read_to_string(path).expect("readable")))
        .collect::<Result<_, _>>()
        .expect("JSON");
    assert!(!all.is_empty());
    all
}

fn dashboard(uid: &str) -> Value {
    let mut all = dashboards().into_iter();
    let found = all.find(|dashboard| dashboard["uid"] == uid);
    found.unwrap_or_else(|| panic!("no dashboard {uid}"))
}

fn list<'a>(value: &'a Value, what: &str) -> &'a Vec<Value> {
    value
        .as_array()
        .unwrap_or_else(|| panic!("{what}: {value} is not a list"))
}

/// As Grafana sends it with everything selected.
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
            assert!(
                prometheus.series(&query) > 0 || may_be_absent(&query),
                "{}: {query} is empty",
                panel["title"]
            );
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
        assert!(prometheus.series(&query) > 0, "{query} is empty");
    }
    for annotation in list(&dashboard["annotations"]["list"], "annotations") {
        // Nothing need fire: only an error is a fault.
        prometheus.series(&filled_in(annotation["expr"].as_str().expect("a query")));
    }
    assert!(queries >= 10, "only {queries} queries were run");
}

/// Whether a query is of families that not every host has: limits of containers, and what its kernel
/// does not measure; or of signs, of which nothing is known at first.
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

/// Each line of a panel has a name of its own, whichever daemon it is of.
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

/// Both daemons watch the same services; what they see of them is no sum.
fn counts_count_once(prometheus: &Prometheus) {
    let probes = prometheus.series("count by (service, probe) (slod_probe_success)");
    let both = prometheus.series("slod_probe_success");
    assert_eq!(both, 2 * probes);
    let dashboard = dashboard("slod-overview");
    let panels = list(&dashboard["panels"], "panels").iter();
    let mut compared = 0;
    for panel in panels.filter(|panel| panel["type"] == "stat") {
        let query = filled_in(panel["targets"][0]["expr"].as_str().expect("a query"));
        // Whatever it counts: as if both were one.
        let counted = query
            .strip_prefix("count(")
            .and_then(|rest| rest.split_once(" == 0)"));
        if let Some((counted, _)) = counted {
            assert_eq!(prometheus.series(counted), probes, "{query}");
            compared += 1;
        }
    }
    assert_eq!(compared, 1, "of the probes that fail");
}

fn label_values(query: &str) -> (&str, &str) {
    query
        .strip_prefix("label_values(")
        .and_then(|rest| rest.strip_suffix(')')?.rsplit_once(", "))
        .unwrap_or_else(|| panic!("{query} does not ask for the values of a label"))
}

#[test]
fn dashboards_keep_the_conventions() {
    for dashboard in dashboards() {
        assert_eq!(
            (&dashboard["editable"], &dashboard["schemaVersion"]),
            (&false.into(), &39.into())
        );
        check_variables(list(&dashboard["templating"]["list"], "variables"));
        for annotation in list(&dashboard["annotations"]["list"], "annotations") {
            assert_eq!(annotation["datasource"]["uid"], "${datasource}");
            check_query(annotation["expr"].as_str().expect("a query"), "annotation");
        }
        let mut titles = BTreeSet::new();
        let mut seen: Vec<(i64, [i64; 4])> = Vec::new();
        for panel in list(&dashboard["panels"], "panels") {
            let title = panel["title"].as_str().expect("a title");
            assert!(titles.insert(title), "{title} is there twice");
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
                check_overrides(panel, title);
                check_links(panel, &dashboard["uid"]);
            }
        }
    }
}

fn check_variables(variables: &[Value]) {
    let names: Vec<_> = variables.iter().map(|v| v["name"].as_str()).collect();
    assert_eq!(
        names,
        ["datasource", "job", "instance", "service"].map(Some)
    );
    let labels: Vec<_> = variables.iter().map(|v| v["label"].as_str()).collect();
    assert_eq!(
        labels,
        ["Data source", "Job", "Instance", "Service"].map(Some)
    );
    assert_eq!(
        (&variables[0]["type"], &variables[0]["query"]),
        (&"datasource".into(), &"prometheus".into())
    );
    for variable in &variables[1..] {
        let name = variable["name"].as_str();
        assert_eq!(variable["type"], "query", "{name:?}");
        assert_eq!(variable["datasource"]["uid"], "${datasource}", "{name:?}");
        assert_eq!(variable["refresh"], 2, "{name:?}: on a change of the time");
        assert_eq!(
            (&variable["multi"], &variable["includeAll"]),
            (&true.into(), &true.into()),
            "{name:?}"
        );
        assert_eq!(variable["allValue"], ".+", "{name:?}");
        let (_, label) = label_values(variable["query"]["query"].as_str().expect("a query"));
        assert_eq!(Some(label), name);
    }
}

/// Those of Grafana's units that are used: its panels show an unknown one as bare text.
const UNITS: [&str; 8] = [
    "percentunit",
    "none",
    "short",
    "s",
    "bytes",
    "Bps",
    "cps",
    "dateTimeFromNow",
];

fn is_unit(unit: &Value) -> bool {
    unit.as_str().is_some_and(|unit| UNITS.contains(&unit))
}

fn check_panel(panel: &Value, title: &str) {
    assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
    assert!(
        panel["description"]
            .as_str()
            .is_some_and(|text| text.ends_with('.')),
        "{title}"
    );
    let defaults = &panel["fieldConfig"]["defaults"];
    assert!(is_unit(&defaults["unit"]), "{title}");
    assert!(defaults["thresholds"]["steps"].is_array(), "{title}");
    let targets = list(&panel["targets"], title);
    assert!(!targets.is_empty(), "{title}");
    let mut refs = BTreeSet::new();
    for target in targets {
        assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
        assert!(refs.insert(target["refId"].as_str()), "{title}");
        // A line is of one daemon. One number of all of them has no name.
        let legend = target["legendFormat"].as_str();
        assert_eq!(legend.is_some(), panel["type"] != "table", "{title}");
        assert!(
            legend.is_none_or(|legend| legend.is_empty() || legend.contains("{{instance}}")),
            "{title}"
        );
        check_query(target["expr"].as_str().expect("a query"), title);
    }
}

fn check_query(query: &str, title: &str) {
    let count = |part: &str| query.matches(part).count();
    assert_eq!(count("job=~\"$job\""), count("{"), "{title}: {query}");
    // An alert that something is absent has no instance.
    assert_eq!(
        count("instance=~\"$instance\"") + count("ALERTS{"),
        count("{"),
        "{title}: {query}"
    );
    let of_services = [
        "slod_slo_",
        "slod_probe_",
        "slod_latency_",
        "slod_process_",
        "slod_container_",
        "slod_llm_",
        "slod_service_",
        "slod_scrape_",
        "slod_alerts_",
        "slod_signal_",
        "slod_load_",
    ];
    assert_eq!(
        count("service=~\"$service\""),
        of_services.map(count).iter().sum::<usize>(),
        "{title}: {query}"
    );
    assert_eq!(
        count("rate(") + count("increase("),
        count("[$__rate_interval]"),
        "{title}: {query}"
    );
    assert_eq!(
        count("_total{"),
        count("rate(slod") + count("increase(slod") - count("_bucket{"),
        "{title}: {query}"
    );
}

/// An override or a column that names what is not there does nothing, silently.
fn check_overrides(panel: &Value, title: &str) {
    let transformations = panel["transformations"].as_array().into_iter().flatten();
    let organized: Vec<_> = transformations
        .filter(|step| step["id"] == "organize")
        .map(|step| &step["options"]["renameByName"])
        .collect();
    let refs: Vec<_> = list(&panel["targets"], title)
        .iter()
        .map(|target| target["refId"].as_str().expect("named"))
        .collect();
    for names in &organized {
        let values = names.as_object().expect("names").keys();
        let values: Vec<_> = values
            .filter_map(|key| key.strip_prefix("Value #"))
            .collect();
        assert_eq!(values, refs, "{title}: a column per query");
    }
    let columns: Vec<_> = organized
        .iter()
        .flat_map(|names| names.as_object().expect("names").values())
        .collect();
    for over in list(&panel["fieldConfig"]["overrides"], title) {
        let whom = &over["matcher"]["options"];
        match over["matcher"]["id"].as_str().expect("a matcher") {
            "byFrameRefID" => assert!(refs.contains(&whom.as_str().expect("a name")), "{title}"),
            "byName" => assert!(columns.contains(&whom), "{title}: no column {whom}"),
            other => panic!("{title}: {other}"),
        }
        for property in list(&over["properties"], title) {
            assert!(
                property["id"] != "unit" || is_unit(&property["value"]),
                "{title}: {whom}"
            );
        }
    }
}

fn check_links(panel: &Value, uid: &Value) {
    let overrides = list(&panel["fieldConfig"]["overrides"], "overrides").iter();
    let properties = overrides.flat_map(|over| list(&over["properties"], "properties"));
    for link in properties
        .filter(|property| property["id"] == "links")
        .flat_map(|property| list(&property["value"], "links"))
    {
        let url = link["url"].as_str().expect("an address");
        let start = format!("/d/{}?", uid.as_str().expect("a name"));
        assert!(url.starts_with(&start), "{url} leads elsewhere");
    }
}
