//! The ledger's numbers against a brute-force recount of the raw outcomes, under random
//! histories with gaps, voids, late outcomes, restarts and reloads, on a real store.

use async_trait::async_trait;
use proptest::prelude::*;
use slod::config::{Config, ObserveSpec, Pattern, ProbeSpec, ServiceSpec, StoreSpec};
use slod::ledger::snapshot::{ObjectiveView, ServiceView, WINDOWS};
use slod::ledger::{Ledger, Snapshot};
use slod::outcome::{Cause, Outcome, ProbeKey, Record, Timestamp, Verdict, Why};
use slod::probe::{Attempt, Probe};
use slod::slo::correction::Correction;
use slod::slo::{Budgeting, Combine, Counted, Missing, Objective, Sli, Window};
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
        window: Window::rolling(Duration::from_secs(30 * 86_400)),
        further: vec![],
        budgeting,
        missing: Missing::Exclude,
        combine: Combine::Pooled,
        probes: probes.iter().map(|name| counted(name)).collect(),
    }
}

/// `probe`, or `service/probe`.
fn counted(name: &str) -> Counted {
    let (service, probe) = match name.split_once('/') {
        Some((service, probe)) => (Some(service.into()), probe),
        None => (None, name),
    };
    Counted {
        service,
        probe: probe.to_owned(),
        weight: if probe == "a" { 3 } else { 1 },
    }
}

fn sliced(
    name: &str,
    budgeting: Budgeting,
    combine: Combine,
    missing: Missing,
    probes: &[&str],
) -> Objective {
    Objective {
        combine,
        missing,
        ..objective(name, Sli::Availability, budgeting, probes)
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
    let ratio = Budgeting::RatioTimeslices;
    let (weighted, both) = (Combine::Weighted, ["a", "b"]);
    objectives.extend([
        sliced("ratio", ratio, Combine::Pooled, Missing::Exclude, &[]),
        sliced("all", SLICES, Combine::All, Missing::Bad, &[]),
        sliced("any", ratio, Combine::Any, Missing::Good, &[]),
        sliced("weighted", ratio, weighted, Missing::Bad, &both),
        sliced("alone", SLICES, Combine::Pooled, Missing::Bad, &["b"]),
    ]);
    if extra {
        objectives.push(objective("added", Sli::Availability, SLICES, &["b"]));
    }
    let journey = [
        sliced("ends", SLICES, weighted, Missing::Exclude, &["s/a", "s/b"]),
        objective("steps", Sli::Success, Budgeting::Occurrences, &["s/b"]),
    ];
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
        services: vec![
            ServiceSpec {
                name: "s".into(),
                description: String::new(),
                labels: vec![],
                probes: vec![probe("a", interval), probe("b", 60)],
                borrowed: vec![],
                objectives,
                processes: Vec::new(),
            },
            ServiceSpec {
                name: "journey".into(),
                description: String::new(),
                labels: vec![],
                probes: vec![],
                borrowed: vec![probe("a", interval), probe("b", 60)],
                objectives: journey.into(),
                processes: Vec::new(),
            },
        ],
    }
}

/// Counts from scratch, straight from the definitions.
struct Oracle<'a> {
    records: &'a [Record],
    corrections: &'a [Correction],
    now: i64,
    /// Today's, by probe, in milliseconds.
    intervals: Vec<(String, i64)>,
    /// Whose objectives are counted.
    service: &'a str,
}

const MINUTE: i64 = 60_000;

