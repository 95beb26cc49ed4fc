//! An independent implementation of the definitions.

use slod::ledger::Snapshot;
use slod::ledger::snapshot::{ObjectiveView, ServiceView};
use slod::outcome::{Record, Verdict};
use slod::slo::correction::Correction;
use slod::slo::{BudgetingMethod, Combine, NoDataPolicy, Objective, Sli};
use std::collections::BTreeMap;
use std::time::Duration;

use super::HOUR;
use super::fixture::{DAILY, HOURLY};

/// Counts everything from scratch, according to the definitions.
pub struct Oracle<'a> {
    pub records: &'a [Record],
    pub corrections: &'a [Correction],
    pub now: i64,
    /// Current intervals by probe, in milliseconds.
    pub intervals: Vec<(String, i64)>,
    /// The service whose objectives are counted.
    pub service: &'a str,
}

pub const MINUTE: i64 = 60_000;

impl Oracle<'_> {
    pub fn counts(objective: &Objective, probe: &str) -> bool {
        objective.probes.is_empty()
            || objective
                .probes
                .iter()
                .any(|counted| counted.probe == probe)
    }

    pub fn counting(&self, objective: &Objective) -> impl Iterator<Item = &Record> {
        // Outcomes from the future are not counted yet.
        let counts = |record: &&Record| {
            record.at.0 <= self.now && Self::counts(objective, &record.key.probe)
        };
        self.records.iter().filter(counts)
    }

    pub fn counted(&self, objective: &Objective) -> impl Iterator<Item = (&Record, bool)> {
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
                Verdict::Good => match sli {
                    Sli::Latency { of: None, below } => record.outcome.latency < below,
                    Sli::Latency {
                        of: Some(of),
                        below,
                    } => record.outcome.measured.get(of)? < below,
                    _ => true,
                },
            };
            Some((record, good))
        })
    }

    /// Start and end of the excluded times, which may overlap.
    pub fn corrected(&self, objective: &Objective) -> impl Iterator<Item = (i64, i64)> {
        let concerns = |one: &&Correction| {
            let named =
                |names: &[String], name: &str| names.is_empty() || names.iter().any(|n| n == name);
            named(&one.services, self.service) && named(&one.slos, &objective.name)
        };
        let whole_minutes = objective.missing != NoDataPolicy::Exclude;
        let concerning = self.corrections.iter().filter(concerns);
        let occurrences = concerning.flat_map(|one| {
            let length = one.to.0 - one.from.0;
            let starts = Self::starts(one).into_iter();
            starts.map(move |from| (from, from + length))
        });
        occurrences.map(move |(from, to)| {
            if whole_minutes {
                let past = (to + MINUTE - 1).div_euclid(MINUTE);
                (from.div_euclid(MINUTE) * MINUTE, past * MINUTE)
            } else {
                (from, to)
            }
        })
    }

    /// Hours are elapsed hours; days keep their local time, which Berlin sets back by an hour at
    /// 01:00 UTC.
    pub fn starts(one: &Correction) -> Vec<i64> {
        const SET_BACK: i64 = 1_698_541_200_000;
        match &*one.reason {
            HOURLY => (0..12).map(|n| one.from.0 + n * HOUR).collect(),
            DAILY => {
                let local = |at: i64| at + if at < SET_BACK { 2 } else { 1 } * HOUR;
                let day = |n: i64| {
                    let wanted = local(one.from.0) + n * 24 * HOUR;
                    let moments = [wanted - 2 * HOUR, wanted - HOUR];
                    let found = moments.into_iter().find(|at| local(*at) == wanted);
                    found.expect("no local time is skipped")
                };
                // The first one is written as an absolute time.
                std::iter::once(one.from.0).chain((1..5).map(day)).collect()
            }
            _ => vec![one.from.0],
        }
    }

    /// How much of a period is excluded.
    pub fn corrected_ms(&self, objective: &Objective, (start, end): (i64, i64)) -> i64 {
        let spans: Vec<_> = self.corrected(objective).collect();
        let mut edges: Vec<i64> = spans.iter().flat_map(|(from, to)| [*from, *to]).collect();
        edges.extend([start, end]);
        edges.sort_unstable();
        let parts = edges.windows(2).map(|pair| (pair[0], pair[1]));
        parts
            .filter(|(from, _)| (start..end).contains(from))
            .filter(|(at, _)| spans.iter().any(|(from, to)| (*from..*to).contains(at)))
            .map(|(from, to)| to - from)
            .sum()
    }

    /// A window ends with the current slot.
    pub fn span(&self, window: i64) -> (i64, i64) {
        let width = Self::width(window);
        let end = (self.now.div_euclid(width) + 1) * width;
        (end - window, end)
    }

    pub fn width(window: i64) -> i64 {
        if window <= 2 * HOUR {
            10_000
        } else if window <= 24 * HOUR {
            300_000
        } else {
            HOUR
        }
    }

    pub fn inside(&self, at: i64, window: i64) -> bool {
        let width = Self::width(window);
        let last = self.now.div_euclid(width);
        (last - window / width + 1..=last).contains(&at.div_euclid(width))
    }

    /// Every event, with its good and bad counts.
    pub fn events(&self, objective: &Objective) -> Vec<(i64, u64, u64)> {
        let of = |slice: i64, ratio: f64| {
            let (good, all) = match objective.budgeting {
                BudgetingMethod::Timeslices { slice_target } => {
                    (u64::from(ratio >= slice_target), 1)
                }
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                _ => ((ratio * 1e6).round() as u64, 1_000_000),
            };
            (slice * MINUTE, good, all - good)
        };
        if objective.budgeting == BudgetingMethod::Occurrences {
            let event =
                |(record, good): (&Record, bool)| (record.at.0, u64::from(good), u64::from(!good));
            self.counted(objective).map(event).collect()
        } else {
            let slices = self.slices(objective).into_iter();
            slices.map(|(slice, ratio)| of(slice, ratio)).collect()
        }
    }

    /// (good, bad)
    pub fn count(&self, events: &[(i64, u64, u64)], window: i64) -> (u64, u64) {
        let inside = events.iter().filter(|(at, ..)| self.inside(*at, window));
        inside.fold((0, 0), |sum, (_, good, bad)| (sum.0 + good, sum.1 + bad))
    }

    /// Outcomes that say nothing about the service.
    pub fn voids(&self, objective: &Objective, window: Duration) -> u64 {
        let window = i64::try_from(window.as_millis()).expect("small");
        let out: Vec<_> = self.corrected(objective).collect();
        let is_void = |record: &&Record| {
            let corrected = out
                .iter()
                .any(|(from, to)| (*from..*to).contains(&record.at.0));
            !record.outcome.verdict.counts() && !corrected && self.inside(record.at.0, window)
        };
        self.counting(objective).filter(is_void).count() as u64
    }

    /// Every minute that counts, with its good ratio.
    pub fn slices(&self, objective: &Objective) -> BTreeMap<i64, f64> {
        let mut outcomes: BTreeMap<i64, BTreeMap<&str, Vec<bool>>> = BTreeMap::new();
        for (record, good) in self.counted(objective) {
            let slice = outcomes.entry(record.at.0.div_euclid(MINUTE)).or_default();
            let pooled = objective.combine == Combine::Pooled;
            let probe = if pooled { "" } else { &*record.key.probe };
            slice.entry(probe).or_default().push(good);
        }
        // The current minute is not complete.
        let running = self.now.div_euclid(MINUTE);
        outcomes.remove(&running);
        let known = outcomes.into_iter();
        let mut slices: BTreeMap<i64, f64> = known
            .map(|(slice, probes)| (slice, Self::combined(objective, &probes)))
            .collect();
        let filler = match objective.missing {
            NoDataPolicy::Exclude => return slices,
            NoDataPolicy::Bad => 0.0,
            NoDataPolicy::Good => 1.0,
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

    pub fn combined(objective: &Objective, probes: &BTreeMap<&str, Vec<bool>>) -> f64 {
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

    pub fn check(&self, snapshot: &Snapshot) {
        let named = |service: &&ServiceView| *service.name == *self.service;
        let service = snapshot.services.iter().find(named).expect("the service");
        for view in &service.objectives {
            let events = self.events(&view.objective);
            for (window, reported) in view.windows.iter() {
                let (name, window) = (window.name(), window.length());
                let (good, bad) =
                    self.count(&events, i64::try_from(window.as_millis()).expect("small"));
                assert_eq!(
                    (reported.good, reported.bad),
                    (good, bad),
                    "{} over {name}",
                    view.objective.name
                );
                let ratio = (good + bad > 0).then(|| good as f64 / (good + bad) as f64);
                assert_eq!(reported.sli, ratio);
                assert_eq!(reported.void, self.voids(&view.objective, window));
            }
            self.check_budget(view, &events);
        }
    }

    pub fn check_budget(&self, view: &ObjectiveView, events: &[(i64, u64, u64)]) {
        let (good, bad) = self.count(events, 30 * 24 * HOUR);
        let left = view.budget.remaining.expect("a budget");
        assert!(left.is_finite() && left <= 1.0);
        assert_eq!(bad == 0, (left - 1.0).abs() < f64::EPSILON);
        let spent = bad as f64 / (0.01 * view.budget.period.expected);
        assert!((1.0 - left - spent).abs() < 1e-9);
        let expected = if view.objective.budgeting == BudgetingMethod::Occurrences {
            let (expected, covered) = self.expected(&view.objective, 30 * 24 * HOUR);
            let reported = view.budget.period.coverage.expect("some time is over");
            assert!((reported - covered).abs() < 1e-9, "{}", view.objective.name);
            expected
        } else {
            self.expected_slices(&view.objective, 30 * 24 * HOUR, good + bad)
        };
        assert!(
            (view.budget.period.expected - expected).abs() < 1e-6 * expected,
            "{}: {} reported, {expected} counted",
            view.objective.name,
            view.budget.period.expected
        );
    }

    /// Counts of the minutes in the window that are not excluded.
    pub fn expected_slices(&self, objective: &Objective, window: i64, counted: u64) -> f64 {
        let parts = match objective.budgeting {
            BudgetingMethod::RatioTimeslices => 1e6,
            _ => 1.0,
        };
        let taken = self.corrected_ms(objective, self.span(window));
        let wanted = (window - taken) as f64 / MINUTE as f64;
        (wanted * parts).max(counted as f64)
    }

    /// The average number of probes that were active, over the time in which any was: each since its
    /// first outcome.
    pub fn watching(&self, objective: &Objective, (start, end): (i64, i64)) -> f64 {
        let probes = self.intervals.iter().map(|(name, _)| name);
        let probes: Vec<_> = probes
            .filter(|name| Self::counts(objective, name))
            .collect();
        let since = |name: &String| {
            let own = self.counting(objective);
            let own = own.filter(|record| *record.key.probe == **name);
            own.map(|record| record.at.0).min().unwrap_or(i64::MAX)
        };
        let watched = |first: i64| {
            let from = first.max(start);
            if from >= end {
                return 0;
            }
            end - from - self.corrected_ms(objective, (from, end))
        };
        let first: Vec<i64> = probes.iter().map(|name| since(name)).collect();
        let any = first.iter().min().map_or(0, |first| watched(*first));
        if any == 0 {
            return probes.len() as f64;
        }
        let all: i64 = first.into_iter().map(watched).sum();
        all as f64 / any as f64
    }

    /// Expected number of events in the window, and the observed share of its past. The expected
    /// events are the actual ones, plus those for time without events: for the past at the rate of
    /// the actual ones, for the future according to the current intervals.
    pub fn expected(&self, objective: &Objective, window: i64) -> (f64, f64) {
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
        let (start, end) = self.span(window);
        let covered = covered as f64 / self.watching(objective, (start, end.min(self.now)));
        let length = |to| (to - start - self.corrected_ms(objective, (start, to))) as f64;
        let unobserved = |to| (length(to) - covered).max(0.0);
        let (past, all) = (unobserved(self.now), unobserved(end));
        let events = inside.len() as f64;
        let today: f64 = counting.iter().map(|ms| 1.0 / *ms as f64).sum();
        let observed = if inside.is_empty() {
            today
        } else {
            events / covered
        };
        let expected = events + past * observed + (all - past) * today;
        (expected, (covered / length(self.now)).min(1.0))
    }
}
