//! Whether a failure is the service's or the local network's, as reported by the daemon.

use crate::server::{response, serve};
use crate::support::{Daemon, target, write_config};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Accepts connections and never responds: every attempt times out.
fn silent() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    (listener, address)
}

fn config(folder: &Path, service: SocketAddr, controls: [SocketAddr; 3]) -> PathBuf {
    let control = |(number, address): (usize, SocketAddr)| {
        format!("  - {{ name: c{number}, http: {{ url: \"http://{address}/\" }} }}\n")
    };
    let controls: String = controls.into_iter().enumerate().map(control).collect();
    let text = format!(
        "defaults: {{ interval: 300ms, timeout: 200ms }}\nvantage:\n{controls}services:\n  - name: web\n    probes: [ {{ name: home, http: {{ url: \"http://{service}/\" }} }} ]\n    objectives: [ {{ name: errors, sli: success, target: 99.9% }} ]\n"
    );
    write_config(folder, &text)
}

const VOID: &str = "slod_probe_void_total{service=\"web\",probe=\"home\",reason=\"network\"}";
const FAILED: &str = "slod_probe_failures_total{service=\"web\",probe=\"home\",reason=\"timeout\"}";
const RUNS: &str = "slod_probe_runs_total{service=\"web\",probe=\"home\"}";
const LOST: &str = "slod_vantage_lost";

#[test]
fn failures_are_void_while_the_control_probes_fail_and_bad_once_they_do_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_service, service) = silent();
    let (_control, control) = silent();
    let up = target();
    // A single success is not a majority.
    let path = config(folder.path(), service, [control, control, up]);
    let daemon = Daemon::start(&path);
    daemon.wait_for(|daemon| daemon.metric(VOID).filter(|void| *void >= 3.0));
    assert_eq!(daemon.metric(LOST), Some(1.0));
    assert_eq!(
        (daemon.metric(RUNS), daemon.metric(FAILED)),
        (Some(0.0), Some(0.0))
    );

    config(folder.path(), service, [up, up, control]);
    assert!(daemon.request("POST", "/-/reload").contains("reloaded"));
    daemon.wait_for(|daemon| daemon.metric(FAILED).filter(|failed| *failed >= 3.0));
    daemon.wait_for(|daemon| daemon.metric(LOST).filter(|lost| *lost == 0.0));
    let page = daemon.request("GET", "/metrics");
    assert!(
        !page.contains("service=\"vantage\""),
        "controls are not a service: {page}"
    );
    daemon.signal("TERM");
    let (status, log) = daemon.ended();
    assert_eq!(status.code(), Some(0), "{log}");
}

/// Responds with 200 while it is reachable, and otherwise accepts connections and never responds.
fn reachable(is_reachable: &Arc<AtomicBool>) -> SocketAddr {
    let is_reachable = is_reachable.clone();
    serve(move |mut stream| {
        if is_reachable.load(Ordering::SeqCst) {
            let _ = stream.read(&mut [0; 2048]);
            let _ = stream.write_all(response("200 OK", "", "").as_bytes());
        } else {
            let _ = stream.read_to_end(&mut Vec::new());
        }
    })
}

#[test]
fn a_job_whose_reports_could_not_arrive_gets_another_grace_period() {
    let folder = tempfile::tempdir().expect("a folder");
    let is_reachable = Arc::new(AtomicBool::new(true));
    let control = reachable(&is_reachable);
    let control =
        |number: u8| format!("  - {{ name: c{number}, http: {{ url: \"http://{control}/\" }} }}\n");
    let controls = [0, 1, 2].map(control).concat();
    let text = format!(
        "defaults: {{ interval: 500ms, timeout: 400ms }}\nvantage:\n{controls}services:\n  - name: nightly\n    probes: [ {{ name: index, heartbeat: {{ every: 6s }} }} ]\n"
    );
    let path = write_config(folder.path(), &text);
    let daemon = Daemon::start(&path);
    let series = |family: &str, reason: &str| {
        let reason = match reason {
            "" => String::new(),
            reason => format!(",reason=\"{reason}\""),
        };
        format!("slod_probe_{family}{{service=\"nightly\",probe=\"index\"{reason}}}")
    };
    let above = |family: &str, reason: &str, least: f64| {
        let series = series(family, reason);
        daemon.wait_for(|daemon| daemon.metric(&series).filter(|value| *value > least))
    };
    let report = || daemon.post("/api/v1/heartbeat/nightly/index", "text/plain", "");
    assert!(report().starts_with("HTTP/1.1 204"));
    above("success", "", 0.0);
    let listened = daemon.metric(&series("void_total", "listening"));

    is_reachable.store(false, Ordering::SeqCst);
    above("void_total", "network", 3.0);
    is_reachable.store(true, Ordering::SeqCst);
    // The report at this time was lost; the next one is due six seconds after the network is back.
    above(
        "void_total",
        "listening",
        listened.unwrap_or_default() + 3.0,
    );
    assert_eq!(
        daemon.metric(&series("failures_total", "silent")),
        Some(0.0)
    );
    above("failures_total", "silent", 0.0);
}
