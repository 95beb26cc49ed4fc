//! Scanning a page: which of its samples match which rule. Pure.

mod point;

pub use point::{Point, Slot, is_usable};

use super::breakers;
use super::dropped::{DropCause, Dropped};
use super::native::{Native, is_same};
use super::parse::{LabelSet, Sample, SortedLabels};
use super::plan::{Interest, Plan, Rule, SampleKind};
use super::pools::{self, PoolSample};
use crate::roles::{Role, RoleKind};
use point::{Candidate, key, point};
use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, RandomState};

/// Maximum number of samples kept per service; roles beyond that are unknown.
pub const KEPT_MAX: usize = 50_000;
/// The same for native histograms.
pub const NATIVES_MAX: usize = 5000;
/// How many milliseconds a timestamp may be in the past: as long as Prometheus shows a sample.
const STALE_MS: i64 = 5 * 60 * 1000;
/// How many milliseconds a timestamp may be in the future, as in Prometheus.
const AHEAD_MS: i64 = 10 * 60 * 1000;

/// A native histogram of a page.
#[derive(Clone, Debug)]
pub struct NativeSample<'a> {
    /// With `_bucket`, as in classic form.
    pub name: &'a str,
    pub labels: LabelSet<'a>,
    pub timestamp: Option<i64>,
    pub native: &'a Native,
}

/// A native histogram that matches a rule, read at the bounds of its role.
#[derive(Clone, Debug, PartialEq)]
pub struct NativePoint {
    pub key: u64,
    /// The buckets are the same as long as these are.
    pub shape: (i32, f64),
    pub count: f64,
    /// `None` if it is not a positive number: a NaN observation makes it NaN.
    pub sum: Option<f64>,
    /// The count up to each bound of [`Plan::bounds`].
    pub up_to: Box<[f64]>,
}

/// The samples of a page for one rule.
#[derive(Debug, Default, PartialEq)]
pub struct RuleSamples {
    pub points: Vec<Point>,
    pub natives: Vec<NativePoint>,
    /// Whether the metric exists with the labels that the rule selects on, in a sample that can be
    /// used. Without matching series its value is then 0.
    pub is_known: bool,
    /// Whether there were too many samples.
    pub is_partial: bool,
    /// For circuit breakers: the sum of values by name.
    pub names: BTreeMap<String, f64>,
    /// For database pools: the first values with their labels.
    pub pools: Vec<PoolSample>,
}

impl RuleSamples {
    /// The number of matching series.
    pub fn len(&self) -> usize {
        self.points.len() + self.natives.len()
    }

    pub fn is_empty(&self) -> bool {
        self.points.is_empty() && self.natives.is_empty()
    }

    /// Whether the page has matching series, even if too many.
    pub fn has_series(&self) -> bool {
        self.is_partial || !self.is_empty()
    }

    fn pool(&mut self, labels: &SortedLabels<'_>, value: f64) {
        if self.pools.len() < pools::SERIES_MAX {
            let labels = labels.pairs();
            let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
            self.pools.push(PoolSample {
                labels: labels.collect(),
                value,
            });
        }
    }

    fn name(&mut self, name: Option<String>, value: f64) {
        let is_full = self.names.len() >= breakers::NAMES_MAX;
        if let Some(name) = name.filter(|name| !is_full || self.names.contains_key(name)) {
            *self.names.entry(name).or_default() += value;
        }
    }
}

/// The samples of a page for all rules.
#[derive(Debug, Default)]
pub struct Scanned {
    pub by_rule: BTreeMap<usize, RuleSamples>,
    /// The number of samples on the page.
    pub samples: u64,
    /// Matching samples that cannot be used, and lines that are too long.
    pub dropped: Dropped,
    /// What a JSON document has instead of a number.
    pub example: Option<String>,
}

impl Scanned {
    /// Whether the page has series of any role.
    pub fn has_series(&self) -> bool {
        self.by_rule.values().any(RuleSamples::has_series)
    }
}

/// Takes the samples of a page one by one.
pub struct Scan<'p> {
    plan: &'p Plan,
    hasher: &'p RandomState,
    now_ms: i64,
    scanned: Scanned,
    name: String,
    interest: Vec<Interest>,
    /// Hashes of rule and series.
    seen: HashSet<u64>,
    /// The number of native histograms kept.
    natives: usize,
    /// Rules whose family is declared on the page.
    described: HashSet<usize>,
}

