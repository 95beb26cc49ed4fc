//! Live alerts match those of a replay of the same history.

use super::{Fixture, at, number, seconds};
use proptest::prelude::*;
use slod::alert::{AlertRecord, Replay};
use slod::outcome::{Cause, Event, Outcome, Record, Verdict};
use slod::slo::correction::Spans;
use std::time::Duration;

/// A part of a history: its length in seconds, and which of its attempts fail: none, all, every n-th,
/// or there are no attempts.
#[derive(Clone, Debug)]
pub enum Part {
    Good(i64),
    Bad(i64),
    Sparse(i64, i64),
    Silent(i64),
}

pub fn part() -> impl Strategy<Value = Part> {
    prop_oneof![
        (1_i64..6000).prop_map(Part::Good),
        (1_i64..900).prop_map(Part::Bad),
        (60_i64..4000, 2_i64..60).prop_map(|(length, nth)| Part::Sparse(length, nth)),
        (1_i64..3000).prop_map(Part::Silent),
    ]
}

/// Attempts every ten seconds, between which nothing changes.
pub fn attempts(parts: &[Part]) -> (Vec<(i64, bool)>, i64) {
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

/// Spans at most this far apart count as one, because the step determines whether both are seen.
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
    fn live_alerts_match_a_replay(parts in prop::collection::vec(part(), 1..12), step in 1_i64..=10) {
        let (attempts, end) = attempts(&parts);
        let mut fixture = Fixture::new();
        let spec = fixture.config.services[0].clone();
        let (mut next, mut reported) = (0, Vec::new());
        let steps = (0..=end).step_by(usize::try_from(step).expect("small"));
        // A replay includes the last second.
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
