//! Error budgets, burn rates and forecasts. Unknown values are `None`; nothing is clamped.

use super::pace::Pace;
use super::series::Counts;
use crate::outcome::{Timestamp, millis};
use std::time::Duration;

/// good / (good + bad); `None` without events.
pub fn sli(counts: Counts) -> Option<f64> {
    let events = counts.good + counts.bad;
    (events > 0).then(|| counts.good as f64 / events as f64)
}

/// The error ratio of a window, divided by (1 - target).
pub fn burn_rate(counts: Counts, target: f64) -> Option<f64> {
    let events = counts.good + counts.bad;
    (events > 0).then(|| counts.bad as f64 / events as f64 / (1.0 - target))
}

/// The number of events that a window holds: the observed ones, plus those expected in its unobserved part.
/// The elapsed part (`over`) is extrapolated at the rate of the observed time, so that a changed interval
/// does not change the past; the rest of `whole` at the current rate. A service that is six hours old is
/// thus measured against its whole month. Observed time without events adds none.
pub fn expected_events(counts: Counts, over: Duration, whole: Duration, pace: Pace) -> f64 {
    let observed = (counts.good + counts.bad) as f64;
    let covered_ms = pace.covered_ms(counts);
    let unobserved_ms = |span: Duration| (millis(span) as f64 - covered_ms).max(0.0);
    let past_ms = unobserved_ms(over.min(whole));
    let to_come_ms = unobserved_ms(whole) - past_ms;
    observed + past_ms / pace.counted_spacing_ms + to_come_ms / pace.spacing_ms
}

/// Rounding error of sums of binary fractions.
const ROUNDING: f64 = 1e-9;

/// Remaining share of the budget: `1 - bad / ((1 - target) x expected)`. Negative once overspent, and
/// exactly zero if the budget is spent exactly.
pub fn remaining(bad: u64, expected: f64, target: f64) -> Option<f64> {
    let budget = (1.0 - target) * expected;
    (budget > 0.0).then(|| {
        let left = 1.0 - bad as f64 / budget;
        if left.abs() < ROUNDING { 0.0 } else { left }
    })
}

/// The input of a forecast.
#[derive(Clone, Debug)]
pub struct Burning {
    /// The number of bad events that the budget allows in the window: (1 - target) x expected.
    pub budget: f64,
    /// Bad events per hour slot in the window, oldest first.
    pub bad_by_hour: Vec<(Timestamp, u64)>,
    /// Bad events per second from now on.
    pub rate: f64,
}

/// When the budget will be exhausted at this burn rate, while earlier events leave the rolling window hour
/// by hour. `None` if the burn rate is 0, or if bad events leave the window as fast as they are added.
pub fn exhaustion(burning: &Burning, now: Timestamp, window: Duration) -> Option<Timestamp> {
    let total: u64 = burning.bad_by_hour.iter().map(|(_, bad)| bad).sum();
    let mut spent = total as f64;
    if burning.rate <= 0.0 {
        return None;
    }
    if spent >= burning.budget {
        return Some(now);
    }
    let reaches = |spent: f64, from: Timestamp| {
        let seconds = (burning.budget - spent) / burning.rate;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "saturates; compared with an end below"
        )]
        let at = from.0.saturating_add((seconds * 1000.0) as i64);
        Timestamp(at)
    };
    // Between two moments at which an hour leaves the window, spending is linear.
    let mut from = now;
    for (hour, bad) in &burning.bad_by_hour {
        let leaves = hour.after(window).max(from);
        let at = reaches(spent, from);
        if at <= leaves {
            return Some(at);
        }
        spent += burning.rate * (leaves.0 - from.0) as f64 / 1000.0 - *bad as f64;
        from = leaves;
    }
    // After one window at the latest, all history has left. From then on, the forecast events leave as fast
    // as new ones arrive.
    let at = reaches(spent, from);
    (at <= now.after(window)).then_some(at)
}

/// How long a total outage could last before the budget is exhausted: the remaining bad events times the
/// milliseconds per event. Zero once the budget is exhausted.
pub fn affordable(bad: u64, expected: f64, target: f64, spacing_ms: f64) -> Option<Duration> {
    let budget = (1.0 - target) * expected;
    let left = (budget - bad as f64).max(0.0);
    (budget > 0.0).then(|| Duration::try_from_secs_f64(left * spacing_ms / 1000.0).ok())?
}

