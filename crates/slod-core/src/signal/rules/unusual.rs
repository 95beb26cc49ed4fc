//! Deviations from the usual level at a time of day.

use super::latency::millis;
use super::{Answer, Numbers, active_if};
use crate::signal::{Level, Presence};
use crate::stats::season::Band;

/// Minimum days of history for response times.
pub(super) const MIN_DAYS: u32 = 3;
/// Traffic depends on the day of the week more than response times do.
const MIN_DAYS_OF_TRAFFIC: u32 = 7;
/// How many spreads a value must be away from the usual level. With a heavy-tailed distribution, about one
/// hour in a thousand is.
const SPREADS: f64 = 5.0;

/// The usual level at this time of day, and the days of history behind it.
#[derive(Clone, Copy, Debug)]
pub struct Usual {
    pub band: Band,
    pub days: u32,
}

impl Usual {
    /// Whether a response time is known to be usual at this time of day.
    pub(super) fn includes(&self, seconds: f64) -> bool {
        self.days >= MIN_DAYS && seconds <= self.band.high
    }
}

fn learned(usual: Option<Usual>, needed: u32) -> Result<Usual, Answer> {
    let days = usual.map_or(0, |usual| usual.days);
    let known = usual.filter(|usual| usual.days >= needed);
    known.ok_or_else(|| {
        let evidence = format!("{days} of the {needed} required days of history are known");
        (Presence::Unknown, evidence)
    })
}

/// Whether the 95th percentile of the last hour exceeds the usual level at this time of day by more than a
/// share and by more than chance.
pub fn latency_unusual(
    hour: Option<f64>,
    usual: Option<Usual>,
    level: Level,
    was_active: bool,
    numbers: Numbers,
) -> Answer {
    let usual = match learned(usual, MIN_DAYS) {
        Ok(usual) => usual,
        Err(unknown) => return unknown,
    };
    let Some(hour) = hour else {
        let evidence = format!("{}, p95 of the last hour is unknown", numbers.by());
        return (Presence::Unknown, evidence);
    };
    let border = level.border(was_active);
    let high = usual.band.high;
    let is_high = hour > high * (1.0 + border) && usual.band.deviate(hour) > SPREADS;
    let limit = (high * (1.0 + border)).max(usual.band.limits(SPREADS).1);
    let evidence = format!(
        "{}, p95 was {} in the last hour; up to {} is usual at this time of day ({} days of history); the sign {} {}",
        numbers.by(),
        millis(hour),
        millis(high),
        usual.days,
        if was_active {
            "ends at"
        } else {
            "begins above"
        },
        millis(limit)
    );
    (active_if(is_high), evidence)
}

/// Whether the request rate of the last hour is below the usual level at this time of day by more than a
/// share and by more than chance, although the probes succeed: traffic does not reach the service.
pub fn throughput_low(
    hour: Option<f64>,
    usual: Option<Usual>,
    level: Level,
    was_active: bool,
    is_good: bool,
) -> Answer {
    let usual = match learned(usual, MIN_DAYS_OF_TRAFFIC) {
        Ok(usual) => usual,
        Err(unknown) => return unknown,
    };
    let Some(hour) = hour else {
        let evidence = "the request rate of the last hour is unknown".to_owned();
        return (Presence::Unknown, evidence);
    };
    let border = level.border(was_active);
    let low = usual.band.low;
    let is_low = hour < low * border && usual.band.deviate(hour) < -SPREADS;
    let limit = match (low * border).min(usual.band.limits(SPREADS).0) {
        // No rate is below 0.
        _ if low <= 0.0 => String::new(),
        limit if limit <= 0.0 => "; the rate varies too much for any value to be low".to_owned(),
        limit if was_active => format!("; the sign ends at {limit:.2}"),
        limit => format!("; the sign begins below {limit:.2}"),
    };
    let evidence = format!(
        "{hour:.2} requests/s in the last hour; {low:.2} or more is usual at this time of day ({} days of history){limit}",
        usual.days
    );
    if is_low && !is_good {
        return (
            Presence::Clear,
            format!("{evidence}; its probes fail, which explains it"),
        );
    }
    (active_if(is_low), evidence)
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: Option<Usual> = Some(Usual {
        band: Band {
            low: 0.2,
            high: 0.2,
            spread: 0.01,
        },
        days: 14,
    });
    const HIGH: Level = Level {
        begins: 0.25,
        ends: 0.15,
    };
    const LOW: Level = Level {
        begins: 0.5,
        ends: 0.7,
    };

    #[test]
    fn a_latency_is_unusual_by_a_share_and_by_more_than_chance() {
        let judge = |hour, was| latency_unusual(Some(hour), USUAL, HIGH, was, Numbers::Probes);
        let (presence, evidence) = judge(0.3, false);
        assert_eq!(presence, Presence::Active);
        assert_eq!(
            evidence,
            "according to its probes, p95 was 300 ms in the last hour; up to 200 ms is usual at this time of day (14 days of history); the sign begins above 250 ms"
        );
        assert_eq!(judge(0.255, false).0, Presence::Active);
        assert_eq!(judge(0.24, false).0, Presence::Clear);
        assert_eq!(judge(0.1, false).0, Presence::Clear);
        let wide = Usual {
            band: Band {
                low: 0.2,
                high: 0.2,
                spread: 0.05,
            },
            days: 14,
        };
        let by_chance = latency_unusual(Some(0.3), Some(wide), HIGH, false, Numbers::Own);
        assert_eq!(by_chance.0, Presence::Clear);
        let young = USUAL.map(|usual| Usual { days: 2, ..usual });
        let unknown = latency_unusual(Some(0.3), young, HIGH, false, Numbers::Own);
        assert_eq!(
            unknown,
            (
                Presence::Unknown,
                "2 of the 3 required days of history are known".to_owned()
            )
        );
        assert_eq!(judge(f64::NAN, false).0, Presence::Clear);
    }

    #[test]
    fn few_requests_are_unusual_unless_the_service_fails() {
        let judge = |hour, is_good| throughput_low(Some(hour), USUAL, LOW, false, is_good).0;
        assert_eq!(judge(0.05, true), Presence::Active);
        assert_eq!(judge(0.05, false), Presence::Clear);
        assert_eq!(judge(0.12, true), Presence::Clear);
        let evidence = |was| throughput_low(Some(0.12), USUAL, LOW, was, true).1;
        let usual = "0.12 requests/s in the last hour; 0.20 or more is usual at this time of day (14 days of history)";
        assert_eq!(
            evidence(false),
            format!("{usual}; the sign begins below 0.10")
        );
        assert_eq!(evidence(true), format!("{usual}; the sign ends at 0.14"));
        let varied = USUAL.map(|usual| Usual {
            band: Band {
                spread: 1.0,
                ..usual.band
            },
            ..usual
        });
        assert_eq!(
            throughput_low(Some(0.12), varied, LOW, false, true).1,
            format!("{usual}; the rate varies too much for any value to be low")
        );
        let none = USUAL.map(|usual| Usual {
            band: Band {
                low: 0.0,
                high: 0.0,
                spread: 0.0,
            },
            ..usual
        });
        let usual = "0.00 requests/s in the last hour; 0.00 or more is usual at this time of day (14 days of history)";
        assert_eq!(
            throughput_low(Some(0.0), none, LOW, true, true),
            (Presence::Clear, usual.to_owned())
        );
        assert_eq!(
            throughput_low(None, USUAL, LOW, false, true).0,
            Presence::Unknown
        );
    }
}
