//! Log-linear buckets for latencies, with every latency threshold as an exact bucket border.

use std::time::Duration;

/// Sub-buckets per power of two: a bucket is at most 1/64 of its lower border wide, so its middle
/// is within 1/128 = 0.8 % of every value in it.
const SUB_BITS: u32 = 6;
const SUB: u64 = 1 << SUB_BITS;
/// Latencies are counted in microseconds up to about 19 hours; a longer one counts as that.
const MAX_US: u64 = (1 << 36) - 1;

/// Numbers latencies by bucket. `cuts` are extra borders, so that "under 500 ms" can be counted
/// from the buckets without an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scale {
    cuts_us: Vec<u64>,
}

impl Scale {
    /// `cuts` in any order; they are sorted and those on a bucket border already fall out.
    pub fn new(cuts: impl IntoIterator<Item = Duration>) -> Self {
        let mut cuts_us: Vec<u64> = cuts
            .into_iter()
            .map(micros)
            .filter(|cut| *cut <= MAX_US && lower(base(*cut)) != *cut)
            .collect();
        cuts_us.sort_unstable();
        cuts_us.dedup();
        Self { cuts_us }
    }

    /// The extra borders that are in use, in microseconds, sorted.
    pub fn cuts_us(&self) -> &[u64] {
        &self.cuts_us
    }

    /// The bucket of a latency: monotone, and below 2,200 with a few cuts.
    pub fn code(&self, latency: Duration) -> u16 {
        let us = micros(latency);
        let passed = self.cuts_us.partition_point(|cut| *cut <= us);
        u16::try_from(base(us) + passed).unwrap_or(u16::MAX)
    }

    /// The lower border of a bucket in microseconds; its values reach up to the next one's.
    pub fn lower_us(&self, code: u16) -> u64 {
        let code = usize::from(code);
        // With `passed` cuts below or at it, the bucket is `base = code - passed`; the first
        // number of passed cuts that is consistent is the right one.
        for passed in 0..=self.cuts_us.len().min(code) {
            let from = lower(code - passed);
            let to = lower(code - passed + 1);
            let start = match passed {
                0 => from,
                _ => from.max(self.cuts_us[passed - 1]),
            };
            let end = self.cuts_us.get(passed).map_or(to, |cut| to.min(*cut));
            if start >= from && start < end {
                return start;
            }
        }
        MAX_US
    }

    /// The value that stands for a bucket: its middle, within 1 % of everything in it.
    pub fn middle(&self, code: u16) -> Duration {
        let from = self.lower_us(code);
        let to = self.lower_us(code.saturating_add(1)).max(from + 1);
        // A bucket of one microsecond stands for that microsecond.
        Duration::from_nanos(u64::midpoint(from * 1000, (to - 1) * 1000))
    }
}

fn micros(latency: Duration) -> u64 {
    u64::try_from(latency.as_micros()).map_or(MAX_US, |us| us.min(MAX_US))
}

/// The bucket without cuts: the first 128 are a microsecond wide, then 64 per power of two.
fn base(us: u64) -> usize {
    if us < 2 * SUB {
        return usize::try_from(us).unwrap_or(usize::MAX);
    }
    let shift = us.ilog2() - SUB_BITS;
    let bucket = u64::from(shift) * SUB + (us >> shift);
    usize::try_from(bucket).unwrap_or(usize::MAX)
}

fn lower(base: usize) -> u64 {
    let base = base as u64;
    if base < 2 * SUB {
        return base;
    }
    let shift = base / SUB - 1;
    (base - shift * SUB) << shift
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn us(us: u64) -> Duration {
        Duration::from_micros(us)
    }

    #[test]
    fn a_cut_separates_what_is_under_it_from_what_is_not() {
        let scale = Scale::new([us(500_000), us(1_000_000), us(64), us(4096)]);
        assert_eq!(scale.cuts_us(), [500_000, 1_000_000]);
        assert!(scale.code(us(499_999)) < scale.code(us(500_000)));
        assert_eq!(scale.lower_us(scale.code(us(500_000))), 500_000);
    }

    proptest! {
        #[test]
        fn buckets_are_monotone_reversible_and_within_one_percent(
            a in 0..MAX_US, b in 0..MAX_US,
            cuts in prop::collection::vec(1..100_000_000_u64, 0..6),
        ) {
            let scale = Scale::new(cuts.iter().copied().map(us));
            let (a, b) = (a.min(b), a.max(b));
            let code = scale.code(us(a));
            prop_assert!(code <= scale.code(us(b)));
            prop_assert!(scale.lower_us(code) <= a);
            prop_assert!(a < scale.lower_us(code + 1));
            let middle = scale.middle(code).as_secs_f64() * 1e6;
            prop_assert!((middle - a as f64).abs() <= 0.01 * a as f64);
            prop_assert_eq!(scale.code(scale.middle(code)), code);
            for cut in cuts {
                prop_assert_eq!(a < cut, scale.code(us(a)) < scale.code(us(cut)));
            }
        }
    }
}
