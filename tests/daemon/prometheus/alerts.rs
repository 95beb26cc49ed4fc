//! Days with scripted incidents: the shipped and the generated rules fire and resolve together with
//! the daemon's own alerts, according to `promtool test rules`.

use super::burn::{config, ledger, read};
use super::rules::generated;
use super::server::repository;
use slod::alerting::{Inputs, LiveAlerts};
use slod::config::Config;
use slod::exposition::{TextFormat, TextSink};
use slod::ledger::Ledger;
use slod::observe::{RoleValue, RoleView, ServiceMetrics};
use slod::outcome::{Cause, Outcome, ProbeKey, Record, Timestamp, Verdict};
use slod::roles::Role;
use slod::rules::Format;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

const HOUR: i64 = 3600;
const START: i64 = 1_700_000_000 / HOUR * HOUR;
/// Scrape interval and rule evaluation interval.
const STEP: i64 = 60;

/// The events of the objective `errors` of the service `web`.
struct Story {
    config: Config,
    /// Its duration in seconds.
    end: i64,
    /// The events of the step up to this second.
    happen: fn(&mut Ledger, i64),
    /// How many tiers are compared. For requests, the daemon waits until half of a long window was
    /// observed, which the rules cannot know.
    tiers: u8,
}

/// A probe every ten seconds.
fn probed() -> Story {
    Story {
        config: config(),
        end: 30 * HOUR,
        happen: |ledger, scrape| {
            for second in (scrape - STEP + 10..=scrape).step_by(10) {
                if second >= 0 {
                    ledger.record(&attempt(second));
                }
            }
        },
        tiers: 4,
    }
}

fn attempt(second: i64) -> Record {
    let verdict = if fails(second) {
        Verdict::Bad(Cause::Status)
    } else {
        Verdict::Good
    };
    Record {
        key: ProbeKey::new("web", "p"),
        at: Timestamp::from_secs(START + second),
        interval: Duration::from_secs(10),
        outcome: Outcome::new(verdict, Duration::from_millis(3)),
    }
}

/// The first two attempts of a new service; outages of 5 and of 20 minutes; sparse failures.
fn fails(second: i64) -> bool {
    let within = |from: i64, length: i64| (from..from + length).contains(&second);
    within(0, 20)
        || within(4 * HOUR + 7, 300)
        || within(9 * HOUR + 1234, 1200)
        || within(15 * HOUR, 2 * HOUR) && second % 500 == 0
}

/// Real requests, one per minute, every other one of which fails for two hours.
fn requested() -> Story {
    const CONFIG: &str = "services:\n  - name: web\n    probes: [ { name: p, http: { url: \"http://127.0.0.1:1/\" } } ]\n    metrics: { url: \"http://127.0.0.1:1/metrics\" }\n    objectives: [ { name: errors, sli: success, source: metrics, target: 99%, window: 30d } ]\n";
    const INCIDENT: (i64, i64) = (16 * HOUR, 18 * HOUR);
    Story {
        config: read(CONFIG),
        end: 30 * HOUR,
        happen: |ledger, scrape| {
            let errors = (scrape.clamp(INCIDENT.0, INCIDENT.1) - INCIDENT.0) / (2 * STEP);
            let counter = |role, value: i64| RoleView {
                role,
                selector: "x".into(),
                library: None,
                series: 1,
                value: Some(RoleValue::Counter(value as f64)),
            };
            let at = Timestamp::from_secs(START + scrape);
            let metrics = ServiceMetrics {
                at: Some(at),
                roles: vec![
                    counter(Role::Requests, scrape / STEP),
                    counter(Role::Errors, errors),
                ],
                ..ServiceMetrics::unknown("web".into())
            };
            ledger.take_metrics(at, &[Arc::new(metrics)]);
        },
        tiers: 3,
    }
}

/// A tier that fired: start, and end if resolved, in seconds since the start.
struct Span {
    tier: u8,
    from: i64,
    to: i64,
}

/// The families that change only with the config.
const GAUGES: [&str; 3] = [
    "slod_slo_objective_ratio",
    "slod_slo_window_seconds",
    "slod_slo_event_interval_seconds",
];

