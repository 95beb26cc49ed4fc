//! Jobs that report to the daemon, as crontabs do.

use crate::support::{Daemon, has_all, write_config};
use std::fs;
use std::path::{Path, PathBuf};

const GOOD: &str = "slod_probe_success{service=\"nightly\",probe=\"index\"}";
const RUNS: &str = "slod_probe_runs_total{service=\"nightly\",probe=\"index\"}";
const FRESH: &str = "slod_slo_events_total{service=\"nightly\",slo=\"fresh\"}";

fn failures(reason: &str) -> String {
    format!("slod_probe_failures_total{{service=\"nightly\",probe=\"index\",reason=\"{reason}\"}}")
}

fn voids(daemon: &Daemon) -> f64 {
    let series = "slod_probe_void_total{service=\"nightly\",probe=\"index\",reason=\"listening\"}";
    daemon.metric(series).unwrap_or_default()
}

fn config(folder: &Path, every: &str, description: &str) -> PathBuf {
    let text = format!(
        "defaults: {{ interval: 200ms, timeout: 100ms }}
services:
  - name: nightly
    description: {description}
    probes:
      - {{ name: index, heartbeat: {{ every: {every} }} }}
      - {{ name: guarded, heartbeat: {{ every: 1h, token: s3cret-t0ken }} }}
    objectives:
      - {{ name: fresh, sli: freshness, budgeting: occurrences, target: 99%, probes: [ index ] }}
"
    );
    write_config(folder, &text)
}

const INDEX: &str = "/api/v1/heartbeat/nightly/index";

fn report(daemon: &Daemon, path: &str, text: &str) -> String {
    daemon.post(path, "text/plain", text)
}

fn is_good(daemon: &Daemon, wanted: f64) -> Option<()> {
    (daemon.metric(GOOD) == Some(wanted)).then_some(())
}

#[test]
fn a_reporting_job_is_good_and_a_failing_one_is_bad() {
    let folder = tempfile::tempdir().expect("a folder");
    // A state lasts until it has been seen.
    let daemon = Daemon::start(&config(folder.path(), "1h", "quick"));
    // Nobody could report before the daemon listened.
    daemon.wait_for(|daemon| (voids(daemon) >= 2.0).then_some(()));
    assert_eq!(daemon.metric(RUNS), Some(0.0));

    assert!(report(&daemon, INDEX, "").starts_with("HTTP/1.1 204"));
    daemon.wait_for(|daemon| is_good(daemon, 1.0));
    let failed = format!("{INDEX}?status=fail");
    let reported = "exit code 3:\u{7}\ndisk full";
    assert!(report(&daemon, &failed, reported).starts_with("HTTP/1.1 204"));
    daemon.wait_for(|daemon| is_good(daemon, 0.0));
    let page = daemon.wait_for(|daemon| {
        let page = daemon.request("GET", "/services/nightly");
        page.contains("disk full").then_some(page)
    });
    has_all(&page, &["the job reported a failure: exit code 3:"]);
    assert!(
        daemon
            .metric(&failures("job_failed"))
            .is_some_and(|failed| failed >= 1.0)
    );

    // Like Healthchecks.
    assert!(report(&daemon, &format!("{INDEX}/0"), "").starts_with("HTTP/1.1 204"));
    daemon.wait_for(|daemon| is_good(daemon, 1.0));
    assert!(report(&daemon, &format!("{INDEX}/fail/"), "").starts_with("HTTP/1.1 204"));
    daemon.wait_for(|daemon| is_good(daemon, 0.0));
    // Like Dead Man's Snitch.
    for (fields, wanted) in [("s=0", 1.0), ("s=3&m=disk+full", 0.0)] {
        let answer = daemon.post(INDEX, "application/x-www-form-urlencoded", fields);
        assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
        daemon.wait_for(|daemon| is_good(daemon, wanted));
    }
    for word in ["start", "log"] {
        let answer = report(&daemon, &format!("{INDEX}/{word}"), "");
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
    assert!(report(&daemon, INDEX, "").starts_with("HTTP/1.1 204"));
    daemon.wait_for(|daemon| is_good(daemon, 1.0));
    assert!(daemon.metric(FRESH).is_some_and(|events| events >= 4.0));
}

#[test]
fn an_acknowledged_report_survives_a_reload_and_a_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = config(folder.path(), "1h", "slow");
    let daemon = Daemon::start(&path);
    for _ in 0..200 {
        assert!(report(&daemon, INDEX, "").starts_with("HTTP/1.1 204"));
    }
    config(folder.path(), "2h", "slower");
    assert!(daemon.request("POST", "/-/reload").contains("reloaded"));
    daemon.wait_for(|daemon| is_good(daemon, 1.0));
    daemon.signal("KILL");
    daemon.ended();
    let daemon = Daemon::start(&path);
    daemon.wait_for(|daemon| is_good(daemon, 1.0));
    assert!(voids(&daemon) < 1.0, "the report is known");
}

