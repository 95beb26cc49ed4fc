//! Thresholds of warning signs: the defaults, and those of a config.

use super::SignalKind;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The value at which a sign begins, and the value at which it ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    pub begins: f64,
    /// Equal to `begins` for a sign without hysteresis.
    pub ends: f64,
}

impl Level {
    /// The value that decides now whether the sign is present.
    pub const fn border(self, was_active: bool) -> f64 {
        if was_active { self.ends } else { self.begins }
    }
}

/// The unit of a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// 0.8 is 80%.
    Share,
    /// How often something happened.
    Count,
    /// Seconds.
    Span,
}

/// The side of its threshold on which a sign is present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Above,
    Below,
}

/// The threshold of a sign: its default and its valid range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    pub side: Side,
    pub unit: Unit,
    pub default: Level,
    /// Whether the sign ends at another value than it begins.
    pub has_end: bool,
    pub least: f64,
    pub most: f64,
}

impl Threshold {
    /// Begins above one share and ends below another.
    pub const fn above(begins: f64, ends: f64, most: f64) -> Self {
        Self {
            default: Level { begins, ends },
            has_end: true,
            ..Self::single(Side::Above, Unit::Share, begins, (0.01, most))
        }
    }

    /// Begins below one share and ends above another.
    pub const fn below(begins: f64, ends: f64) -> Self {
        Self {
            default: Level { begins, ends },
            has_end: true,
            ..Self::single(Side::Below, Unit::Share, begins, (0.01, 0.99))
        }
    }

    /// Begins and ends at the same value.
    pub const fn single(side: Side, unit: Unit, at: f64, (least, most): (f64, f64)) -> Self {
        Self {
            side,
            unit,
            default: Level {
                begins: at,
                ends: at,
            },
            has_end: false,
            least,
            most,
        }
    }
}

/// Which signs are evaluated, with which thresholds, and when they become alerts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// The names of the signs that are switched off.
    pub off: BTreeSet<&'static str>,
    /// The configured thresholds, by the names of the signs.
    pub levels: BTreeMap<&'static str, Level>,
    /// How long signs must be active before they become alerts, by their names; signs without an entry
    /// have the default.
    pub pending: BTreeMap<&'static str, Duration>,
}

impl Settings {
    pub fn is_on(&self, kind: &SignalKind) -> bool {
        !self.off.contains(kind.name)
    }

    /// The configured level of a sign, or its default.
    pub fn level(&self, kind: &SignalKind) -> Level {
        let set = self.levels.get(kind.name).copied();
        set.or(kind.threshold.map(|known| known.default))
            .unwrap_or(Level {
                begins: 0.0,
                ends: 0.0,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::kinds;

    #[test]
    fn a_configured_level_replaces_the_default() {
        let mut settings = Settings::default();
        let default = settings.level(&kinds::CPU_HIGH);
        assert_eq!((default.begins, default.ends), (0.8, 0.7));
        let own = Level {
            begins: 0.95,
            ends: 0.9,
        };
        settings.levels.insert("cpu_high", own);
        settings.off.insert("restarted");
        assert_eq!(settings.level(&kinds::CPU_HIGH), own);
        assert!(settings.is_on(&kinds::CPU_HIGH) && !settings.is_on(&kinds::RESTARTED));
    }

    #[test]
    fn every_default_is_within_its_range_and_ends_on_the_other_side() {
        for kind in kinds::SIGNALS {
            let Some(known) = kind.threshold else {
                continue;
            };
            let Level { begins, ends } = known.default;
            let range = known.least..=known.most;
            assert!(
                range.contains(&begins) && range.contains(&ends),
                "{}",
                kind.name
            );
            let is_other = match known.side {
                Side::Above => ends < begins,
                Side::Below => ends > begins,
            };
            assert_eq!(is_other, known.has_end, "{}", kind.name);
        }
    }
}
