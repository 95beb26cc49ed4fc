//! The ledger's numbers against a brute-force recount of the raw outcomes, under random
//! histories with gaps, voids, late outcomes, restarts and reloads, on a real store.

use async_trait::async_trait;
use proptest::prelude::*;
use slod::config::{Config, ObserveSpec, Pattern, ProbeSpec, ServiceSpec, StoreSpec};
use slod::ledger::snapshot::{ObjectiveView, WINDOWS};
use slod::ledger::{Ledger, Snapshot};
use slod::outcome::{Cause, Outcome, ProbeKey, Record, Timestamp, Verdict, Why};
use slod::probe::{Attempt, Probe};
use slod::slo::correction::Correction;
use slod::slo::{Budgeting, Objective, Sli};
use slod::store::Store;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const START: i64 = 1_700_000_000_000;
const HOUR: i64 = 3_600_000;

#[derive(Debug)]
struct Nothing;

#[async_trait]
impl Probe for Nothing {
    async fn run(&self, _: &mut Attempt) -> Outcome {
        Outcome::new(Verdict::Good, Duration::ZERO)
    }

    fn target(&self) -> String {
        String::new()
    }
}

fn objective(name: &str, sli: Sli, budgeting: Budgeting, probes: &[&str]) -> Objective {
    Objective {
        name: name.into(),
        sli,
        target: 0.99,
        window: Duration::from_secs(30 * 86_400),
        calendar: None,
        budgeting,
        probes: probes.iter().map(|name| (*name).to_owned()).collect(),
    }
}

const SLICES: Budgeting = Budgeting::Timeslices { slice_target: 0.75 };
const BELOW: Duration = Duration::from_millis(300);

/// One service with two probes; `extra` adds an objective, `interval` changes the first probe's.
fn config(path: &Path, interval: u64, extra: bool) -> Config {
    let probe = |name: &str, seconds| ProbeSpec {
        key: ProbeKey::new("s", name),
        interval: Duration::from_secs(seconds),
        timeout: Duration::from_secs(1),
        kind: "nothing",
        fingerprint: 0,
        probe: Arc::new(Nothing),
    };
    let mut objectives = vec![
        objective("both", Sli::Success, Budgeting::Occurrences, &[]),
        objective("slices", Sli::Availability, SLICES, &[]),
        objective(
            "fast",
            Sli::Latency { below: BELOW },
            Budgeting::Occurrences,
            &["a"],
        ),
    ];
    if extra {
        objectives.push(objective("added", Sli::Availability, SLICES, &["b"]));
    }
    Config {
        listen: ([127, 0, 0, 1], 0).into(),
        store: StoreSpec {
            path: path.to_owned(),
            retention: Duration::from_secs(400 * 86_400),
        },
        max_concurrent_probes: 1,
        observe: ObserveSpec {
            interval: Duration::from_secs(10),
            host: false,
            network: false,
            network_exclude: Pattern(regex::Regex::new("").expect("valid")),
            processes: false,
        },
        corrections: Vec::new(),
        vantage: Vec::new(),
        services: vec![ServiceSpec {
            name: "s".into(),
            description: String::new(),
            labels: vec![],
            probes: vec![probe("a", interval), probe("b", 60)],
            objectives,
            processes: Vec::new(),
        }],
    }
}

/// Counts from scratch, straight from the definitions.
struct Oracle<'a> {
    records: &'a [Record],
    corrections: &'a [Correction],
    now: i64,
    /// Today's, by probe, in milliseconds.
    intervals: Vec<(String, i64)>,
}

