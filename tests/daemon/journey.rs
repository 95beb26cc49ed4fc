//! Objectives over the probes of several services, and over several windows, as reported by the
//! daemon.

use crate::hook::closed;
use crate::support::{Daemon, target, write_config};

const EVENTS: &str = "slod_slo_events_total{service=\"journey\",slo=\"steps\"}";
const BAD: &str = "slod_slo_bad_events_total{service=\"journey\",slo=\"steps\"}";
const MONTH: &str = "slod_slo_window_error_budget_remaining_ratio{service=\"journey\",slo=\"steps\",window=\"month\"}";

#[test]
fn a_journey_counts_the_probes_of_other_services_also_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let (up, down) = (target(), closed());
    let text = format!(
        "defaults: {{ interval: 200ms, timeout: 100ms }}
services:
  - name: chat
    probes: [ {{ name: health, http: {{ url: \"http://{up}/\" }} }} ]
    objectives: [ {{ name: errors, sli: success, target: 99% }} ]
  - name: rag
    probes: [ {{ name: health, http: {{ url: \"http://{down}/\" }} }} ]
    objectives: []
  - name: journey
    objectives:
      - {{ name: steps, sli: success, target: 99%, probes: [ chat/health, rag/health ], further_windows: [ 7d, month ] }}
"
    );
    let path = write_config(folder.path(), &text);
    let daemon = Daemon::start(&path);
    daemon.wait_for(|daemon| daemon.metric(BAD).filter(|bad| *bad >= 3.0));
    let (events, bad) = (daemon.metric(EVENTS), daemon.metric(BAD));
    assert!(
        events > bad,
        "the other service answers: {events:?}, {bad:?}"
    );
    assert!(daemon.metric(MONTH).is_some_and(|left| left < 1.0));
    let page = daemon.request("GET", "/metrics");
    assert!(
        !page.contains("slod_probe_success{service=\"journey\""),
        "{page}"
    );
    let page = daemon.request("GET", "/services/journey");
    assert!(page.contains("chat/health, rag/health"), "{page}");
    assert!(page.contains("Budget left each month"), "{page}");
    daemon.signal("KILL");
    daemon.ended();

    let daemon = Daemon::start(&path);
    let left = daemon.wait_for(|daemon| daemon.metric(MONTH));
    assert!(left < 1.0, "what happened before counts on: {left}");
    daemon.signal("TERM");
    let (status, log) = daemon.ended();
    assert_eq!(status.code(), Some(0), "{log}");
}
