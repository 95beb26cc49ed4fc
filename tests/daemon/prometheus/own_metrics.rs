//! A real Python application is scraped by slod and by a real Prometheus: both see the same.

use super::super::support::Daemon;
use super::server::{Prometheus, repository};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The application; ended whatever happens to the test.
struct App {
    child: Child,
    port: u16,
}

impl Drop for App {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl App {
    /// `None` where its library is not installed, and CI does not promise it.
    fn start() -> Option<Self> {
        let mut child = Command::new("python3")
            .arg(repository().join("tests/tools/metrics_app.py"))
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let mut line = String::new();
        let stdout = child.stdout.take().expect("piped");
        let _ = BufReader::new(stdout).read_line(&mut line);
        let Ok(port) = line.trim().parse() else {
            let _ = child.wait();
            assert!(
                std::env::var_os("CI").is_none(),
                "prometheus_client is needed in CI"
            );
            eprintln!("not tested, because prometheus_client is not installed");
            return None;
        };
        Some(Self { child, port })
    }

    fn get(&self, path: &str) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n").expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.contains("done"), "{answer}");
    }
}

fn config(folder: &std::path::Path, port: u16) -> std::path::PathBuf {
    let path = folder.join("slod.yaml");
    let text = format!(
        "listen: 127.0.0.1:0\nobserve: {{ interval: 1s }}\nservices:\n  - name: app\n    objectives: []\n    probes: [ {{ name: p, http: {{ url: \"http://127.0.0.1:{port}/\" }} }} ]\n    metrics: {{ url: \"http://127.0.0.1:{port}/metrics\" }}\n"
    );
    fs::write(&path, text).expect("written");
    path
}

fn close(ours: f64, theirs: f64, share: f64) -> bool {
    (ours - theirs).abs() <= share * theirs.abs() + 0.01
}

#[test]
fn slod_and_prometheus_see_the_same_of_a_real_application() {
    let Some(app) = App::start() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
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
    // The first requests of all make the series.
    app.get("/ok");
    sleep(Duration::from_secs(2));
    app.get("/set?pool=9&breaker=1");
    // A steady load, which is the same whenever it is looked at.
    let end = Instant::now() + Duration::from_secs(25);
    let (mut sent, mut bad) = (1_u32, 0_u32);
    while Instant::now() < end {
        let path = match sent % 10 {
            0 => "/bad",
            1 | 2 => "/slow",
            _ => "/ok",
        };
        app.get(path);
        sent += 1;
        bad += u32::from(path == "/bad");
        sleep(Duration::from_millis(40));
    }
    let loaded = chrono::Utc::now().timestamp();
    sleep(Duration::from_millis(2500));
    // A scrape may be late on a busy machine.
    let series = |series: String| daemon.wait_for(|daemon| daemon.metric(&series));
    let value = |name: &str| Some(series(format!("{name}{{service=\"app\"}}")));
    let exact = |name: &str, wanted: u32| {
        daemon.wait_for(|daemon| {
            let found = daemon.metric(&format!("{name}{{service=\"app\"}}"))?;
            (found >= f64::from(wanted)).then_some(())
        });
        assert_eq!(value(name), Some(f64::from(wanted)), "{name}");
    };
    exact("slod_service_errors_total", bad);
    exact("slod_service_requests_total", sent);
    assert_eq!(value("slod_service_db_pool_usage_ratio"), Some(0.9));
    assert_eq!(value("slod_service_circuit_breaker_open"), Some(1.0));
    let now = chrono::Utc::now().timestamp();
    let window = "[30s]";
    let ask = |query: &str| prometheus.value(query, now).expect(query);
    let theirs = ask(&format!(
        "sum(rate(http_requests_total{{status=\"500\"}}{window})) / sum(rate(http_requests_total{window}))"
    ));
    let ours = value("slod_service_error_ratio").expect("known");
    assert!(close(ours, theirs, 0.1), "errors: {ours} {theirs}");
    for (quantile, query) in [("0.5", 0.5), ("0.95", 0.95)] {
        let theirs = ask(&format!(
            "histogram_quantile({query}, sum by (le) (rate(http_request_duration_seconds_bucket{window})))"
        ));
        let ours = series(format!(
            "slod_service_request_duration_quantile_seconds{{service=\"app\",quantile=\"{quantile}\"}}"
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
    let ours = value("slod_service_requests_per_second").expect("known");
    let page = daemon.request("GET", "/services/app");
    assert!(
        page.contains("The service's own metrics") || page.contains("own metrics"),
        "{page}"
    );
    let json = daemon.request("GET", "/api/v1/services/app");
    assert!(json.contains("\"db_pool_usage_ratio\":0.9"), "{json}");
    assert!(ours > 1.0, "{ours}");
    shown_by_probe(folder.path(), &app);
}

fn shown_by_probe(folder: &std::path::Path, app: &App) {
    let output = Command::new(env!("CARGO_BIN_EXE_slod"))
        .args(["probe", "app", "--metrics", "--config"])
        .arg(config(folder, app.port))
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    for part in [
        "errors",
        "http_requests_total{status=~\"5..\"}",
        "NOT FOUND",
        "llm_requests",
        "common names",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    println!("{text}");
}
