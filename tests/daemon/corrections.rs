//! Corrections by HTTP: created, applied at once, kept across a restart, and revoked.

use crate::support::{Daemon, has_all, target, write_config};
use serde_json::Value;
use std::path::{Path, PathBuf};

const BAD: &str = "slod_slo_bad_events_total{service=\"web\",slo=\"errors\"}";
const LEFT: &str = "slod_slo_error_budget_remaining_ratio{service=\"web\",slo=\"errors\"}";
const SLI: &str = "slod_slo_sli_ratio{service=\"web\",slo=\"errors\",window=\"1h\"}";
const NOW: &str = "slod_slo_corrected{service=\"web\",slo=\"errors\"}";

fn config(folder: &Path) -> PathBuf {
    let url = target();
    let text = format!(
        "services:\n  - name: web\n    probes: [ {{ name: home, interval: 100ms, http: {{ url: \"http://{url}/bad\" }} }} ]\n    objectives: [ {{ name: errors, sli: success, target: 99.9% }} ]\n"
    );
    write_config(folder, &text)
}

/// From five minutes ago until five minutes from now.
fn around_now(more: &str) -> String {
    let now = chrono::Utc::now();
    let five = chrono::Duration::minutes(5);
    let (from, to) = ((now - five).to_rfc3339(), (now + five).to_rfc3339());
    format!("{{\"from\":\"{from}\",\"to\":\"{to}\",\"author\":\"ada\"{more}}}")
}

fn id_of(answer: &str) -> String {
    let body = answer.split("\r\n\r\n").nth(1).expect("a body");
    let view: Value = serde_json::from_str(body).expect("JSON");
    view["id"].as_str().expect("an id").to_owned()
}

#[test]
fn a_correction_applies_at_once_survives_restarts_and_can_be_revoked() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = config(folder.path());
    let daemon = Daemon::start(&path);
    daemon.wait_for(|daemon| daemon.metric(LEFT).filter(|left| *left < 1.0));
    assert_eq!(
        (daemon.metric(SLI), daemon.metric(NOW)),
        (Some(0.0), Some(0.0))
    );

    let body = around_now(",\"services\":[\"web\"],\"reason\":\"a drill <b>\"");
    let answer = daemon.post("/api/v1/corrections", "application/json", &body);
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    let id = id_of(&answer);
    assert_eq!((daemon.metric(SLI), daemon.metric(NOW)), (None, Some(1.0)));
    assert_eq!(daemon.metric(LEFT), None, "nothing is known of it");
    let bad = daemon.metric(BAD).expect("a counter");
    assert!(bad > 0.0, "what Prometheus has seen is not unseen");
    let page = daemon.request("GET", "/services/web");
    has_all(&page, &["a drill &lt;b&gt;", "ada"]);
    let list = daemon.request("GET", "/api/v1/corrections");
    assert!(list.contains("a drill <b>"), "{list}");
    let front = daemon.request("GET", "/");
    assert!(front.contains("is in maintenance"), "{front}");
    for path in ["/api/v1/services/web", "/api/v1/health/web"] {
        let answer = daemon.request("GET", path);
        let maintenance = "\"maintenance\":{\"until\":\"";
        assert!(answer.contains(maintenance), "{path}: {answer}");
    }

    daemon.signal("KILL");
    daemon.ended();
    let daemon = Daemon::start(&path);
    assert_eq!((daemon.metric(SLI), daemon.metric(LEFT)), (None, None));
    let taken_back = daemon.request("DELETE", &format!("/api/v1/corrections/{id}"));
    assert!(taken_back.starts_with("HTTP/1.1 204"), "{taken_back}");
    assert_eq!(daemon.metric(NOW), Some(0.0));
    // The process before may have been killed before it committed an outcome.
    daemon.wait_for(|daemon| daemon.metric(SLI).filter(|sli| *sli == 0.0));
    assert!(daemon.metric(LEFT).is_some_and(|left| left < 1.0));
    let again = daemon.request("DELETE", &format!("/api/v1/corrections/{id}"));
    assert!(again.starts_with("HTTP/1.1 404"), "{again}");
}

#[test]
fn invalid_corrections_are_rejected_with_a_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let daemon = Daemon::start(&config(folder.path()));
    let refused = |kind: &str, body: &str, status: &str, reason: &str| {
        let answer = daemon.post("/api/v1/corrections", kind, body);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{answer}"
        );
        assert!(answer.contains(reason), "{reason} in {answer}");
    };
    let json = "application/json";
    let fine = around_now(",\"reason\":\"x\"");
    refused("text/plain", &fine, "415", "application/json");
    refused(json, "{", "400", "the body is not valid JSON");
    refused(
        json,
        "[]",
        "422",
        "expected a JSON object with `from`, `to`,",
    );
    refused(json, &around_now(""), "422", "`reason` is missing");
    refused(
        json,
        &around_now(",\"reason\":\" \""),
        "422",
        "`reason` must have 1 to 500",
    );
    refused(
        json,
        &around_now(",\"reason\":\"x\",\"slos\":[\"erors\"]"),
        "422",
        "did you mean `errors`?",
    );
    refused(
        json,
        &around_now(",\"reason\":\"x\",\"service\":\"web\""),
        "422",
        "unknown key `service`",
    );
    let upside_down = "{\"from\":\"2026-11-02T00:00:00Z\",\"to\":\"2026-11-01T00:00:00Z\",\"reason\":\"x\",\"author\":\"y\"}";
    refused(json, upside_down, "422", "`to` must be after `from`");
    let config = daemon.request("DELETE", "/api/v1/corrections/config-1");
    assert!(config.starts_with("HTTP/1.1 409"), "{config}");
}
