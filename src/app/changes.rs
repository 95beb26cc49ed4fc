//! The changes made by a reload, for the log.

use crate::config::Config;
use crate::slo::Objective;
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;

/// Describes the changes in one sentence.
pub(super) fn changes(old: &Config, new: &Config) -> String {
    let probes = Changes::between(
        old.probes().map(|spec| (&spec.key, spec)),
        new.probes().map(|spec| (&spec.key, spec)),
    );
    let objectives = Changes::between(objectives(old), objectives(new));
    let controls = Changes::between(
        old.vantage.iter().map(|spec| (&spec.key, spec)),
        new.vantage.iter().map(|spec| (&spec.key, spec)),
    );
    let is_same = old.corrections == new.corrections;
    let corrections = if is_same { "unchanged" } else { "changed" };
    let shard = if old.shard == new.shard {
        String::new()
    } else {
        format!("; shard: {} (was {})", new.shard, old.shard)
    };
    format!(
        "probes: {probes}; objectives: {objectives}; control probes: {controls}; corrections: {corrections}{shard}"
    )
}

fn objectives(config: &Config) -> impl Iterator<Item = ((&str, &str), &Objective)> {
    config.services.iter().flat_map(|service| {
        let objectives = service.objectives.iter();
        objectives.map(|objective| ((&*service.name, &*objective.name), &**objective))
    })
}

/// The number of items of a list that are added, changed, removed, and unchanged.
#[derive(Debug, Default, PartialEq, Eq)]
struct Changes {
    added: usize,
    changed: usize,
    removed: usize,
    unchanged: usize,
}

impl Changes {
    fn between<'a, K: Eq + Hash, T: PartialEq + 'a>(
        old: impl Iterator<Item = (K, &'a T)>,
        new: impl Iterator<Item = (K, &'a T)>,
    ) -> Self {
        let mut left: HashMap<K, &T> = old.collect();
        let mut changes = Self::default();
        for (key, item) in new {
            match left.remove(&key) {
                None => changes.added += 1,
                Some(before) if before == item => changes.unchanged += 1,
                Some(_) => changes.changed += 1,
            }
        }
        changes.removed = left.len();
        changes
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            added,
            changed,
            removed,
            unchanged,
        } = self;
        write!(
            f,
            "{added} added, {changed} changed, {removed} removed, {unchanged} unchanged"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_counted_once() {
        let old = [("a", &1), ("b", &2), ("c", &3)];
        let new = [("b", &2), ("c", &4), ("d", &5)];
        let changes = Changes::between(old.into_iter(), new.into_iter());
        assert_eq!(
            changes.to_string(),
            "1 added, 1 changed, 1 removed, 1 unchanged"
        );
    }
}
