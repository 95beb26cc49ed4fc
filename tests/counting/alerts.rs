//! The daemon's burn-rate alerts: the same as a replay of the same past, through restarts and
//! reloads, on a real store.

use proptest::prelude::*;
use slod::alert::{AlertKey, AlertRecord, Replay};
use slod::alerting::{self, Deps, Inputs, LiveAlerts};
use slod::clock::Clock;
use slod::config::Config;
use slod::diagnostic::Source;
use slod::ledger::{Ledger, RestoreFrom, Unread, reload, restore};
use slod::outcome::{Cause, Event, Outcome, Record, Timestamp, Verdict};
use slod::slo::correction::{Correction, Spans};
use slod::store::{CountingPlan, Store};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// A whole hour.
const START: i64 = 1_700_000_000 / 3600 * 3600;
const SLOS: &str = "
      - { name: errors, sli: success, target: 99.9%, window: 30d }
      - { name: uptime, sli: availability, target: 99.9%, window: 30d }
";

fn config(slos: &str) -> Config {
    let text = format!(
        "services:\n  - name: web\n    probes: [ {{ name: a, interval: 10s, http: {{ url: \"http://127.0.0.1:1/\" }} }} ]\n    objectives: {slos}\n"
    );
    let source = Source {
        name: "alerts".into(),
        text,
    };
    let loaded = Config::load(&source, Path::new(""), &|_| None, slod::probe::KINDS);
    loaded.config.expect("valid")
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_secs(START + second)
}

/// A daemon without its tasks: what the ledger's one does, at moments that the test chooses.
struct Fixture {
    folder: tempfile::TempDir,
    store: Store,
    config: Config,
    corrections: Vec<Correction>,
    ledger: Ledger,
    alerts: LiveAlerts,
    /// Seconds since the start.
    now: i64,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("slod.db")).expect("a new store");
        let config = config(SLOS);
        let mut fixture = Self {
            folder,
            store,
            config,
            corrections: Vec::new(),
            ledger: Ledger::default(),
            alerts: LiveAlerts::default(),
            now: 0,
        };
        fixture.ledger = restore(fixture.source()).expect("an empty store");
        fixture
    }

    fn source(&self) -> RestoreFrom<'_> {
        RestoreFrom {
            config: &self.config,
            corrections: &self.corrections,
            store: Some(&self.store),
            now: at(self.now),
        }
    }

    fn probe(&mut self, good: bool) {
        let probe = &self.config.services[0].probes[0];
        let verdict = if good {
            Verdict::Good
        } else {
            Verdict::Bad(Cause::Status)
        };
        let record = Record {
            key: probe.key.clone(),
            at: at(self.now),
            interval: probe.interval,
            outcome: Outcome::new(verdict, Duration::from_millis(5)),
        };
        self.ledger.record(&record);
        self.store.append(&[record]).expect("committed");
    }

    fn tick(&mut self) {
        let changed = self.step();
        self.store.keep_alerts(&changed).expect("kept");
    }

    fn step(&mut self) -> Vec<AlertRecord> {
        let state = self.ledger.advance(at(self.now)).view();
        self.alerts.step(&state, &Inputs::default()).records
    }

    /// Probes every 10 s.
    fn live(&mut self, seconds: i64, good: bool) {
        for _ in 0..seconds / 10 {
            self.probe(good);
            self.tick();
            self.now += 10;
        }
    }

    /// Killed, and started again after so many seconds.
    fn restart(&mut self, after: i64) {
        self.now += after;
        let path = self.folder.path().join("slod.db");
        let other = tempfile::tempdir().expect("a folder");
        // The lock goes with the old one.
        self.store = Store::open(&other.path().join("slod.db")).expect("a new store");
        self.store = Store::open(&path).expect("it opens again");
        self.ledger = restore(self.source()).expect("readable");
        let firing = self.store.firing_alerts().expect("readable");
        let held = self.store.last_seen().expect("readable").expect("outcomes");
        self.alerts = LiveAlerts::resumed(firing, held);
        self.tick();
    }

    fn reload(&mut self, slos: &str) {
        self.config = config(slos);
        let old = std::mem::take(&mut self.ledger);
        let rebuilt = reload(old, &Unread::new(), self.source());
        rebuilt.result.expect("readable");
        self.ledger = rebuilt.ledger;
        self.tick();
    }

    /// What the page would show of an objective: tier, and since when.
    fn firing(&self, slo: &str) -> Vec<(u8, i64)> {
        let view = self.alerts.view(at(self.now), &Arc::default());
        let row = |alert: &AlertRecord| (number(&alert.key), seconds(alert.from));
        view.of("web", slo).iter().map(row).collect()
    }

    /// What is on record of an objective, fastest tier first.
    fn kept(&self, slo: &str) -> Vec<AlertRecord> {
        let all = self.store.alerts(at(-1), at(self.now + 1), 1000);
        let mut all = all.expect("readable");
        all.retain(|record| record.key.slo() == Some(slo));
        all.sort_by_key(|record| (number(&record.key), record.from));
        all
    }

    fn ended(&self, slo: &str) -> Vec<(u8, i64, Option<i64>)> {
        let row = |record: &AlertRecord| {
            let to = record.to.map(seconds);
            (number(&record.key), seconds(record.from), to)
        };
        self.kept(slo).iter().map(row).collect()
    }
}

