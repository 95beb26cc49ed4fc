//! The metric families of services and alerts, byte by byte.

use expect_test::expect_file;
use slod::alert::{AlertKey, AlertRecord, Condition, TIERS};
use slod::alerting::{self, AlertsView};
use slod::config::Config;
use slod::exposition::{TextFormat, TextSink};
use slod::ledger::{self, RestoreFrom, restore};
use slod::outcome::{
    Cause, Measurement, Outcome, ProbeKey, Record, Timestamp, Verdict, VoidReason,
};
use slod::slo::correction::Correction;
use std::path::Path;
use std::time::Duration;

const NOW: Timestamp = Timestamp::from_secs(1_700_000_123);
const INTERVAL: Duration = Duration::from_secs(30);
/// Four days of outcomes.
const TICKS: u32 = 4 * 2880;

const CONFIG: &str = r#"
store: { path: slod.db, retention: 40d }
defaults: { interval: 30s }
services:
  - name: 'a "b" \ ü'
    labels: { team: "x\"y" }
    probes:
      - { name: one, http: { url: "http://127.0.0.1:1/" } }
      - { name: two, tcp: { address: "127.0.0.1:1" } }
    objectives:
      - { name: uptime, sli: availability, target: 99.9%, window: 30d, further_windows: [7d, month], combine: any }
      - { name: fast, sli: latency, below: 123ms, target: 95%, window: 1d, probes: [one] }
      - { name: connect, sli: latency, of: connect, below: 2ms, target: 99%, window: 7d, probes: [one] }
      - { name: errors, sli: success, target: 99.9%, window: month }
  - name: borrower
    probes: [ { name: idle, http: { url: "http://127.0.0.1:1/" } } ]
    objectives:
      - { name: minutes, sli: availability, target: 99%, window: 60d, budgeting: ratio_timeslices, probes: [idle, 'a "b" \ ü/two'] }
      - { name: strict, sli: availability, target: 50%, window: week, on_missing: bad, probes: [idle] }
"#;

/// The page is unchanged, because scrapers and dashboards depend on every byte.
#[test]
fn the_page_of_a_state_stays_the_same() {
    let config: Config = CONFIG.parse().expect("valid");
    let mut ledger = restore(RestoreFrom::new(
        &config,
        &[correction()],
        None,
        Timestamp(0),
    ))
    .expect("nothing is read");
    let start = NOW.before(INTERVAL * TICKS);
    for tick in 0..TICKS {
        for (probe, service) in [("one", 0), ("two", 0), ("idle", 1)] {
            let at = start.after(INTERVAL * tick);
            if let Some(outcome) = outcome(tick, probe) {
                let key = ProbeKey::new(&config.services[service].name, probe);
                let interval = INTERVAL;
                ledger.record(&Record {
                    key,
                    at,
                    interval,
                    outcome,
                });
            }
        }
    }
    ledger.missed(&ProbeKey::new("borrower", "idle"), 7);
    let view = ledger.advance(NOW).view();
    let mut sink = TextSink::new(TextFormat::Text, Vec::new());
    ledger::metrics::write(&mut sink, &view);
    alerting::metrics::write(&mut sink, &view, &firing());
    let page = sink.finish().expect("memory takes everything");
    let page = String::from_utf8(page).expect("text");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/metrics.txt");
    expect_file![path].assert_eq(&page);
}

/// Mostly good, with short and long outages, slow periods, voids and gaps.
fn outcome(tick: u32, probe: &str) -> Option<Outcome> {
    let since_end = TICKS - tick;
    let verdict = match (probe, tick % 1000) {
        ("idle", 400..700) => return None,
        ("one", 10..13) | (_, 500..502) => Verdict::Bad(Cause::Timeout),
        ("two", 20) => Verdict::Bad(Cause::Refused),
        ("one", 40) => Verdict::Void(VoidReason::Stalled),
        _ if probe == "one" && since_end < 20 => Verdict::Bad(Cause::Status),
        _ => Verdict::Good,
    };
    let took = Duration::from_micros(90_000 + u64::from(tick) * 7919 % 40_000);
    let mut outcome = Outcome::new(verdict, took);
    if probe != "two" {
        let connect = Duration::from_micros(900 + u64::from(tick) * 31 % 1200);
        outcome.measured.add(Measurement::Connect, connect);
        outcome
            .measured
            .add(Measurement::Processing, took.saturating_sub(connect));
        outcome.code = Some(if verdict == Verdict::Good { 200 } else { 503 });
        outcome.detail.tls_not_after = Some(1_800_000_000);
        outcome.detail.tls_lifetime = Some(7_776_000);
    }
    Some(outcome)
}

/// The correction is currently in force.
fn correction() -> Correction {
    Correction {
        id: "1".into(),
        slos: vec!["errors".into()],
        ..Correction::once(
            NOW.before(Duration::from_hours(1)),
            NOW.after(Duration::from_mins(1)),
            "a drill",
        )
    }
}

fn firing() -> AlertsView {
    let alert = |slo: &str, tier: usize| {
        let condition = Condition::Tier(TIERS[tier]);
        let key = AlertKey::budget(r#"a "b" \ ü"#.into(), slo.into(), condition);
        AlertRecord::new(key, "", TIERS[tier].urgency, Timestamp(0), "")
    };
    AlertsView::new(
        NOW,
        vec![alert("uptime", 3), alert("fast", 0), alert("fast", 1)],
    )
}
