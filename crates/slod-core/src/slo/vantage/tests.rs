use super::*;
use crate::outcome::Cause;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

const INTERVAL: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(5);
const TIMED_OUT: Verdict = Verdict::Bad(Cause::Timeout);
const OURS: Verdict = Verdict::Void(VoidReason::Network);

fn record(name: &str, second: i64, verdict: Verdict) -> Record {
    Record {
        key: ProbeKey::new(name, "p"),
        at: Timestamp::from_secs(second),
        interval: INTERVAL,
        outcome: Outcome::new(verdict, Duration::ZERO),
    }
}

fn vantage() -> NetworkGuard {
    let keys = ["a", "b", "c"].map(|name| ProbeKey::new(name, "p"));
    NetworkGuard::new(keys.iter().map(|key| (key, INTERVAL, TIMEOUT)))
}

/// The outcomes in the order in which they are counted.
fn counted(passed: Vec<GuardedOutcome>) -> impl Iterator<Item = (i64, Verdict)> {
    passed.into_iter().filter_map(|one| match one {
        GuardedOutcome::Held(_) => None,
        GuardedOutcome::AtOnce(record) | GuardedOutcome::Judged(record) => {
            Some((record.at.0 / 1000, record.outcome.verdict))
        }
    })
}

/// Delivers each outcome one second after its tick.
fn reported(vantage: &mut NetworkGuard, history: &[(&str, i64, Verdict)]) -> Vec<(i64, Verdict)> {
    let mut reported = Vec::new();
    for (name, second, verdict) in history {
        let now = Timestamp::from_secs(second + 1);
        reported.extend(counted(vantage.take(record(name, *second, *verdict), now)));
    }
    reported
}

/// A service that always fails, with control probes that tick at 1, 2 and 3 s of every ten. `fails` decides
/// which of them fail, by round and control. Returns the number of excused failures and of all failures.
fn excused(rounds: i64, mut fails: impl FnMut(i64, usize) -> bool) -> (usize, usize) {
    let mut vantage = vantage();
    let mut judged = Vec::new();
    for round in 0..rounds {
        for (control, name) in ["a", "b", "c"].into_iter().enumerate() {
            let second = 10 * round + 1 + i64::try_from(control).expect("small");
            let verdict = if fails(round, control) {
                TIMED_OUT
            } else {
                Verdict::Good
            };
            judged.extend(reported(&mut vantage, &[(name, second, verdict)]));
        }
        judged.extend(reported(
            &mut vantage,
            &[("web", 10 * round + 6, TIMED_OUT)],
        ));
    }
    judged.extend(counted(
        vantage.release(Timestamp::from_secs(10 * rounds + 100)),
    ));
    let void = judged.iter().filter(|(_, verdict)| *verdict == OURS);
    (void.count(), judged.len())
}

#[test]
fn a_failure_is_excused_while_all_control_probes_fail() {
    let mut vantage = vantage();
    let history = [
        ("a", 1, Verdict::Good),
        ("b", 2, Verdict::Good),
        ("c", 3, Verdict::Good),
        ("web", 5, TIMED_OUT),
        ("a", 11, TIMED_OUT),
        ("b", 12, TIMED_OUT),
        ("web", 15, TIMED_OUT),
        ("c", 13, TIMED_OUT),
        ("a", 21, Verdict::Good),
        ("b", 22, Verdict::Good),
        ("web", 25, TIMED_OUT),
    ];
    assert_eq!(reported(&mut vantage, &history), [(5, OURS), (15, OURS)]);
    assert!(!vantage.is_lost());
    // The one at 25 s came after the recovery, and may be before the next loss.
    let rest = [
        ("c", 23, Verdict::Good),
        ("a", 31, Verdict::Good),
        ("b", 32, Verdict::Good),
    ];
    assert_eq!(reported(&mut vantage, &rest), [(25, TIMED_OUT)]);
}

#[test]
fn beyond_the_limit_the_oldest_failures_are_judged_early() {
    let waiting = |controls: &[(&str, i64, Verdict)]| {
        let mut vantage = vantage();
        reported(&mut vantage, controls);
        let now = Timestamp::from_secs(16);
        let held = i64::try_from(HELD).expect("small");
        let failures = (0..held + 5).map(|_| record("web", 15, TIMED_OUT));
        let judged: Vec<_> = failures
            .flat_map(|one| counted(vantage.take(one, now)))
            .collect();
        assert_eq!((judged.len(), vantage.take_judged_early()), (5, 5));
        assert_eq!(vantage.take_judged_early(), 0);
        judged[0].1
    };
    let each = |verdicts: [Verdict; 3]| {
        let names = ["a", "b", "c"];
        let each = names.into_iter().zip(verdicts);
        each.map(|(name, verdict)| (name, 11, verdict))
            .collect::<Vec<_>>()
    };
    assert_eq!(waiting(&each([TIMED_OUT; 3])), OURS);
    let open = waiting(&each([TIMED_OUT, TIMED_OUT, Verdict::Good]));
    assert_eq!(open, Verdict::Void(VoidReason::Resources));
    // The control probes succeeded before and after it.
    let good = ["a", "b", "c"].map(|name| [11, 17].map(|second| (name, second, Verdict::Good)));
    assert_eq!(waiting(good.as_flattened()), TIMED_OUT);
}