fn number(key: &AlertKey) -> u8 {
    key.tier().map_or(0, |tier| tier.number)
}

fn seconds(at: Timestamp) -> i64 {
    at.0 / 1000 - START
}

/// A part of a past: seconds, and which of its attempts fail: none, all, every so manyth, or there
/// are no attempts at all.
#[derive(Clone, Debug)]
enum Part {
    Good(i64),
    Bad(i64),
    Sparse(i64, i64),
    Silent(i64),
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![
        (1_i64..6000).prop_map(Part::Good),
        (1_i64..900).prop_map(Part::Bad),
        (60_i64..4000, 2_i64..60).prop_map(|(length, nth)| Part::Sparse(length, nth)),
        (1_i64..3000).prop_map(Part::Silent),
    ]
}

/// Attempts on the grid of ten seconds: between two of its points nothing changes.
fn attempts(parts: &[Part]) -> (Vec<(i64, bool)>, i64) {
    let (mut attempts, mut from) = (Vec::new(), 0);
    for part in parts {
        let (length, good): (i64, Box<dyn Fn(i64) -> Option<bool>>) = match *part {
            Part::Good(length) => (length, Box::new(|_| Some(true))),
            Part::Bad(length) => (length, Box::new(|_| Some(false))),
            Part::Sparse(length, nth) => (length, Box::new(move |at| Some(at / 10 % nth != 0))),
            Part::Silent(length) => (length, Box::new(|_| None)),
        };
        let grid = (from..from + length).filter(|second| second % 10 == 0);
        attempts.extend(grid.filter_map(|second| Some((second, good(second)?))));
        from += length;
    }
    (attempts, from)
}

