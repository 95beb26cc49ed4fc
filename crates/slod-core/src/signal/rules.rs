//! When a warning sign is there, and its evidence as a sentence. Pure.

use super::{Presence, Track};
use crate::trend::{
    CONFIRMATIONS, ClimbVerdict, DriftVerdict, Errors, GrowthRules, GrowthVerdict, climb, drift,
    growth, load_rises,
};
use std::time::Duration;

/// Whether a sign is there, and why.
pub type Answer = (Presence, String);

const MIB: f64 = 1_048_576.0;
/// Of the last minutes, how many are looked at, and how many have to be above the limit.
const MINUTES: usize = 5;
const BAD_MINUTES: usize = 3;
/// Rise of the 95th percentile that counts.
const DRIFT_LEAST: f64 = 0.1;
/// Rise of the share of errors that counts.
const CLIMB_LEAST: f64 = 0.005;
/// Rise of the traffic that explains slower responses and more memory.
const LOAD_LEAST: f64 = 0.1;

/// Counts evaluations in a row in which a trend was found.
#[derive(Clone, Copy, Debug, Default)]
pub struct Confirmed(u32);

impl Confirmed {
    /// A trend is there once it was found [`CONFIRMATIONS`] times in a row.
    pub fn step(&mut self, (presence, evidence): Answer) -> Answer {
        self.0 = if presence == Presence::Active {
            self.0.saturating_add(1)
        } else {
            0
        };
        if (1..CONFIRMATIONS).contains(&self.0) {
            let evidence = format!(
                "{evidence} (not yet confirmed: {} of {CONFIRMATIONS} evaluations)",
                self.0
            );
            return (Presence::Clear, evidence);
        }
        (presence, evidence)
    }
}

/// The rules of growth for memory.
pub const MEMORY: GrowthRules = GrowthRules {
    share: 0.05,
    floor: 16.0 * MIB,
    limit: None,
};

/// The rules of growth for what is counted.
pub const COUNTED: GrowthRules = GrowthRules {
    share: 0.2,
    floor: 10.0,
    limit: None,
};

fn hours(span: Duration) -> String {
    format!("{:.1} h", span.as_secs_f64() / 3600.0)
}

/// Whether a number grows. `unit` is what it is counted in; `scale` is how much of the number is
/// one of it.
pub fn growing(
    track: &Track,
    traffic: &Track,
    rules: &GrowthRules,
    scale: f64,
    unit: &str,
) -> Answer {
    let verdict = track.with_windows(|windows| growth(windows, rules));
    match verdict {
        GrowthVerdict::Unknown { needed } => (
            Presence::Unknown,
            format!("fewer than {needed} windows since the last restart are known"),
        ),
        GrowthVerdict::Steady { smallest_per_hour } => (
            Presence::Clear,
            format!(
                "does not grow; {:.1} {unit} per hour would have been found",
                smallest_per_hour / scale
            ),
        ),
        GrowthVerdict::Plateauing(growth) => (
            Presence::Clear,
            format!(
                "grew from {:.0} to {:.0} {unit} and comes to an end",
                growth.from / scale,
                growth.to / scale
            ),
        ),
        GrowthVerdict::Growing(growth) => {
            if traffic.with_windows(|windows| load_rises(windows, LOAD_LEAST)) {
                let evidence = format!(
                    "grows by {:.1} {unit} per hour, as does the traffic",
                    growth.per_hour / scale
                );
                return (Presence::Clear, evidence);
            }
            let mut evidence = format!(
                "grows by {:.1} {unit} per hour ({:.1} to {:.1}), from {:.0} to {:.0}",
                growth.per_hour / scale,
                growth.low / scale,
                growth.high / scale,
                growth.from / scale,
                growth.to / scale
            );
            if let Some(left) = growth.until_limit {
                evidence = format!("{evidence}; at its limit in {}", hours(left));
            }
            (Presence::Active, evidence)
        }
    }
}

/// Whether the 95th percentile rises, given in seconds.
pub fn latency_rising(p95: &Track, traffic: &Track) -> Answer {
    match p95.with_windows(|windows| drift(windows, DRIFT_LEAST)) {
        DriftVerdict::Unknown { needed } => (
            Presence::Unknown,
            format!("fewer than {needed} windows with a p95 are known"),
        ),
        DriftVerdict::Steady { smallest } => (
            Presence::Clear,
            format!(
                "p95 does not rise; {:.0} % would have been found",
                smallest * 100.0
            ),
        ),
        DriftVerdict::Rising(rise) => {
            let words = format!(
                "p95 rose by {:.0} %, from {:.0} to {:.0} ms",
                rise.share * 100.0,
                rise.from * 1000.0,
                rise.to * 1000.0
            );
            if traffic.with_windows(|windows| load_rises(windows, LOAD_LEAST)) {
                return (Presence::Clear, format!("{words}, as did the traffic"));
            }
            let still = if rise.still { ", and still rises" } else { "" };
            (
                Presence::Active,
                format!("{words}{still}; traffic does not explain it"),
            )
        }
    }
}

/// Whether the share of errors climbs.
pub fn errors_climbing(windows: &[Errors]) -> Answer {
    match climb(windows, CLIMB_LEAST) {
        ClimbVerdict::Climbing { from, to, .. } => (
            Presence::Active,
            format!(
                "the error rate climbed from {:.2} to {:.2} %",
                from * 100.0,
                to * 100.0
            ),
        ),
        ClimbVerdict::Steady { .. } => {
            (Presence::Clear, "the error rate does not climb".to_owned())
        }
        ClimbVerdict::Unknown { .. } => (
            Presence::Unknown,
            "too few requests or errors are known".to_owned(),
        ),
    }
}

