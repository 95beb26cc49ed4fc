//! Where each probe's outcomes are counted, and where each service is.

use crate::outcome::ProbeKey;
use std::collections::HashMap;
use std::sync::Arc;

/// The positions of services, and of probes in them.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// In their own service and in those that borrow them, as (service, probe).
    probes: HashMap<ProbeKey, Vec<(usize, usize)>>,
    services: HashMap<Arc<str>, usize>,
}

impl Index {
    /// Takes the name and the probes of each service.
    pub(super) fn of<'a>(
        services: impl Iterator<Item = (Arc<str>, impl Iterator<Item = &'a ProbeKey>)>,
    ) -> Self {
        let mut index = Self::default();
        for (at, (name, probes)) in services.enumerate() {
            index.services.insert(name, at);
            for (position, key) in probes.enumerate() {
                let positions = index.probes.entry(key.clone()).or_default();
                positions.push((at, position));
            }
        }
        index
    }

    pub(super) fn service(&self, name: &str) -> Option<usize> {
        self.services.get(name).copied()
    }

    pub(super) fn positions<'i>(
        &'i self,
        key: &ProbeKey,
    ) -> impl Iterator<Item = (usize, usize)> + use<'i> {
        self.probes.get(key).into_iter().flatten().copied()
    }
}