impl Oracle<'_> {
    fn counts(objective: &Objective, probe: &str) -> bool {
        objective.probes.is_empty()
            || objective
                .probes
                .iter()
                .any(|counted| counted.probe == probe)
    }

    fn counting(&self, objective: &Objective) -> impl Iterator<Item = &Record> {
        let counts = |record: &&Record| Self::counts(objective, &record.key.probe);
        self.records.iter().filter(counts)
    }

    fn counted(&self, objective: &Objective) -> impl Iterator<Item = (&Record, bool)> {
        let sli = objective.sli;
        let out: Vec<_> = self.corrected(objective).collect();
        let stays = move |record: &&Record| {
            let inside = |(from, to): &(i64, i64)| (*from..*to).contains(&record.at.0);
            !out.iter().any(inside)
        };
        let stay = self.counting(objective).filter(stays);
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
            named(&one.services, self.service) && named(&one.slos, &objective.name)
        };
        let whole_minutes = objective.missing != Missing::Exclude;
        let concerning = self.corrections.iter().filter(concerns);
        concerning.map(move |one| {
            let (from, to) = (one.from.0, one.to.0);
            if whole_minutes {
                let past = (to + MINUTE - 1).div_euclid(MINUTE);
                (from.div_euclid(MINUTE) * MINUTE, past * MINUTE)
            } else {
                (from, to)
            }
        })
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

    /// Every event, with its good and bad counts.
    fn events(&self, objective: &Objective) -> Vec<(i64, u64, u64)> {
        let of = |slice: i64, ratio: f64| {
            let (good, all) = match objective.budgeting {
                Budgeting::Timeslices { slice_target } => (u64::from(ratio >= slice_target), 1),
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                _ => ((ratio * 1e6).round() as u64, 1_000_000),
            };
            (slice * MINUTE, good, all - good)
        };
        if objective.budgeting == Budgeting::Occurrences {
            let event =
                |(record, good): (&Record, bool)| (record.at.0, u64::from(good), u64::from(!good));
            self.counted(objective).map(event).collect()
        } else {
            let slices = self.slices(objective).into_iter();
            slices.map(|(slice, ratio)| of(slice, ratio)).collect()
        }
    }

    /// (good, bad)
    fn count(&self, events: &[(i64, u64, u64)], window: i64) -> (u64, u64) {
        let inside = events.iter().filter(|(at, ..)| self.inside(*at, window));
        inside.fold((0, 0), |sum, (_, good, bad)| (sum.0 + good, sum.1 + bad))
    }

    /// Every minute that counts, with its good share.
    fn slices(&self, objective: &Objective) -> BTreeMap<i64, f64> {
        let mut outcomes: BTreeMap<i64, BTreeMap<&str, Vec<bool>>> = BTreeMap::new();
        for (record, good) in self.counted(objective) {
            let slice = outcomes.entry(record.at.0.div_euclid(MINUTE)).or_default();
            let pooled = objective.combine == Combine::Pooled;
            let probe = if pooled { "" } else { &*record.key.probe };
            slice.entry(probe).or_default().push(good);
        }
        // The running minute is not over.
        let running = self.now.div_euclid(MINUTE);
        outcomes.remove(&running);
        let known = outcomes.into_iter();
        let mut slices: BTreeMap<i64, f64> = known
            .map(|(slice, probes)| (slice, Self::combined(objective, &probes)))
            .collect();
        let filler = match objective.missing {
            Missing::Exclude => return slices,
            Missing::Bad => 0.0,
            Missing::Good => 1.0,
        };
        let first = self.counting(objective).map(|record| record.at.0).min();
        let first = first.map_or(running, |at| at.div_euclid(MINUTE));
        for slice in first..running - 1 {
            let start = slice * MINUTE;
            if !self
                .corrected(objective)
                .any(|(from, to)| (from..to).contains(&start))
            {
                slices.entry(slice).or_insert(filler);
            }
        }
        slices
    }

    fn combined(objective: &Objective, probes: &BTreeMap<&str, Vec<bool>>) -> f64 {
        let share = |goods: &Vec<bool>| {
            goods.iter().filter(|good| **good).count() as f64 / goods.len() as f64
        };
        let shares = probes.values().map(share);
        match objective.combine {
            Combine::Pooled | Combine::All => shares.fold(1.0, f64::min),
            Combine::Any => shares.fold(0.0, f64::max),
            Combine::Weighted => {
                let weight = |probe: &str| if probe == "a" { 3.0 } else { 1.0 };
                let all: f64 = probes.keys().map(|probe| weight(probe)).sum();
                let each = probes
                    .iter()
                    .map(|(probe, goods)| weight(probe) * share(goods));
                each.sum::<f64>() / all
            }
        }
    }

    fn check(&self, snapshot: &Snapshot) {
        let named = |service: &&ServiceView| *service.name == *self.service;
        let service = snapshot.services.iter().find(named).expect("the service");
        for view in &service.objectives {
            let events = self.events(&view.objective);
            for ((name, window), told) in WINDOWS.iter().zip(&view.windows) {
                let (good, bad) =
                    self.count(&events, i64::try_from(window.as_millis()).expect("small"));
                assert_eq!(
                    (told.good, told.bad),
                    (good, bad),
                    "{} over {name}",
                    view.objective.name
                );
                let ratio = (good + bad > 0).then(|| good as f64 / (good + bad) as f64);
                assert_eq!(told.sli, ratio);
            }
            self.check_budget(view, &events);
        }
    }

    fn check_budget(&self, view: &ObjectiveView, events: &[(i64, u64, u64)]) {
        let (good, bad) = self.count(events, 30 * 24 * HOUR);
        let left = view.budget.remaining.expect("a budget");
        assert!(left.is_finite() && left <= 1.0);
        assert_eq!(bad == 0, (left - 1.0).abs() < f64::EPSILON);
        let spent = bad as f64 / (0.01 * view.budget.period.expected);
        assert!((1.0 - left - spent).abs() < 1e-9);
        let expected = if view.objective.budgeting == Budgeting::Occurrences {
            self.expected(&view.objective, 30 * 24 * HOUR)
        } else {
            self.expected_slices(&view.objective, 30 * 24 * HOUR, good + bad)
        };
        assert!(
            (view.budget.period.expected - expected).abs() < 1e-6 * expected,
            "{}: {} told, {expected} counted",
            view.objective.name,
            view.budget.period.expected
        );
    }

    /// Minutes that the window holds apart from those that are taken out, in counts.
    fn expected_slices(&self, objective: &Objective, window: i64, counted: u64) -> f64 {
        let parts = match objective.budgeting {
            Budgeting::RatioTimeslices => 1e6,
            _ => 1.0,
        };
        let wanted = (window - self.corrected_ms(objective, window)) as f64 / MINUTE as f64;
        (wanted * parts).max(counted as f64)
    }

    /// Events that the window would hold: those there are, and those that the time which none of
    /// them stands for would hold at today's intervals.
    fn expected(&self, objective: &Objective, window: i64) -> f64 {
        let counting: Vec<i64> = self
            .intervals
            .iter()
            .filter(|(name, _)| Self::counts(objective, name))
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
    /// An hour or two in which both probes succeed every minute, but for one attempt perhaps.
    Steady(i64, i64),
    Pause(i64),
    /// The wall clock is set back, by so much or as far as open minutes go.
    SetBack(i64),
    /// With or without time for finished hours to become blocks before.
    Restart(bool),
    /// Whether the disk is away: what happens meanwhile is stored when it is back.
    Disk(bool),
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
        prop_oneof![9 => 0_i64..20_000, 1 => 0_i64..300_000],
    );
    prop_oneof![
        40 => outcome.prop_map(|(a, step, verdict, ms, late)| Step::Outcome(a, step, verdict, ms, late)),
        2 => (1_i64..5 * HOUR).prop_map(Step::Pause),
        1 => (20 * HOUR..60 * HOUR).prop_map(Step::Pause),
        1 => (0..50 * MINUTE).prop_map(Step::SetBack),
        1 => (20_i64..130, 0_i64..300).prop_map(|(minutes, failing)| Step::Steady(minutes, failing)),
        2 => any::<bool>().prop_map(Step::Restart),
        1 => any::<bool>().prop_map(Step::Disk),
        1 => (-HOUR..60 * HOUR, 1_i64..5 * HOUR, 0_usize..8).prop_map(|(ago, length, slo)| Step::Correct(ago, length, slo)),
        1 => (0_i64..HOUR, 1_i64..HOUR, 0_usize..8).prop_map(|(ago, length, slo)| Step::Correct(ago, length, slo)),
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
    /// What waits for the next commit.
    waiting: Vec<Record>,
    /// Whether the disk is away.
    away: bool,
    corrections: Vec<Correction>,
    now: i64,
    /// The latest time that the clock ever showed.
    latest: i64,
}