#[test]
fn results_from_before_the_clock_was_set_back_do_not_apply_afterwards() {
    let mut vantage = vantage();
    let mut before = Vec::new();
    for second in [100, 110, 120] {
        before.extend(["a", "b", "c"].map(|name| (name, second, TIMED_OUT)));
    }
    before.push(("web", 121, TIMED_OUT));
    reported(&mut vantage, &before);
    assert!(vantage.is_lost());
    // Held failures are judged by what is known; the times from 100 s on recur.
    let set_back = Timestamp::from_secs(95);
    let passed: Vec<_> = counted(vantage.set_back(set_back)).collect();
    assert_eq!(passed, [(121, OURS)]);
    assert!(!vantage.is_lost());
    let mut again = vec![("web", 105, TIMED_OUT)];
    for second in [106, 116] {
        again.extend(["a", "b", "c"].map(|name| (name, second, Verdict::Good)));
    }
    let mut judged = reported(&mut vantage, &again);
    judged.extend(counted(vantage.release(Timestamp::from_secs(200))));
    assert_eq!(judged, [(105, TIMED_OUT)]);
}

#[test]
fn if_one_control_probe_succeeds_the_others_must_fail_twice() {
    let of_three =
        |rounds: i64| move |round, control| control < 2 && (20..20 + rounds).contains(&round);
    assert_eq!(excused(40, of_three(1)).0, 0);
    let (void, all) = excused(40, of_three(5));
    assert_eq!(all, 40);
    assert!((4..=6).contains(&void), "{void}");
}

#[test]
fn a_lost_network_is_excused_from_its_start_to_its_end() {
    for lost in 1..20 {
        let (void, _) = excused(60, |round, _| (30..30 + lost).contains(&round));
        let lost = usize::try_from(lost).expect("small");
        // A failure between two attempts of the control probes may be on either side.
        assert!((lost..=lost + 1).contains(&void), "{void} of {lost}");
    }
    assert_eq!(
        excused(30, |_, _| true),
        (30, 30),
        "lost from the first attempt"
    );
}

#[test]
fn one_broken_control_probe_neither_excuses_nor_hides_failures() {
    assert_eq!(excused(60, |_, control| control == 0).0, 0);
    let lost = |round, control| control == 0 || (30..40).contains(&round);
    let (void, _) = excused(60, lost);
    assert!((10..=11).contains(&void), "{void}");
}

#[test]
fn control_probes_that_fail_in_turn_excuse_nothing() {
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
        let turn = |round: i64, control| {
            let turn = usize::try_from(round.rem_euclid(3)).expect("small");
            order[turn] == control
        };
        assert_eq!(excused(90, turn).0, 0, "{order:?}");
    }
}

/// How many of 500 random histories, the same in each run, satisfy a condition. The three control probes
/// fail independently with these probabilities in percent.
fn histories(shares: [u32; 3], asked: impl Fn(&dyn Fn(i64, usize) -> bool) -> bool) -> usize {
    let mut runner = TestRunner::deterministic();
    let mut chance = || runner.rng().random_range(0..100_u32);
    let mut held = 0;
    for _ in 0..500 {
        let fails: Vec<[bool; 3]> = (0..200)
            .map(|_| shares.map(|share| chance() < share))
            .collect();
        held += usize::from(asked(&|round, control| {
            fails[usize::try_from(round).expect("small")][control]
        }));
    }
    held
}

#[test]
fn control_probes_that_flap_independently_excuse_almost_nothing() {
    let held = histories([31, 23, 35], |fails| {
        let (void, all) = excused(200, fails);
        100 * void <= 4 * all
    });
    assert!(held >= 495, "{held} of 500");
}

#[test]
fn a_little_noise_does_not_hide_a_lost_network() {
    let held = histories([2, 2, 2], |fails| {
        let lost = |round, control| (150..170).contains(&round) || fails(round, control);
        excused(200, lost).0 >= 19
    });
    assert!(held >= 495, "{held} of 500");
}

#[test]
fn a_response_is_never_a_network_failure_and_successes_do_not_wait() {
    let mut vantage = vantage();
    let status = Verdict::Bad(Cause::Status);
    let history = [("web", 1, Verdict::Good), ("web", 2, status)];
    assert_eq!(
        reported(&mut vantage, &history),
        [(1, Verdict::Good), (2, status)]
    );
    assert_eq!(
        reported(&mut NetworkGuard::default(), &[("web", 3, TIMED_OUT)]),
        [(3, TIMED_OUT)]
    );
}