/// Spans that are at most this far apart are one: which of both is seen depends on the step.
fn joined(mut spans: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    spans.sort_unstable();
    let mut out: Vec<(i64, i64)> = Vec::new();
    for (from, to) in spans {
        match out.last_mut() {
            Some((_, end)) if from <= *end + 20 => *end = to.max(*end),
            _ => out.push((from, to)),
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 100, ..ProptestConfig::default() })]

    #[test]
    fn live_alerts_are_those_of_a_replay(parts in prop::collection::vec(part(), 1..12), step in 1_i64..=10) {
        let (attempts, end) = attempts(&parts);
        let mut fixture = Fixture::new();
        let spec = fixture.config.services[0].clone();
        let (mut next, mut reported) = (0, Vec::new());
        let steps = (0..=end).step_by(usize::try_from(step).expect("small"));
        // A replay looks at the last second, too.
        for now in steps.chain([end]) {
            fixture.now = now;
            while let Some((second, good)) = attempts.get(next).filter(|(second, _)| *second <= now) {
                let record = Record {
                    key: spec.probes[0].key.clone(),
                    at: at(*second),
                    interval: spec.probes[0].interval,
                    outcome: Outcome::new(
                        if *good { Verdict::Good } else { Verdict::Bad(Cause::Status) },
                        Duration::from_millis(5),
                    ),
                };
                fixture.ledger.record(&record);
                next += 1;
            }
            for record in fixture.step() {
                let whose = |one: &AlertRecord| (one.key.clone(), one.from);
                reported.retain(|old: &AlertRecord| whose(old) != whose(&record));
                reported.push(record);
            }
        }
        for objective in &spec.objectives {
            let contributing = spec.contributing(objective).1;
            let mut replay = Replay::new(spec.name.clone(), objective.clone(), contributing, Spans::default(), at(0));
            for (second, good) in &attempts {
                let verdict = if *good { Verdict::Good } else { Verdict::Bad(Cause::Status) };
                let (at, interval) = (at(*second), spec.probes[0].interval);
                replay.record(0, Event { at, interval, verdict, latency: Duration::from_millis(5), measured: slod::outcome::Measurements::default() });
            }
            let fired = replay.finish(at(end)).into_iter().map(|one| one.alert);
            let fired: Vec<AlertRecord> = fired.collect();
            for tier in 1..=4 {
                let replayed = fired.iter().filter(|one| number(&one.key) == tier);
                let replayed = replayed.map(|one| (seconds(one.from), one.to.map_or(end, seconds)));
                let lived = reported.iter().filter(|one| number(&one.key) == tier && one.key.slo() == Some(&objective.name));
                let lived = lived.map(|one| (seconds(one.from), one.to.map_or(end, seconds)));
                let (replayed, lived) = (joined(replayed.collect()), joined(lived.collect()));
                prop_assert_eq!(replayed.len(), lived.len(), "tier {}: {:?} {:?}", tier, &replayed, &lived);
                for (a, b) in replayed.iter().zip(&lived) {
                    prop_assert!((a.0 - b.0).abs() <= 10 && (a.1 - b.1).abs() <= 10, "tier {}: {:?} {:?}", tier, a, b);
                }
            }
        }
    }
}

#[test]
fn the_first_failures_of_a_new_service_are_no_alert() {
    let mut fixture = Fixture::new();
    fixture.live(20, false);
    fixture.live(13 * 3600, true);
    assert_eq!(fixture.ended("errors"), []);
    assert_eq!(fixture.ended("uptime"), []);
    // A service that never answers pages once 2 % of its budget is spent.
    let mut fixture = Fixture::new();
    fixture.live(3600, false);
    let fired = fixture.ended("errors");
    let since: Vec<_> = fired
        .iter()
        .map(|(tier, since, _)| (*tier, *since))
        .collect();
    assert_eq!(since, [(1, 50), (2, 120), (3, 250), (4, 250)]);
    let spent = fixture.kept("errors")[0].spent;
    assert!(spent > Some(0.02) && spent < Some(0.025), "{spent:?}");
}

#[test]
fn the_notice_of_a_burn_rate_has_a_chart_of_the_errors_over_its_long_window() {
    let mut fixture = Fixture::new();
    fixture.live(2 * 3600, true);
    let chart = loop {
        assert!(fixture.now < 3 * 3600, "an alert fires");
        fixture.probe(false);
        let state = fixture.ledger.advance(at(fixture.now)).view();
        let changes = fixture.alerts.step(&state, &Inputs::default());
        fixture.now += 10;
        if let [notice] = &changes.notices[..] {
            assert_eq!(notice.label("tier"), Some("1"));
            break notice.annotations["chart"].clone();
        }
    };
    // The failures are within the last two minutes.
    assert_eq!(chart, format!("{}█ over 60m", "▁".repeat(29)));
}

