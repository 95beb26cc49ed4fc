//! The days of an objective.

use super::*;

/// A good outcome every ten seconds during these ranges of hours.
fn watched(budgeting: BudgetingMethod, hours: &[(i64, i64)], corrected: &[(i64, i64)]) -> Tracker {
    let at = |hour: i64| Timestamp::from_secs(3600 * hour);
    let spans = Spans::new(corrected.iter().map(|(from, to)| (at(*from), at(*to))));
    let tracker = tracker(Sli::Success, budgeting, &[10]);
    let mut tracker = tracker.with_corrected(Arc::new(spans));
    let interval = Duration::from_secs(10);
    for (from, to) in hours {
        for second in (3600 * from..3600 * to).step_by(10) {
            let at = Timestamp::from_secs(second);
            record(&mut tracker, at, Verdict::Good, HOUR, interval);
        }
    }
    tracker
}

#[test]
fn the_coverage_of_a_day_is_that_of_its_elapsed_part() {
    for (budgeting, per_hour) in [(BudgetingMethod::Occurrences, 360), (SLICES, 60)] {
        // Half of the first day is known; eighteen hours of the last day have elapsed.
        let tracker = watched(budgeting, &[(12, 48), (51, 66)], &[]);
        let now = Timestamp::from_secs(66 * 3600);
        let days = tracker.days::<4>(now);
        let reported = days.map(|day| (day.start.0 / 3_600_000, day.good, day.coverage));
        let known = [
            (-24, 0, Some(0.0)),
            (0, 12 * per_hour, Some(0.5)),
            (24, 24 * per_hour, Some(1.0)),
            (48, 15 * per_hour, Some(15.0 / 18.0)),
        ];
        assert_eq!(reported, known);
        assert!(days.iter().all(|day| day.corrected == 0.0 && day.bad == 0));
    }
}

#[test]
fn a_day_reports_its_corrected_part_and_the_coverage_of_the_rest() {
    for budgeting in [BudgetingMethod::Occurrences, SLICES] {
        // All of the first day, 12 of 24 hours, and 9 of 18 hours of the current day, which the correction
        // outlasts.
        let corrected = [(0, 24), (36, 48), (57, 90)];
        let tracker = watched(budgeting, &[(0, 30), (48, 66)], &corrected);
        let days = tracker.days::<3>(Timestamp::from_secs(66 * 3600));
        let reported = days.map(|day| (day.good > 0, day.corrected, day.coverage));
        let known = [
            (false, 1.0, None),
            (true, 0.5, Some(0.5)),
            (true, 0.5, Some(1.0)),
        ];
        assert_eq!(reported, known);
    }
}

#[test]
fn a_day_that_has_just_begun_has_no_coverage_yet() {
    let tracker = watched(SLICES, &[(0, 24)], &[(24, 48)]);
    let [_, today] = tracker.days::<2>(Timestamp::from_secs(24 * 3600 + 59));
    assert_eq!(
        (today.good, today.coverage, today.corrected),
        (0, None, 0.0)
    );
}
