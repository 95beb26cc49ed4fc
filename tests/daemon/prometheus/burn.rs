//! Four days with scripted incidents: what Prometheus computes from slod's counters with the shipped
//! rules matches the daemon's own numbers.

use super::server::{Prometheus, repository};
use slod::config::Config;
use slod::ledger::snapshot::ObjectiveView;
use slod::ledger::{Ledger, RestoreFrom, restore};
use slod::outcome::{Cause, Outcome, ProbeKey, Record, Timestamp, Verdict};
use slod::slo::StandardWindow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::process::Command;
use std::time::Duration;

const SCRAPE: i64 = 15;
const PROBE: i64 = 10;
const HOUR: i64 = 3600;
const DAYS: i64 = 4;
const CONFIG: &str = "services:\n  - name: web\n    probes: [ { name: p, http: { url: \"http://127.0.0.1:1/\" } } ]\n    objectives: [ { name: errors, sli: success, target: 99.9%, window: 30d } ]\n";

/// Seconds since the start, duration, and one failure per this many attempts.
const INCIDENTS: [(i64, i64, i64); 4] = [
    (10 * HOUR + 7, 300, 1),
    (30 * HOUR, 6 * HOUR, 50),
    (75 * HOUR + 1234, 1200, 3),
    (90 * HOUR, 2 * HOUR, 10),
];

/// Interesting times: before, during and after each incident, and when it leaves the windows.
fn moments() -> Vec<i64> {
    let offsets = [-60, 45, 120, 290, 600, 1750, 3500, 7100, 21_500, 40_000];
    let mut all: Vec<i64> = INCIDENTS
        .iter()
        .flat_map(|(begin, _, _)| offsets.map(|offset| begin + offset))
        .filter(|at| *at < DAYS * 24 * HOUR)
        .map(|at| at / SCRAPE * SCRAPE)
        .collect();
    all.push(DAYS * 24 * HOUR - SCRAPE);
    all
}

fn fails(second: i64) -> bool {
    INCIDENTS.iter().any(|(begin, length, of)| {
        (*begin..begin + length).contains(&second) && second / PROBE % of == 0
    })
}

pub fn read(text: &str) -> Config {
    text.parse().expect("valid")
}

pub fn config() -> Config {
    read(CONFIG)
}

pub fn ledger(config: &Config) -> Ledger {
    let without_past = RestoreFrom::new(config, &[], None, Timestamp(0));
    restore(without_past).expect("nothing is read")
}

/// Replays the scenario. Returns what a scrape every 15 s would have seen, and the daemon's view at
/// each of these times.
fn live(start: i64) -> (String, BTreeMap<i64, ObjectiveView>) {
    let (mut ledger, moments) = (ledger(&config()), moments());
    let (mut events, mut bad_events) = (String::new(), String::new());
    let mut views = BTreeMap::new();
    let mut next_probe = 0;
    for scrape in (0..DAYS * 24 * HOUR).step_by(usize::try_from(SCRAPE).expect("small")) {
        while next_probe <= scrape {
            let verdict = if fails(next_probe) {
                Verdict::Bad(Cause::Status)
            } else {
                Verdict::Good
            };
            ledger.record(&Record {
                key: ProbeKey::new("web", "p"),
                at: Timestamp::from_secs(start + next_probe),
                interval: Duration::from_secs(10),
                outcome: Outcome::new(verdict, Duration::from_millis(3)),
            });
            next_probe += PROBE;
        }
        let at = start + scrape;
        let state = ledger.advance(Timestamp::from_secs(at)).view();
        let service = state.live("web").expect("configured");
        let slo = service.objective("errors").expect("configured");
        for (page, family, value) in [
            (&mut events, "slod_slo_events", slo.events()),
            (&mut bad_events, "slod_slo_bad_events", slo.bad_events()),
        ] {
            writeln!(
                page,
                "{family}_total{{service=\"web\",slo=\"errors\"}} {value} {at}"
            )
            .expect("a text");
        }
        if moments.contains(&scrape) {
            let mut service = state.snapshot().services.remove(0);
            views.insert(at, service.objectives.remove(0));
        }
    }
    let page = format!(
        "# TYPE slod_slo_events counter\n{events}# TYPE slod_slo_bad_events counter\n{bad_events}# EOF\n"
    );
    (page, views)
}

/// The recording rules: the window in their name, and their expression.
fn recordings() -> Vec<(String, String)> {
    let text = fs::read_to_string(repository().join("deploy/prometheus/slod.rules.yml"));
    let rules: serde_json::Value = serde_yaml::from_str(&text.expect("shipped")).expect("YAML");
    let groups = rules["groups"].as_array().expect("groups").iter();
    groups
        .flat_map(|group| group["rules"].as_array().expect("rules"))
        .filter_map(|rule| {
            let window = rule["record"]
                .as_str()?
                .strip_prefix("slo:slod_slo_bad_events:ratio_rate")?;
            Some((window.to_owned(), rule["expr"].as_str()?.to_owned()))
        })
        .collect()
}

#[test]
fn the_shipped_rules_burn_as_the_daemon_does() {
    let folder = tempfile::tempdir().expect("a folder");
    // Prometheus drops samples older than its retention, so the scenario ends about now.
    let now = chrono::Utc::now().timestamp();
    let start = (now - DAYS * 24 * HOUR) / HOUR * HOUR;
    let (page, views) = live(start);
    fs::write(folder.path().join("page.txt"), page).expect("written");
    fs::write(folder.path().join("prometheus.yml"), "").expect("written");
    let filled = Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics"])
        .args([folder.path().join("page.txt"), folder.path().join("tsdb")])
        .output();
    let Some(prometheus) = Prometheus::start(folder.path(), &["--storage.tsdb.retention.time=30d"])
    else {
        return;
    };
    let filled = filled.expect("promtool comes with prometheus");
    assert!(
        filled.status.success(),
        "{}",
        String::from_utf8_lossy(&filled.stderr)
    );
    prometheus.wait_for("vector(1)");
    let recordings = recordings();
    assert_eq!(recordings.len(), 7);
    let mut burned = 0;
    for (at, view) in &views {
        for (window, expr) in &recordings {
            let reported = prometheus.value(expr, *at);
            burned += u32::from(check(*at - start, window, reported, view));
        }
    }
    assert!(burned > 100, "only {burned} comparisons were of something");
}

/// Both look back over the same time, except for half a scrape interval and half a slot of the
/// daemon's window. Returns whether any budget burned.
fn check(second: i64, window: &str, reported: Option<f64>, view: &ObjectiveView) -> bool {
    let named = |one: &StandardWindow| one.name() == window;
    let standard = StandardWindow::ALL.into_iter().find(named);
    let standard = standard.expect("a window of ours");
    let length = i64::try_from(standard.length().as_secs()).expect("small");
    let slot = match length {
        ..7201 => 10,
        7201..86_401 => 300,
        _ => HOUR,
    };
    let own = view.windows[standard];
    let (Some(reported), Some(sli)) = (reported, own.sli) else {
        assert_eq!(
            reported.is_some(),
            own.sli.is_some(),
            "{second} s, {window}"
        );
        return false;
    };
    let own = 1.0 - sli;
    let slack = (SCRAPE + slot) as f64 / 2.0 / length.min(second) as f64;
    assert!(
        (reported - own).abs() <= slack,
        "after {second} s, {window}: {reported} by the rule, {own} by the daemon, {slack} allowed"
    );
    own > 0.0
}