#[test]
fn an_alert_goes_on_over_a_restart_and_ends_by_the_rule() {
    let mut fixture = Fixture::new();
    fixture.live(6 * 3600, true);
    let begin = fixture.now;
    fixture.live(600, false);
    let before = fixture.firing("errors");
    assert_eq!(before[0], (1, begin + 50), "6 of 360 are above 1.44 %");
    assert_eq!(before.len(), 4);
    fixture.restart(45);
    assert_eq!(fixture.firing("errors"), before);
    let kept = fixture.kept("errors");
    assert_eq!(kept.len(), 4);
    assert!(kept.iter().all(|record| record.to.is_none()));
    assert!(!kept[0].is_inhibited() && kept[1].is_inhibited());
    assert!(kept[0].spent > Some(0.0));

    fixture.now += 5;
    fixture.live(1800, true);
    // The last failure was at `begin + 590`: it left the five minutes before `begin + 890`.
    let ended = fixture.ended("errors");
    assert_eq!(ended[0], (1, begin + 50, Some(begin + 880 + 300)));
    assert_eq!(fixture.firing("errors"), before[1..].to_vec());
}

#[test]
fn what_ended_while_nobody_looked_ends_when_it_was_last_seen_to_hold() {
    let mut fixture = Fixture::new();
    fixture.live(3600, true);
    fixture.live(600, false);
    let since = fixture.firing("errors")[0].1;
    fixture.restart(3 * 3600);
    let ended = fixture.ended("errors")[0];
    let stop = 3600 + 590;
    assert_eq!((ended.0, ended.1), (1, since));
    let end = ended.2.expect("over");
    assert!((stop + 300 - 60..=stop + 300).contains(&end), "{end}");
    // Three hours are not enough for a day's window to be clean.
    let slow: Vec<u8> = fixture
        .firing("errors")
        .iter()
        .map(|(tier, _)| *tier)
        .collect();
    assert_eq!(slow, [4]);
}

#[test]
fn an_objective_that_goes_takes_its_alerts_along() {
    let mut fixture = Fixture::new();
    fixture.live(3600, true);
    // The fifth minute is over, so nothing fires by the time alone.
    fixture.live(310, false);
    let (errors, uptime) = (fixture.firing("errors"), fixture.firing("uptime"));
    assert!(!errors.is_empty() && !uptime.is_empty());
    // What stays goes on, also where its target is another now.
    fixture.reload("[ { name: errors, sli: success, target: 99.8%, window: 30d } ]");
    assert_eq!(fixture.firing("errors"), errors);
    let now = fixture.now;
    assert!(fixture.ended("uptime").iter().all(|one| one.2 == Some(now)));
    // Back again, it is another story.
    fixture.reload(SLOS);
    assert_eq!(
        fixture
            .ended("uptime")
            .iter()
            .filter(|one| one.2.is_none())
            .count(),
        uptime.len()
    );
    assert!(
        fixture
            .firing("uptime")
            .iter()
            .all(|(_, since)| *since == now)
    );
}

#[test]
fn an_objective_that_went_while_nothing_ran_takes_its_alerts_along() {
    let mut fixture = Fixture::new();
    fixture.live(3600, true);
    fixture.live(300, false);
    fixture.config = config("[ { name: errors, sli: success, target: 99.9%, window: 30d } ]");
    fixture.restart(30);
    let now = fixture.now;
    assert!(!fixture.ended("uptime").is_empty());
    assert!(fixture.ended("uptime").iter().all(|one| one.2 == Some(now)));
    assert!(fixture.ended("errors").iter().all(|one| one.2.is_none()));
}