/// Whether a share was above a limit in three of the last five minutes. It clears below `clear`.
pub fn above(track: &Track, limit: f64, clear: f64, was_active: bool, what: &str) -> Answer {
    let border = if was_active { clear } else { limit };
    let Some(bad) = track.above(border, MINUTES) else {
        return (
            Presence::Unknown,
            format!("{what}: fewer than {MINUTES} minutes are known"),
        );
    };
    let last = track.last().unwrap_or_default() * 100.0;
    let evidence = format!(
        "{what} was above {:.0} % in {bad} of the last {MINUTES} minutes, last {last:.0} %",
        border * 100.0
    );
    let presence = if bad >= BAD_MINUTES {
        Presence::Active
    } else {
        Presence::Clear
    };
    (presence, evidence)
}

#[cfg(test)]
mod tests {
    use super::super::Keep;
    use super::*;
    use crate::outcome::Timestamp;

    fn track(width: u64, keep: Keep, values: impl IntoIterator<Item = f64>) -> Track {
        let mut track = Track::new(Duration::from_secs(width), 240, keep);
        let mut at = 0;
        for value in values {
            track.take(Timestamp::from_secs(at), Some(value));
            at += i64::try_from(width).expect("small");
        }
        track.take(Timestamp::from_secs(at), None);
        track
    }

    fn wobble(at: u64) -> f64 {
        1.0 + (at * 7919 % 101) as f64 / 5000.0
    }

    #[test]
    fn a_leak_is_reported_with_its_pace_and_traffic_explains_growth() {
        let memory = |per_window: f64| {
            let values = (0..60).map(|at| (200.0 + per_window * at as f64) * MIB * wobble(at));
            track(120, Keep::Lowest, values)
        };
        let flat = track(120, Keep::Mean, (0..60).map(|at| 50.0 * wobble(at)));
        let rising = track(120, Keep::Mean, (0..60).map(|at| 50.0 + f64::from(at)));
        let (presence, evidence) = growing(&memory(1.0), &flat, &MEMORY, MIB, "MiB");
        assert_eq!(presence, Presence::Active, "{evidence}");
        assert!(evidence.contains("MiB per hour"), "{evidence}");
        assert_eq!(
            growing(&memory(0.0), &flat, &MEMORY, MIB, "MiB").0,
            Presence::Clear
        );
        assert_eq!(
            growing(&memory(1.0), &rising, &MEMORY, MIB, "MiB").0,
            Presence::Clear
        );
        let short = track(120, Keep::Lowest, [MIB; 5]);
        assert_eq!(
            growing(&short, &flat, &MEMORY, MIB, "MiB").0,
            Presence::Unknown
        );
    }

    #[test]
    fn a_trend_is_confirmed_by_evaluations_in_a_row() {
        let mut confirmed = Confirmed::default();
        let found = || (Presence::Active, "it rises".to_owned());
        for _ in 1..CONFIRMATIONS {
            let (presence, evidence) = confirmed.step(found());
            assert_eq!(presence, Presence::Clear);
            assert!(evidence.contains("not yet confirmed"));
        }
        assert_eq!(confirmed.step(found()).0, Presence::Active);
        assert_eq!(
            confirmed.step((Presence::Clear, String::new())).0,
            Presence::Clear
        );
        assert_eq!(confirmed.step(found()).0, Presence::Clear);
    }

    #[test]
    fn a_busy_processor_needs_three_of_five_minutes_and_clears_lower() {
        let cpu = |values: [f64; 5]| track(60, Keep::Mean, values);
        let judge = |values, was| above(&cpu(values), 0.8, 0.7, was, "cpu").0;
        assert_eq!(judge([0.9, 0.5, 0.9, 0.5, 0.9], false), Presence::Active);
        assert_eq!(judge([0.9, 0.5, 0.9, 0.5, 0.5], false), Presence::Clear);
        assert_eq!(judge([0.75; 5], false), Presence::Clear);
        assert_eq!(judge([0.75; 5], true), Presence::Active);
        assert_eq!(judge([0.65; 5], true), Presence::Clear);
        let short = track(60, Keep::Mean, [0.9; 4]);
        assert_eq!(above(&short, 0.8, 0.7, false, "cpu").0, Presence::Unknown);
    }

    #[test]
    fn slower_responses_are_reported_unless_traffic_explains_them() {
        let p95 = track(
            300,
            Keep::Mean,
            (0..24).map(|at| 0.4 * wobble(at) * (1.0 + at as f64 / 50.0)),
        );
        let flat = track(300, Keep::Mean, (0..24).map(|at| 50.0 * wobble(at)));
        let rising = track(
            300,
            Keep::Mean,
            (0..24).map(|at| 50.0 + 3.0 * f64::from(at)),
        );
        let (presence, evidence) = latency_rising(&p95, &flat);
        assert_eq!(presence, Presence::Active, "{evidence}");
        assert_eq!(latency_rising(&p95, &rising).0, Presence::Clear);
        let errors = |rate: f64| -> Vec<Errors> {
            (0..24_u32)
                .map(|at| Errors {
                    errors: crate::units::whole(f64::from(at) * rate),
                    total: 1000,
                })
                .collect()
        };
        assert_eq!(errors_climbing(&errors(2.0)).0, Presence::Active);
        assert_eq!(errors_climbing(&errors(0.0)).0, Presence::Clear);
    }
}
