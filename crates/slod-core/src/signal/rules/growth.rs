//! Growth over hours: memory, and counts such as threads.

use super::time_of_day::{self, Earlier};
use super::{Answer, LOAD_LEAST};
use crate::signal::{Presence, Track};
use crate::trend::{Growth, GrowthRules, GrowthVerdict, Windows, growth, load_rises};
use std::time::Duration;

pub const MIB: f64 = 1_048_576.0;

/// The growth rules for memory.
pub const MEMORY: GrowthRules = GrowthRules {
    share: 0.05,
    floor: 16.0 * MIB,
    limit: None,
};

/// The growth rules for counts.
pub const COUNTED: GrowthRules = GrowthRules {
    share: 0.2,
    floor: 10.0,
    limit: None,
};

/// Consecutive evaluations in which a queue must grow: it fills faster than memory, and is evaluated per
/// minute over an hour.
pub const QUEUE_CONFIRMATIONS: u32 = 8;

/// A number that may grow, with its growth rules.
#[derive(Debug)]
pub struct GrowthInput<'a> {
    pub track: &'a Track,
    pub traffic: &'a Track,
    pub rules: GrowthRules,
    /// The unit, and its size in terms of the number.
    pub unit: &'a str,
    pub scale: f64,
    /// A description of its limit, such as `limit of 2 GiB`.
    pub limit: Option<String>,
    /// Its earlier levels, if it follows the traffic of a day.
    pub earlier: Option<Earlier>,
}

/// Whether a number grows.
pub fn growing(number: &GrowthInput<'_>) -> Answer {
    let (unit, scale) = (number.unit, number.scale);
    let rules = time_of_day::rules(number);
    let verdict = |windows: Windows<'_>| growth(windows, &rules);
    match number.track.with_windows(verdict) {
        GrowthVerdict::Unknown { needed } => {
            let known = number.track.known(usize::MAX).len();
            let minutes = number.track.width().as_secs() / 60;
            (
                Presence::Unknown,
                format!(
                    "{known} of the {needed} {minutes}-minute windows required for a trend are known since the last restart or deployment"
                ),
            )
        }
        GrowthVerdict::Steady { smallest_per_hour } => (
            Presence::Clear,
            format!(
                "does not grow; growth of {:.1} {unit}/h would have been detected",
                smallest_per_hour / scale
            ),
        ),
        GrowthVerdict::Plateauing(growth) => (
            Presence::Clear,
            format!(
                "grew from {:.0} to {:.0} {unit} and is leveling off",
                growth.from / scale,
                growth.to / scale
            ),
        ),
        GrowthVerdict::Growing(growth) => {
            if number
                .traffic
                .with_windows(|windows| load_rises(windows, LOAD_LEAST))
            {
                let evidence = format!(
                    "grows by {:.1} {unit}/h, as does traffic",
                    growth.per_hour / scale
                );
                return (Presence::Clear, evidence);
            }
            time_of_day::explained(number, &growth)
                .unwrap_or_else(|| (Presence::Active, sentence(number, &growth)))
        }
    }
}

/// The rate of growth with its interval, and from where to where.
pub(super) fn growth_words(number: &GrowthInput<'_>, growth: &Growth) -> String {
    let (unit, scale) = (number.unit, number.scale);
    let digits = usize::from(growth.per_hour < 10.0 * scale);
    let rate = |value: f64| format!("{:.digits$}", value / scale);
    format!(
        "grows by {} {unit}/h ({} to {}), from {:.0} to {:.0} {unit} in {}",
        rate(growth.per_hour),
        rate(growth.low),
        rate(growth.high),
        growth.from / scale,
        growth.to / scale,
        known_for(number.track)
    )
}

fn sentence(number: &GrowthInput<'_>, growth: &Growth) -> String {
    let evidence = growth_words(number, growth);
    match (&number.limit, growth.until_limit) {
        (Some(limit), Some(Duration::ZERO)) => format!("{evidence}; it has reached its {limit}"),
        (Some(limit), Some(left)) => format!("{evidence}; reaches its {limit} in {}", time(left)),
        (Some(limit), None) => format!("{evidence}; does not reach its {limit} within a year"),
        (None, _) => evidence,
    }
}

/// How long the known windows of a track are together.
pub(super) fn known_for(track: &Track) -> String {
    let windows = u32::try_from(track.known(usize::MAX).len()).unwrap_or(u32::MAX);
    time(track.width().saturating_mul(windows))
}

/// `25 min`, `18 h`, `12 days`
pub(super) fn time(span: Duration) -> String {
    let hours = span.as_secs_f64() / 3600.0;
    if hours < 2.0 {
        format!("{:.0} min", hours * 60.0)
    } else if hours < 72.0 {
        format!("{hours:.0} h")
    } else {
        format!("{:.0} days", hours / 24.0)
    }
}
