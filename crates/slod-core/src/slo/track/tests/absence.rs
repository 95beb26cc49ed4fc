//! Time in which no probe was configured.

use super::*;

#[test]
fn a_late_first_outcome_ends_the_time_without_probes() {
    let objective = Objective {
        missing: NoDataPolicy::Bad,
        ..objective(Sli::Availability, SLICES)
    };
    let interval = Duration::from_secs(10);
    let every = vec![ContributingProbe::every(interval)];
    let mut tracker = Tracker::new(Arc::new(objective), every);
    tracker.watched_by(&[Presence {
        first: Some(Timestamp(0)),
        absent: Spans::new([(Timestamp::from_secs(120), Timestamp(i64::MAX))]),
    }]);
    let good = |tracker: &mut Tracker, minute: i64| {
        let at = Timestamp::from_secs(60 * minute);
        record(tracker, at, Verdict::Good, HOUR, interval);
    };
    good(&mut tracker, 0);
    good(&mut tracker, 1);
    let now = Timestamp::from_secs(1200);
    tracker.close_slices(now);
    assert_eq!(tracker.counters(), (2, 0));
    // Its result was unknown for five minutes. The minutes 16 to 18 are closed, and missing.
    good(&mut tracker, 15);
    assert_eq!(tracker.counters().0, 6);
    let view = tracker.view(now, HOUR);
    assert_eq!((view.good, view.bad), (3, 3));
}
