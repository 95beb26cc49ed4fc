//! Divides the services of a config among several daemons.

use siphasher::sip::SipHasher13;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::hash::{Hash, Hasher};

/// The part of a config's services that one daemon observes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// From 1 to `count`.
    pub number: u32,
    /// The number of daemons that divide the services among themselves.
    pub count: u32,
}

impl Shard {
    /// All services.
    pub const WHOLE: Self = Self {
        number: 1,
        count: 1,
    };

    pub const fn is_whole(self) -> bool {
        self.count == 1
    }
}

/// `2/5`
impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.count)
    }
}

/// The shard number of each service. Services of a pair, and pairs with a service in common, are in the
/// shard of the alphabetically first of them.
pub(super) fn places<'s>(
    services: impl Iterator<Item = &'s str>,
    pairs: impl Iterator<Item = (&'s str, &'s str)>,
    count: u32,
) -> BTreeMap<&'s str, u32> {
    let mut joined: BTreeMap<&str, Vec<&str>> = services.map(|one| (one, Vec::new())).collect();
    for (one, other) in pairs {
        joined.entry(one).or_default().push(other);
        joined.entry(other).or_default().push(one);
    }
    let mut places = BTreeMap::new();
    for first in joined.keys() {
        let number = number(first, count);
        let mut open = vec![*first];
        while let Some(next) = open.pop() {
            if let Entry::Vacant(place) = places.entry(next) {
                place.insert(number);
                open.extend(joined.get(next).into_iter().flatten());
            }
        }
    }
    places
}

/// The shard number of a name: the same in every release, so that an upgrade does not move services.
fn number(name: &str, count: u32) -> u32 {
    let mut hasher = SipHasher13::new();
    name.hash(&mut hasher);
    1 + bucket(hasher.finish(), count)
}

/// Jump consistent hash: one shard more takes over the same number of keys from each other one, and moves no
/// further key. Lamping and Veach, A Fast, Minimal Memory, Consistent Hash Algorithm, 2014
/// (<https://arxiv.org/abs/1406.2294>).
fn bucket(mut key: u64, count: u32) -> u32 {
    let (mut bucket, mut next) = (0, 0.0);
    while next < f64::from(count) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an integer below `count`"
        )]
        {
            bucket = next as u32;
        }
        key = key.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1);
        let step = 2_147_483_648.0 / ((key >> 33) as f64 + 1.0);
        next = ((f64::from(bucket) + 1.0) * step).floor();
    }
    bucket
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn names(count: u32) -> Vec<String> {
        (0..count).map(|n| format!("service-{n}")).collect()
    }

    /// The shard number of each name.
    fn placed(names: &[String], count: u32) -> BTreeMap<&str, u32> {
        places(names.iter().map(String::as_str), std::iter::empty(), count)
    }

    #[test]
    fn the_hash_is_that_of_other_implementations() {
        // From the tests of Guava's `Hashing.consistentHash`.
        let table = [
            (10_863_919_174_838_991, 11, 6),
            (2_016_238_256_797_177_309, 11, 3),
            (1_673_758_223_894_951_030, 11, 5),
            (2, 100_001, 80_343),
            (2201, 100_001, 22_152),
            (2202, 100_001, 15_018),
        ];
        for (key, count, expected) in table {
            assert_eq!(bucket(key, count), expected, "{key}");
        }
    }

    #[test]
    fn the_shards_of_names_stay_the_same() {
        let numbers = ["concierge", "rag", "guardrails", "web"].map(|name| number(name, 5));
        assert_eq!(numbers, [4, 5, 4, 4]);
    }

    #[test]
    fn every_service_is_in_one_shard_and_shards_have_similar_sizes() {
        let names = names(10_000);
        for count in [2, 3, 5, 10] {
            let places = placed(&names, count);
            assert_eq!(places.len(), names.len());
            let mut sizes = vec![0_u32; count as usize];
            for number in places.values() {
                sizes[*number as usize - 1] += 1;
            }
            let mean = 10_000.0 / f64::from(count);
            // Binomial: five standard deviations.
            let most = 5.0 * mean.sqrt();
            let is_near = |size: &u32| (f64::from(*size) - mean).abs() < most;
            assert!(sizes.iter().all(is_near), "{sizes:?}");
        }
    }

    #[test]
    fn a_further_shard_moves_only_its_own_services() {
        let names = names(5000);
        let (five, six) = (placed(&names, 5), placed(&names, 6));
        let moved: Vec<_> = names
            .iter()
            .filter(|one| five[one.as_str()] != six[one.as_str()])
            .collect();
        assert!(moved.iter().all(|one| six[one.as_str()] == 6));
        assert!((700..970).contains(&moved.len()), "{}", moved.len());
    }

    #[test]
    fn a_shard_depends_neither_on_the_order_nor_on_other_services() {
        let names = names(100);
        let all = placed(&names, 7);
        let some: Vec<_> = names.iter().rev().step_by(3).cloned().collect();
        for (name, number) in placed(&some, 7) {
            assert_eq!(all[name], number, "{name}");
        }
    }

    #[test]
    fn services_that_share_probes_are_in_one_shard() {
        let names = names(60);
        let name = |n: usize| names[n].as_str();
        let pairs = [(50, 7), (7, 33), (12, 13)].map(|(one, other)| (name(one), name(other)));
        let alone = placed(&names, 9);
        for order in [1, 0] {
            let mut pairs = pairs;
            pairs.rotate_left(order);
            let found = places(names.iter().map(String::as_str), pairs.into_iter(), 9);
            let numbers =
                |all: &[usize]| all.iter().map(|n| found[name(*n)]).collect::<BTreeSet<_>>();
            // `service-33` is before `service-50` and `service-7`.
            assert_eq!(numbers(&[50, 7, 33]), BTreeSet::from([alone[name(33)]]));
            assert_eq!(numbers(&[12, 13]), BTreeSet::from([alone[name(12)]]));
            let others = (0..60).filter(|n| ![50, 7, 33, 12, 13].contains(n));
            others.for_each(|n| assert_eq!(found[name(n)], alone[name(n)]));
        }
    }
}