#[test]
fn a_loss_that_began_during_an_attempt_excuses_it() {
    let mut vantage = vantage();
    for (name, second) in [("a", 1), ("b", 2), ("c", 7)] {
        reported(&mut vantage, &[(name, second, Verdict::Good)]);
    }
    let mut slow = record("web", 5, TIMED_OUT);
    slow.outcome.latency = TIMEOUT;
    vantage.take(slow, Timestamp::from_secs(10));
    let lost = [("a", 11, TIMED_OUT), ("b", 12, TIMED_OUT)];
    assert_eq!(reported(&mut vantage, &lost), []);
    assert_eq!(reported(&mut vantage, &[("c", 17, TIMED_OUT)]), [(5, OURS)]);
}

#[test]
fn a_lost_network_is_lost_since_the_last_success() {
    let mut vantage = vantage();
    let mut since = |history: &[(&str, i64, Verdict)]| {
        reported(&mut vantage, history);
        let (_, last, _) = history.last().expect("one at least");
        vantage.lost_since(Timestamp::from_secs(last + 1))
    };
    let good = [("a", 1), ("b", 2), ("c", 3)].map(|(name, at)| (name, at, Verdict::Good));
    assert_eq!(since(&good), None);
    assert_eq!(since(&[("a", 11, TIMED_OUT), ("b", 12, TIMED_OUT)]), None);
    let three = Some(Timestamp::from_secs(3));
    assert_eq!(since(&[("c", 13, TIMED_OUT)]), three);
    let rounds = (2..9).flat_map(|round| {
        [("a", 1), ("b", 2), ("c", 3)].map(|(name, at)| (name, 10 * round + at, TIMED_OUT))
    });
    assert_eq!(since(&rounds.collect::<Vec<_>>()), three);
    assert_eq!(
        since(&[("a", 91, Verdict::Good), ("b", 92, Verdict::Good)]),
        None
    );
    // A control probe that is broken itself.
    let broken: Vec<_> = (10..90).map(|round| ("c", 10 * round, TIMED_OUT)).collect();
    assert_eq!(since(&broken), None);
}

#[test]
fn a_heartbeat_that_cannot_arrive_is_not_missed() {
    let lost = [
        ("a", 11, TIMED_OUT),
        ("b", 12, TIMED_OUT),
        ("c", 13, TIMED_OUT),
    ];
    let there = lost.map(|(name, second, _)| (name, second, Verdict::Good));
    let silent = Verdict::Bad(Cause::Silent);
    for (controls, judged) in [(lost, OURS), (there, silent)] {
        let mut vantage = vantage();
        reported(&mut vantage, &controls);
        let mut missed = record("job", 14, silent);
        missed.outcome.latency = Duration::from_hours(26);
        vantage.take(missed, Timestamp::from_secs(15));
        let next = controls.map(|(name, second, verdict)| (name, second + 10, verdict));
        assert_eq!(reported(&mut vantage, &next), [(14, judged)]);
    }
}

#[test]
fn held_failures_are_kept_and_only_another_control_set_starts_over() {
    let mut old = vantage();
    reported(&mut old, &[("a", 1, TIMED_OUT), ("web", 2, TIMED_OUT)]);
    assert!(old.is_like(&vantage()));
    assert!(!old.is_like(&NetworkGuard::default()));
    let mut next = vantage().going_on_from(old);
    let rest = [("b", 2, TIMED_OUT), ("c", 3, TIMED_OUT)];
    assert_eq!(reported(&mut next, &rest), [(2, OURS)]);
    let mut none = NetworkGuard::default().going_on_from(next);
    assert_eq!(none.release(Timestamp::from_secs(4)), []);
}

#[test]
fn failures_held_by_a_process_are_judged_by_the_next_one() {
    let mut next = vantage();
    next.recall([record("web", 5, TIMED_OUT), record("web", 35, TIMED_OUT)]);
    let first = [
        ("a", 1, TIMED_OUT),
        ("b", 2, TIMED_OUT),
        ("c", 3, TIMED_OUT),
    ];
    for (name, second, verdict) in first {
        let now = Timestamp::from_secs(second + 1);
        next.note(&record(name, second, verdict), now);
    }
    let judged = |next: &mut NetworkGuard, now| -> Vec<_> {
        counted(next.release(Timestamp::from_secs(now))).collect()
    };
    assert_eq!(judged(&mut next, 50), [(5, OURS)]);
    // Results that came much later, or never, say nothing: undecided is not bad.
    assert_eq!(
        reported(&mut next, &[("a", 71, Verdict::Good)]),
        [(35, Verdict::Void(VoidReason::Shutdown))]
    );
}

#[test]
fn no_failure_waits_indefinitely() {
    let mut vantage = vantage();
    assert_eq!(reported(&mut vantage, &[("web", 5, TIMED_OUT)]), []);
    let after = |second| Timestamp::from_secs(second);
    assert!(vantage.release(after(5 + 24)).is_empty());
    let judged: Vec<_> = counted(vantage.release(after(5 + 25))).collect();
    assert_eq!(judged, [(5, TIMED_OUT)]);
    for number in 0..=10_000 {
        let passed = vantage.take(record("web", number, TIMED_OUT), after(number));
        assert_eq!(passed.len(), 1 + usize::from(number == 10_000));
    }
}