impl<'p> Scan<'p> {
    pub fn new(plan: &'p Plan, hasher: &'p RandomState, now_ms: i64) -> Self {
        Self {
            plan,
            hasher,
            now_ms,
            scanned: Scanned::default(),
            name: String::new(),
            interest: Vec::new(),
            seen: HashSet::new(),
            natives: 0,
            described: HashSet::new(),
        }
    }

    pub fn take(&mut self, sample: &Sample<'_>) {
        self.scanned.samples += 1;
        if self.wants(sample.name) {
            self.take_parts(sample, |_| true);
        }
    }

    /// Takes a sample of a histogram that is otherwise read in native form, only for rules that
    /// match a single value. It is not counted as a sample.
    pub fn take_number(&mut self, sample: &Sample<'_>) {
        if self.wants(sample.name) {
            self.take_parts(sample, |part| part == SampleKind::Value);
        }
    }

    fn take_parts(&mut self, sample: &Sample<'_>, takes: fn(SampleKind) -> bool) {
        if sample.labels.has_too_many() {
            self.drop_one(DropCause::Labels);
            return;
        }
        let candidate = Candidate {
            labels: sample.labels.sorted(),
            value: sample.value,
            is_current: is_current(sample.timestamp, self.now_ms),
        };
        let mut known = None;
        for at in 0..self.interest.len() {
            let part = self.interest[at].1;
            if takes(part) {
                let of_part = known.filter(|(of, _)| *of == part);
                let (_, key) = *known.insert(of_part.unwrap_or_else(|| {
                    let key = key(sample.name, part, &candidate.labels, self.hasher);
                    (part, key)
                }));
                self.hold_against(self.interest[at], &candidate, key);
            }
        }
    }

    /// Whether samples with this name may match a rule.
    pub fn wants(&mut self, name: &str) -> bool {
        if self.name != name {
            self.name.clear();
            self.name.push_str(name);
            self.interest.clear();
            self.plan.interest_in(name, &mut self.interest);
        }
        !self.interest.is_empty()
    }

    /// Counts samples that match no rule.
    pub fn pass_over(&mut self, samples: u64) {
        self.scanned.samples += samples;
    }

    /// Takes a native histogram for the rules that match histograms.
    pub fn take_native(&mut self, sample: &NativeSample<'_>) {
        if !self.wants(sample.name) {
            return;
        }
        if sample.labels.has_too_many() {
            self.drop_one(DropCause::Labels);
            return;
        }
        let labels = sample.labels.sorted();
        let key = key(sample.name, SampleKind::Bucket, &labels, self.hasher);
        for at in 0..self.interest.len() {
            if let (at, SampleKind::Bucket) = self.interest[at] {
                self.hold_native(at, sample, &labels, key);
            }
        }
    }

    /// Whether a histogram with these upper bounds counts the requests within each latency
    /// threshold of the service exactly.
    pub fn counts_exactly(
        &mut self,
        family: &str,
        bounds: &(impl Iterator<Item = f64> + Clone),
    ) -> bool {
        if self.plan.thresholds().is_empty() || !self.wants(&format!("{family}_bucket")) {
            return false;
        }
        let rules = self.interest.iter();
        let rules = rules.filter_map(|(at, _)| self.plan.rule(*at));
        let mut durations = rules.filter(|rule| rule.role == Role::RequestDuration);
        durations.next().is_some_and(|rule| {
            let mut thresholds = self.plan.thresholds().iter();
            let is_bound = |threshold: &f64| {
                let mut bounds = bounds.clone();
                bounds.any(|bound| is_same(bound * rule.scale, *threshold))
            };
            thresholds.all(is_bound)
        })
    }

    /// Counts a histogram that cannot be used, if a rule matches it.
    pub fn drop_histogram(&mut self, family: &str) {
        self.scanned.samples += 1;
        let is_wanted = ["_bucket", "_count", "_sum"].iter();
        let mut is_wanted = is_wanted.map(|suffix| self.wants(&format!("{family}{suffix}")));
        if is_wanted.any(|wanted| wanted) {
            self.drop_one(DropCause::Native);
        }
    }

    /// Counts a line or message that was not read.
    pub fn drop_unread(&mut self) {
        self.drop_one(DropCause::Length);
    }

    fn drop_one(&mut self, cause: DropCause) {
        self.scanned.dropped.add(cause, 1);
    }

    /// Records that the page declares a family.
    pub fn describe(&mut self, family: &str) {
        let mut interest = Vec::new();
        for suffix in ["", "_total", "_count"] {
            self.plan
                .interest_in(&format!("{family}{suffix}"), &mut interest);
        }
        self.described.extend(interest.iter().map(|(at, _)| *at));
    }

