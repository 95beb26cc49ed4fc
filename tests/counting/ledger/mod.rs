//! The ledger's numbers against a brute-force recount of the raw outcomes, under random
//! histories with gaps, voids, late outcomes, restarts and reloads, on a real store.

mod absence;
mod agree;
mod config;
mod fixture;
mod oracle;

use fixture::{Fixture, Step, step};
use proptest::prelude::*;
use slod::ledger::snapshot::ObjectiveView;
use slod::ledger::{Ledger, RestoreFrom, recount, reload};
use slod::outcome::{Cause, Timestamp, Verdict};

/// 2023-10-27 00:00 UTC: Berlin sets its clocks back two days later, and a month ends after five.
const START: i64 = 1_698_364_800_000;
const HOUR: i64 = 3_600_000;

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, max_shrink_iters: 100, ..ProptestConfig::default() })]

    #[test]
    fn numbers_equal_a_recount_through_restarts_and_reloads(steps in prop::collection::vec(step(), 1..250)) {
        let mut fixture = Fixture::new();
        for step in steps {
            let look = !matches!(step, Step::Outcome(..));
            fixture.walk(&step);
            if look {
                fixture.check();
            }
        }
        fixture.now = fixture.now.max(fixture.latest);
        fixture.check();
        fixture.agree();
    }
}

/// A week without a daemon is missing coverage, but has no other effect.
#[test]
fn a_gap_is_missing_coverage() {
    let mut fixture = Fixture::new();
    for _ in 0..3 {
        for _ in 0..360 {
            fixture.walk(&Step::Outcome(true, 10_000, Verdict::Good, 5, 0));
        }
        fixture.walk(&Step::Pause(7 * 24 * HOUR));
        fixture.walk(&Step::Restart(true));
    }
    fixture.check();
    let snapshot = fixture.ledger.advance(Timestamp(fixture.now)).snapshot();
    let fast = &snapshot.services[0].objectives[2];
    assert_eq!(fast.budget.period.sli, Some(1.0));
    assert_eq!(fast.budget.remaining, Some(1.0));
    let coverage = fast.budget.period.coverage.expect("expected events");
    assert!((coverage - 3.0 / 720.0).abs() < 1e-4, "{coverage}");
}

/// Only the store survives, so the state can be read back without a clock.
#[test]
fn a_restart_shows_the_last_outcome_and_the_failures_before_it() {
    let mut fixture = Fixture::new();
    fixture.walk(&Step::Outcome(
        true,
        10_000,
        Verdict::Bad(Cause::Refused),
        5,
        0,
    ));
    fixture.walk(&Step::Outcome(true, 10_000, Verdict::Good, 7, 0));
    fixture.walk(&Step::Restart(true));
    let snapshot = fixture.ledger.advance(Timestamp(fixture.now)).snapshot();
    let probe = &snapshot.services[0].probes[0];
    assert_eq!(
        probe.last.as_ref().map(|last| last.verdict),
        Some(Verdict::Good)
    );
    assert_eq!(probe.recent_failures.len(), 1);
    assert_eq!(probe.runs, 0, "counters are of this process");
}

/// A store that could not be read at a reload can be readable at the next one.
#[test]
fn previously_unreadable_data_is_counted_once() {
    let mut fixture = Fixture::new();
    fixture.walk(&Step::Outcome(true, 10_000, Verdict::Good, 5, 0));
    let unreadable = RestoreFrom {
        store: None,
        ..fixture.source()
    };
    let rebuilt = recount(Ledger::default(), unreadable);
    let unread = rebuilt.unread;
    assert_eq!(unread.len(), fixture.config.services.len());
    fixture.ledger = rebuilt.ledger;
    for _ in 0..30 {
        fixture.walk(&Step::Outcome(true, 10_000, Verdict::Good, 5, 0));
        fixture.walk(&Step::Outcome(
            false,
            10_000,
            Verdict::Bad(Cause::Refused),
            5,
            0,
        ));
    }
    let snapshot = fixture.ledger.advance(Timestamp(fixture.now)).snapshot();
    let both = &snapshot.services[0].objectives[0];
    let counted = |view: &ObjectiveView| view.budget.period.good + view.budget.period.bad;
    assert_eq!(counted(both), 60, "it starts empty");
    fixture.walk(&Step::Disk(false));
    let old = std::mem::take(&mut fixture.ledger);
    let rebuilt = reload(old, &unread, fixture.source());
    assert!(rebuilt.result.is_ok() && rebuilt.unread.is_empty());
    fixture.ledger = rebuilt.ledger;
    fixture.check();
    let snapshot = fixture.ledger.advance(Timestamp(fixture.now)).snapshot();
    assert_eq!(counted(&snapshot.services[0].objectives[0]), 61);
    assert_eq!(snapshot.services[0].probes[1].recent_failures.len(), 5);
    assert_eq!(snapshot.services[0].probes[1].runs, 30, "counters go on");
}
