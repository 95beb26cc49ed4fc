use super::ring::Run;
use super::*;
use proptest::prelude::*;

const GOOD: Tally = Tally {
    good: 1,
    bad: 0,
    void: 0,
    covered_ms: 10_000,
};
const BAD: Tally = Tally {
    good: 0,
    bad: 1,
    void: 0,
    covered_ms: 10_000,
};
const WINDOWS: [u64; 6] = [300, 3600, 7200, 86_400, 3 * 86_400, 30 * 86_400];

/// The definition: an event counts if its slot is one of the last slots of the window.
fn recount(events: &[(i64, bool)], now: i64, window: i64) -> (u64, u64) {
    let width = match window {
        w if w <= 2 * HOUR => 10_000,
        w if w <= 24 * HOUR => 5 * MINUTE,
        _ => HOUR,
    };
    let last = now.div_euclid(width);
    let inside = |at: i64| (last - window / width + 1..=last).contains(&at.div_euclid(width));
    let count = |wanted: bool| {
        events
            .iter()
            .filter(|(at, good)| *good == wanted && inside(*at))
            .count() as u64
    };
    (count(true), count(false))
}

#[test]
fn a_healthy_month_is_one_run_per_tier() {
    let mut series = Series::new(Duration::from_hours(30 * 24));
    for tick in 0..259_200 {
        series.add(Timestamp(tick * 10_000), GOOD);
    }
    assert!(series.tiers.iter().all(|tier| tier.runs.len() <= 2));
    let now = Timestamp(259_200 * 10_000 - 1);
    let month = series.sum(now, Duration::from_hours(30 * 24));
    assert_eq!((month.good, month.covered_ms), (259_200, 2_592_000_000));
}

#[test]
fn the_worst_month_takes_less_than_42_kib() {
    let mut series = Series::new(Duration::from_hours(30 * 24));
    for slot in 0..30 * 8640 {
        // No two neighbors are equal in any tier.
        let good = u32::try_from(slot % 3 + slot / 30 % 2 + slot / 360 % 2).expect("small");
        let tally = Tally { good, ..BAD };
        series.add(Timestamp(slot * 10_000), tally);
    }
    let runs = series
        .tiers
        .iter()
        .map(|tier| tier.runs.len())
        .sum::<usize>();
    assert!(runs > 1700, "{runs} runs: not the worst case");
    let room = series.tiers.iter().map(|tier| tier.runs.capacity());
    let bytes = room.sum::<usize>() * size_of::<Run>();
    assert!(bytes < 42 * 1024, "{bytes} bytes");
}

proptest! {
    #[test]
    fn windows_equal_a_brute_force_recount(
        steps in prop::collection::vec((0_i64..4_000_000, any::<bool>(), 0_i64..200_000), 1..120),
        later in 0_i64..100_000_000,
    ) {
        let mut series = Series::new(Duration::from_hours(30 * 24));
        let mut events = Vec::new();
        let mut clock = 1_700_000_000_000_i64;
        for (step, good, late) in steps {
            clock += step;
            let at = clock - late;
            series.add(Timestamp(at), if good { GOOD } else { BAD });
            events.push((at, good));
        }
        for now in [clock, clock + later] {
            for window in WINDOWS {
                let sum = series.sum(Timestamp(now), Duration::from_secs(window));
                prop_assert_eq!((sum.good, sum.bad), recount(&events, now, window as i64 * 1000));
                prop_assert_eq!(sum.covered_ms, (sum.good + sum.bad) * 10_000);
            }
        }
    }

    #[test]
    fn removing_undoes_adding(times in prop::collection::vec(0_i64..80_000_000, 1..60)) {
        let mut series = Series::new(Duration::from_hours(30 * 24));
        for at in &times { series.add(Timestamp(*at), BAD); }
        for at in &times { series.remove(Timestamp(*at), BAD); }
        for window in WINDOWS {
            prop_assert_eq!(series.sum(Timestamp(80_000_000), Duration::from_secs(window)), Counts::default());
        }
    }
}
