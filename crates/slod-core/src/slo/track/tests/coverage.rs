//! Coverage of windows.

use super::*;

#[test]
fn two_probes_share_the_time_they_watch() {
    let mut tracker = tracker(Sli::Success, BudgetingMethod::Occurrences, &[10, 60]);
    fail_until(0, &mut tracker, 0..3600, 10);
    fail_until(0, &mut tracker, 0..3600, 60);
    let view = tracker.view(Timestamp::from_secs(3599), HOUR);
    assert_eq!((view.good, view.coverage), (420, Some(1.0)));
    assert!(
        (tracker.view(Timestamp::from_secs(3599), MONTH).expected - 420.0 * 720.0).abs() < 1e-6
    );
}

/// The second probe begins after half an hour: coverage and spent budget until then do not change.
#[test]
fn an_added_probe_does_not_change_the_past() {
    let seen = |since: i64| Presence {
        first: Some(Timestamp::from_secs(since)),
        absent: Spans::default(),
    };
    let minute = Duration::from_mins(1);
    let view = |probes: &[Presence], seconds: std::ops::Range<i64>| {
        let intervals = vec![60; probes.len()];
        let mut tracker = tracker(Sli::Success, BudgetingMethod::Occurrences, &intervals);
        tracker.watched_by(probes);
        for second in (0..seconds.end).step_by(60) {
            for probe in probes {
                let bad = Verdict::Bad(Cause::Status);
                let verdict = if second < 600 { bad } else { Verdict::Good };
                if probe.first <= Some(Timestamp::from_secs(second)) {
                    let at = Timestamp::from_secs(second);
                    record(&mut tracker, at, verdict, HOUR, minute);
                }
            }
        }
        let length = Duration::from_secs(seconds.end.abs_diff(seconds.start));
        tracker.view(Timestamp::from_secs(seconds.end - 1), length)
    };
    let before = view(&[seen(0)], 0..1800);
    assert_eq!(before.coverage, Some(1.0));
    // The same half hour, once the other probe is known.
    assert_eq!(view(&[seen(0), seen(1800)], 0..1800), before);
    let whole = view(&[seen(0), seen(1800)], 0..3600);
    assert_eq!((whole.good + whole.bad, whole.coverage), (90, Some(1.0)));
    assert!((whole.expected - 90.0).abs() < 1e-6, "{whole:?}");
}

/// A share of an interval need not be a whole number of milliseconds.
#[test]
fn seven_probes_of_a_tenth_of_a_second_cover_all_their_time() {
    let interval = Duration::from_millis(100);
    let contributing = vec![ContributingProbe::every(interval); 7];
    let objective = objective(Sli::Success, BudgetingMethod::Occurrences);
    let mut tracker = Tracker::new(Arc::new(objective), contributing);
    for ms in (0..300_000).step_by(100) {
        for _ in 0..7 {
            record(&mut tracker, Timestamp(ms), Verdict::Good, HOUR, interval);
        }
    }
    let view = tracker.view(Timestamp(299_999), Duration::from_mins(5));
    assert_eq!((view.good, view.coverage), (21_000, Some(1.0)));
    assert!((view.expected - 21_000.0).abs() < 1e-6, "{}", view.expected);
}

#[test]
fn a_changed_interval_keeps_what_was_observed() {
    let mut tracker = tracker(Sli::Success, BudgetingMethod::Occurrences, &[60]);
    fail_until(0, &mut tracker, 0..1800, 10);
    // Half an hour at 10 s was observed, and then nothing. The second half hour is expected at 60 s.
    let view = tracker.view(Timestamp::from_secs(3599), HOUR);
    assert!((view.expected - (180.0 + 179.9 + 1.0 / 60.0)).abs() < 1e-9);
    // The future part of a window is expected at 60 s.
    let day = tracker.days::<1>(Timestamp::from_secs(3600));
    assert_eq!(day[0].coverage, Some(0.5));
}

/// Windows start within a minute, and the minutes in progress at both ends do not count.
#[test]
fn observed_minutes_cover_every_window() {
    let mut tracker = tracker(Sli::Availability, SLICES, &[10]);
    let interval = Duration::from_secs(10);
    for second in (0..3600).step_by(10) {
        let at = Timestamp::from_secs(second);
        record(&mut tracker, at, Verdict::Good, HOUR, interval);
    }
    for second in [3540, 3545, 3559, 3590, 3599] {
        let now = Timestamp::from_secs(second);
        for window in [Duration::from_mins(5), Duration::from_mins(30)] {
            let coverage = tracker.view(now, window).coverage;
            assert_eq!(coverage, Some(1.0), "{second}: {window:?}");
        }
    }
}
