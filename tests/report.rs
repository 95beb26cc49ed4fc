//! A made-up month in a real store, reported, and recounted here by other means. The page is also
//! written to `target/page/`, for `tests/tools/screenshots.mjs`.

use proptest::prelude::*;
use slod::config::Config;
use slod::diagnostic::Source;
use slod::outcome::{Cause, Outcome, Record, Timestamp, Verdict, Why};
use slod::report::slo::measure::Measure;
use slod::report::slo::model::{ObjectiveReport, Report, Verdict as Result};
use slod::report::slo::report;
use slod::slo::correction::{Correction, Spans};
use slod::slo::{Budgeting, Judgement, Objective};
use slod::store::{Plan, Store};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

const MINUTE: i64 = 60;
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// 2026-11-01 00:00 UTC
const START: i64 = 1_793_491_200;
const DAYS: i64 = 30;
const ATTACK: &str = "<script>alert('x')</script><img src=//evil.example onerror=\"x\">|`&amp;";

const CONFIG: &str = "
corrections:
  - { from: \"2026-11-08T02:00:00Z\", for: 30m, repeat: \"FREQ=WEEKLY;BYDAY=SU\", services: [rag], reason: deploy window, author: ops }
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
      - { name: availability, sli: availability, target: 99.9%, window: 30d }
      - { name: errors, sli: success, target: 99%, window: 30d }
  - name: late
    probes:
      - { name: health, interval: 60s, http: { url: \"http://127.0.0.1:4/\" } }
    objectives:
      - { name: errors, sli: success, target: 99%, window: 30d }
";

fn config() -> Config {
    let source = Source {
        name: "report".into(),
        text: CONFIG.into(),
    };
    let loaded = Config::load(&source, Path::new(""), &|_| None, slod::probe::KINDS);
    loaded.config.expect("valid")
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_secs(START + second)
}

/// What the month was like: `None` where nobody watched.
fn lived(service: &str, probe: &str, second: i64) -> Option<Outcome> {
    let inside = |from: i64, length: i64| (from..from + length).contains(&second);
    let number = second / 60;
    // The prober was down for three hours, and `late` is watched since the 20th day.
    if inside(17 * DAY + 5 * HOUR, 3 * HOUR) || (service == "late" && second < 20 * DAY) {
        return None;
    }
    let verdict = match service {
        _ if inside(9 * DAY + 12 * HOUR, 15 * MINUTE) => Verdict::Void(Why::Resources),
        "concierge" if inside(4 * DAY + 3 * HOUR, 25 * MINUTE) => Verdict::Bad(Cause::Refused),
        // On and off: three minutes bad, six good.
        "concierge" if inside(21 * DAY, HOUR) && number % 9 < 3 => {
            let mixed = [Cause::Timeout, Cause::Timeout, Cause::Status];
            Verdict::Bad(mixed[usize::try_from(number % 3).expect("small")])
        }
        "concierge" if number % 4999 == 17 => Verdict::Bad(Cause::Timeout),
        // Inside the second deploy window, but for its last ten minutes.
        "rag" if inside(14 * DAY + 2 * HOUR, 40 * MINUTE) => Verdict::Bad(Cause::Status),
        "rag" if inside(24 * DAY + 7 * HOUR, 20 * MINUTE) => Verdict::Bad(Cause::Tls),
        _ => Verdict::Good,
    };
    let slow = service == "concierge" && probe == "chat" && inside(26 * DAY + 9 * HOUR, 2 * HOUR);
    let latency = Duration::from_millis(if slow { 900 } else { 40 });
    let mut outcome = Outcome::new(verdict, latency);
    if let Verdict::Bad(cause) = verdict {
        match cause {
            Cause::Tls => outcome.detail.say(ATTACK),
            cause => outcome
                .detail
                .say(format!("{cause}: as {probe} of {service} told")),
        }
    }
    Some(outcome)
}

fn records(config: &Config) -> Vec<Record> {
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

/// Made by hand: an exercise in the middle of concierge's first outage, for one objective.
fn by_hand() -> Correction {
    Correction {
        id: String::new(),
        from: at(4 * DAY + 3 * HOUR + 10 * MINUTE),
        to: at(4 * DAY + 3 * HOUR + 18 * MINUTE + 30),
        services: vec!["concierge".into()],
        slos: vec!["errors".into()],
        reason: format!("exercise {ATTACK}"),
        author: "ada".into(),
    }
}

/// The month in a store, most of it compacted.
fn month(folder: &Path, config: &Config) -> Store {
    let mut store = Store::open(&folder.join("slod.db")).expect("a new store");
    for some in records(config).chunks(50_000) {
        store.append(some).expect("committed");
    }
    let made = store.add_correction(&by_hand(), at(5 * DAY));
    assert_eq!(made.expect("kept").id, "1");
    let now = at((DAYS - 1) * DAY);
    while store
        .compact_step(now, &|_| Plan::default())
        .expect("compacted")
    {}
    store
}

fn told(from: i64, to: i64) -> (Config, Report) {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config();
    month(folder.path(), &config);
    let store = Store::open_read_only(&folder.path().join("slod.db")).expect("readable");
    let report = report(&config, &store, at(from), at(to)).expect("readable");
    (config, report)
}

/// What another way of counting finds: everything at once, minute by minute, nothing streamed.
#[derive(Debug, Default, PartialEq)]
struct Recount {
    good: u64,
    bad: u64,
    void: u64,
    covered_ms: i64,
    /// Start and end in milliseconds, and bad events; the worst first.
    incidents: Vec<(i64, i64, u64)>,
    scattered: u64,
}

fn recount(
    objective: &Objective,
    probes: i64,
    records: &[Record],
    spans: &[(i64, i64)],
    (from, to): (i64, i64),
) -> Recount {
    let out = |ms: i64| {
        spans
            .iter()
            .any(|(start, end)| (*start..*end).contains(&ms))
    };
    let counted: Vec<_> = records
        .iter()
        .filter(|record| (from..to).contains(&record.at.0) && !out(record.at.0))
        .filter(|record| objective.counts(&record.key.probe))
        .map(|record| {
            let Outcome {
                verdict, latency, ..
            } = record.outcome;
            let interval = i64::try_from(record.interval.as_millis()).expect("small");
            (record.at.0, interval, objective.sli.judge(verdict, latency))
        })
        .collect();
    // Events as (start, length, covers, judgement).
    let mut events: Vec<(i64, i64, i64, Judgement)> = Vec::new();
    match objective.budgeting {
        Budgeting::Occurrences => events.extend(
            counted
                .iter()
                .map(|(at, interval, judged)| (*at, *interval, interval / probes, *judged)),
        ),
        Budgeting::Timeslices { slice_target } => {
            let mut minutes: BTreeMap<i64, Vec<Judgement>> = BTreeMap::new();
            for (at, _, judged) in counted {
                minutes.entry(at / 60_000).or_default().push(judged);
            }
            for (minute, judged) in minutes {
                let of = |one| judged.iter().filter(|judged| **judged == one).count() as f64;
                let (good, bad) = (of(Judgement::Good), of(Judgement::Bad));
                let judged = match good + bad {
                    0.0 => Judgement::NotCounted,
                    all if good / all >= slice_target => Judgement::Good,
                    _ => Judgement::Bad,
                };
                events.push((minute * 60_000, 60_000, 60_000, judged));
            }
        }
    }
    events.sort_by_key(|event| event.0);
    let count = |one| events.iter().filter(|event| event.3 == one).count() as u64;
    let mut found = Recount {
        good: count(Judgement::Good),
        bad: count(Judgement::Bad),
        void: count(Judgement::NotCounted),
        ..Recount::default()
    };
    let covering = events
        .iter()
        .filter(|event| event.3 != Judgement::NotCounted);
    found.covered_ms = covering.map(|event| event.2).sum();
    // An event begins an incident if none before it ended within ten minutes.
    let bad: Vec<_> = events
        .iter()
        .filter(|event| event.3 == Judgement::Bad)
        .map(|event| (event.0, (event.0 + event.1).min(to)))
        .collect();
    let begins = |place: usize| {
        let before = bad[..place].iter().map(|event| event.1).max();
        before.is_none_or(|end| bad[place].0 - end >= 600_000)
    };
    let mut starts: Vec<_> = (0..bad.len()).filter(|place| begins(*place)).collect();
    starts.push(bad.len());
    for pair in starts.windows(2) {
        let run = &bad[pair[0]..pair[1]];
        if run.len() >= 2 {
            let end = run.iter().map(|event| event.1).max().unwrap_or_default();
            found.incidents.push((run[0].0, end, run.len() as u64));
        } else {
            found.scattered += 1;
        }
    }
    found.incidents.sort_by_key(|one| (u64::MAX - one.2, one.0));
    found
}

fn close(told: Option<f64>, known: f64) {
    let told = told.expect("known");
    assert!((told - known).abs() < 1e-9, "{told} for {known}");
}

/// Sundays from 2 to half past two, and what was made by hand.
fn corrected(service: &str, slo: &str) -> Vec<(i64, i64)> {
    let mut spans = Vec::new();
    if service == "rag" {
        let sundays = [7, 14, 21, 28].map(|day| at(day * DAY + 2 * HOUR).0);
        spans.extend(sundays.map(|from| (from, from + 30 * 60_000)));
    }
    if (service, slo) == ("concierge", "errors") {
        spans.push((by_hand().from.0, by_hand().to.0));
    }
    spans
}

/// Every number of a report must be what another way of counting finds.
fn agrees(config: &Config, report: &Report) {
    let records = records(config);
    let (from, to) = (report.from.timestamp_millis(), report.to.timestamp_millis());
    for (service, told) in config.services.iter().zip(&report.services) {
        let of: Vec<_> = records
            .iter()
            .filter(|record| record.key.service == service.name)
            .cloned()
            .collect();
        for (objective, told) in service.objectives.iter().zip(&told.objectives) {
            let counting: Vec<_> = service
                .probes
                .iter()
                .filter(|probe| objective.counts(&probe.key.probe))
                .collect();
            let spans = corrected(&service.name, &objective.name);
            let probes = i64::try_from(counting.len()).expect("few");
            let known = recount(objective, probes, &of, &spans, (from, to));
            assert_eq!(
                (told.good_events, told.bad_events, told.void_events),
                (known.good, known.bad, known.void)
            );
            let taken: i64 = spans
                .iter()
                .map(|(start, end)| ((*end).min(to) - (*start).max(from)).max(0))
                .sum();
            close(Some(told.corrected_seconds), taken as f64 / 1000.0);
            let spacing = match objective.budgeting {
                Budgeting::Timeslices { .. } => 60_000.0,
                Budgeting::Occurrences => {
                    let per_ms = counting
                        .iter()
                        .map(|probe| 1.0 / probe.interval.as_millis() as f64);
                    1.0 / per_ms.sum::<f64>()
                }
            };
            let observed = (known.good + known.bad) as f64;
            let unseen = (to - from - taken - known.covered_ms).max(0) as f64;
            let expected = observed + unseen / spacing;
            close(Some(told.expected_events), expected);
            close(told.coverage_ratio, (observed / expected).min(1.0));
            close(told.sli_ratio, known.good as f64 / observed);
            let spent = known.bad as f64 / ((1.0 - objective.target) * expected);
            close(told.budget_spent_ratio, spent);
            close(told.budget_left_ratio, 1.0 - spent);
            let incidents: Vec<_> = told
                .incidents
                .iter()
                .map(|one| {
                    let (start, end) = (one.start.timestamp_millis(), one.end.timestamp_millis());
                    close(Some(one.duration_seconds), (end - start) as f64 / 1000.0);
                    (start, end, one.bad_events)
                })
                .collect();
            let shown = known.incidents.len().min(20);
            assert_eq!(incidents, known.incidents[..shown]);
            assert_eq!(
                told.incidents_not_shown,
                (known.incidents.len() - shown) as u64
            );
            assert_eq!(told.scattered_bad_events, known.scattered);
        }
    }
}

fn objective<'a>(report: &'a Report, service: &str, name: &str) -> &'a ObjectiveReport {
    let service = report.services.iter().find(|one| one.name == service);
    let mut objectives = service.expect("a service").objectives.iter();
    objectives.find(|one| one.name == name).expect("one")
}

#[test]
fn the_month_is_what_a_recount_finds() {
    let (config, report) = told(0, DAYS * DAY);
    agrees(&config, &report);
    let availability = objective(&report, "concierge", "availability");
    assert_eq!(availability.result, Result::Missed);
    // 25 minutes, then 21 of an hour, then single ones.
    let worst: Vec<_> = availability
        .incidents
        .iter()
        .map(|one| one.bad_events)
        .collect();
    assert_eq!(worst, [25, 21]);
    assert_eq!(availability.incidents[0].main_cause, "refused");
    let mixed = &availability.incidents[1];
    assert_eq!(mixed.main_cause, "timeout");
    close(Some(mixed.main_cause_ratio), 2.0 / 3.0);
    // Three hours without a prober, and 15 minutes of our own failing.
    assert_eq!(availability.void_events, 15);
    close(Some(availability.missing_events), 180.0);
    // The exercise is taken out of this objective alone: 9 of its 25 minutes, as ticks fall.
    let errors = objective(&report, "concierge", "errors");
    close(Some(errors.corrected_seconds), 510.0);
    // The outage in the deploy window is not charged, but for its last ten minutes.
    let rag = objective(&report, "rag", "errors");
    assert_eq!(rag.result, Result::Met);
    assert_eq!(rag.bad_events, 30);
    // Of nobody who was watched for ten days only, anything can be promised.
    let late = objective(&report, "late", "errors");
    assert_eq!(late.result, Result::NotEnoughData);
    assert_eq!(
        objective(&report, "concierge", "latency-p95").causes[0].cause,
        "slow"
    );
}

#[test]
fn any_span_is_counted_to_the_minute() {
    // From the middle of an outage to the middle of a correction, off the minute.
    let (config, report) = told(4 * DAY + 3 * HOUR + 725, 14 * DAY + 2 * HOUR + 999);
    assert_eq!(report.from.timestamp(), START + 4 * DAY + 3 * HOUR + 720);
    assert_eq!(report.to.timestamp(), START + 14 * DAY + 2 * HOUR + 960);
    let with_data: Vec<_> = config.services[..2].to_vec();
    let config = Config {
        services: with_data,
        ..config
    };
    agrees(&config, &report);
}

#[test]
fn nothing_kept_is_unknown() {
    let (_, report) = told(-20 * DAY, -10 * DAY);
    assert!(!report.any_missed());
    for objective in report.services.iter().flat_map(|one| &one.objectives) {
        assert_eq!(objective.result, Result::NotEnoughData);
        assert_eq!(
            (objective.sli_ratio, objective.budget_left_ratio),
            (None, None)
        );
        assert!(objective.burn_down.points.is_empty() && objective.incidents.is_empty());
    }
    let text = [report.to_text(), report.to_markdown(), report.to_html()];
    assert!(
        text.iter()
            .all(|text| !text.contains("NaN") && !text.contains("inf"))
    );
}

#[test]
fn the_burn_down_ends_at_what_is_left() {
    let (_, report) = told(0, DAYS * DAY);
    for objective in report.services.iter().flat_map(|one| &one.objectives) {
        let points = &objective.burn_down.points;
        assert_eq!(points.len(), 31);
        let (first, last) = (&points[0], &points[30]);
        assert_eq!((first.left_ratio, first.ideal_left_ratio), (1.0, 1.0));
        close(objective.budget_left_ratio, last.left_ratio);
        close(Some(last.ideal_left_ratio), 0.0);
        assert_eq!((first.at, last.at), (report.from, report.to));
        assert!(points.is_sorted_by(|a, b| a.at < b.at && a.left_ratio >= b.left_ratio));
    }
    let (_, hours) = told(4 * DAY, 5 * DAY);
    assert_eq!(
        objective(&hours, "rag", "errors").burn_down.points.len(),
        25
    );
}

#[test]
fn json_comes_back() {
    let (_, report) = told(0, DAYS * DAY);
    let text = serde_json::to_string_pretty(&report).expect("written");
    let back: Report = serde_json::from_str(&text).expect("read");
    // Fractions may differ in the last bit, which no reader sees.
    assert!(back.to_html() == report.to_html() && back.to_text() == report.to_text());
    let tree: serde_json::Value = serde_json::from_str(&text).expect("read");
    let first = &tree["services"][0]["objectives"][0];
    assert_eq!(first["result"], "missed");
    assert_eq!(first["incidents"][0]["bad_events"], 25);
    assert_eq!(
        tree["corrections"][0]["reason"]
            .as_str()
            .map(|text| &text[..8]),
        Some("exercise")
    );
    assert_eq!(tree["corrections"][1]["occurrences"], 4);
}

#[test]
fn text_and_markdown_read_well() {
    let (_, report) = told(0, DAYS * DAY);
    for (name, told) in [
        ("text", report.to_text()),
        ("markdown", report.to_markdown()),
    ] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/fixtures/report")
            .join(format!("{name}.txt"));
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&file, &told).expect("written");
        }
        let known = std::fs::read_to_string(&file).expect("a snapshot");
        assert!(
            told == known,
            "{name} is other than {}; UPDATE=1 writes it:\n{told}",
            file.display()
        );
    }
}

