//! The database connection pools of a service, distinguished by the labels of their series: one can be
//! exhausted while others are hardly used. Pure.

use super::breakers::shown;
use super::scan::RuleSamples;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Maximum number of series of a pool role whose labels are kept.
pub const SERIES_MAX: usize = 1000;

/// The labels and the value of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolSample {
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

/// What the pools of a service amount to.
#[derive(Clone, Debug, PartialEq)]
pub struct Pools {
    /// The sum of their limits; `None` if one of them has no limit.
    pub max: Option<f64>,
    /// The share of its limit that the fullest pool uses; `None` if none has a limit.
    pub fullest: Option<f64>,
    /// The name of the fullest pool; `None` if there is only one.
    pub name: Option<Arc<str>>,
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
    let mut used: BTreeMap<_, (f64, &PoolSample)> = BTreeMap::new();
    for (at, one) in in_use.pools.iter().enumerate() {
        let number = if shape == PoolShape::PerUser { at } else { 0 };
        let pool = used
            .entry((key(one, &common), number))
            .or_insert((0.0, one));
        pool.0 += one.value;
    }
    let (mut max, mut fullest) = (Some(0.0), None::<(f64, &PoolSample)>);
    for ((key, _), (used, sample)) in &used {
        let limit = most.get(key)?.filter(|limit| *limit > 0.0);
        max = max.zip(limit).map(|(max, limit)| max + limit);
        let part = limit.map(|limit| (used / limit, *sample));
        fullest = [fullest, part]
            .into_iter()
            .flatten()
            .max_by(|(one, _), (other, _)| one.total_cmp(other));
    }
    let is_naming = |label: &str| shape == PoolShape::PerUser || common.contains(label);
    let name = fullest.and_then(|(_, sample)| name(sample, &in_use.pools, is_naming));
    let fullest = fullest.map(|(part, _)| part);
    Some(Pools { max, fullest, name })
}

/// The name of a pool by the labels that distinguish it from the others: the value of the only one, such as
/// `orders`, or else `database=app user=web`. `None` for a single pool.
fn name(
    pool: &PoolSample,
    all: &[PoolSample],
    is_naming: impl Fn(&str) -> bool,
) -> Option<Arc<str>> {
    let differs = |(label, value): &(&String, &String)| {
        is_naming(label) && all.iter().any(|one| one.labels.get(*label) != Some(*value))
    };
    let labels: Vec<_> = pool.labels.iter().filter(differs).collect();
    let name = if let [(_, value)] = labels[..] {
        value.clone()
    } else {
        let pairs = labels.iter();
        let pairs = pairs.map(|(label, value)| format!("{label}={value}"));
        pairs.collect::<Vec<_>>().join(" ")
    };
    shown(&name).map(Into::into)
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
