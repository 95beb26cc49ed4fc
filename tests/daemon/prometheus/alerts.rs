//! A day with scripted incidents: the shipped and the generated rules fire and resolve when the daemon's
//! own alerts do, by `promtool test rules`.

use super::burn::{config, ledger};
use super::server::repository;
use slod::alerting::{Inputs, LiveAlerts};
use slod::outcome::{Cause, Outcome, ProbeKey, Record, Timestamp, Verdict};
use slod::rules::{Format, generate};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const HOUR: i64 = 3600;
const START: i64 = 1_700_000_000 / HOUR * HOUR;
const END: i64 = 30 * HOUR;
/// The interval of scrapes, and of the rules.
const STEP: i64 = 60;

/// The first two attempts of a new service; outages of 5 and of 20 minutes; sparse failures.
fn fails(second: i64) -> bool {
    let within = |from: i64, length: i64| (from..from + length).contains(&second);
    within(0, 20)
        || within(4 * HOUR + 7, 300)
        || within(9 * HOUR + 1234, 1200)
        || within(15 * HOUR, 2 * HOUR) && second % 500 == 0
}

/// A tier that fired: from, and to if it is over, in seconds since the start.
struct Span {
    tier: u8,
    from: i64,
    to: i64,
}

/// Lives through it. Returns the two counters as scraped, and what the daemon fired.
fn live() -> ([String; 2], Vec<Span>) {
    let (mut ledger, mut alerts) = (ledger(), LiveAlerts::default());
    let (mut counters, mut spans) = ([String::new(), String::new()], Vec::new());
    let mut next = 0;
    for scrape in (0..END).step_by(usize::try_from(STEP).expect("small")) {
        while next <= scrape {
            let verdict = if fails(next) {
                Verdict::Bad(Cause::Status)
            } else {
                Verdict::Good
            };
            ledger.record(&Record {
                key: ProbeKey::new("web", "p"),
                at: Timestamp::from_secs(START + next),
                interval: Duration::from_secs(10),
                outcome: Outcome::new(verdict, Duration::from_millis(3)),
            });
            next += 10;
        }
        let now = Timestamp::from_secs(START + scrape);
        let state = ledger.advance(now).view();
        let changes = alerts.step(&state, &Inputs::default()).records;
        let view = state.snapshot().services.remove(0).objectives.remove(0);
        for (text, value) in counters.iter_mut().zip([view.events, view.bad_events]) {
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
    (counters, spans)
}

/// Both look back over the same time, but for a scrape and the daemon's slots: near a change of a
/// tier nothing is compared.
fn is_near(span: &Span, at: i64) -> bool {
    let slack = if span.tier == 4 { 600 } else { 180 };
    at.abs_diff(span.from) <= slack || at.abs_diff(span.to) <= slack
}

/// What `promtool` should find at a moment.
fn expectation(spans: &[Span], at: i64) -> String {
    let firing = spans
        .iter()
        .filter(|span| (span.from..span.to).contains(&at));
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
        "      - expr: count by (tier) (ALERTS{{alertname=~\"SlodBudgetBurn.+\", alertstate=\"firing\"}})\n        eval_time: {at}s\n        exp_samples:{samples}"
    )
}

#[test]
fn the_shipped_rules_fire_and_resolve_as_the_daemon_does() {
    fire_as_the_daemon_does(&repository().join("deploy/prometheus/slod.rules.yml"));
}

#[test]
fn the_generated_rules_fire_and_resolve_as_the_daemon_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("generated.rules.yml");
    let rules = generate(&config(), Format::Prometheus).expect("written");
    fs::write(&path, rules).expect("written");
    fire_as_the_daemon_does(&path);
}

fn fire_as_the_daemon_does(rules: &Path) {
    let ([events, bad], spans) = live();
    assert!(
        spans.iter().all(|span| span.from > 4 * HOUR),
        "nothing for two first failures"
    );
    let tiers: Vec<_> = spans.iter().map(|span| span.tier).collect();
    assert!((1..=4).all(|tier| tiers.contains(&tier)), "{tiers:?}");
    let labels = "{service=\"web\",slo=\"errors\"}";
    let mut test = format!(
        "rule_files: [ {} ]\nevaluation_interval: {STEP}s\ntests:\n  - interval: {STEP}s\n    input_series:\n",
        rules.display()
    );
    let constant = |value: &str| format!("{value}x{}", END / STEP);
    for (family, values) in [
        ("slod_slo_events_total", events),
        ("slod_slo_bad_events_total", bad),
        ("slod_slo_objective_ratio", constant("0.999")),
        ("slod_slo_window_seconds", constant("2592000")),
        ("slod_slo_event_interval_seconds", constant("10")),
    ] {
        writeln!(
            test,
            "      - series: '{family}{labels}'\n        values: {values}"
        )
        .expect("a text");
    }
    test.push_str("    promql_expr_test:\n");
    let moments = (0..END).step_by(600);
    let moments = moments.filter(|at| !spans.iter().any(|span| is_near(span, *at)));
    let expected: Vec<_> = moments.map(|at| expectation(&spans, at)).collect();
    assert!(
        expected.len() > 120,
        "only {} moments are compared",
        expected.len()
    );
    test.push_str(&expected.concat());
    passes(&test);
}

/// Runs a test of rules.
pub fn passes(test: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rules.test.yml");
    fs::write(&path, test).expect("written");
    promtool(&["test", "rules"], &path);
}

/// What it says of a file.
pub fn promtool(command: &[&str], path: &Path) {
    let Ok(output) = Command::new("promtool").args(command).arg(path).output() else {
        assert!(std::env::var_os("CI").is_none(), "promtool is needed in CI");
        return;
    };
    let reported = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{reported}");
}
