//! Real requests as events: turns the counters of a service into tallies.

use super::objective::Sli;
use super::slice::{slice_of, slice_start};
use super::tally::Tally;
use crate::outcome::Timestamp;
use std::time::Duration;

/// For readings further apart than this, it is unknown when events occurred. They are not counted, which
/// lowers the coverage. Twice the maximum scrape interval.
pub const LONGEST_GAP: Duration = Duration::from_mins(10);

/// The values of slod's counters of a service at one time; `None` if unknown. They fall only when slod, or
/// the counting of a role, starts again.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reading {
    /// All events: requests, or timed requests for latency objectives.
    pub all: Option<f64>,
    /// The failed requests among them, or for latency objectives those within the threshold.
    pub part: Option<f64>,
}

/// Turns successive readings of one objective into tallies.
#[derive(Clone, Copy, Debug, Default)]
pub struct TrafficCounter {
    last: Option<(Timestamp, Reading)>,
}

impl TrafficCounter {
    /// The events since the last reading, each part at its end; nothing if unknown. Readings must be in
    /// order of time.
    pub fn take(
        &mut self,
        sli: Sli,
        at: Timestamp,
        reading: Reading,
    ) -> impl Iterator<Item = (Timestamp, Tally)> + use<> {
        let since = self.last.map(|(before, _)| before);
        let counted = self.count(sli, at, reading);
        let spread = since
            .zip(counted)
            .map(|(since, counts)| minutes(since, at, counts));
        spread.into_iter().flatten()
    }

    /// Good and bad events since the last reading.
    fn count(&mut self, sli: Sli, at: Timestamp, reading: Reading) -> Option<(f64, f64)> {
        // A reading without its main counter, such as after a failed scrape, says nothing.
        reading.all?;
        let Some((before, last)) = self.last else {
            self.last = Some((at, reading));
            return None;
        };
        // Samples are stored only when a counter changes, so a counter without a sample is unchanged. But a
        // counter that was not reset together with the main one no longer exists, such as a bucket that a
        // new version lacks.
        let began_anew = reading.all < last.all;
        let unchanged = last.part.filter(|part| !began_anew || *part <= 0.0);
        let reading = Reading {
            part: reading.part.or(unchanged),
            ..reading
        };
        let covered = Duration::from_millis(u64::try_from(at.0 - before.0).ok()?);
        if covered.is_zero() {
            return None;
        }
        self.last = Some((at, reading));
        if covered > LONGEST_GAP {
            return None;
        }
        good_and_bad(sli, &last, &reading)
    }
}

/// Assigns the events between two readings to the minute of the later one, so that skipped readings within
/// a minute change nothing. Only if a whole minute has no reading, events are spread evenly over the time,
/// because the minute would appear unobserved otherwise.
fn minutes(
    from: Timestamp,
    to: Timestamp,
    (good, bad): (f64, f64),
) -> impl Iterator<Item = (Timestamp, Tally)> {
    let is_near = slice_of(to) - slice_of(from) <= 1;
    let first = if is_near {
        slice_of(to)
    } else {
        slice_of(from)
    };
    (first..=slice_of(to)).filter_map(move |slice| {
        let (begin, end) = match (slice_start(slice), slice_start(slice + 1)) {
            _ if is_near => (from, to),
            (begin, end) => (begin.max(from), end.min(to)),
        };
        // Rounded at each boundary, so that the parts add up to the total.
        let up_to = |at: Timestamp, events: f64| {
            whole(events * (at.0 - from.0) as f64 / (to.0 - from.0) as f64)
        };
        let tally = Tally {
            good: up_to(end, good) - up_to(begin, good),
            bad: up_to(end, bad) - up_to(begin, bad),
            void: 0,
            covered_ms: (end.0 - begin.0).unsigned_abs(),
        };
        let at = if end == to && slice == slice_of(to) {
            to
        } else {
            Timestamp(end.0 - 1)
        };
        (begin < end).then_some((at, tally))
    })
}

fn good_and_bad(sli: Sli, before: &Reading, now: &Reading) -> Option<(f64, f64)> {
    let all = increased(before.all, now.all)?;
    let part = increased(before.part, now.part).map(|part| part.min(all));
    match sli {
        Sli::Latency { .. } => Some((part?, all - part?)),
        Sli::Throughput(_) => {
            let failed = part.unwrap_or(0.0);
            Some((all - failed, failed))
        }
        Sli::Availability | Sli::Success | Sli::Freshness => Some((all - part?, part?)),
    }
}