#[test]
fn the_page_needs_nothing_and_nothing_from_outside_is_markup() {
    let (_, report) = told(0, DAYS * DAY);
    let page = report.to_html();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/page");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("report.html"), &page).expect("written");
    assert!(page.contains("&lt;script&gt;alert"), "the example is shown");
    // Text may say anything, and is not closed by anything; a tag may not.
    let (style, body) = page.split_once("</style>").expect("one style");
    for word in ["url(", "@import", "http"] {
        assert!(!style.contains(word), "{word}");
    }
    for tag in body.split('<').skip(1) {
        let tag = tag.split('>').next().expect("closed");
        let name = tag.split(' ').next().expect("a name");
        assert!(!["script", "img", "link", "iframe", "object"].contains(&name));
        for word in ["src=", " on", "style=", "javascript", "http"] {
            assert!(!tag.contains(word), "{tag}");
        }
    }
    // Every link leads to a part of the page.
    for (place, _) in page.match_indices("href=\"") {
        let to = page[place + 6..].split('"').next().expect("closed");
        let id = to.strip_prefix('#').expect("inside the page");
        assert!(page.contains(&format!("id=\"{id}\"")), "{to}");
    }
    let markdown = report.to_markdown();
    for (place, _) in markdown.match_indices("<script") {
        let before = markdown[..place].rsplit('\n').next().expect("a line");
        assert!(
            before.matches('`').count() % 2 == 1,
            "not in a code span: {before}"
        );
    }
}

