//! One page: which of its samples match which rule. Pure but for what it is given.

use super::parse::{LabelSet, Pair, Sample, parse_value};
use super::plan::{Interest, Part, Plan, Rule};
use crate::roles::RoleKind;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hash, Hasher, RandomState};

/// Samples of one service that are kept; the roles beyond are unknown.
pub const KEPT_MAX: usize = 50_000;
/// Milliseconds that a timestamp may lie behind: as long as Prometheus shows a sample.
const STALE_MS: i64 = 5 * 60 * 1000;
/// Milliseconds that a timestamp may lie ahead, as in Prometheus.
const AHEAD_MS: i64 = 10 * 60 * 1000;

/// A sample that matches a rule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Of its labels and its part: the same from page to page.
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

/// What a page has for one rule.
#[derive(Debug, Default, PartialEq)]
pub struct Found {
    pub points: Vec<Point>,
    /// Whether the metric is there, with the labels that the rule looks at. Then no match is 0.
    pub is_known: bool,
    /// There were too many.
    pub is_partial: bool,
}

/// What a page has for all rules.
#[derive(Debug, Default)]
pub struct Findings {
    pub by_rule: HashMap<usize, Found>,
    /// All samples of the page.
    pub samples: u64,
    /// Matching samples without a use: no number, out of time, a second of the same series, or too
    /// many; and lines that are too long.
    pub dropped: u64,
}

/// Takes the samples of a page one by one.
pub struct Scan<'p> {
    plan: &'p Plan,
    hasher: &'p RandomState,
    now_ms: i64,
    findings: Findings,
    name: String,
    interest: Vec<Interest>,
    seen: HashSet<(usize, u64)>,
    /// Rules whose family is described.
    described: HashSet<usize>,
}

impl<'p> Scan<'p> {
    pub fn new(plan: &'p Plan, hasher: &'p RandomState, now_ms: i64) -> Self {
        Self {
            plan,
            hasher,
            now_ms,
            findings: Findings::default(),
            name: String::new(),
            interest: Vec::new(),
            seen: HashSet::new(),
            described: HashSet::new(),
        }
    }

    pub fn take(&mut self, sample: &Sample<'_>) {
        self.findings.samples += 1;
        if self.name != sample.name {
            self.name.clear();
            self.name.push_str(sample.name);
            self.interest.clear();
            self.plan.interest_in(sample.name, &mut self.interest);
        }
        if !self.interest.is_empty() {
            let key = key(sample, self.hasher);
            for at in 0..self.interest.len() {
                self.hold_against(self.interest[at], sample, key);
            }
        }
    }

    /// Counts a line that was not read.
    pub fn drop_line(&mut self) {
        self.findings.dropped += 1;
    }

    /// Takes note of a family that the page describes.
    pub fn describe(&mut self, family: &str) {
        let mut interest = Vec::new();
        for suffix in ["", "_total", "_count"] {
            self.plan
                .interest_in(&format!("{family}{suffix}"), &mut interest);
        }
        self.described.extend(interest.iter().map(|(at, _)| *at));
    }

    /// A family without any series yet is known: its first series will count from 0.
    pub fn finish(mut self) -> Findings {
        for at in self.described {
            let found = self.findings.by_rule.entry(at);
            found.or_insert_with(|| Found {
                is_known: true,
                ..Found::default()
            });
        }
        self.findings
    }

    fn hold_against(&mut self, (at, part): Interest, sample: &Sample<'_>, key: u64) {
        let Some(rule) = self.plan.rule(at) else {
            return;
        };
        let Some(selector) = &rule.selector else {
            return;
        };
        let found = self.findings.by_rule.entry(at).or_default();
        if !selector.takes_labels(&sample.labels) {
            found.is_known |= selector.knows_labels(&sample.labels);
            return;
        }
        found.is_known = true;
        let point =
            point(rule, part, sample, key).filter(|_| is_current(sample.timestamp, self.now_ms));
        let Some(point) = point else {
            self.findings.dropped += 1;
            return;
        };
        if self.seen.len() == KEPT_MAX || found.is_partial {
            found.is_partial = true;
            self.findings.dropped += 1 + found.points.len() as u64;
            found.points = Vec::new();
        } else if self.seen.insert((at, point.key)) {
            found.points.push(point);
        } else {
            self.findings.dropped += 1;
        }
    }
}

fn is_current(timestamp: Option<i64>, now_ms: i64) -> bool {
    let span = now_ms.saturating_sub(STALE_MS)..=now_ms.saturating_add(AHEAD_MS);
    timestamp.is_none_or(|timestamp| span.contains(&timestamp))
}

/// The sample as a point of its rule; `None` if its value or its bound is no number.
fn point(rule: &Rule, part: Part, sample: &Sample<'_>, key: u64) -> Option<Point> {
    let is_gauge = matches!(rule.role.kind(), RoleKind::Gauge | RoleKind::State);
    let is_usable = sample.value.is_finite() && (is_gauge || sample.value >= 0.0);
    let slot = match part {
        Part::Value => Slot::Value,
        Part::Sum => Slot::Sum,
        Part::Count => Slot::Count,
        Part::Bucket => Slot::Bucket(upper_bound(sample.labels)? * rule.scale),
    };
    let scale = match part {
        Part::Value | Part::Sum => rule.scale,
        Part::Bucket | Part::Count => 1.0,
    };
    let value = sample.value * scale;
    (is_usable && value.is_finite()).then_some(Point { key, slot, value })
}

fn upper_bound(labels: LabelSet<'_>) -> Option<f64> {
    let (_, bound) = labels.pairs().find(|(name, _)| *name == "le")?;
    let bound = parse_value(&bound).ok()?;
    (!bound.is_nan()).then_some(bound)
}

/// The identity of a series: its name and labels in any order, as a number that nobody outside can
/// aim at.
fn key(sample: &Sample<'_>, hasher: &RandomState) -> u64 {
    let mut pairs: Vec<Pair<'_>> = sample.labels.pairs().collect();
    // An empty label is the same as none.
    pairs.retain(|(_, value)| !value.is_empty());
    pairs.sort_unstable();
    let mut state = hasher.build_hasher();
    sample.name.hash(&mut state);
    pairs.hash(&mut state);
    state.finish()
}