/// The increase of a counter. `None` also if it fell: nothing was counted for an unknown part of the time.
fn increased(before: Option<f64>, now: Option<f64>) -> Option<f64> {
    let (before, now) = (before?, now?);
    (now >= before).then_some(now - before)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates; negative values become 0"
)]
fn whole(events: f64) -> u32 {
    events.round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slo::{Throughput, When};
    use crate::units::Rate;

    const LATENCY: Sli = Sli::Latency {
        of: None,
        below: Duration::from_millis(500),
    };

    fn reading(all: f64, part: f64) -> Reading {
        Reading {
            all: Some(all),
            part: Some(part),
        }
    }

    fn counted(sli: Sli, readings: &[(i64, Reading)]) -> Vec<Option<(u32, u32)>> {
        let mut counter = TrafficCounter::default();
        let each = readings.iter().map(|(second, reading)| {
            let tallies = counter.take(sli, Timestamp(second * 1000), *reading);
            let all = tallies.map(|(_, tally)| (tally.good, tally.bad));
            all.reduce(|a, b| (a.0 + b.0, a.1 + b.1))
        });
        each.collect()
    }

    #[test]
    fn errors_are_bad_and_requests_within_the_threshold_are_good() {
        let readings = [(0, reading(100.0, 5.0)), (10, reading(150.0, 8.0))];
        assert_eq!(counted(Sli::Success, &readings), [None, Some((47, 3))]);
        assert_eq!(counted(LATENCY, &readings), [None, Some((3, 47))]);
    }

    #[test]
    fn nothing_is_counted_while_slod_is_restarted() {
        let readings = [
            (0, reading(100.0, 5.0)),
            (300, reading(7.0, 1.0)),
            (310, reading(9.0, 1.0)),
            // Only the second counter starts again.
            (320, reading(12.0, 0.0)),
            (330, reading(14.0, 1.0)),
        ];
        let expected = [None, None, Some((2, 0)), None, Some((1, 1))];
        assert_eq!(counted(Sli::Success, &readings), expected);
    }

    #[test]
    fn a_failed_scrape_is_bridged_and_a_long_gap_is_not() {
        let readings = [
            (0, reading(100.0, 0.0)),
            (10, Reading::default()),
            (20, reading(120.0, 1.0)),
            (700, reading(900.0, 50.0)),
            (710, reading(910.0, 50.0)),
        ];
        let expected = [None, None, Some((19, 1)), None, Some((10, 0))];
        assert_eq!(counted(Sli::Success, &readings), expected);
    }

    #[test]
    fn a_missing_error_counter_is_unknown_and_an_unchanged_one_means_no_failures() {
        let none = |all| Reading {
            part: None,
            ..reading(all, 0.0)
        };
        let readings = [(0, none(10.0)), (10, none(20.0))];
        assert_eq!(counted(Sli::Success, &readings), [None, None]);
        let readings = [
            (0, reading(10.0, 2.0)),
            (10, none(20.0)),
            (20, reading(25.0, 3.0)),
        ];
        assert_eq!(
            counted(Sli::Success, &readings),
            [None, Some((10, 0)), Some((4, 1))]
        );
    }

    #[test]
    fn a_bucket_missing_after_a_restart_is_unknown() {
        let gone = |all| Reading {
            part: None,
            ..reading(all, 0.0)
        };
        let readings = [
            (0, reading(100.0, 90.0)),
            (10, reading(110.0, 100.0)),
            (20, gone(5.0)),
            (30, gone(15.0)),
            (40, reading(20.0, 12.0)),
            (50, reading(30.0, 21.0)),
        ];
        let expected = [None, Some((10, 0)), None, None, None, Some((9, 1))];
        assert_eq!(counted(LATENCY, &readings), expected);
    }

    #[test]
    fn throughput_without_an_error_counter_includes_all_requests() {
        let throughput = Sli::Throughput(Throughput {
            at_least: Rate::parse("1/s").expect("a rate"),
            when: When::Offered,
        });
        let none = |all| Reading {
            all: Some(all),
            part: None,
        };
        let readings = [(0, none(0.0)), (10, none(8.0)), (20, reading(16.0, 2.0))];
        assert_eq!(
            counted(throughput, &readings),
            [None, Some((8, 0)), Some((8, 0))]
        );
        let readings = [(0, reading(0.0, 0.0)), (10, reading(8.0, 3.0))];
        assert_eq!(counted(throughput, &readings), [None, Some((5, 3))]);
    }

    #[test]
    fn events_over_several_minutes_are_spread_over_them() {
        let mut counter = TrafficCounter::default();
        let mut take = |ms, all, part| {
            let tallies = counter.take(Sli::Success, Timestamp(ms), reading(all, part));
            let all = tallies.map(|(at, tally)| (at.0, tally.good, tally.bad, tally.covered_ms));
            all.collect::<Vec<_>>()
        };
        assert_eq!(take(45_000, 0.0, 0.0), []);
        assert_eq!(take(75_000, 3.0, 0.0), [(75_000, 3, 0, 30_000)]);
        assert_eq!(take(150_000, 3.0, 0.0), [(150_000, 0, 0, 75_000)]);
        let expected = [
            (179_999, 20, 1, 30_000),
            (239_999, 39, 1, 60_000),
            (299_999, 40, 1, 60_000),
        ];
        assert_eq!(take(300_000, 105.0, 3.0), expected);
        let expected = [
            (359_999, 0, 0, 60_000),
            (419_999, 0, 0, 60_000),
            (421_000, 0, 0, 1000),
        ];
        assert_eq!(take(421_000, 105.0, 3.0), expected);
    }

    #[test]
    fn invalid_readings_stay_within_bounds() {
        let readings = [
            (0, reading(0.0, 0.0)),
            (10, reading(1e300, 1e301)),
            (20, reading(f64::MAX, f64::MAX)),
            (30, reading(f64::NAN, f64::INFINITY)),
        ];
        let counted = counted(Sli::Success, &readings);
        assert_eq!(counted[1], Some((0, u32::MAX)));
    }
}