    /// Ends the scan. A declared family without samples is known: its first series will start at 0.
    pub fn finish(mut self) -> Scanned {
        for at in self.described {
            let found = self.scanned.by_rule.entry(at);
            found.or_insert_with(|| RuleSamples {
                is_known: true,
                ..RuleSamples::default()
            });
        }
        self.scanned
    }

    fn hold_against(&mut self, (at, part): Interest, sample: &Candidate<'_>, key: u64) {
        let is_current = sample.is_current;
        let Some(rule) = self.matching(at, &sample.labels, is_current) else {
            return;
        };
        match point(rule, part, sample, key).filter(|_| is_current) {
            Some(point) => {
                let identity = self.hasher.hash_one((at, key, point.slot.number()));
                let is_breaker = matches!(
                    rule.role,
                    Role::CircuitBreakerOpen | Role::CircuitBreakerTrips
                );
                let name = is_breaker.then(|| breakers::name(sample.labels.pairs()));
                let is_pool = matches!(rule.role, Role::DbPoolInUse | Role::DbPoolMax);
                self.keep(at, identity, |found| {
                    found.points.push(point);
                    found.name(name.flatten(), point.value);
                    if is_pool {
                        found.pool(&sample.labels, point.value);
                    }
                });
            }
            None if is_current => self.drop_one(DropCause::Value),
            None => self.drop_one(DropCause::Timestamp),
        }
    }

    fn hold_native(
        &mut self,
        at: usize,
        sample: &NativeSample<'_>,
        labels: &SortedLabels<'_>,
        key: u64,
    ) {
        let is_current = is_current(sample.timestamp, self.now_ms);
        let Some(rule) = self.matching(at, labels, is_current) else {
            return;
        };
        if !is_current {
            self.drop_one(DropCause::Timestamp);
            return;
        }
        if self.natives == NATIVES_MAX {
            self.drop_one(DropCause::Excess);
            self.give_up(at);
            return;
        }
        self.natives += 1;
        let native = sample.native;
        let bounds = self.plan.bounds(rule.role).iter();
        let up_to = bounds.map(|bound| native.up_to(bound / rule.scale));
        let sum = native.sum * rule.scale;
        let point = NativePoint {
            key,
            shape: (native.schema, native.zero_threshold),
            count: native.count,
            sum: Some(sum).filter(|sum| is_usable(RoleKind::Histogram, *sum)),
            up_to: up_to.collect(),
        };
        let identity = self.hasher.hash_one((at, key));
        self.keep(at, identity, |found| found.natives.push(point));
    }

    /// Returns the rule if it selects these labels, and the series is not about the page itself.
    fn matching(
        &mut self,
        at: usize,
        labels: &SortedLabels<'_>,
        is_current: bool,
    ) -> Option<&'p Rule> {
        let rule = self.plan.rule(at)?;
        let selector = rule.selector.as_ref()?;
        let found = self.scanned.by_rule.entry(at).or_default();
        let takes = selector.takes_labels(labels);
        if takes && !self.plan.is_of_page(rule, labels) {
            return Some(rule);
        }
        found.is_known |= is_current && (takes || selector.knows_labels(labels));
        None
    }

    /// Keeps a match of a rule, once per identity of rule and series.
    fn keep(&mut self, at: usize, identity: u64, add: impl FnOnce(&mut RuleSamples)) {
        let found = self.scanned.by_rule.entry(at).or_default();
        found.is_known = true;
        if self.seen.len() == KEPT_MAX || found.is_partial {
            self.drop_one(DropCause::Excess);
            self.give_up(at);
        } else if self.seen.insert(identity) {
            add(found);
        } else {
            self.drop_one(DropCause::Duplicate);
        }
    }

    /// Drops everything kept for a rule that has too many samples.
    fn give_up(&mut self, at: usize) {
        let found = self.scanned.by_rule.entry(at).or_default();
        let given_up = found.len() as u64;
        self.scanned.dropped.add(DropCause::Excess, given_up);
        *found = RuleSamples {
            is_known: true,
            is_partial: true,
            ..RuleSamples::default()
        };
    }
}

fn is_current(timestamp: Option<i64>, now_ms: i64) -> bool {
    let span = now_ms.saturating_sub(STALE_MS)..=now_ms.saturating_add(AHEAD_MS);
    timestamp.is_none_or(|timestamp| span.contains(&timestamp))
}
