//! slod sends its metrics to a real Prometheus, and to servers that reject them.

use super::server::Prometheus;
use crate::server::{CLOSE, response, serve};
use crate::support::{Daemon, free_port, target, write_config};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

fn config(folder: &Path, services: &[&str], remote: &str) -> PathBuf {
    let target = target();
    let probe = format!("name: home, interval: 1h, http: {{ url: \"http://{target}/\" }}");
    let service =
        |name: &&str| format!("{{ name: {name}, probes: [ {{ {probe} }} ], objectives: [] }}");
    let services: Vec<_> = services.iter().map(service).collect();
    let services = services.join(", ");
    let text = format!(
        "observe: {{ host: false }}\nremote_write: [ {remote} ]\nservices: [ {services} ]\n"
    );
    write_config(folder, &text)
}

#[test]
fn prometheus_gets_what_it_missed_and_series_end_with_their_service() {
    let folder = tempfile::tempdir().expect("a folder");
    let port = free_port();
    let remote = format!(
        "{{ name: central, url: \"http://127.0.0.1:{port}/api/v1/write\", interval: 5s, labels: {{ location: eu-1 }} }}"
    );
    let daemon = Daemon::start(&config(folder.path(), &["web", "old"], &remote));
    let metric = |name: &str| daemon.metric(&format!("{name}{{remote=\"central\"}}"));
    daemon.wait_for(|_| {
        (metric("slod_remote_write_samples_pending")? > 0.0
            && metric("slod_remote_write_failures_total")? > 0.0)
            .then_some(())
    });
    // Rounded up: the samples are from before it.
    let away = chrono::Utc::now().timestamp() + 1;
    fs::write(folder.path().join("prometheus.yml"), "").expect("written");
    let receiver = "--web.enable-remote-write-receiver";
    let Some(prometheus) = Prometheus::start_at(port, folder.path(), &[receiver]) else {
        return;
    };
    let series = |service: &str| {
        let instance = format!(".*:{}", daemon.address.port());
        format!(
            "slod_probe_runs_total{{service=\"{service}\",probe=\"home\",job=\"slod\",location=\"eu-1\",instance=~\"{instance}\"}}"
        )
    };
    prometheus.wait_for(&series("old"));
    // Samples from before it was started.
    let before = prometheus.value(&series("web"), away);
    assert_eq!(
        before,
        daemon.metric("slod_probe_runs_total{service=\"web\",probe=\"home\"}")
    );
    daemon.wait_for(|_| (metric("slod_remote_write_samples_pending")? == 0.0).then_some(()));
    assert!(metric("slod_remote_write_samples_total").expect("known") > 100.0);
    let success = metric("slod_remote_write_last_success_timestamp_seconds");
    assert!(success.expect("known") > (away - 2) as f64);

    // The next page lacks it, so it ends at once instead of five minutes later.
    config(folder.path(), &["web"], &remote);
    assert!(daemon.request("POST", "/-/reload").contains("200 OK"));
    let end = Instant::now() + Duration::from_mins(1);
    while prometheus.series(&series("old")) > 0 {
        assert!(Instant::now() < end, "it goes on");
        std::thread::sleep(Duration::from_millis(250));
    }
    assert_eq!(prometheus.series(&series("web")), 1);
    let log = daemon.log();
    assert!(log.contains("central: samples are accepted again"), "{log}");
}

/// A server that rejects the first request, and is busy at the second one. Sends the heads that it gets.
fn rejecting() -> (SocketAddr, Receiver<String>) {
    let (sender, heads) = channel();
    let count = AtomicUsize::new(0);
    let address = serve(move |stream| {
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while reader.read_line(&mut head).is_ok_and(|length| length > 2) {}
        let lower = head.to_ascii_lowercase();
        let length = lower.split_once("content-length: ").expect("a body").1;
        let length = length
            .lines()
            .next()
            .and_then(|text| text.trim().parse().ok());
        let mut body = vec![0; length.expect("a number")];
        reader.read_exact(&mut body).expect("the body");
        let long = format!(
            "out of bounds for t0ken\u{1b}[2J {}\nsecond line",
            "x".repeat(5000)
        );
        let (status, text) = match count.fetch_add(1, Ordering::SeqCst) {
            0 => ("400 Bad Request", &*long),
            1 => ("503 Busy", ""),
            _ => ("204 No Content", ""),
        };
        let answer = response(status, CLOSE, text);
        let _ = reader.get_mut().write_all(answer.as_bytes());
        let _ = sender.send(lower);
    });
    (address, heads)
}

#[test]
fn rejected_samples_are_dropped_and_others_are_retried() {
    let folder = tempfile::tempdir().expect("a folder");
    let (address, heads) = rejecting();
    let remote = format!(
        "{{ name: hosted, url: \"http://{address}/push\", interval: 5s, bearer: t0ken, job: prober, instance: one }}"
    );
    let daemon = Daemon::start(&config(folder.path(), &["web"], &remote));
    for _ in 0..3 {
        let head = heads
            .recv_timeout(Duration::from_mins(1))
            .expect("a request");
        for line in [
            "post /push http/1.1",
            "authorization: bearer t0ken",
            "content-type: application/x-protobuf",
            "content-encoding: snappy",
            "x-prometheus-remote-write-version: 0.1.0",
        ] {
            assert!(head.contains(line), "{line} is missing in {head}");
        }
    }
    let sent = "slod_remote_write_samples_total{remote=\"hosted\"}";
    daemon.wait_for(|daemon| (daemon.metric(sent)? > 0.0).then_some(()));
    let rejected = "slod_remote_write_samples_dropped_total{reason=\"rejected\",remote=\"hosted\"}";
    assert!(daemon.metric(rejected).expect("known") > 0.0);
    let failures = "slod_remote_write_failures_total{remote=\"hosted\"}";
    assert_eq!(daemon.metric(failures), Some(1.0));
    let log = daemon.log();
    assert!(
        log.contains("hosted rejects samples, which are dropped: status 400: out of bounds for "),
        "{log}"
    );
    assert!(
        log.contains("hosted does not accept samples, which wait: status 503"),
        "{log}"
    );
    for hidden in ["t0ken", "\u{1b}", "second line"] {
        assert!(!log.contains(hidden), "{log}");
    }
    let lines = log.lines().filter(|line| line.contains("hosted"));
    assert!(lines.map(str::len).max() < Some(500), "{log}");
}
