//! The system under the services, as shown by the daemon.

use crate::support::{Daemon, has_all, target};
use std::fs;
use std::path::{Path, PathBuf};

fn config(folder: &Path, observe: &str, processes: &str) -> PathBuf {
    let path = folder.join("slod.yaml");
    let url = target();
    let text = format!(
        "listen: 127.0.0.1:0\nobserve: {{ interval: 1s, {observe} }}\nservices:\n  - name: web\n    probes: [ {{ name: home, http: {{ url: \"http://{url}/\" }} }} ]\n    objectives: []\n    processes: {processes}\n"
    );
    fs::write(&path, text).expect("written");
    path
}

#[test]
fn host_and_processes_are_exported_shown_and_follow_a_reload() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("pid"), std::process::id().to_string()).expect("written");
    let both = "[ { name: tests, pid_file: pid }, { name: gone, pid_file: missing } ]";
    let daemon = Daemon::start(&config(folder.path(), "host: true", both));
    let of = |family: &str, name: &str| format!("{family}{{service=\"web\",process=\"{name}\"}}");
    let threads = of("slod_process_threads", "tests");
    assert!(daemon.wait_for(|daemon| daemon.metric(&threads)) >= 1.0);
    // The second sample has a usage.
    let usage = of("slod_process_cpu_usage_ratio", "tests");
    daemon.wait_for(|daemon| {
        daemon
            .metric(&usage)
            .zip(daemon.metric("slod_host_cpu_usage_ratio"))
    });
    assert_eq!(
        daemon.metric(&of("slod_process_instances", "gone")),
        Some(0.0)
    );
    assert_eq!(daemon.metric(&of("slod_process_threads", "gone")), None);
    for collector in ["host", "disk", "network", "processes"] {
        let of = |family: &str| daemon.metric(&format!("{family}{{collector=\"{collector}\"}}"));
        assert_eq!(of("slod_collector_success"), Some(1.0), "{collector}");
        let samples = of("slod_collector_samples");
        assert!(
            samples.is_some_and(|samples| samples >= 2.0),
            "{collector}: {samples:?}"
        );
    }
    let page = daemon.request("GET", "/services/web");
    has_all(&page, &["Open files", "not found"]);
    assert!(daemon.request("GET", "/").contains("CPU usage"));

    config(
        folder.path(),
        "host: false, pressure: false, disk: false, network: false",
        "[ { name: tests, pid_file: pid } ]",
    );
    assert!(daemon.request("POST", "/-/reload").contains("reloaded"));
    daemon.wait_for(|daemon| daemon.metric("slod_host_load1").is_none().then_some(()));
    assert!(daemon.metric(&threads).is_some());
    let page = daemon.request("GET", "/metrics");
    assert!(
        !page.contains("process=\"gone\"") && !page.contains("slod_host_"),
        "{page}"
    );

    config(
        folder.path(),
        "processes: false",
        "[ { name: tests, pid_file: pid } ]",
    );
    assert!(daemon.request("POST", "/-/reload").contains("reloaded"));
    daemon.wait_for(|daemon| daemon.metric(&threads).is_none().then_some(()));
    daemon.wait_for(|daemon| daemon.metric("slod_host_load1"));
}