#[test]
fn a_report_is_acknowledged_only_once_it_is_on_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    let daemon = Daemon::start(&config(folder.path(), "1h", "locked"));
    let status = || {
        report(&daemon, INDEX, "")
            .split(' ')
            .nth(1)
            .map(str::to_owned)
    };
    let other = rusqlite::Connection::open(folder.path().join("slod.db")).expect("opens");
    other.execute_batch("BEGIN IMMEDIATE").expect("locked");
    for _ in 0..3 {
        assert_eq!(status().as_deref(), Some("202"));
    }
    other.execute_batch("ROLLBACK").expect("unlocked");
    daemon.wait_for(|_| (status().as_deref() == Some("204")).then_some(()));
}

#[test]
fn who_can_report_for_which_job() {
    let folder = tempfile::tempdir().expect("a folder");
    let daemon = Daemon::start(&config(folder.path(), "1h", "guarded"));
    let answer = report(&daemon, "/api/v1/heartbeat/nightly/indx", "");
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    assert!(answer.contains("did you mean nightly/index?"), "{answer}");
    assert!(report(&daemon, &format!("{INDEX}/"), "").starts_with("HTTP/1.1 204"));
    let answer = report(&daemon, &format!("{INDEX}?status=running"), "");
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    has_all(&answer, &["expected ok, fail or an exit code"]);
    for method in ["GET", "HEAD"] {
        let answer = daemon.request(method, INDEX);
        assert!(answer.starts_with("HTTP/1.1 405"), "{answer}");
        assert!(answer.to_lowercase().contains("allow: post"), "{answer}");
    }
    assert!(daemon.request("GET", INDEX).contains("curl -fsS -X POST"));
    let guarded = "/api/v1/heartbeat/nightly/guarded";
    let answer = report(&daemon, guarded, "");
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    let with = |token: &str| {
        let kind = format!("text/plain\r\nAuthorization: Bearer {token}");
        daemon.post(guarded, &kind, "")
    };
    assert!(with("s3cret-t0keX").starts_with("HTTP/1.1 401"));
    assert!(with("s3cret-t0ken").starts_with("HTTP/1.1 204"));
    for page in ["/", "/services/nightly", "/metrics", "/api/v1/services"] {
        assert!(!daemon.request("GET", page).contains("s3cret"), "{page}");
    }
    assert!(!daemon.log().contains("s3cret"));
}

#[test]
fn a_failure_counts_even_if_a_success_follows_and_its_text_is_long() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = config(folder.path(), "1h", "events");
    let daemon = Daemon::start(&path);
    let failed = failures("job_failed");
    let count = |daemon: &Daemon| daemon.metric(&failed).unwrap_or_default();
    for (round, status) in ["status=fail", "Status=down", "exit=-9", "error=disk"]
        .into_iter()
        .enumerate()
    {
        let before = count(&daemon);
        let long = "x".repeat(100 * 1024);
        let answer = report(&daemon, &format!("{INDEX}?{status}&ping=7"), &long);
        assert!(answer.starts_with("HTTP/1.1 204"), "{round}: {answer}");
        assert!(report(&daemon, INDEX, "").starts_with("HTTP/1.1 204"));
        daemon.wait_for(|daemon| (count(daemon) > before).then_some(()));
        daemon.wait_for(|daemon| is_good(daemon, 1.0));
    }
    // A report that no attempt has seen yet is seen even after a kill.
    let held = report(&daemon, &format!("{INDEX}?status=fail"), "held");
    assert!(held.starts_with("HTTP/1.1 204"));
    assert!(report(&daemon, INDEX, "").starts_with("HTTP/1.1 204"));
    daemon.signal("KILL");
    daemon.ended();
    let daemon = Daemon::start(&path);
    let outcomes = "/api/v1/probes/nightly/index/outcomes?limit=1000";
    daemon.wait_for(|daemon| {
        let page = daemon.request("GET", outcomes);
        page.contains("the job reported a failure: held")
            .then_some(())
    });
}

#[test]
fn a_report_counts_however_long_its_upload_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let daemon = Daemon::start(&config(folder.path(), "1h", "events"));
    let longer_than_the_limit = "x".repeat(17 << 20);
    let answer = report(&daemon, INDEX, &longer_than_the_limit);
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(answer.contains("the report counts"), "{answer}");
    daemon.wait_for(|daemon| is_good(daemon, 1.0));
}

#[test]
fn a_silent_job_is_bad_and_one_added_by_a_reload_gets_its_grace_period() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = config(folder.path(), "1s", "before");
    let daemon = Daemon::start(&path);
    assert!(report(&daemon, INDEX, "").starts_with("HTTP/1.1 204"));
    daemon.wait_for(|daemon| daemon.metric(&failures("silent")).filter(|bad| *bad >= 1.0));
    let text = fs::read_to_string(&path).expect("readable");
    let added = text.replace(
        "    objectives:",
        "      - { name: added, heartbeat: { every: 1s, grace: 1h } }\n    objectives:",
    );
    fs::write(
        &path,
        added.replace("every: 1s }", "every: 1s, grace: 1h }"),
    )
    .expect("written");
    assert!(daemon.request("POST", "/-/reload").contains("reloaded"));
    let voids = "slod_probe_void_total{service=\"nightly\",probe=\"added\",reason=\"listening\"}";
    daemon.wait_for(|daemon| daemon.metric(voids).filter(|count| *count >= 3.0));
    let runs = "slod_probe_runs_total{service=\"nightly\",probe=\"added\"}";
    assert_eq!(daemon.metric(runs), Some(0.0));
}
