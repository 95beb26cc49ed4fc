//! A daemon that was stopped for a while measures itself meanwhile, and not the services.

use super::slow;
use crate::support::Daemon;
use std::fs;
use std::thread;
use std::time::Duration;

const STALLED: &str = "slod_probe_void_total{service=\"web\",probe=\"home\",reason=\"stalled\"}";
const TIMEOUT: &str =
    "slod_probe_failures_total{service=\"web\",probe=\"home\",reason=\"timeout\"}";
const MISSED: &str = "slod_probe_missed_total{service=\"web\",probe=\"home\"}";
const RUNS: &str = "slod_probe_runs_total{service=\"web\",probe=\"home\"}";

#[test]
fn what_runs_while_we_are_stopped_is_not_charged_to_the_service() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("slod.yaml");
    let text = format!(
        "listen: 127.0.0.1:0
store: {{ path: slod.db }}
services:
  - name: web
    probes: [ {{ name: home, interval: 1s, timeout: 1s, http: {{ url: \"http://{}/\" }} }} ]
    objectives: [ {{ name: fast, sli: latency, below: 900ms, target: 99% }} ]
",
        slow(Duration::from_millis(600))
    );
    fs::write(&path, text).expect("written");
    let daemon = Daemon::start(&path);
    daemon.wait_for(|daemon| daemon.metric(RUNS).filter(|runs| *runs >= 1.0));
    // An attempt is under way more than half of the time; each stop is at another part of a second.
    for number in 0..10 {
        daemon.signal("STOP");
        thread::sleep(Duration::from_millis(2500));
        daemon.signal("CONT");
        thread::sleep(Duration::from_millis(1500 + 270 * number));
        if daemon.metric(STALLED) >= Some(1.0) {
            break;
        }
    }
    assert!(daemon.metric(STALLED) >= Some(1.0), "{}", daemon.log());
    assert!(daemon.metric(MISSED) >= Some(1.0));
    assert_eq!(daemon.metric(TIMEOUT), Some(0.0));
    let bad = daemon.metric("slod_slo_bad_events_total{service=\"web\",slo=\"fast\"}");
    assert_eq!(bad, Some(0.0), "nor is it slow");
    let outcomes = daemon.request("GET", "/api/v1/probes/web/home/outcomes");
    assert!(
        outcomes.contains("slod itself was stalled for"),
        "{outcomes}"
    );
}
