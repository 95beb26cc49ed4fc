//! A real Prometheus scrapes slod in protobuf, and stores native histograms.

use super::server::Prometheus;
use crate::server::{CLOSE, http, response};
use crate::support::{Daemon, write_config};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::Duration;

const DURATION: &str = "slod_probe_duration_seconds{service=\"web\",probe=\"home\"}";

/// Attempts every 100 ms, or none for as long as the test runs.
fn config(folder: &Path, target: &str, interval: &str) -> PathBuf {
    let text = format!(
        "observe: {{ host: false }}
services:
  - name: web
    probes: [ {{ name: home, interval: {interval}, timeout: 90ms, http: {{ url: \"http://{target}/\" }} }} ]
    objectives: [ {{ name: errors, sli: success, target: 99% }} ]
"
    );
    write_config(folder, &text)
}

/// The samples of the text page: series in the form of the text, and their values.
fn page(daemon: &Daemon) -> BTreeMap<String, f64> {
    let answer = daemon.request("GET", "/metrics");
    let lines = answer.lines().filter(|line| line.starts_with("slod_"));
    let sample = |line: &str| {
        let (series, value) = line.rsplit_once(' ')?;
        Some((series.to_owned(), value.parse().ok()?))
    };
    lines.filter_map(sample).collect()
}

/// What Prometheus has of the daemon: the value of each series, or the count of a native histogram.
fn stored(prometheus: &Prometheus) -> BTreeMap<String, f64> {
    let answer = prometheus.get("/api/v1/query", &[("query", "{__name__=~\"slod_.*\"}")]);
    let answer = answer.expect("an answer");
    let result = answer["data"]["result"].as_array().cloned();
    let sample = |one: &Value| {
        let labels = one["metric"].as_object().expect("labels");
        let own = labels
            .iter()
            .filter(|(name, _)| !["__name__", "job", "instance"].contains(&name.as_str()));
        let own: Vec<_> = own.map(|(name, value)| format!("{name}={value}")).collect();
        let value = one["value"][1]
            .as_str()
            .or(one["histogram"][1]["count"].as_str());
        let name = labels["__name__"].as_str().expect("a name");
        (
            series(name, &own),
            value
                .and_then(|value| value.parse().ok())
                .expect("a number"),
        )
    };
    result.expect("series").iter().map(sample).collect()
}

/// A series with its labels in order of their names.
fn series(name: &str, labels: &[String]) -> String {
    let mut labels = labels.to_vec();
    labels.sort();
    format!("{name}{{{}}}", labels.join(","))
}

/// The labels of the test contain no commas. Prometheus drops those without a value.
fn sorted(text: &str) -> String {
    let (name, labels) = text.split_once('{').unwrap_or((text, "}"));
    let labels = labels
        .trim_end_matches('}')
        .split(',')
        .filter(|one| !one.is_empty() && !one.ends_with("=\"\""));
    series(name, &labels.map(str::to_owned).collect::<Vec<_>>())
}

#[test]
fn prometheus_stores_native_histograms_and_the_values_of_the_text_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let count = AtomicU64::new(0);
    let target = http(move |_| {
        // From 1 to 40 ms.
        let number = count.fetch_add(1, Ordering::Relaxed);
        sleep(Duration::from_millis(1 + number * 7 % 40));
        response("200 OK", CLOSE, "ok")
    });
    let target = target.to_string();
    let daemon = Daemon::start(&config(folder.path(), &target, "100ms"));
    let scrape = format!(
        "global: {{ scrape_interval: 1s }}\nscrape_configs: [ {{ job_name: slod, honor_labels: true, static_configs: [ {{ targets: [\"{}\"] }} ] }} ]\n",
        daemon.address
    );
    fs::write(folder.path().join("prometheus.yml"), scrape).expect("written");
    let Some(prometheus) =
        Prometheus::start(folder.path(), &["--enable-feature=native-histograms"])
    else {
        return;
    };
    prometheus.wait_for(&format!("histogram_count({DURATION}) >= 60"));
    config(folder.path(), &target, "1h");
    assert!(daemon.request("POST", "/-/reload").contains("200 OK"));
    sleep(Duration::from_secs(3));
    let before = page(&daemon);
    let scraped = chrono::Utc::now().timestamp() + 1;
    prometheus.wait_for(&format!("timestamp(up) > {scraped}"));
    let stored = stored(&prometheus);
    let after = page(&daemon);

    let lasting = before
        .iter()
        .filter(|(name, value)| after.get(*name) == Some(value));
    let mut compared = 0;
    for (name, value) in lasting {
        let is_classic = ["_bucket{", "_sum{", "_count{"]
            .iter()
            .any(|suffix| name.contains(&format!("slod_probe_duration_seconds{suffix}")));
        if !is_classic {
            assert_eq!(stored.get(&sorted(name)), Some(value), "{name}");
            compared += 1;
        }
    }
    assert!(compared > 150, "{compared}");
    let count = "slod_probe_duration_seconds_count{service=\"web\",probe=\"home\"}";
    assert_eq!(stored.get(&sorted(DURATION)), after.get(count));

    // Quantiles are those of the stored outcomes, within a bucket.
    let outcomes = daemon.request("GET", "/api/v1/probes/web/home/outcomes?limit=1000");
    let counted = outcomes
        .split("\"counts\":true,\"latency_seconds\":")
        .skip(1);
    let latency = |rest: &str| rest.split(',').next()?.parse().ok();
    let mut latencies: Vec<f64> = counted.filter_map(latency).collect();
    latencies.sort_by(f64::total_cmp);
    let all = latencies.len();
    assert_eq!(after.get(count), Some(&(all as f64)));
    for percent in [50, 90, 95_u32] {
        let quantile = f64::from(percent) / 100.0;
        let query = format!("histogram_quantile({quantile}, {DURATION})");
        let now = chrono::Utc::now().timestamp();
        let found = prometheus.value(&query, now).expect("known");
        let rank = all * percent as usize / 100;
        let at = |rank: usize| latencies[rank.clamp(1, all) - 1];
        let (least, most) = (at(rank - 1) / 1.022, at(rank + 2) * 1.022);
        assert!(
            (least..=most).contains(&found),
            "{quantile}: {found} is not in {least}..{most}"
        );
    }
}
