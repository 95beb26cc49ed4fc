//! Whether a failure is the service's or our own network's, as the daemon reports it.

use crate::support::{Daemon, target};
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

/// Takes connections and never says a word: every attempt times out.
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
    let path = folder.join("slod.yaml");
    let text = format!(
        "listen: 127.0.0.1:0\nstore: {{ path: slod.db }}\ndefaults: {{ interval: 300ms, timeout: 200ms }}\nvantage:\n{controls}services:\n  - name: web\n    probes: [ {{ name: home, http: {{ url: \"http://{service}/\" }} }} ]\n    objectives: [ {{ name: errors, sli: success, target: 99.9% }} ]\n"
    );
    fs::write(&path, text).expect("written");
    path
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
    // One that answers is not most of them.
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
    assert_eq!(daemon.metric(LOST), Some(0.0));
    let page = daemon.request("GET", "/metrics");
    assert!(
        !page.contains("service=\"vantage\""),
        "controls are not a service: {page}"
    );
    daemon.signal("TERM");
    let (status, log) = daemon.ended();
    assert_eq!(status.code(), Some(0), "{log}");
}
