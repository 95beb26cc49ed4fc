//! A daemon without its tasks, and the events of a history.

use super::config::config;
use super::oracle::{MINUTE, Oracle};
use super::{HOUR, START};
use proptest::prelude::*;
use slod::config::{Config, ProbeSpec};
use slod::ledger::{Ledger, RestoreFrom, Unread, plans, recount, reload, restore};
use slod::outcome::{Cause, Measurement, Outcome, Record, Timestamp, Verdict, VoidReason};
use slod::slo::correction::Correction;
use slod::slo::recurrence::Recurrence;
use slod::store::Store;
use slod::units::Tz;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A step of a random history.
#[derive(Clone, Debug)]
pub enum Step {
    /// Probe, time since the last step, verdict, latency in ms, delay in ms.
    Outcome(bool, i64, Verdict, u64, i64),
    /// An hour or two in which both probes succeed every minute, except for possibly one attempt.
    Steady(i64, i64),
    Pause(i64),
    /// The wall clock is set back.
    SetBack(i64),
    /// The wall clock is ahead while a number of attempts of the first probe fail, with time for
    /// hours to become blocks.
    Ahead(i64, i64, bool),
    /// A restart, with or without time for finished hours to become blocks before.
    Restart(bool),
    /// Whether the disk is unavailable; outcomes in the meantime are stored when it is back.
    Disk(bool),
    /// A reload with another interval of the first probe in milliseconds, and possibly one more
    /// objective.
    Reload(u64, bool),
    /// A correction: how long ago it began, its duration, and its objective.
    Correct(i64, i64, usize),
    /// Same, recurring every hour, or every day in a zone with clock changes.
    Repeat(bool, i64, i64, usize),
    TakeBack,
}

pub fn step() -> impl Strategy<Value = Step> {
    let verdict = prop_oneof![
        6 => Just(Verdict::Good),
        2 => Just(Verdict::Bad(Cause::Timeout)),
        1 => Just(Verdict::Void(VoidReason::Resources)),
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
        1 => prop_oneof![0..50 * MINUTE, 0..30 * HOUR].prop_map(Step::SetBack),
        2 => (prop_oneof![1..4 * HOUR, 20 * HOUR..27 * HOUR, Just(200 * HOUR)], 1_i64..5, any::<bool>())
            .prop_map(|(ahead, attempts, long)| Step::Ahead(ahead, attempts, long)),
        1 => (20_i64..130, 0_i64..300).prop_map(|(minutes, failing)| Step::Steady(minutes, failing)),
        2 => any::<bool>().prop_map(Step::Restart),
        1 => any::<bool>().prop_map(Step::Disk),
        1 => (-HOUR..60 * HOUR, 1_i64..5 * HOUR, 0_usize..8).prop_map(|(ago, length, slo)| Step::Correct(ago, length, slo)),
        1 => (0_i64..HOUR, 1_i64..HOUR, 0_usize..8).prop_map(|(ago, length, slo)| Step::Correct(ago, length, slo)),
        1 => (any::<bool>(), 0..10 * HOUR, 1_i64..50 * MINUTE, 0_usize..8).prop_map(|(hourly, ago, length, slo)| Step::Repeat(hourly, ago, length, slo)),
        1 => Just(Step::TakeBack),
        1 => (1_u64..300, any::<bool>()).prop_map(|(tenths, extra)| Step::Reload(100 * tenths, extra)),
    ]
}

pub struct Fixture {
    pub folder: tempfile::TempDir,
    pub config: Config,
    pub ledger: Ledger,
    pub store: Option<Store>,
    pub history: Vec<Record>,
    /// What waits for the next commit.
    pub waiting: Vec<Record>,
    /// Whether the disk is unavailable.
    pub away: bool,
    pub corrections: Vec<Correction>,
    pub now: i64,
    /// The latest time that the clock has shown.
    pub latest: i64,
}

pub const HOURLY: &str = "FREQ=HOURLY;COUNT=12";
pub const DAILY: &str = "FREQ=DAILY;COUNT=5";
pub const SLOS: [&str; 7] = [
    "both", "slices", "fast", "all", "weighted", "steps", "connect",
];

