//! slod and a real Prometheus scrape a real `FastAPI` application with two workers: both see the
//! same, and it matches the requests that were sent.

use super::application::App;
use super::server::Prometheus;
use crate::support::Daemon;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

/// Duration of the steady load.
const LOAD: Duration = Duration::from_secs(25);

/// The probe sends no request that the application would count.
fn config(folder: &Path, port: u16) -> PathBuf {
    let path = folder.join("slod.yaml");
    let text = format!(
        "listen: 127.0.0.1:0\nobserve: {{ interval: 1s }}\nservices:\n  - name: app\n    objectives: []\n    probes: [ {{ name: p, tcp: {{ address: \"127.0.0.1:{port}\" }} }} ]\n    metrics: {{ url: \"http://127.0.0.1:{port}/metrics\" }}\n"
    );
    fs::write(&path, text).expect("written");
    path
}

fn close(ours: f64, theirs: f64, share: f64) -> bool {
    (ours - theirs).abs() <= share * theirs.abs() + 0.01
}

/// Which requests were sent.
#[derive(Default)]
struct Sent {
    all: u32,
    bad: u32,
}

impl Sent {
    fn get(&mut self, app: &App, path: &str) {
        self.all += 1;
        self.bad += u32::from(!app.get(path));
    }
}

/// Does not change over time.
fn steady_load(app: &App, sent: &mut Sent) {
    let end = Instant::now() + LOAD;
    for number in 0_u32.. {
        if Instant::now() > end {
            return;
        }
        let path = match number % 10 {
            0 => "/bad",
            1 | 2 => "/ok?seconds=0.05",
            _ => "/ok",
        };
        sent.get(app, path);
        sleep(Duration::from_millis(40));
    }
}

#[test]
fn slod_and_prometheus_agree_about_a_real_application() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(app) = App::start(folder.path()) else {
        return;
    };
    let daemon = Daemon::start(&config(folder.path(), app.port));
    let scrape = format!(
        "global: {{ scrape_interval: 1s }}\nscrape_configs:\n  - job_name: app\n    static_configs: [ {{ targets: [\"127.0.0.1:{}\"] }} ]\n  - job_name: slod\n    static_configs: [ {{ targets: [\"{}\"] }} ]\n",
        app.port, daemon.address
    );
    fs::write(folder.path().join("prometheus.yml"), scrape).expect("written");
    let Some(prometheus) = Prometheus::start(folder.path(), &[]) else {
        return;
    };
    prometheus.wait_for("up{job=\"app\"} == 1");
    daemon.wait_for(|daemon| {
        daemon
            .metric("slod_scrape_success{service=\"app\"}")
            .filter(|up| *up > 0.0)
    });
    let mut sent = Sent::default();
    // The first failure creates its series.
    sent.get(&app, "/bad");
    sleep(Duration::from_secs(2));
    steady_load(&app, &mut sent);
    let loaded = chrono::Utc::now().timestamp();
    sleep(Duration::from_millis(2500));
    same(&daemon, &prometheus, &sent, loaded);
    trouble(&daemon, &app, &mut sent);
    shown_by_probe(folder.path(), &app);
}

/// Waits for a number of a service, because a scrape may be late on a busy machine.
fn is_soon(daemon: &Daemon, series: &str, wanted: u32) {
    let series = format!("slod_service_{series}");
    let wanted = f64::from(wanted);
    daemon.wait_for(|daemon| {
        let found = daemon.metric(&series)?;
        assert!(found <= wanted, "{series}: {found} instead of {wanted}");
        (found >= wanted).then_some(())
    });
}

