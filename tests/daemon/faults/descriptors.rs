//! Two hundred probes and sixty-four file descriptors.

use super::slow;
use crate::support::{PATIENCE, Running, write_config};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The page, if the daemon has a descriptor left for this connection.
fn metrics(address: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    write!(
        stream,
        "GET /metrics HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"
    )
    .ok()?;
    let mut page = String::new();
    stream.read_to_string(&mut page).ok()?;
    page.contains("slod_probe_runs_total").then_some(page)
}

/// The sum of all series with this prefix.
fn sum(page: &str, series: &str, label: &str) -> f64 {
    let of = |line: &&str| line.starts_with(series) && line.contains(label);
    let values = page
        .lines()
        .filter(of)
        .filter_map(|line| line.rsplit(' ').next());
    values.filter_map(|value| value.parse::<f64>().ok()).sum()
}

#[test]
fn too_few_descriptors_are_a_failure_of_slod() {
    let folder = tempfile::tempdir().expect("a folder");
    // Slow enough that many requests are in flight at the same time.
    let target = slow(Duration::from_secs(1));
    let mut text = "defaults: { interval: 4s, timeout: 3900ms }\nservices:\n  - name: web\n    objectives: [ { name: errors, sli: success, target: 99% } ]\n    probes:\n".to_owned();
    for probe in 0..200 {
        writeln!(
            text,
            "      - {{ name: p{probe}, http: {{ url: \"http://{target}/{probe}\" }} }}"
        )
        .expect("written");
    }
    let path = write_config(folder.path(), &text);
    let script = format!(
        "ulimit -n 64 && exec {} run --config {}",
        env!("CARGO_BIN_EXE_slod"),
        path.display()
    );
    let child = Command::new("sh")
        .args(["-c", &script])
        .stderr(Stdio::piped())
        .spawn();
    let mut daemon = Running(child.expect("a shell"));
    let mut log = BufReader::new(daemon.stderr.take().expect("piped")).lines();
    let address = log.find_map(|line| {
        let line = line.ok()?;
        Some(
            line.split("http://")
                .nth(1)?
                .split(['"', ' '])
                .next()?
                .to_owned(),
        )
    });
    let address = address.expect("it listens");
    // Reads the daemon's output from now on.
    thread::spawn(move || log.for_each(drop));

    let end = Instant::now() + PATIENCE;
    let page = loop {
        assert!(
            Instant::now() < end,
            "no page with void outcomes and others"
        );
        thread::sleep(Duration::from_millis(100));
        let page = metrics(&address);
        // Some connections cannot be made; the others continue.
        let void = |page: &str| sum(page, "slod_probe_void_total", "reason=\"resources\"");
        let runs = |page: &str| sum(page, "slod_probe_runs_total", "");
        if let Some(page) = page.filter(|page| void(page) > 20.0 && runs(page) > 20.0) {
            break page;
        }
    };
    let failed: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("slod_probe_failures_total") && !line.ends_with(" 0"))
        .collect();
    assert!(failed.is_empty(), "charged to the service: {failed:#?}");
    assert!(sum(&page, "slod_slo_bad_events_total", "") < 1.0);
    assert!(sum(&page, "slod_store_lost_outcomes_total", "") < 1.0);
}
