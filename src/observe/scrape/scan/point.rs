//! The identity and the value of a sample that matches a rule. Pure.

use crate::observe::scrape::parse::{SortedLabels, parse_value};
use crate::observe::scrape::plan::{Rule, SampleKind};
use crate::roles::RoleKind;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};

/// A sample that matches a rule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// A hash of its labels (for a histogram without `le`), the same from page to page.
    pub key: u64,
    pub slot: Slot,
    pub value: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Slot {
    Value,
    /// With its upper bound.
    Bucket(f64),
    Sum,
    Count,
}

impl Slot {
    /// A distinct number for each slot; a bound is compared as a number, however it is written.
    pub fn number(self) -> (u8, u64) {
        match self {
            Self::Value => (0, 0),
            Self::Bucket(bound) => (1, bound.to_bits()),
            Self::Sum => (2, 0),
            Self::Count => (3, 0),
        }
    }
}

/// A sample whose name a rule may match.
#[derive(Clone, Debug)]
pub struct Candidate<'a> {
    pub labels: SortedLabels<'a>,
    pub value: f64,
    /// Whether its timestamp is usable.
    pub is_current: bool,
}

/// Converts a sample to a point of its rule; `None` if its value or bound is NaN.
pub fn point(rule: &Rule, part: SampleKind, sample: &Candidate<'_>, key: u64) -> Option<Point> {
    let slot = match part {
        SampleKind::Value => Slot::Value,
        SampleKind::Sum => Slot::Sum,
        SampleKind::Count => Slot::Count,
        SampleKind::Bucket => Slot::Bucket(upper_bound(&sample.labels)? * rule.scale),
    };
    let scale = match part {
        SampleKind::Value | SampleKind::Sum => rule.scale,
        SampleKind::Bucket | SampleKind::Count => 1.0,
    };
    let value = sample.value * scale;
    is_usable(rule.role.kind(), value).then_some(Point { key, slot, value })
}

/// Whether a role can have this value: counters are not negative, and only limits are infinite.
pub fn is_usable(kind: RoleKind, value: f64) -> bool {
    match kind {
        RoleKind::Gauge | RoleKind::State => value.is_finite(),
        RoleKind::Limit => !value.is_nan(),
        RoleKind::Counter | RoleKind::Histogram => value.is_finite() && value >= 0.0,
    }
}

fn upper_bound(labels: &SortedLabels<'_>) -> Option<f64> {
    let bound = parse_value(labels.value("le")?).ok()?;
    (!bound.is_nan()).then_some(bound)
}

/// The identity of a series: a keyed hash, which a service cannot predict, of its name and labels
/// in any order. All parts of a histogram have the same identity.
pub fn key(name: &str, part: SampleKind, labels: &SortedLabels<'_>, hasher: &RandomState) -> u64 {
    let (suffix, left_out) = match part {
        SampleKind::Value => ("", None),
        SampleKind::Bucket => ("_bucket", Some("le")),
        SampleKind::Sum => ("_sum", None),
        SampleKind::Count => ("_count", None),
    };
    let mut state = hasher.build_hasher();
    name.strip_suffix(suffix).unwrap_or(name).hash(&mut state);
    (part == SampleKind::Value).hash(&mut state);
    let pairs = labels.pairs();
    for pair in pairs.filter(|(name, _)| Some(*name) != left_out) {
        pair.hash(&mut state);
    }
    state.finish()
}
