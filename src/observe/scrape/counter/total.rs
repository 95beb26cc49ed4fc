//! What a counter counted, and how its buckets change with the bounds of the histograms. Pure.

use crate::observe::scrape::series::Increase;

/// The total of a counter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Total {
    pub value: f64,
    pub sum: f64,
    pub count: f64,
    /// Finite upper bounds and cumulative counts, in ascending order.
    pub buckets: Vec<(f64, f64)>,
    /// Whether only native histograms were counted, whose buckets grow exponentially.
    pub is_native: bool,
    /// How often the total was reset because the histograms lost a bound.
    pub restarts: u32,
}

impl Total {
    /// Removes the bounds that are not in `bounds`. If there is one, the count up to it is no
    /// longer meaningful, so everything restarts at 0, like the counters of a new process: stored
    /// series must not look as if nothing had been below that bound. Returns the count before the
    /// reset.
    pub(super) fn keep_bounds(&mut self, bounds: &[f64]) -> Option<f64> {
        if self.count <= 0.0 {
            self.buckets = bounds.iter().map(|bound| (*bound, 0.0)).collect();
            return None;
        }
        let known = self.buckets.len();
        self.buckets
            .retain(|(bound, _)| bounds.iter().any(|one| one.total_cmp(bound).is_eq()));
        (self.buckets.len() < known).then(|| {
            let count = self.count;
            self.clear();
            self.restarts += 1;
            count
        })
    }

    pub(super) fn clear(&mut self) {
        (self.value, self.sum, self.count) = (0.0, 0.0, 0.0);
        self.buckets.iter_mut().for_each(|(_, count)| *count = 0.0);
    }

    /// Adds the bounds that the histograms have from now on. Of the requests counted so far, at
    /// least the count at the next lower bound is within a new bound.
    pub(super) fn begin_bounds(&mut self, bounds: &[f64]) {
        for bound in bounds {
            let place = self
                .buckets
                .binary_search_by(|(one, _)| one.total_cmp(bound));
            if let Err(at) = place {
                let below = at.checked_sub(1).map_or(0.0, |below| self.buckets[below].1);
                self.buckets.insert(at, (*bound, below));
            }
        }
    }

    pub(super) fn add(&mut self, increase: &Increase) {
        self.value += increase.value;
        self.sum += increase.sum;
        self.count += increase.count;
        for ((_, counted), more) in self.buckets.iter_mut().zip(&increase.up_to) {
            *counted += more;
        }
    }

    /// Including the infinite bound.
    pub fn all_buckets(&self) -> Vec<(f64, f64)> {
        let finite = self.buckets.iter().copied();
        finite.chain([(f64::INFINITY, self.count)]).collect()
    }

    /// Returns what was counted since an earlier total; `None` if there was a reset in between.
    pub fn since(&self, earlier: &Self) -> Option<Self> {
        if self.restarts != earlier.restarts {
            return None;
        }
        let before = |bound: f64| {
            let place = earlier
                .buckets
                .binary_search_by(|(one, _)| one.total_cmp(&bound));
            match place {
                Ok(at) => earlier.buckets[at].1,
                Err(at) => at
                    .checked_sub(1)
                    .map_or(0.0, |below| earlier.buckets[below].1),
            }
        };
        let buckets = self.buckets.iter();
        let buckets = buckets.map(|(bound, count)| (*bound, count - before(*bound)));
        Some(Self {
            value: self.value - earlier.value,
            sum: self.sum - earlier.sum,
            count: self.count - earlier.count,
            buckets: buckets.collect(),
            ..*self
        })
    }
}