impl Fixture {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("slod.db");
        let config = config(&path, 10_000, false);
        let store = Store::open(&path).expect("a new store");
        let mut fixture = Self {
            folder,
            config,
            ledger: Ledger::default(),
            store: Some(store),
            history: Vec::new(),
            waiting: Vec::new(),
            away: false,
            corrections: Vec::new(),
            now: START,
            latest: START,
        };
        fixture.ledger = restore(fixture.source()).expect("an empty store");
        fixture
    }

    pub fn store(&mut self) -> &mut Store {
        self.store.as_mut().expect("open between restarts")
    }

    pub fn commit(&mut self) {
        if !self.away {
            let waiting = std::mem::take(&mut self.waiting);
            self.store().append(&waiting).expect("committed");
        }
    }

    /// Turns finished hours into blocks, as the writer thread does.
    pub fn compact(&mut self) {
        self.commit();
        let plans = plans(&self.config);
        let now = Timestamp(self.now);
        while self
            .store()
            .compact_step(now, &|key| {
                Arc::unwrap_or_clone(plans.get(key).cloned().unwrap_or_default())
            })
            .expect("compaction")
        {}
    }

    pub fn walk(&mut self, step: &Step) {
        self.latest = self.latest.max(self.now);
        match *step {
            Step::SetBack(ms) => {
                self.now -= ms;
                self.recount();
            }
            Step::Ahead(ms, attempts, long) => {
                self.now += ms;
                for _ in 0..attempts {
                    self.now += 5000;
                    self.happen(true, Verdict::Bad(Cause::Timeout), 90, 0);
                }
                if long {
                    self.compact();
                }
                self.latest = self.latest.max(self.now);
                self.now -= ms;
                self.recount();
            }
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
                // The daemon recomputes occurrences every hour.
                if self.corrections.iter().any(|one| one.repeats.is_some()) {
                    self.reload();
                }
            }
            Step::Restart(calm) => {
                self.walk(&Step::Disk(false));
                if calm {
                    self.compact();
                }
                self.store = None;
                let store =
                    Store::open(&self.folder.path().join("slod.db")).expect("it opens again");
                self.store = Some(store);
                self.ledger = restore(self.source()).expect("readable");
            }
            Step::Disk(away) => {
                self.away = away;
                self.commit();
            }
            Step::Reload(interval, extra) => {
                // Occurrences are recomputed.
                self.reload();
                let before = self.coverages();
                self.config = config(&self.folder.path().join("slod.db"), interval, extra);
                self.reload();
                let after = self.coverages();
                for (name, coverage) in before {
                    let same = after.get(&name).is_none_or(|after| *after == coverage);
                    assert!(same, "another interval changes the past of {name}");
                }
            }
            Step::Correct(ago, length, slo) => self.correct(ago, length, slo, None),
            Step::Repeat(hourly, ago, length, slo) => {
                // Recurrence rules have a resolution of one second.
                let ago = self.now.rem_euclid(1000) + ago / 1000 * 1000;
                let rule = if hourly { HOURLY } else { DAILY };
                self.correct(ago, length, slo, Some(rule));
            }
            Step::TakeBack => {
                self.corrections.pop();
                self.reload();
            }
        }
    }

    fn correct(&mut self, ago: i64, length: i64, slo: usize, rule: Option<&str>) {
        let from = Timestamp(self.now - ago);
        let zone = Tz::named("Europe/Berlin").expect("a zone");
        let repeats = |rule| Recurrence::parse(rule, from, zone).expect("a rule");
        self.corrections.push(Correction {
            id: self.corrections.len().to_string(),
            from,
            to: Timestamp(from.0 + length),
            repeats: rule.map(repeats),
            services: vec![],
            slos: SLOS
                .get(slo)
                .map(|name| (*name).to_owned())
                .into_iter()
                .collect(),
            reason: rule.unwrap_or("maintenance").into(),
            author: "test".into(),
        });
        self.reload();
    }

    /// An outcome of the first or of the second probe.
    pub fn happen(&mut self, a: bool, verdict: Verdict, ms: u64, late: i64) {
        let spec = &self.config.services[0].probes[usize::from(!a)];
        let mut outcome = Outcome::new(verdict, Duration::from_millis(ms));
        // Some attempts do not need a new connection.
        if !ms.is_multiple_of(5) {
            let third = Duration::from_millis(ms) / 3;
            outcome.measured.add(Measurement::Connect, third);
            outcome.measured.add(Measurement::Processing, third);
        }
        let mut record = Record {
            key: spec.key.clone(),
            at: Timestamp(self.now - late),
            interval: spec.interval,
            outcome,
        };
        // As in the schedule, no two outcomes have the same label.
        let same = |old: &Record, new: &Record| old.key == new.key && old.at == new.at;
        while self.history.iter().any(|old| same(old, &record)) {
            record.at.0 += 1;
        }
        self.ledger.record(&record);
        self.waiting.push(record.clone());
        self.history.push(record);
    }

    /// The observed time of each objective, over all its windows.
    fn coverages(&mut self) -> BTreeMap<String, Vec<Option<f64>>> {
        self.walk(&Step::Disk(false));
        let snapshot = self.ledger.advance(Timestamp(self.now)).snapshot();
        let objectives = snapshot.services.iter().flat_map(|one| &one.objectives);
        let named = objectives.map(|view| {
            let budgets = [&view.budget].into_iter().chain(&view.additional_budgets);
            let windows = view.windows.iter().map(|(_, window)| window.coverage);
            let all = budgets.map(|budget| budget.period.coverage).chain(windows);
            (view.objective.name.clone(), all.collect())
        });
        named.collect()
    }

    pub fn reload(&mut self) {
        self.walk(&Step::Disk(false));
        let old = std::mem::take(&mut self.ledger);
        let rebuilt = reload(old, &Unread::new(), self.source());
        rebuilt.result.expect("readable");
        self.ledger = rebuilt.ledger;
    }

    /// What the ledger's task does when the clock was set, or has reached outcomes from the future.
    fn recount(&mut self) {
        self.walk(&Step::Disk(false));
        let rebuilt = recount(std::mem::take(&mut self.ledger), self.source());
        rebuilt.result.expect("readable");
        self.ledger = rebuilt.ledger;
    }

    pub fn source(&self) -> RestoreFrom<'_> {
        RestoreFrom::new(
            &self.config,
            &self.corrections,
            self.store.as_ref(),
            Timestamp(self.now),
        )
    }

    pub fn check(&mut self) {
        let arrived = |first: Timestamp| first.0 <= self.now;
        if self.ledger.ahead().first.is_some_and(arrived) {
            self.recount();
        }
        let future = self.history.iter().filter(|record| record.at.0 > self.now);
        assert_eq!(self.ledger.ahead().outcomes, future.count() as u64);
        let snapshot = self.ledger.advance(Timestamp(self.now)).snapshot();
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