impl Oracle<'_> {
    fn counted(&self, objective: &Objective) -> impl Iterator<Item = (&Record, bool)> {
        let named = |record: &&Record| {
            objective.probes.is_empty() || objective.probes.iter().any(|p| **p == *record.key.probe)
        };
        let sli = objective.sli;
        let out: Vec<_> = self.corrected(objective).collect();
        let stays = move |record: &&Record| {
            let inside = |(from, to): &(i64, i64)| (*from..*to).contains(&record.at.0);
            !out.iter().any(inside)
        };
        let stay = self.records.iter().filter(named).filter(stays);
        stay.filter_map(move |record| {
            let good = match record.outcome.verdict {
                Verdict::Void(_) => return None,
                Verdict::Bad(_) => false,
                Verdict::Good => {
                    !matches!(sli, Sli::Latency { below } if record.outcome.latency >= below)
                }
            };
            Some((record, good))
        })
    }

    /// Start and end of what is taken out; they may overlap.
    fn corrected(&self, objective: &Objective) -> impl Iterator<Item = (i64, i64)> {
        let concerns = |one: &&Correction| {
            let named =
                |names: &[String], name: &str| names.is_empty() || names.iter().any(|n| n == name);
            named(&one.services, "s") && named(&one.slos, &objective.name)
        };
        let concerning = self.corrections.iter().filter(concerns);
        concerning.map(|one| (one.from.0, one.to.0))
    }

    /// How much of a window is taken out, second by second.
    fn corrected_ms(&self, objective: &Objective, window: i64) -> i64 {
        let width = Self::width(window);
        let end = (self.now.div_euclid(width) + 1) * width;
        let spans: Vec<_> = self.corrected(objective).collect();
        let mut edges: Vec<i64> = spans.iter().flat_map(|(from, to)| [*from, *to]).collect();
        edges.extend([end - window, end]);
        edges.sort_unstable();
        let parts = edges.windows(2).map(|pair| (pair[0], pair[1]));
        parts
            .filter(|(from, _)| (end - window..end).contains(from))
            .filter(|(at, _)| spans.iter().any(|(from, to)| (*from..*to).contains(at)))
            .map(|(from, to)| to - from)
            .sum()
    }

    fn width(window: i64) -> i64 {
        if window <= 2 * HOUR {
            10_000
        } else if window <= 24 * HOUR {
            300_000
        } else {
            HOUR
        }
    }

    fn inside(&self, at: i64, window: i64) -> bool {
        let width = Self::width(window);
        let last = self.now.div_euclid(width);
        (last - window / width + 1..=last).contains(&at.div_euclid(width))
    }

    /// (good, bad)
    fn count(&self, objective: &Objective, window: i64) -> (u64, u64) {
        let mut events: Vec<(i64, bool)> = Vec::new();
        match objective.budgeting {
            Budgeting::Occurrences => events.extend(
                self.counted(objective)
                    .map(|(record, good)| (record.at.0, good)),
            ),
            Budgeting::Timeslices { slice_target } => {
                let mut slices: BTreeMap<i64, (f64, f64)> = BTreeMap::new();
                for (record, good) in self.counted(objective) {
                    let slice = slices.entry(record.at.0.div_euclid(60_000)).or_default();
                    slice.0 += f64::from(u8::from(good));
                    slice.1 += 1.0;
                }
                // The running minute is not over.
                slices.remove(&self.now.div_euclid(60_000));
                events.extend(
                    slices
                        .into_iter()
                        .map(|(slice, (good, all))| (slice * 60_000, good / all >= slice_target)),
                );
            }
        }
        let count = |wanted| {
            events
                .iter()
                .filter(|(at, good)| *good == wanted && self.inside(*at, window))
                .count() as u64
        };
        (count(true), count(false))
    }

    fn check(&self, snapshot: &Snapshot) {
        for view in &snapshot.services[0].objectives {
            for ((name, window), told) in WINDOWS.iter().zip(&view.windows) {
                let (good, bad) = self.count(
                    &view.objective,
                    i64::try_from(window.as_millis()).expect("small"),
                );
                assert_eq!(
                    (told.good, told.bad),
                    (good, bad),
                    "{} over {name}",
                    view.objective.name
                );
                let ratio = (good + bad > 0).then(|| good as f64 / (good + bad) as f64);
                assert_eq!(told.sli, ratio);
            }
            self.check_budget(view);
        }
    }

    fn check_budget(&self, view: &ObjectiveView) {
        let (_, bad) = self.count(&view.objective, 30 * 24 * HOUR);
        let left = view.budget_remaining.expect("a budget");
        assert!(left.is_finite() && left <= 1.0);
        assert_eq!(bad == 0, (left - 1.0).abs() < f64::EPSILON);
        let spent = bad as f64 / (0.01 * view.period.expected);
        assert!((1.0 - left - spent).abs() < 1e-9);
        if view.objective.budgeting == Budgeting::Occurrences {
            let expected = self.expected(&view.objective, 30 * 24 * HOUR);
            assert!(
                (view.period.expected - expected).abs() < 1e-6 * expected,
                "{} told, {expected} counted",
                view.period.expected
            );
        }
    }

    /// Events that the window would hold: those there are, and those that the time which none of
    /// them stands for would hold at today's intervals.
    fn expected(&self, objective: &Objective, window: i64) -> f64 {
        let counting: Vec<i64> = self
            .intervals
            .iter()
            .filter(|(name, _)| objective.probes.is_empty() || objective.probes.contains(name))
            .map(|(_, ms)| *ms)
            .collect();
        let inside: Vec<_> = self
            .counted(objective)
            .filter(|(record, _)| self.inside(record.at.0, window))
            .collect();
        let covered: i64 = inside
            .iter()
            .map(|(record, _)| i64::try_from(record.interval.as_millis()).expect("small"))
            .sum();
        let wanted = window - self.corrected_ms(objective, window);
        let unobserved = (wanted - covered / counting.len() as i64).max(0) as f64;
        let per_ms: f64 = counting.iter().map(|ms| 1.0 / *ms as f64).sum();
        inside.len() as f64 + unobserved * per_ms
    }
}

