//! The boundaries of the duration histograms of probes.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// Boundaries of every probe, in milliseconds. Each latency threshold of its service is
/// added, so that the exported buckets show exactly how many attempts were below it.
const BOUNDS_MS: [u64; 14] = [
    5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 10_000, 30_000,
];

/// The sets of boundaries that probes use; equal ones are shared.
#[derive(Debug, Default)]
pub(super) struct BoundSets(HashSet<Arc<[Duration]>>);

impl BoundSets {
    /// The boundaries of a probe whose service has these latency thresholds.
    pub(super) fn of(&mut self, thresholds: impl Iterator<Item = Duration>) -> Arc<[Duration]> {
        let standard = BOUNDS_MS.map(Duration::from_millis);
        let mut bounds: Vec<_> = standard.into_iter().chain(thresholds).collect();
        bounds.sort_unstable();
        bounds.dedup();
        if let Some(known) = self.0.get(&*bounds) {
            return known.clone();
        }
        let bounds: Arc<[Duration]> = bounds.into();
        self.0.insert(bounds.clone());
        bounds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_boundaries_are_shared_and_include_thresholds() {
        let mut sets = BoundSets::default();
        let mut of = |ms: u64| sets.of([Duration::from_millis(ms)].into_iter());
        let (first, same, other) = (of(300), of(300), of(400));
        assert!(Arc::ptr_eq(&first, &same));
        assert_eq!(first.len(), BOUNDS_MS.len() + 1);
        assert_ne!(first, other);
        assert_eq!(of(500).len(), BOUNDS_MS.len(), "already a boundary");
    }
}
