//! The database connection pools of a service, distinguished by the labels of their series: one can be
//! exhausted while others are hardly used. Pure.

use super::scan::RuleSamples;
use std::collections::{BTreeMap, BTreeSet};

/// Maximum number of series of a pool role whose labels are kept.
pub const SERIES_MAX: usize = 1000;

/// The labels and the value of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolSample {
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

/// What the pools of a service amount to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pools {
    /// The sum of their limits; `None` if one of them has no limit.
    pub max: Option<f64>,
    /// The share of its limit that the fullest pool uses; `None` if none has a limit.
    pub fullest: Option<f64>,
}

/// How series belong to pools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolShape {
    /// By the labels that the series of both roles have.
    Labels,
    /// `PgBouncer` has a pool for each user of a database, with the limit of the database, whose
    /// label is `name` in one exporter.
    PerUser,
}

/// Finds the limit of each pool. Returns `None` if there are none, or if the labels do not show which
/// limit belongs to which pool.
pub fn pools(
    in_use: &RuleSamples,
    limits: &RuleSamples,
    shape: PoolShape,
    is_limit: impl Fn(f64) -> bool,
) -> Option<Pools> {
    let is_whole = |one: &RuleSamples| one.pools.len() == one.len() && !one.is_empty();
    if !is_whole(in_use) || !is_whole(limits) {
        return None;
    }
    let limits: Vec<_> = limits
        .pools
        .iter()
        .map(|one| of_database(one, shape))
        .collect();
    let common = common(in_use.pools.iter().chain(&limits));
    let mut most: BTreeMap<_, Option<f64>> = BTreeMap::new();
    for one in &limits {
        let sum = most.entry(key(one, &common)).or_insert(Some(0.0));
        *sum = sum
            .filter(|_| is_limit(one.value))
            .map(|sum| sum + one.value);
    }
    let mut used: BTreeMap<_, f64> = BTreeMap::new();
    for (at, one) in in_use.pools.iter().enumerate() {
        let number = if shape == PoolShape::PerUser { at } else { 0 };
        *used.entry((key(one, &common), number)).or_default() += one.value;
    }
    let (mut max, mut fullest) = (Some(0.0), None::<f64>);
    for ((key, _), used) in &used {
        let limit = most.get(key)?.filter(|limit| *limit > 0.0);
        max = max.zip(limit).map(|(max, limit)| max + limit);
        let used_part = limit.map(|limit| used / limit);
        fullest = [fullest, used_part]
            .into_iter()
            .flatten()
            .max_by(f64::total_cmp);
    }
    Some(Pools { max, fullest })
}

fn of_database(limit: &PoolSample, shape: PoolShape) -> PoolSample {
    let mut limit = limit.clone();
    if shape == PoolShape::PerUser
        && let Some(name) = limit.labels.remove("name")
    {
        limit.labels.insert("database".to_owned(), name);
    }
    limit
}

fn common<'s>(mut samples: impl Iterator<Item = &'s PoolSample>) -> BTreeSet<&'s str> {
    let names = |one: &'s PoolSample| one.labels.keys().map(String::as_str);
    let first = samples.next().map(names).into_iter().flatten().collect();
    samples.fold(first, |mut common: BTreeSet<_>, one| {
        common.retain(|name| one.labels.contains_key(*name));
        common
    })
}

fn key<'s>(sample: &'s PoolSample, common: &BTreeSet<&str>) -> Vec<&'s str> {
    let labels = sample.labels.iter();
    let labels = labels.filter(|(name, _)| common.contains(name.as_str()));
    labels.map(|(_, value)| value.as_str()).collect()
}
