//! Synthetic history for trying out alerts.

use crate::outcome::{Timestamp, millis};
use crate::units::{self, show_duration};
use std::time::Duration;

/// A synthetic history, written as `good x 72h, bad x 5m, bad 2% x 6h`.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario(Vec<Phase>);

#[derive(Clone, Copy, Debug, PartialEq)]
struct Phase {
    /// Ratio of failing attempts.
    failing: f64,
    length: Duration,
}

/// Longer histories are most likely typos, and would take minutes.
const MAX_SPAN: Duration = Duration::from_hours(366 * 24);

impl std::str::FromStr for Scenario {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let phases: Result<Vec<_>, String> = text.split(',').map(phase).collect();
        let scenario = Self(phases?);
        if scenario.length() > MAX_SPAN {
            return Err(format!(
                "synthetic history is limited to {}",
                show_duration(MAX_SPAN)
            ));
        }
        Ok(scenario)
    }
}

fn phase(text: &str) -> Result<Phase, String> {
    let text = text.trim();
    let (what, length) = text.split_once(" x ").ok_or_else(|| {
        format!(
            "invalid phase `{text}`; expected a phase such as `good x 72h`, `bad x 5m` or `bad 2% x 6h`"
        )
    })?;
    let length = length.trim();
    let length = units::duration(length)
        .filter(|length| !length.is_zero())
        .ok_or_else(|| format!("invalid duration `{length}`; expected more than 0s, such as 5m"))?;
    let failing = failing(what.trim())?;
    Ok(Phase { failing, length })
}

/// Parses the ratio of failing attempts.
fn failing(what: &str) -> Result<f64, String> {
    match (what, what.strip_prefix("bad ")) {
        ("good", _) => Ok(0.0),
        ("bad", _) => Ok(1.0),
        (_, Some(share)) => units::ratio(share)
            .filter(|ratio| *ratio > 0.0)
            .ok_or_else(|| {
                format!(
                    "invalid share `{share}`; expected more than 0%, up to 100%; `good` fails none"
                )
            }),
        (_, None) => Err(format!(
            "invalid phase `{what}`; expected `good`, `bad`, or `bad` with a share such as `bad 2%`"
        )),
    }
}

impl Scenario {
    /// Total length.
    pub fn length(&self) -> Duration {
        self.0.iter().fold(Duration::ZERO, |sum, phase| {
            sum.saturating_add(phase.length)
        })
    }

    /// Whether an attempt at this time since the start fails, given the interval of the attempts. A phase
    /// includes the attempt at its end: `good x 72h` ends with a good one. Failures are spread evenly over
    /// a phase, so that every part of it has the configured ratio.
    pub fn fails(&self, at: Timestamp, interval: Duration) -> bool {
        let mut begin = Timestamp(-1);
        let mut end = Timestamp(0);
        for phase in &self.0 {
            end = end.after(phase.length);
            if at <= end {
                let interval = millis(interval).max(1);
                let first = begin.0.div_euclid(interval) + 1;
                let number = at.0.div_euclid(interval) - first;
                return failures(number + 1, phase.failing) > failures(number, phase.failing);
            }
            begin = end;
        }
        false
    }
}

/// How many of the first attempts fail: the ratio, rounded so that the count is off by at most half a
/// failure. Half is rounded up, so that the first attempt of `bad 50%` fails.
fn failures(attempts: i64, share: f64) -> i64 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "at most the number of attempts in a year"
    )]
    let rounded = (attempts as f64 * share).round() as i64;
    rounded
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of the attempts between two times fail.
    fn failing(text: &str, seconds: std::ops::RangeInclusive<i64>) -> usize {
        let scenario: Scenario = text.parse().expect("a story");
        let attempts = seconds.filter(|second| second % 10 == 0);
        let fails =
            |second: &i64| scenario.fails(Timestamp::from_secs(*second), Duration::from_secs(10));
        attempts.filter(fails).count()
    }

    #[test]
    fn every_failure_ratio_is_reproduced() {
        for percent in 1..=100_usize {
            let text = format!("good x 1h, bad {percent}% x 1000s, good x 1h");
            assert_eq!(failing(&text, 0..=8200), percent, "{percent}% of 100");
            // The same holds for any part of it.
            let half = failing(&text, 3601..=4100);
            assert!(half.abs_diff(percent / 2) <= 1, "{percent}%: {half} of 50");
        }
        assert_eq!(failing("bad 0.5% x 10000s", 1..=10_000), 5);
        assert_eq!(failing("bad 33.3% x 10000s", 1..=10_000), 333);
        assert_eq!(failing("good x 1h, bad x 5m", 0..=3900), 30);
    }
}