/// One step of a random history.
#[derive(Clone, Debug)]
enum Step {
    /// Probe, time since the last step, verdict, latency in ms, how late it arrives in ms.
    Outcome(bool, i64, Verdict, u64, i64),
    Pause(i64),
    Restart,
    /// With another interval of the first probe, in seconds, and perhaps one more objective.
    Reload(u64, bool),
    /// Takes out some time: how long ago it began, how long it takes, and for which objective.
    Correct(i64, i64, usize),
    TakeBack,
}

fn step() -> impl Strategy<Value = Step> {
    let verdict = prop_oneof![
        6 => Just(Verdict::Good),
        2 => Just(Verdict::Bad(Cause::Timeout)),
        1 => Just(Verdict::Void(Why::Resources)),
    ];
    let outcome = (
        any::<bool>(),
        1_i64..40_000,
        verdict,
        1_u64..600,
        0_i64..20_000,
    );
    prop_oneof![
        40 => outcome.prop_map(|(a, step, verdict, ms, late)| Step::Outcome(a, step, verdict, ms, late)),
        2 => (1_i64..5 * HOUR).prop_map(Step::Pause),
        1 => (20 * HOUR..60 * HOUR).prop_map(Step::Pause),
        1 => Just(Step::Restart),
        1 => (-HOUR..60 * HOUR, 1_i64..5 * HOUR, 0_usize..4).prop_map(|(ago, length, slo)| Step::Correct(ago, length, slo)),
        1 => (0_i64..HOUR, 1_i64..HOUR, 0_usize..4).prop_map(|(ago, length, slo)| Step::Correct(ago, length, slo)),
        1 => Just(Step::TakeBack),
        1 => (1_u64..15, any::<bool>()).prop_map(|(half, extra)| Step::Reload(2 * half, extra)),
    ]
}

struct House {
    folder: tempfile::TempDir,
    config: Config,
    ledger: Ledger,
    store: Option<Store>,
    history: Vec<Record>,
    corrections: Vec<Correction>,
    now: i64,
}

const SLOS: [&str; 3] = ["both", "slices", "fast"];