/// When an exhausted budget will become positive again if nothing fails from now on: as soon as enough bad
/// events have left the window. `None` if it is not exhausted.
pub fn recovery(
    budget: f64,
    bad_by_hour: &[(Timestamp, u64)],
    now: Timestamp,
    window: Duration,
) -> Option<Timestamp> {
    let mut bad: u64 = bad_by_hour.iter().map(|(_, bad)| bad).sum();
    if bad as f64 <= budget {
        return None;
    }
    bad_by_hour.iter().find_map(|(hour, ages_out)| {
        bad -= ages_out;
        (bad as f64 <= budget).then(|| hour.after(window).max(now))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{DAY_MS, HOUR_MS};

    const MONTH: Duration = Duration::from_hours(30 * 24);

    fn counts(events: u64, bad: u64, spacing_ms: u64) -> Counts {
        Counts {
            good: events - bad,
            bad,
            void: 0,
            covered_ms: events * spacing_ms,
        }
    }

    fn every(spacing_ms: u64) -> Pace {
        Pace::steady(spacing_ms as f64, 1.0)
    }

    fn left(events: u64, bad: u64, spacing_ms: u64, target: f64) -> f64 {
        let counts = counts(events, bad, spacing_ms);
        let expected = expected_events(counts, MONTH, MONTH, every(spacing_ms));
        remaining(bad, expected, target).expect("a budget above zero")
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-9 * b.abs().max(1.0)
    }

    #[test]
    fn a_full_window_is_judged_by_its_own_events() {
        assert!(close(left(10_000, 12, 259_200, 0.999), -0.2));
        assert!(close(left(1_000_000, 250, 2592, 0.999), 0.75));
    }

    #[test]
    fn a_young_service_is_measured_against_its_whole_month() {
        // 6 h of 10 s probes, 3 of them bad.
        let spent = 1.0 - left(2160, 3, 10_000, 0.999);
        assert!((spent - 0.011_574).abs() < 1e-5, "{spent}");
    }

    #[test]
    fn five_minutes_of_outage_spend_their_share_of_43_2_minutes() {
        let slices = 1.0 - left(30 * 1440, 5, 60_000, 0.999);
        let occurrences = 1.0 - left(259_200, 30, 10_000, 0.999);
        assert!(close(slices, 5.0 / 43.2) && close(occurrences, 5.0 / 43.2));
    }

    #[test]
    fn a_budget_that_is_spent_exactly_is_not_overspent() {
        for (target, bad) in [
            (0.9, 1000),
            (0.95, 500),
            (0.99, 100),
            (0.995, 50),
            (0.999, 10),
        ] {
            assert_eq!(remaining(bad, 10_000.0, target), Some(0.0), "{target}");
            let over = remaining(bad + 1, 10_000.0, target);
            assert!(over.is_some_and(|left| left < 0.0), "{target}");
        }
    }

    #[test]
    fn nothing_observed_is_unknown() {
        let none = Counts::default();
        assert_eq!(sli(none), None);
        assert_eq!(burn_rate(none, 0.999), None);
        assert_eq!(remaining(0, 0.0, 0.999), None);
    }

    #[test]
    fn burn_rates_match_the_workbook() {
        // 36x over one hour of 99.9% spends 5% of 30 days.
        let hour = counts(10_000, 360, 360);
        let burn = burn_rate(hour, 0.999).expect("events");
        assert!(close(burn, 36.0));
        assert!(close(burn * 3600.0 / MONTH.as_secs_f64(), 0.05));
    }

    #[test]
    fn an_unspent_month_affords_43_2_minutes() {
        let minutes = |bad, expected, spacing_ms| {
            let left = affordable(bad, expected, 0.999, spacing_ms).expect("a budget");
            left.as_secs_f64() / 60.0
        };
        assert!(close(minutes(0, 259_200.0, 10_000.0), 43.2));
        assert!(close(minutes(30, 259_200.0, 10_000.0), 38.2));
        assert!(close(minutes(5, 43_200.0, 60_000.0), 38.2));
        assert!(close(minutes(260, 259_200.0, 10_000.0), 0.0));
        assert_eq!(affordable(0, 0.0, 0.999, 10_000.0), None);
    }

    #[test]
    fn an_exhausted_budget_recovers_as_failures_leave_the_window() {
        let hour = |n: i64| Timestamp::from_secs(3600 * n);
        let now = hour(700);
        let past = [(hour(10), 50), (hour(20), 60), (hour(600), 40)];
        let after = |budget| recovery(budget, &past, now, MONTH).map(|at| at.0 / HOUR_MS);
        assert_eq!(after(150.0), None);
        assert_eq!(after(149.0), Some(10 + 720));
        assert_eq!(after(100.0), Some(10 + 720));
        assert_eq!(after(99.0), Some(20 + 720));
        assert_eq!(after(39.0), Some(600 + 720));
    }

    #[test]
    fn a_fast_burn_exhausts_a_full_budget_in_the_expected_time() {
        let burning = Burning {
            budget: 259.2,
            bad_by_hour: vec![],
            rate: 14.4 * 259.2 / MONTH.as_secs_f64(),
        };
        let at = exhaustion(&burning, Timestamp(0), MONTH).expect("burning");
        assert!(
            (at.as_secs_f64() - 50.0 * 3600.0).abs() < 1.0,
            "14.4x takes 50 h"
        );
    }

    #[test]
    fn failures_leave_the_window_before_the_budget_is_exhausted() {
        let now = Timestamp(30 * DAY_MS);
        // An old incident spent 90% and leaves the window in one hour; the steady burn alone never
        // exhausts the budget.
        let mut burning = Burning {
            budget: 100.0,
            bad_by_hour: vec![(Timestamp::from_secs(3600), 90)],
            rate: 50.0 / MONTH.as_secs_f64(),
        };
        assert_eq!(exhaustion(&burning, now, MONTH), None);
        burning.rate = 0.0;
        assert_eq!(exhaustion(&burning, now, MONTH), None);
        burning.rate = 20.0 / 3600.0;
        let at = exhaustion(&burning, now, MONTH).expect("10 events at 20 an hour");
        assert_eq!(at.0 - now.0, 1_800_000);
    }
}