const SLOS: [&str; 6] = ["both", "slices", "fast", "all", "weighted", "steps"];

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
            waiting: Vec::new(),
            away: false,
            corrections: Vec::new(),
            now: START,
            latest: START,
        }
    }

    fn store(&mut self) -> &mut Store {
        self.store.as_mut().expect("open between restarts")
    }

    fn commit(&mut self) {
        if !self.away {
            let waiting = std::mem::take(&mut self.waiting);
            self.store().append(&waiting).expect("committed");
        }
    }

    /// Finished hours become blocks, as the writer's thread would have made them.
    fn compact(&mut self) {
        self.commit();
        let plans = self.ledger.plans();
        let now = Timestamp(self.now);
        while self
            .store()
            .compact_step(now, &|key| plans.get(key).cloned().unwrap_or_default())
            .expect("compaction")
        {}
    }

    fn walk(&mut self, step: &Step) {
        self.latest = self.latest.max(self.now);
        match *step {
            Step::SetBack(ms) => self.now = (self.now - ms).max(self.latest - 50 * MINUTE),
            Step::Outcome(a, pause, verdict, ms, late) => {
                self.now += pause;
                self.happen(a, verdict, ms, late);
            }
            Step::Steady(minutes, failing) => {
                for minute in 0..minutes {
                    self.now += MINUTE;
                    for a in [true, false] {
                        let fails = failing == 2 * minute + i64::from(a);
                        let verdict = if fails {
                            Verdict::Bad(Cause::Timeout)
                        } else {
                            Verdict::Good
                        };
                        self.happen(a, verdict, 90, 0);
                    }
                }
            }
            Step::Pause(ms) => {
                self.now += ms;
                self.compact();
            }
            Step::Restart(calm) => {
                self.walk(&Step::Disk(false));
                if calm {
                    self.compact();
                }
                self.store = None;
                let store =
                    Store::open(&self.folder.path().join("slod.db")).expect("it opens again");
                self.ledger = Ledger::new(&self.config, &self.corrections);
                self.ledger
                    .restore(&store, Timestamp(self.now))
                    .expect("readable");
                self.store = Some(store);
            }
            Step::Disk(away) => {
                self.away = away;
                self.commit();
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

    /// An outcome of the first probe or of the other one.
    fn happen(&mut self, a: bool, verdict: Verdict, ms: u64, late: i64) {
        let spec = &self.config.services[0].probes[usize::from(!a)];
        let mut record = Record {
            key: spec.key.clone(),
            at: Timestamp(self.now - late),
            interval: spec.interval,
            outcome: Outcome::new(verdict, Duration::from_millis(ms)),
        };
        // As the schedule does it, no label stands for two outcomes.
        let same = |old: &Record, new: &Record| old.key == new.key && old.at == new.at;
        while self.history.iter().any(|old| same(old, &record)) {
            record.at.0 += 1;
        }
        self.ledger.record(&record);
        self.waiting.push(record.clone());
        self.history.push(record);
    }

    fn reload(&mut self) {
        self.walk(&Step::Disk(false));
        let now = Timestamp(self.now);
        let old = std::mem::replace(&mut self.ledger, Ledger::new(&self.config, &[]));
        self.ledger = old.reloaded(&self.config, &self.corrections, now);
        let store = self.store.as_ref().expect("open");
        self.ledger.restore(store, now).expect("readable");
    }

    fn check(&mut self) {
        // While the clock shows once more what it showed before, the longest window of each width
        // is short by as much: its slots end with the latest time ever.
        if self.now < self.latest {
            return;
        }
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
        let mut oracle = Oracle {
            records: &self.history,
            corrections: &self.corrections,
            now: self.now,
            intervals,
            service: "s",
        };
        oracle.check(&snapshot);
        oracle.service = "journey";
        oracle.check(&snapshot);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, max_shrink_iters: 200, ..ProptestConfig::default() })]

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
        house.now = house.now.max(house.latest);
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
        house.walk(&Step::Restart(true));
    }
    house.check();
    let snapshot = house.ledger.snapshot(Timestamp(house.now));
    let fast = &snapshot.services[0].objectives[2];
    assert_eq!(fast.budget.period.sli, Some(1.0));
    assert_eq!(fast.budget.remaining, Some(1.0));
    let coverage = fast.budget.period.coverage.expect("expected events");
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
    house.walk(&Step::Restart(true));
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