#[test]
fn planned_maintenance_fires_nothing_and_a_late_one_lets_alerts_end() {
    let mut fixture = Fixture::new();
    let (from, to) = (at(3600), at(3600 + 900));
    fixture.corrections.push(Correction {
        id: "1".into(),
        from,
        to,
        repeats: None,
        services: vec![],
        slos: vec!["errors".into()],
        reason: "a deploy".into(),
        author: "test".into(),
    });
    fixture.reload(SLOS);
    fixture.live(3600, true);
    fixture.live(900, false);
    assert_eq!(fixture.ended("errors"), []);
    let fired = fixture.firing("uptime");
    assert!(!fired.is_empty());
    // Taken out afterwards, nothing holds: what fired ends a short window after it held last.
    fixture.corrections[0].slos.clear();
    fixture.reload(SLOS);
    assert_eq!(fixture.firing("uptime"), fired);
    let held = fixture.now - 10;
    fixture.live(600, true);
    assert_eq!(fixture.ended("uptime")[0].2, Some(held + 300));
}

#[test]
fn old_alerts_go_and_the_span_reports_what_fired_in_it() {
    let mut fixture = Fixture::new();
    fixture.live(3600, true);
    fixture.live(300, false);
    let since = fixture.firing("errors").iter().map(|one| one.1).min();
    let since = since.expect("it fires");
    fixture.live(3600, true);
    let count = |from, to| {
        fixture
            .store
            .alerts(at(from), at(to), 1000)
            .expect("readable")
            .len()
    };
    assert_eq!(count(0, since), 0);
    assert!(count(since, since + 1) > 0);
    assert_eq!(
        fixture
            .store
            .alerts(at(0), at(fixture.now), 1)
            .expect("readable")
            .len(),
        1
    );
    let (all, over) = (fixture.kept("errors").len(), fixture.ended("errors"));
    let over = over.iter().filter(|one| one.2.is_some()).count();
    assert!(over > 0 && over < all, "{over} of {all}");
    fixture
        .store
        .expire_alerts(at(fixture.now))
        .expect("deleted");
    assert_eq!(
        fixture.kept("errors").len(),
        all - over,
        "what fires is never deleted"
    );
}

/// A stop ends the snapshots: what the last of them began is on record when the store is closed.
#[tokio::test]
async fn the_last_snapshot_is_evaluated_before_a_stop() {
    let mut fixture = Fixture::new();
    fixture.live(3600, true);
    let quiet = fixture.ledger.view();
    for _ in 0..30 {
        fixture.probe(false);
        fixture.now += 10;
    }
    let burning = fixture.ledger.advance(at(fixture.now)).view();
    let clock = Clock::manual(at(fixture.now));
    let retention = Duration::from_hours(400 * 24);
    let writer = fixture
        .store
        .writer(clock, retention, |_| CountingPlan::default());
    let writer = writer.expect("started");
    let (ledger_views, receiver) = watch::channel(Arc::new(quiet));
    let (views, view) = watch::channel(Arc::default());
    let deps = Deps {
        states: receiver,
        configs: watch::channel(Arc::new(fixture.config.clone())).1,
        decisions: watch::channel(Arc::default()).1,
        findings: watch::channel(Arc::default()).1,
        reloaded: watch::channel(true).1,
        store: writer.handle(),
        route: Box::new(|_, _| Vec::new()),
        views,
    };
    let task = tokio::spawn(alerting::run(LiveAlerts::default(), deps));
    ledger_views.send_replace(Arc::new(burning));
    drop(ledger_views);
    task.await.expect("it ends with the ledger");
    let view = view.borrow().clone();
    assert_eq!(view.at, at(fixture.now));
    assert_eq!(view.of("web", "errors").len(), 4);
    assert!(writer.close(Duration::from_secs(30)));
    let store = Store::open_read_only(&fixture.folder.path().join("slod.db"));
    let kept = store.and_then(|store| store.firing_alerts());
    let shown: Vec<_> = ["errors", "uptime"].map(|slo| view.of("web", slo)).concat();
    let mut kept = kept.expect("readable");
    kept.sort_by(|a, b| a.key.cmp(&b.key));
    assert_eq!(kept, shown);
}