/// Replays the scenario. Returns what was scraped, by family, and what the daemon fired.
fn live(story: &Story) -> (Vec<(&'static str, String)>, Vec<Span>) {
    let (mut ledger, mut alerts) = (ledger(&story.config), LiveAlerts::default());
    let (mut counters, mut spans) = ([String::new(), String::new()], Vec::new());
    for scrape in (0..story.end).step_by(usize::try_from(STEP).expect("small")) {
        (story.happen)(&mut ledger, scrape);
        let now = Timestamp::from_secs(START + scrape);
        let state = ledger.advance(now).view();
        let changes = alerts.step(&state, &Inputs::default()).records;
        let service = state.live("web").expect("configured");
        let slo = service.objective("errors").expect("configured");
        for (text, value) in counters.iter_mut().zip([slo.events(), slo.bad_events()]) {
            write!(text, " {value}").expect("a text");
        }
        let seconds = |at: Timestamp| at.0 / 1000 - START;
        for alert in changes {
            let (tier, from) = (
                alert.key.tier().map_or(0, |tier| tier.number),
                seconds(alert.from),
            );
            spans.retain(|span: &Span| (span.tier, span.from) != (tier, from));
            let to = alert.to.map_or(i64::MAX, seconds);
            spans.push(Span { tier, from, to });
        }
    }
    let [events, bad] = counters;
    let mut scraped = vec![
        ("slod_slo_events_total", events),
        ("slod_slo_bad_events_total", bad),
    ];
    let page = page(&mut ledger, story.end);
    for family in GAUGES {
        let labelled = format!("{family}{LABELS} ");
        let value = page.lines().find_map(|line| line.strip_prefix(&labelled));
        scraped.extend(value.map(|value| (family, format!("{value}x{}", story.end / STEP))));
    }
    (scraped, spans)
}

const LABELS: &str = "{service=\"web\",slo=\"errors\"}";

/// The daemon's metrics at a time.
fn page(ledger: &mut Ledger, second: i64) -> String {
    let now = Timestamp::from_secs(START + second);
    let mut sink = TextSink::new(TextFormat::Text, Vec::new());
    slod::ledger::metrics::write(&mut sink, &ledger.advance(now).view());
    let page = sink.finish().expect("memory takes everything");
    String::from_utf8(page).expect("text")
}

/// Both look back over the same time, except for a scrape interval and the daemon's slots: near a
/// change of a tier, nothing is compared.
fn is_near(span: &Span, at: i64) -> bool {
    let slack = if span.tier == 4 { 600 } else { 180 };
    at.abs_diff(span.from) <= slack || at.abs_diff(span.to) <= slack
}

/// What `promtool` should find at a time.
fn expectation(spans: &[Span], at: i64, compared: u8) -> String {
    let firing = spans
        .iter()
        .filter(|span| span.tier <= compared && (span.from..span.to).contains(&at));
    let mut tiers: Vec<_> = firing.map(|span| span.tier).collect();
    tiers.sort_unstable();
    let sample = |tier| format!("          - {{ labels: '{{tier=\"{tier}\"}}', value: 1 }}\n");
    let samples = tiers.iter().map(sample).collect::<String>();
    let samples = if samples.is_empty() {
        " []\n".to_owned()
    } else {
        format!("\n{samples}")
    };
    format!(
        "      - expr: count by (tier) (ALERTS{{alertname=~\"SlodBudgetBurn.+\", tier=~\"[1-{compared}]\", alertstate=\"firing\"}})\n        eval_time: {at}s\n        exp_samples:{samples}"
    )
}

fn shipped() -> std::path::PathBuf {
    repository().join("deploy/prometheus/slod.rules.yml")
}

fn fire_by_generated_rules_as_the_daemon_does(story: &Story) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("generated.rules.yml");
    let rules = generated(&story.config, &Format::Prometheus);
    fs::write(&path, rules).expect("written");
    fire_as_the_daemon_does(story, &path);
}

#[test]
fn the_shipped_rules_fire_and_resolve_as_the_daemon_does() {
    fire_as_the_daemon_does(&probed(), &shipped());
}

#[test]
fn the_generated_rules_fire_and_resolve_as_the_daemon_does() {
    fire_by_generated_rules_as_the_daemon_does(&probed());
}

#[test]
fn the_shipped_rules_fire_for_few_requests_as_the_daemon_does() {
    fire_as_the_daemon_does(&requested(), &shipped());
}

#[test]
fn the_generated_rules_fire_for_few_requests_as_the_daemon_does() {
    fire_by_generated_rules_as_the_daemon_does(&requested());
}

fn fire_as_the_daemon_does(story: &Story, rules: &Path) {
    let (scraped, spans) = live(story);
    assert!(
        spans.iter().all(|span| span.from > 4 * HOUR),
        "nothing for two first failures"
    );
    let tiers: Vec<_> = spans.iter().map(|span| span.tier).collect();
    assert!(
        (1..=story.tiers).all(|tier| tiers.contains(&tier)),
        "{tiers:?}"
    );
    let mut test = format!(
        "rule_files: [ {} ]\nevaluation_interval: {STEP}s\ntests:\n  - interval: {STEP}s\n    input_series:\n",
        rules.display()
    );
    for (family, values) in scraped {
        writeln!(
            test,
            "      - series: '{family}{LABELS}'\n        values: {values}"
        )
        .expect("a text");
    }
    test.push_str("    promql_expr_test:\n");
    let moments = (0..story.end).step_by(600);
    let moments = moments.filter(|at| !spans.iter().any(|span| is_near(span, *at)));
    let expected: Vec<_> = moments
        .map(|at| expectation(&spans, at, story.tiers))
        .collect();
    assert!(
        expected.len() > 120,
        "only {} moments are compared",
        expected.len()
    );
    test.push_str(&expected.concat());
    passes(&test);
}

/// Runs a test of rules with `promtool`.
pub fn passes(test: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rules.test.yml");
    fs::write(&path, test).expect("written");
    promtool(&["test", "rules"], &path);
}

/// The output of `promtool` for a file.
pub fn promtool(command: &[&str], path: &Path) {
    let Ok(output) = Command::new("promtool").args(command).arg(path).output() else {
        assert!(std::env::var_os("CI").is_none(), "promtool is needed in CI");
        return;
    };
    let reported = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{reported}");
}
