//! Burn-rate alerts in the daemon, across a kill and a reload.

use crate::hook::closed;
use crate::support::{Daemon, target, write_config};
use std::path::{Path, PathBuf};

const PAGE: &str =
    "slod_alerts_firing{service=\"web\",slo=\"errors\",severity=\"critical\",tier=\"1\"}";
const SLOW: &str =
    "slod_alerts_firing{service=\"web\",slo=\"errors\",severity=\"warning\",tier=\"4\"}";

/// A window of an hour, so that the fastest tier fires at the second failure.
fn config(folder: &Path, address: &str, slo: &str) -> PathBuf {
    let text = format!(
        "defaults: {{ interval: 200ms, timeout: 100ms }}
services:
  - name: web
    probes: [ {{ name: home, http: {{ url: \"http://{address}/\" }} }} ]
    objectives: [ {{ name: {slo}, sli: success, target: 99.9%, window: 1h }} ]
"
    );
    write_config(folder, &text)
}

fn body(answer: &str) -> serde_json::Value {
    let body = answer.split("\r\n\r\n").nth(1).expect("a body");
    serde_json::from_str(body).expect("JSON")
}

/// When the only firing alert began.
fn fired_at(daemon: &Daemon) -> String {
    let alerts = daemon.wait_for(|daemon| {
        let alerts = body(&daemon.request("GET", "/api/v1/alerts"));
        (alerts.as_array()?.len() == 1).then_some(alerts)
    });
    assert_eq!(alerts[0]["urgency"], "page");
    assert_eq!(alerts[0]["windows"], "1h/5m");
    alerts[0]["fired_at"].as_str().expect("a time").to_owned()
}

#[test]
fn an_alert_continues_after_a_kill_and_ends_with_its_objective() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = config(folder.path(), &closed(), "errors");
    let daemon = Daemon::start(&path);
    daemon.wait_for(|daemon| daemon.metric(PAGE).filter(|firing| *firing > 0.5));
    assert_eq!(
        daemon.metric(SLOW),
        Some(0.0),
        "its window is longer than the objective's"
    );
    let since = fired_at(&daemon);
    daemon.wait_for_log("web/errors: error-budget burn (1h/5m): page", 1);
    for page in ["/", "/services/web"] {
        let page = daemon.request("GET", page);
        assert!(page.contains("error-budget burn over 1h/5m"), "{page}");
    }
    daemon.signal("KILL");
    daemon.ended();

    // The service is back; the last five minutes still include the outage.
    let path = config(folder.path(), &target().to_string(), "errors");
    let daemon = Daemon::start(&path);
    assert_eq!(fired_at(&daemon), since);
    assert_eq!(daemon.metric(PAGE), Some(1.0));
    assert!(
        !daemon.log().contains("error-budget burn"),
        "it is not logged again"
    );

    // The history of the next objective is bad as well, but it has no alerts, not even during the reload.
    let next = "other, alerts: false";
    config(folder.path(), &target().to_string(), next);
    assert!(daemon.request("POST", "/-/reload").contains("reloaded"));
    daemon.wait_for(|daemon| {
        let firing = body(&daemon.request("GET", "/api/v1/alerts"));
        firing.as_array()?.is_empty().then_some(())
    });
    let past = body(&daemon.request("GET", "/api/v1/alerts?from=2020-01-01T00:00:00Z"));
    let past = past.as_array().expect("a list");
    assert!(!past.is_empty());
    for alert in past {
        assert_eq!(alert["slo"], "errors");
        assert!(alert["ended_at"].is_string(), "{alert}");
    }
}

/// Sends a request, and reads the response.
fn post(daemon: &Daemon, path: &str, body: &serde_json::Value) -> serde_json::Value {
    let answer = daemon.post(path, "application/json", &body.to_string());
    assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");
    self::body(&answer)
}

#[test]
fn an_alert_is_acknowledged_and_silenced_by_the_forms_of_the_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = config(folder.path(), &closed(), "errors");
    let daemon = Daemon::start(&path);
    fired_at(&daemon);
    let page = daemon.request("GET", "/alerts");
    let action = |what: &str| {
        let mut actions = page.split("action=\"").skip(1);
        let found =
            actions.find_map(|rest| rest.split('"').next().filter(|one| one.ends_with(what)));
        format!(
            "/{}",
            found.unwrap_or_else(|| panic!("no form to {what}: {page}"))
        )
    };
    let (acknowledge, silence) = (action("/acknowledge"), action("/silence"));
    let send = |path: &str, site: &str, fields: &str| {
        let kind = format!("application/x-www-form-urlencoded\r\n{site}");
        daemon.post(path, &kind, fields)
    };
    let note = "author=bob&note=on+my+way";
    // Pages of other sites can send forms, too.
    for other in ["Sec-Fetch-Site: cross-site", "Origin: null", "X-No: header"] {
        let refused = send(&acknowledge, other, note);
        assert!(refused.starts_with("HTTP/1.1 403"), "{refused}");
    }
    let own = "Sec-Fetch-Site: same-origin";
    let done = send(&acknowledge, own, note);
    assert!(done.starts_with("HTTP/1.1 303"), "{done}");
    assert!(
        done.contains("\r\nlocation: ../../alerts?state=firing\r\n"),
        "{done}"
    );
    for hours in ["0", "5", "x", ""] {
        let refused = send(
            &silence,
            own,
            &format!("author=bob&reason=upgrade&hours={hours}"),
        );
        assert!(refused.starts_with("HTTP/1.1 422"), "{refused}");
    }
    let done = send(&silence, own, "author=bob&reason=upgrade&hours=4&alerts=");
    assert!(done.starts_with("HTTP/1.1 303"), "{done}");
    let alert = daemon.wait_for(|daemon| {
        let alert = body(&daemon.request("GET", "/api/v1/alerts"))[0].take();
        alert["silenced_by"].is_number().then_some(alert)
    });
    assert_eq!(alert["acknowledged"]["note"], "on my way");
    let silences = body(&daemon.request("GET", "/api/v1/silences"));
    let matchers = serde_json::json!(["service=\"web\"", "slo=\"errors\""]);
    assert_eq!(silences[0]["matchers"], matchers, "{silences}");
    assert_eq!(silences[0]["author"], "bob");
    let end = format!("/silences/{}/end", silences[0]["id"]);
    let page = daemon.request("GET", "/alerts");
    assert!(
        page.contains(&format!("action=\"{}\"", &end[1..])),
        "{page}"
    );
    let refused = send(&end, "Origin: null", "");
    assert!(refused.starts_with("HTTP/1.1 403"), "{refused}");
    for expected in ["HTTP/1.1 303", "HTTP/1.1 404"] {
        let done = send(&end, own, "");
        assert!(done.starts_with(expected), "{done}");
    }
    let alerts = body(&daemon.request("GET", "/api/v1/alerts"));
    assert!(alerts[0]["silenced_by"].is_null(), "{alerts}");
}

#[test]
fn readers_who_may_not_write_are_offered_no_forms() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = config(folder.path(), &closed(), "errors");
    let text = std::fs::read_to_string(&path).expect("readable");
    let tokens = "web: { tokens: [ { name: ci, token: reads, role: read }, { name: ops, token: writes, role: write } ] }\n";
    std::fs::write(&path, tokens.to_owned() + &text).expect("written");
    let daemon = Daemon::start(&path);
    let request = |token: &str, method: &str, path: &str, body: &str| {
        let headers =
            format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n");
        daemon.send(method, path, &headers, body)
    };
    daemon.wait_for(|_| {
        let alerts = request("reads", "GET", "/api/v1/alerts", "");
        alerts.contains("fired_at").then_some(())
    });
    let silence =
        "{\"matchers\":[\"service=other\"],\"to\":\"2099-01-01T00:00:00Z\",\"reason\":\"upgrade\"}";
    let added = request("writes", "POST", "/api/v1/silences", silence);
    assert!(added.starts_with("HTTP/1.1 201"), "{added}");
    for (path, of_writers) in [
        ("/", "alerts?state=firing&amp;unfold"),
        ("/services/web", "alerts?state=firing&amp;unfold"),
        ("/alerts", "method=\"post\""),
    ] {
        let page = request("writes", "GET", path, "");
        assert!(page.contains(of_writers), "{path}: {page}");
        let page = request("reads", "GET", path, "");
        assert!(page.contains("error-budget burn"), "{path}: {page}");
        assert!(!page.contains(of_writers), "{path}: {page}");
    }
}

#[test]
fn acknowledgements_and_silences_survive_a_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = config(folder.path(), &closed(), "errors");
    let daemon = Daemon::start(&path);
    fired_at(&daemon);
    let alert = body(&daemon.request("GET", "/api/v1/alerts"))[0].take();
    assert_eq!(alert["alertname"], "SlodBudgetBurnPage1h");
    let evidence = alert["evidence"].as_str().expect("a sentence");
    assert!(
        evidence.contains("attempts were bad in the last 1h")
            && evidence.contains("is spent; last failure: ")
            && evidence.ends_with(": connection refused"),
        "{evidence}"
    );

    let fingerprint = alert["fingerprint"].as_str().expect("a fingerprint");
    let acknowledge = format!("/api/v1/alerts/{fingerprint}/acknowledge");
    let by = serde_json::json!({ "author": "ada", "note": "on it" });
    assert_eq!(
        post(&daemon, &acknowledge, &by)["acknowledged"]["by"],
        "ada"
    );
    let nobody = daemon.post(
        "/api/v1/alerts/0/acknowledge",
        "application/json",
        &by.to_string(),
    );
    assert!(nobody.starts_with("HTTP/1.1 404"), "{nobody}");

    let preview = |matchers: &str| {
        let path = format!("/api/v1/silences/preview?{matchers}");
        body(&daemon.request("GET", &path))["firing"]
            .as_array()
            .map(Vec::len)
    };
    assert_eq!(
        preview("matcher=service%3Dweb&matcher=slo%3D~err.*"),
        Some(1)
    );
    assert_eq!(preview("matcher=service%3Dapi"), Some(0));
    let silence = serde_json::json!({
        "matchers": ["service=web"], "to": "2099-01-01T00:00:00Z", "author": "ada", "reason": "upgrade",
    });
    let added = post(&daemon, "/api/v1/silences", &silence);
    assert!(added["remarks"].is_null(), "{added}");
    let id = added["id"].as_i64().expect("an id");
    let misspelled = silence.to_string().replace("service=web", "service=wep");
    let misspelled = serde_json::from_str(&misspelled).expect("JSON");
    let added = post(&daemon, "/api/v1/silences", &misspelled);
    let remark = "no alert has the label `service` with the value `wep`; did you mean `web`?";
    assert_eq!(added["remarks"], serde_json::json!([remark]));
    let invalid = [("service=web", "service=~.*"), ("2099-", "+262142-")];
    for (valid, invalid) in invalid {
        let silence = silence.to_string().replace(valid, invalid);
        let refused = daemon.post("/api/v1/silences", "application/json", &silence);
        assert!(refused.starts_with("HTTP/1.1 422"), "{refused}");
    }
    daemon.signal("KILL");
    daemon.ended();

    let daemon = Daemon::start(&path);
    let firing = daemon.wait_for(|daemon| {
        let firing = body(&daemon.request("GET", "/api/v1/alerts"));
        (firing.as_array()?.len() == 1).then_some(firing)
    });
    assert_eq!(firing[0]["acknowledged"]["note"], "on it");
    assert_eq!(firing[0]["silenced_by"], id);
    daemon.wait_for(|daemon| {
        let page = daemon.request("GET", "/");
        let marks = format!("silenced by {id}, acknowledged by <bdi>ada</bdi>: <bdi>on it</bdi>");
        page.contains(&marks).then_some(())
    });
    let removed = daemon.request("DELETE", &format!("/api/v1/silences/{id}"));
    assert!(removed.starts_with("HTTP/1.1 204"), "{removed}");
    let firing = body(&daemon.request("GET", "/api/v1/alerts"));
    assert!(firing[0]["silenced_by"].is_null(), "{firing}");
    let audit = body(&daemon.request("GET", "/api/v1/audit"));
    let actions = audit
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["action"].clone());
    let expected = [
        "silence.remove",
        "silence.add",
        "silence.add",
        "alert.acknowledge",
    ];
    assert_eq!(actions.collect::<Vec<_>>(), expected);
}