#[test]
fn missed_and_met_to_the_last_event() {
    let (config, from) = (config(), at(0));
    let service = &config.services[2];
    let objective = &service.objectives[0];
    let result = |bad: i64| {
        let mut measure = Measure::new(service, objective, Spans::default(), from, at(6000));
        for minute in 0..100 {
            let verdict = if minute < bad {
                Verdict::Bad(Cause::Reset)
            } else {
                Verdict::Good
            };
            measure.record(&Record {
                key: service.probes[0].key.clone(),
                at: at(minute * 60),
                interval: Duration::from_secs(60),
                outcome: Outcome::new(verdict, Duration::ZERO),
            });
        }
        measure.finish().left.expect("known")
    };
    assert!((result(0) - 1.0).abs() < 1e-9);
    assert!(
        result(1).abs() < 1e-9,
        "one of a hundred is the whole budget"
    );
    assert!((result(2) + 1.0).abs() < 1e-9);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_history_is_what_a_recount_finds(
        steps in prop::collection::vec((1_i64..400_000, 0_u8..8, 0_usize..2), 1..400),
        gaps in prop::collection::vec((0_i64..40_000_000, 1_i64..3_000_000), 0..4),
        cut in (0_i64..200, 1_i64..2000),
    ) {
        let config = config();
        let service = &config.services[0];
        let base = at(0).0;
        let mut clock = base;
        let mut records = Vec::new();
        for (step, kind, probe) in steps {
            clock += step;
            let verdict = match kind {
                0..3 => Verdict::Bad(Cause::Timeout),
                3 => Verdict::Void(Why::Network),
                _ => Verdict::Good,
            };
            let latency = Duration::from_millis(if kind == 4 { 700 } else { 20 });
            let probe = &service.probes[probe];
            records.push(Record {
                key: probe.key.clone(),
                at: Timestamp(clock),
                interval: probe.interval,
                outcome: Outcome::new(verdict, latency),
            });
        }
        let from = base + cut.0 * 60_000;
        let to = from + cut.1 * 60_000;
        let gaps: Vec<_> = gaps.into_iter().map(|(start, length)| (base + start, base + start + length)).collect();
        for objective in &service.objectives {
            let spans = Spans::new(gaps.iter().map(|(start, end)| (Timestamp(*start), Timestamp(*end))));
            let mut measure = Measure::new(service, objective, spans, Timestamp(from), Timestamp(to));
            for record in &records {
                measure.record(record);
            }
            let told = measure.finish();
            let probes = if objective.probes.is_empty() { 2 } else { 1 };
            let known = recount(objective, probes, &records, &gaps, (from, to));
            prop_assert_eq!((told.good, told.bad, told.void), (known.good, known.bad, known.void));
            let incidents: Vec<_> = told.incidents.iter().map(|one| (one.start.0, one.end.0, one.bad)).collect();
            let in_incidents: u64 = incidents.iter().map(|one| one.2).sum();
            prop_assert_eq!(in_incidents + told.scattered, told.bad);
            prop_assert_eq!(incidents, known.incidents);
            prop_assert_eq!(told.scattered, known.scattered);
            prop_assert_eq!(told.sli.is_none(), known.good + known.bad == 0);
            if let (Some(left), Some(last)) = (told.left, told.burn_down.last()) {
                prop_assert!((last.left - left).abs() < 1e-9);
            }
        }
    }
}
