//! Real requests as events: counters of a service in, tallies out.

use super::objective::Sli;
use super::tally::{Tally, whole_ms};
use crate::outcome::Timestamp;
use std::time::Duration;

/// Readings further apart than this do not say when something happened: what was counted between
/// them is left out, and coverage shows it. Prometheus looks back as far.
pub const LONGEST_GAP: Duration = Duration::from_secs(5 * 60);

/// What a service's counters showed at one time. Unknown is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reading {
    /// All events: requests, or for latency those that were timed.
    pub all: Option<f64>,
    /// Those of them that failed, or for latency those within the threshold.
    pub part: Option<f64>,
    /// How many requests wait, for throughput.
    pub queued: Option<f64>,
}

/// Turns successive readings of one objective into tallies.
#[derive(Clone, Copy, Debug, Default)]
pub struct TrafficCounter {
    last: Option<(Timestamp, Reading)>,
}

impl TrafficCounter {
    /// What happened since the last reading; `None` if that is unknown. Readings come in the order
    /// of time.
    pub fn take(&mut self, sli: Sli, at: Timestamp, reading: Reading) -> Option<Tally> {
        // A reading without counters, such as of a failed scrape, leaves the last one as it was.
        reading.all?;
        let (before, last) = self.last.replace((at, reading))?;
        let covered = Duration::from_millis(u64::try_from(at.0 - before.0).ok()?);
        if covered.is_zero() || covered > LONGEST_GAP {
            return None;
        }
        let all = increase(last.all, reading.all)?;
        let part = increase(last.part, reading.part);
        let (good, bad) = match sli {
            Sli::Latency { .. } => (part?.min(all), all - part?.min(all)),
            Sli::Throughput(_) => {
                let failed = part.unwrap_or(0.0).min(all);
                let waiting = match (last.queued, reading.queued) {
                    (Some(before), Some(now)) => (now - before).max(0.0),
                    _ => 0.0,
                };
                (all - failed, failed + waiting)
            }
            // A counter of errors may appear with the first error.
            Sli::Availability | Sli::Success | Sli::Freshness => {
                let failed = match (last.part, reading.part) {
                    (None, Some(first)) => first,
                    _ => part.unwrap_or(0.0),
                };
                let failed = failed.min(all);
                (all - failed, failed)
            }
        };
        Some(Tally {
            good: whole(good),
            bad: whole(bad),
            void: 0,
            covered_ms: whole_ms(covered),
        })
    }
}

/// How much a counter grew. One that fell began anew at 0, as Prometheus has it.
fn increase(before: Option<f64>, now: Option<f64>) -> Option<f64> {
    let (before, now) = (before?, now?);
    Some(if now < before { now } else { now - before })
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
            queued: None,
        }
    }

    fn counted(sli: Sli, readings: &[(i64, Reading)]) -> Vec<Option<(u32, u32)>> {
        let mut counter = TrafficCounter::default();
        let each = readings.iter().map(|(second, reading)| {
            let tally = counter.take(sli, Timestamp(second * 1000), *reading);
            tally.map(|tally| (tally.good, tally.bad))
        });
        each.collect()
    }

    #[test]
    fn errors_are_bad_and_what_is_within_the_threshold_is_good() {
        let readings = [(0, reading(100.0, 5.0)), (10, reading(150.0, 8.0))];
        assert_eq!(counted(Sli::Success, &readings), [None, Some((47, 3))]);
        assert_eq!(counted(LATENCY, &readings), [None, Some((3, 47))]);
    }

    #[test]
    fn a_counter_that_fell_began_anew() {
        let readings = [(0, reading(100.0, 5.0)), (10, reading(7.0, 1.0))];
        assert_eq!(counted(Sli::Success, &readings), [None, Some((6, 1))]);
    }

    #[test]
    fn a_failed_scrape_is_bridged_and_a_long_gap_is_not() {
        let readings = [
            (0, reading(100.0, 0.0)),
            (10, Reading::default()),
            (20, reading(120.0, 1.0)),
            (400, reading(900.0, 50.0)),
            (410, reading(910.0, 50.0)),
        ];
        let expected = [None, None, Some((19, 1)), None, Some((10, 0))];
        assert_eq!(counted(Sli::Success, &readings), expected);
    }

    #[test]
    fn a_counter_of_errors_may_begin_with_the_first_error() {
        let none = Reading {
            part: None,
            ..reading(10.0, 0.0)
        };
        let readings = [(0, none), (10, reading(20.0, 1.0))];
        assert_eq!(counted(Sli::Success, &readings), [None, Some((9, 1))]);
        assert_eq!(counted(LATENCY, &readings), [None, None]);
    }

    #[test]
    fn what_waits_was_asked_for_too() {
        let throughput = Sli::Throughput(Throughput {
            at_least: Rate::parse("1/s").expect("a rate"),
            when: When::Offered,
        });
        let queued = |all, queued| Reading {
            queued: Some(queued),
            ..reading(all, 0.0)
        };
        let readings = [
            (0, queued(0.0, 0.0)),
            (10, queued(8.0, 5.0)),
            (20, queued(16.0, 1.0)),
        ];
        assert_eq!(
            counted(throughput, &readings),
            [None, Some((8, 5)), Some((8, 0))]
        );
    }

    #[test]
    fn nonsense_stays_within_bounds() {
        let readings = [
            (0, reading(f64::MAX, 0.0)),
            (10, reading(1e300, 1e301)),
            (20, reading(f64::MAX, f64::MAX)),
        ];
        let counted = counted(Sli::Success, &readings);
        assert_eq!(counted[1], Some((0, u32::MAX)));
    }
}