/// Counts, error ratio, quantiles and rate.
fn same(daemon: &Daemon, prometheus: &Prometheus, sent: &Sent, loaded: i64) {
    is_soon(daemon, "errors_total{service=\"app\"}", sent.bad);
    is_soon(daemon, "requests_total{service=\"app\"}", sent.all);
    let ours = |name: &str| {
        let series = format!("slod_service_{name}");
        daemon.wait_for(|daemon| daemon.metric(&series))
    };
    let now = chrono::Utc::now().timestamp();
    let theirs = |query: &str| prometheus.value(query, now).expect(query);
    let (errors, all) = (
        "sum(rate(http_requests_total{status=\"5xx\"}[30s]))",
        "sum(rate(http_requests_total[30s]))",
    );
    let (ours_ratio, theirs_ratio) = (
        ours("error_ratio{service=\"app\"}"),
        theirs(&format!("{errors} / {all}")),
    );
    assert!(
        close(ours_ratio, theirs_ratio, 0.1),
        "errors: {ours_ratio} {theirs_ratio}"
    );
    for quantile in ["0.5", "0.95"] {
        let buckets = "sum by (le) (rate(http_request_duration_highr_seconds_bucket[30s]))";
        let theirs = theirs(&format!("histogram_quantile({quantile}, {buckets})"));
        let ours = ours(&format!(
            "request_duration_quantile_seconds{{service=\"app\",quantile=\"{quantile}\"}}"
        ));
        assert!(close(ours, theirs, 0.1), "p{quantile}: {ours} {theirs}");
    }
    let rate = |counter: &str| {
        let query = format!("sum(rate({counter}[15s]))");
        prometheus.value(&query, loaded).expect("known")
    };
    let (ours, theirs) = (
        rate("slod_service_requests_total"),
        rate("http_requests_total"),
    );
    assert!(close(ours, theirs, 0.15), "rate: {ours} {theirs}");
}

/// A pool in use, opening breakers, a queue, and a language model: each is detected without
/// configuration, and summed over the workers.
fn trouble(daemon: &Daemon, app: &App, sent: &mut Sent) {
    // Each worker can have five connections.
    let held = 4;
    scope(|scope| {
        for _ in 0..held {
            scope.spawn(|| assert!(app.get("/query?seconds=8")));
        }
        is_soon(daemon, "db_pool_in_use{service=\"app\"}", held);
        is_soon(daemon, "db_pool_max{service=\"app\"}", 10);
    });
    sent.all += held;
    // Three failures open the breaker of a worker.
    for _ in 0..6 {
        sent.get(app, "/payments?fail=1");
    }
    for _ in 0..3 {
        sent.get(app, "/enqueue?jobs=5");
        sent.get(app, "/ask");
        sent.get(app, "/ask?model=limited");
    }
    is_soon(daemon, "circuit_breaker_open{service=\"app\"}", 1);
    is_soon(daemon, "queue_depth{service=\"app\"}", 15);
    is_soon(daemon, "llm_requests_total{service=\"app\"}", 6);
    is_soon(daemon, "llm_errors_total{service=\"app\"}", 3);
    is_soon(daemon, "llm_rate_limit_hits_total{service=\"app\"}", 3);
    for (direction, tokens) in [("input", 36), ("output", 21)] {
        let series = format!("llm_tokens_total{{service=\"app\",direction=\"{direction}\"}}");
        is_soon(daemon, &series, tokens);
    }
    is_soon(daemon, "requests_total{service=\"app\"}", sent.all);
    is_soon(daemon, "errors_total{service=\"app\"}", sent.bad);
    let trips = daemon.metric("slod_service_circuit_breaker_trips_total{service=\"app\"}");
    assert!(trips.is_some_and(|trips| trips >= 1.0), "{trips:?}");
    let page = daemon.request("GET", "/services/app");
    assert!(page.contains("own metrics"), "{page}");
}

fn shown_by_probe(folder: &Path, app: &App) {
    let output = Command::new(env!("CARGO_BIN_EXE_slod"))
        .args(["probe", "app", "--metrics", "--config"])
        .arg(config(folder, app.port))
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    for part in [
        "http_requests_total{status=~\"5..\"}",
        "FastAPI instrumentator",
        "SQLAlchemy pool",
        "common names",
        "NOT FOUND",
        "cache_hits",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}
