//! Where each probe's outcomes are counted.

use crate::outcome::ProbeKey;
use std::collections::HashMap;

/// The positions of probes: in their own service, and in those that borrow them; service, then probe.
#[derive(Debug, Default)]
pub(super) struct Index(HashMap<ProbeKey, Vec<(usize, usize)>>);

impl Index {
    /// Takes the probes of each service.
    pub(super) fn of<'a>(
        services: impl Iterator<Item = impl Iterator<Item = &'a ProbeKey>>,
    ) -> Self {
        let mut index: HashMap<ProbeKey, Vec<(usize, usize)>> = HashMap::new();
        for (at, probes) in services.enumerate() {
            for (position, key) in probes.enumerate() {
                let positions = index.entry(key.clone()).or_default();
                positions.push((at, position));
            }
        }
        Self(index)
    }

    pub(super) fn positions<'i>(
        &'i self,
        key: &ProbeKey,
    ) -> impl Iterator<Item = (usize, usize)> + use<'i> {
        self.0.get(key).into_iter().flatten().copied()
    }
}