impl House {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("slod.db");
        let config = config(&path, 10, false);
        let mut ledger = Ledger::new(&config, &[]);
        let store = Store::open(&path).expect("a new store");
        ledger
            .restore(&store, Timestamp(START))
            .expect("an empty store");
        Self {
            folder,
            config,
            ledger,
            store: Some(store),
            history: Vec::new(),
            corrections: Vec::new(),
            now: START,
        }
    }

    fn store(&mut self) -> &mut Store {
        self.store.as_mut().expect("open between restarts")
    }

    /// Finished hours become blocks, as the writer's thread would have made them.
    fn compact(&mut self) {
        let plans = self.ledger.plans();
        let now = Timestamp(self.now);
        while self
            .store()
            .compact_step(now, &|key| plans.get(key).cloned().unwrap_or_default())
            .expect("compaction")
        {}
    }

    fn walk(&mut self, step: &Step) {
        match *step {
            Step::Outcome(a, pause, verdict, ms, late) => {
                self.now += pause;
                let spec = &self.config.services[0].probes[usize::from(!a)];
                let record = Record {
                    key: spec.key.clone(),
                    at: Timestamp(self.now - late),
                    interval: spec.interval,
                    outcome: Outcome::new(verdict, Duration::from_millis(ms)),
                };
                if self
                    .history
                    .iter()
                    .any(|old| old.key == record.key && old.at == record.at)
                {
                    return;
                }
                self.ledger.record(&record);
                self.store()
                    .append(std::slice::from_ref(&record))
                    .expect("committed");
                self.history.push(record);
            }
            Step::Pause(ms) => {
                self.now += ms;
                self.compact();
            }
            Step::Restart => {
                self.compact();
                self.store = None;
                let store =
                    Store::open(&self.folder.path().join("slod.db")).expect("it opens again");
                self.ledger = Ledger::new(&self.config, &self.corrections);
                self.ledger
                    .restore(&store, Timestamp(self.now))
                    .expect("readable");
                self.store = Some(store);
            }
            Step::Reload(interval, extra) => {
                self.config = config(&self.folder.path().join("slod.db"), interval, extra);
                self.reload();
            }
            Step::Correct(ago, length, slo) => {
                let from = Timestamp(self.now - ago);
                self.corrections.push(Correction {
                    id: self.corrections.len().to_string(),
                    from,
                    to: Timestamp(from.0 + length),
                    services: vec![],
                    slos: SLOS
                        .get(slo)
                        .map(|name| (*name).to_owned())
                        .into_iter()
                        .collect(),
                    reason: "maintenance".into(),
                    author: "test".into(),
                });
                self.reload();
            }
            Step::TakeBack => {
                self.corrections.pop();
                self.reload();
            }
        }
    }

    fn reload(&mut self) {
        let now = Timestamp(self.now);
        let old = std::mem::replace(&mut self.ledger, Ledger::new(&self.config, &[]));
        self.ledger = old.reloaded(&self.config, &self.corrections, now);
        let store = self.store.as_ref().expect("open");
        self.ledger.restore(store, now).expect("readable");
    }

    fn check(&mut self) {
        let snapshot = self.ledger.snapshot(Timestamp(self.now));
        let interval = |probe: &ProbeSpec| {
            (
                probe.key.probe.to_string(),
                i64::try_from(probe.interval.as_millis()).expect("small"),
            )
        };
        let intervals = self.config.services[0]
            .probes
            .iter()
            .map(interval)
            .collect();
        Oracle {
            records: &self.history,
            corrections: &self.corrections,
            now: self.now,
            intervals,
        }
        .check(&snapshot);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn numbers_equal_a_recount_through_restarts_and_reloads(steps in prop::collection::vec(step(), 1..250)) {
        let mut house = House::new();
        for step in steps {
            let look = !matches!(step, Step::Outcome(..));
            house.walk(&step);
            if look {
                house.check();
            }
        }
        house.check();
    }
}

/// A week without a daemon is missing coverage, and nothing else.
#[test]
fn a_gap_is_missing_coverage() {
    let mut house = House::new();
    for _ in 0..3 {
        for _ in 0..360 {
            house.walk(&Step::Outcome(true, 10_000, Verdict::Good, 5, 0));
        }
        house.walk(&Step::Pause(7 * 24 * HOUR));
        house.walk(&Step::Restart);
    }
    house.check();
    let snapshot = house.ledger.snapshot(Timestamp(house.now));
    let fast = &snapshot.services[0].objectives[2];
    assert_eq!(fast.period.sli, Some(1.0));
    assert_eq!(fast.budget_remaining, Some(1.0));
    let coverage = fast.period.coverage.expect("expected events");
    assert!((coverage - 3.0 / 720.0).abs() < 1e-4, "{coverage}");
}

/// The store is what survives, so a clock is not needed to read it back.
#[test]
fn a_restart_shows_the_last_outcome_and_the_failures_before_it() {
    let mut house = House::new();
    house.walk(&Step::Outcome(
        true,
        10_000,
        Verdict::Bad(Cause::Refused),
        5,
        0,
    ));
    house.walk(&Step::Outcome(true, 10_000, Verdict::Good, 7, 0));
    house.walk(&Step::Restart);
    let snapshot = house.ledger.snapshot(Timestamp(house.now));
    let probe = &snapshot.services[0].probes[0];
    assert_eq!(
        probe.last.as_ref().map(|last| last.verdict),
        Some(Verdict::Good)
    );
    assert_eq!(probe.recent_failures.len(), 1);
    assert_eq!(probe.runs, 0, "counters are of this process");
}

/// A store that could not be read at the start may be readable at the next reload.
#[test]
fn what_was_not_restored_before_a_reload_is_counted_once() {
    let mut house = House::new();
    house.ledger = Ledger::new(&house.config, &[]);
    for _ in 0..30 {
        house.walk(&Step::Outcome(true, 10_000, Verdict::Good, 5, 0));
        house.walk(&Step::Outcome(
            false,
            10_000,
            Verdict::Bad(Cause::Refused),
            5,
            0,
        ));
    }
    house.walk(&Step::Reload(10, false));
    house.check();
    let snapshot = house.ledger.snapshot(Timestamp(house.now));
    assert_eq!(snapshot.services[0].probes[1].recent_failures.len(), 5);
    assert_eq!(snapshot.services[0].probes[1].runs, 30, "counters go on");
}
