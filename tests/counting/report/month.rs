//! The month: its events, and a store with its outcomes.

use slod::config::Config;
use slod::outcome::{Cause, Outcome, ProbeKey, Record, Timestamp, Verdict, VoidReason};
use slod::report::slo::model::{ObjectiveReport, Report};
use slod::report::slo::report;
use slod::report::slo::span::Span;
use slod::slo::correction::Correction;
use slod::store::{CountingPlan, Store};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

pub const MINUTE: i64 = 60;
pub const HOUR: i64 = 3600;
pub const DAY: i64 = 24 * HOUR;
/// 2026-11-01 00:00 UTC
pub const START: i64 = 1_793_491_200;
pub const DAYS: i64 = 30;
pub const ATTACK: &str = "<script>alert('x')</script><img src=//evil.example onerror=\"x\">|`&amp;";

pub const CONFIG: &str = "
corrections:
  - { from: \"2026-11-08T02:00:00Z\", for: 30m, repeat: \"FREQ=WEEKLY;BYDAY=SU\", services: [rag], reason: deploy window, author: ops }
  - { from: \"2026-11-26T10:00:20Z\", for: 90s, services: [gateway], reason: switch replaced }
services:
  - name: concierge
    description: Chat assistant
    probes:
      - { name: health, interval: 60s, http: { url: \"http://127.0.0.1:1/\" } }
      - { name: chat, interval: 120s, http: { url: \"http://127.0.0.1:2/\" } }
    objectives:
      - { name: availability, sli: availability, target: 99.9%, window: 30d, probes: [health] }
      - { name: errors, sli: success, target: 99.5%, window: 30d }
      - { name: latency-p95, sli: latency, below: 500ms, target: 95%, window: 30d }
  - name: rag
    probes:
      - { name: health, interval: 60s, http: { url: \"http://127.0.0.1:3/\" } }
    objectives:
      - { name: availability, sli: availability, target: 99.9%, window: month, timezone: Europe/Berlin }
      - { name: errors, sli: success, target: 99%, window: 7d, further_windows: [30d] }
  - name: late
    probes:
      - { name: health, interval: 60s, http: { url: \"http://127.0.0.1:4/\" } }
    objectives:
      - { name: errors, sli: success, target: 99%, window: 30d }
  - name: gateway
    probes:
      - { name: inside, interval: 60s, http: { url: \"http://127.0.0.1:5/\" } }
      - { name: outside, interval: 60s, http: { url: \"http://127.0.0.1:6/\" } }
    objectives:
      - { name: present, sli: availability, target: 99%, window: 30d, on_missing: bad }
      - { name: share, sli: success, target: 99%, window: 30d, budgeting: ratio_timeslices, weights: { inside: 1, outside: 2 } }
      - { name: either, sli: availability, target: 99.9%, window: 30d, combine: any, on_missing: good }
  - name: journey
    objectives:
      - { name: all-the-way, sli: availability, target: 99.5%, window: 30d, probes: [gateway/outside, concierge/health], combine: all }
";

pub fn config() -> Config {
    config_of(CONFIG)
}

pub fn config_of(text: &str) -> Config {
    text.parse().expect("valid")
}

/// A number of seconds into the month.
pub fn at(second: i64) -> Timestamp {
    Timestamp::from_secs(START + second)
}

/// The state of the month; `None` where nothing was probed.
fn lived(service: &str, probe: &str, second: i64) -> Option<Outcome> {
    let inside = |from: i64, length: i64| (from..from + length).contains(&second);
    // The prober was down for three hours, and `late` is probed only since the 20th day.
    if inside(17 * DAY + 5 * HOUR, 3 * HOUR) || (service == "late" && second < 20 * DAY) {
        return None;
    }
    // The first of two probes starts after the second one, which pauses soon.
    if service == "gateway" && (second < 2 * HOUR && probe == "inside" || inside(HOUR, HOUR / 2)) {
        return None;
    }
    let verdict = verdict(service, probe, second);
    let slow = service == "concierge" && probe == "chat" && inside(26 * DAY + 9 * HOUR, 2 * HOUR);
    let latency = Duration::from_millis(if slow { 900 } else { 40 });
    let mut outcome = Outcome::new(verdict, latency);
    if let Verdict::Bad(cause) = verdict {
        match cause {
            Cause::Tls => outcome.detail.say(ATTACK),
            cause => outcome
                .detail
                .say(format!("{cause}: as {probe} of {service} reported")),
        }
    }
    Some(outcome)
}

fn verdict(service: &str, probe: &str, second: i64) -> Verdict {
    let inside = |from: i64, length: i64| (from..from + length).contains(&second);
    let number = second / 60;
    match service {
        _ if inside(9 * DAY + 12 * HOUR, 15 * MINUTE) => Verdict::Void(VoidReason::Resources),
        "concierge" if inside(4 * DAY + 3 * HOUR, 25 * MINUTE) => Verdict::Bad(Cause::Refused),
        // On and off: three minutes bad, six good.
        "concierge" if inside(21 * DAY, HOUR) && number % 9 < 3 => {
            let mixed = [Cause::Timeout, Cause::Timeout, Cause::Status];
            Verdict::Bad(mixed[usize::try_from(number % 3).expect("small")])
        }
        "concierge" if number % 4999 == 17 => Verdict::Bad(Cause::Timeout),
        // Inside the second deploy window, except for its last ten minutes.
        "rag" if inside(14 * DAY + 2 * HOUR, 40 * MINUTE) => Verdict::Bad(Cause::Status),
        "rag" if inside(24 * DAY + 7 * HOUR, 20 * MINUTE) => Verdict::Bad(Cause::Tls),
        "gateway" if probe == "outside" && inside(6 * DAY, 90 * MINUTE) => Verdict::Bad(Cause::Dns),
        "gateway" if inside(25 * DAY + 10 * HOUR, 5 * MINUTE) => Verdict::Bad(Cause::Reset),
        _ => Verdict::Good,
    }
}

pub fn records(config: &Config) -> Vec<Record> {
    let mut records = Vec::new();
    for probe in config.probes() {
        let interval = i64::try_from(probe.interval.as_secs()).expect("small");
        for second in (7..DAYS * DAY).step_by(usize::try_from(interval).expect("small")) {
            if let Some(outcome) = lived(&probe.key.service, &probe.key.probe, second) {
                records.push(Record {
                    key: probe.key.clone(),
                    at: at(second),
                    interval: probe.interval,
                    outcome,
                });
            }
        }
    }
    records
}

/// Created by hand: an exercise in the middle of concierge's first outage, for one objective.
pub fn by_hand() -> Correction {
    Correction {
        services: vec!["concierge".into()],
        slos: vec!["errors".into()],
        author: "ada".into(),
        ..Correction::once(
            at(4 * DAY + 3 * HOUR + 10 * MINUTE),
            at(4 * DAY + 3 * HOUR + 18 * MINUTE + 30),
            &format!("exercise {ATTACK}"),
        )
    }
}

/// Created and revoked: it would have excluded an outage of rag.
fn taken_back() -> Correction {
    Correction {
        services: vec!["rag".into()],
        author: "bob".into(),
        ..Correction::once(
            at(24 * DAY + 7 * HOUR),
            at(24 * DAY + 8 * HOUR),
            "false alarm",
        )
    }
}

/// Excluded times in milliseconds, computed independently of the program's corrections.
pub fn corrected(service: &str, slo: &str) -> Vec<(i64, i64)> {
    match (service, slo) {
        // Sundays from 02:00 to 02:30.
        ("rag", _) => {
            let sundays = [7, 14, 21, 28].map(|day| at(day * DAY + 2 * HOUR).0);
            sundays.map(|from| (from, from + 30 * 60_000)).into()
        }
        ("concierge", "errors") => vec![(by_hand().from.0, by_hand().to.0)],
        ("gateway", _) => {
            let from = at(25 * DAY + 10 * HOUR + 20).0;
            vec![(from, from + 90_000)]
        }
        _ => Vec::new(),
    }
}

/// The file of a store with the month, mostly compacted. Created once, below `target`.
pub fn store() -> &'static Path {
    static MADE: LazyLock<PathBuf> = LazyLock::new(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("report");
        std::fs::remove_dir_all(&folder).unwrap_or_default();
        let file = folder.join("slod.db");
        make(&file, &|_| CountingPlan::default());
        file
    });
    &MADE
}

/// Writes the month to a new file; `plan` determines what its blocks are counted by.
pub fn make(file: &Path, plan: &dyn Fn(&ProbeKey) -> CountingPlan) {
    let mut store = Store::open(file).expect("a new store");
    for some in records(&config()).chunks(50_000) {
        store.append(some).expect("committed");
    }
    let made = store.add_correction(&by_hand(), at(5 * DAY));
    assert_eq!(made.expect("kept").id, "1");
    let made = store.add_correction(&taken_back(), at(25 * DAY));
    assert_eq!(made.expect("kept").id, "2");
    let taken = store.revoke_correction("2", at(26 * DAY));
    assert!(taken.expect("kept"));
    let now = at((DAYS - 1) * DAY);
    while store.compact_step(now, plan).expect("compacted") {}
}

/// A report on a part of the month, created long after it.
pub fn reported(from: i64, to: i64) -> (Config, Report) {
    printed_at(from, to, 2 * DAYS * DAY)
}

pub fn printed_at(from: i64, to: i64, now: i64) -> (Config, Report) {
    let config = config();
    let store = Store::open_read_only(store()).expect("readable");
    let span = Span::new(at(from), at(to), at(now));
    let report = report(&config, &store, span).expect("readable");
    (config, report)
}

pub fn objective<'a>(report: &'a Report, service: &str, name: &str) -> &'a ObjectiveReport {
    let service = report.services.iter().find(|one| one.name == service);
    let mut objectives = service.expect("a service").objectives.iter();
    objectives.find(|one| one.name == name).expect("one")
}

pub fn close(reported: Option<f64>, known: f64) {
    let reported = reported.expect("known");
    assert!((reported - known).abs() < 1e-9, "{reported} for {known}");
}
