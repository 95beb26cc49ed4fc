//! Log-linear buckets for latencies, with every latency threshold as an exact bucket border.

use std::time::Duration;

/// Sub-buckets per power of two: a bucket is at most 1/64 of its lower border wide, so its middle
/// is within 1/128 = 0.8 % of every value in it.
const SUB_BITS: u32 = 6;
const SUB: u64 = 1 << SUB_BITS;

/// How far the value that stands for a bucket may be from what is in it, as a ratio.
pub const PRECISION: f64 = 1.0 / 128.0;

/// What latencies are counted in. Hours that older versions stored are in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Unit {
    #[default]
    Nanos,
    Micros,
}

impl Unit {
    const fn ns(self) -> u64 {
        match self {
            Self::Nanos => 1,
            Self::Micros => 1000,
        }
    }

    /// About 19 hours; a longer latency counts as that.
    const fn most(self) -> u64 {
        match self {
            Self::Nanos => (1 << 46) - 1,
            Self::Micros => (1 << 36) - 1,
        }
    }

    fn of(self, latency: Duration) -> u64 {
        let count = latency.as_nanos() / u128::from(self.ns());
        u64::try_from(count).map_or(self.most(), |count| count.min(self.most()))
    }
}

/// How cuts in nanoseconds are marked in stored data.
const NANOS: &str = "ns";

/// Numbers latencies by bucket. `cuts` are extra borders, so that "under 500 ms" can be counted
/// from the buckets without an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scale {
    unit: Unit,
    cuts: Vec<u64>,
}

impl Scale {
    /// `cuts` in any order; they are sorted and those on a bucket border already fall out.
    pub fn new(cuts: impl IntoIterator<Item = Duration>) -> Self {
        let unit = Unit::Nanos;
        Self::of(unit, cuts.into_iter().map(|cut| unit.of(cut)))
    }

    fn of(unit: Unit, cuts: impl Iterator<Item = u64>) -> Self {
        let extra = |cut: &u64| *cut <= unit.most() && lower(base(*cut)) != *cut;
        let mut cuts: Vec<u64> = cuts.filter(extra).collect();
        cuts.sort_unstable();
        cuts.dedup();
        Self { unit, cuts }
    }

    /// As it is stored: the extra borders, with a mark where they are in nanoseconds.
    pub fn to_text(&self) -> String {
        let cuts = self.cuts.iter().map(u64::to_string);
        let unit = (self.unit == Unit::Nanos).then(|| NANOS.to_owned());
        unit.into_iter().chain(cuts).collect::<Vec<_>>().join(" ")
    }

    /// Reads what [`Scale::to_text`] wrote.
    pub fn from_text(text: &str) -> Option<Self> {
        let (unit, cuts) = match text.strip_prefix(NANOS) {
            Some(cuts) => (Unit::Nanos, cuts),
            None => (Unit::Micros, text),
        };
        let cuts: Result<Vec<u64>, _> = cuts.split_whitespace().map(str::parse).collect();
        Some(Self::of(unit, cuts.ok()?.into_iter()))
    }

    /// Whether everything under a latency is in other buckets than the rest.
    pub fn separates(&self, below: Duration) -> bool {
        let (from, _) = self.bucket(self.code(below));
        u128::from(from) == below.as_nanos() || below > Duration::from_nanos(self.most_ns())
    }

    /// The bucket of a latency: monotone, and below 3,000 with a few cuts.
    pub fn code(&self, latency: Duration) -> u16 {
        let count = self.unit.of(latency);
        let passed = self.cuts.partition_point(|cut| *cut <= count);
        u16::try_from(base(count) + passed).unwrap_or(u16::MAX)
    }

    /// The borders of a bucket in nanoseconds; the upper one is not in it.
    pub fn bucket(&self, code: u16) -> (u64, u64) {
        let from = self.lower(code);
        let to = self.lower(code.saturating_add(1)).max(from + 1);
        (from * self.unit.ns(), to * self.unit.ns())
    }

    /// The value that stands for a bucket: its middle.
    pub fn middle(&self, code: u16) -> Duration {
        let (from, to) = self.bucket(code);
        Duration::from_nanos(u64::midpoint(from, to - 1))
    }

    const fn most_ns(&self) -> u64 {
        self.unit.most() * self.unit.ns()
    }

    /// The lower border of a bucket; its values reach up to the next one's.
    fn lower(&self, code: u16) -> u64 {
        let code = usize::from(code);
        // With `passed` cuts below or at it, the bucket is `base = code - passed`; the first
        // number of passed cuts that is consistent is the right one.
        for passed in 0..=self.cuts.len().min(code) {
            let from = lower(code - passed);
            let to = lower(code - passed + 1);
            let start = match passed {
                0 => from,
                _ => from.max(self.cuts[passed - 1]),
            };
            let end = self.cuts.get(passed).map_or(to, |cut| to.min(*cut));
            if start >= from && start < end {
                return start;
            }
        }
        self.unit.most()
    }
}

/// The bucket without cuts: the first 128 are one wide, then 64 per power of two.
fn base(count: u64) -> usize {
    if count < 2 * SUB {
        return usize::try_from(count).unwrap_or(usize::MAX);
    }
    let shift = count.ilog2() - SUB_BITS;
    let bucket = u64::from(shift) * SUB + (count >> shift);
    usize::try_from(bucket).unwrap_or(usize::MAX)
}

/// The lowest value of a bucket. A number that no latency has comes from damaged data.
fn lower(base: usize) -> u64 {
    let base = base as u64;
    if base < 2 * SUB {
        return base;
    }
    let shift = base / SUB - 1;
    let start = base - shift * SUB;
    let high = u32::try_from(shift).ok().filter(|shift| *shift < 50);
    high.map_or(1 << 56, |shift| start << shift)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn us(us: u64) -> Duration {
        Duration::from_micros(us)
    }

    fn border(scale: &Scale, latency: Duration) -> u64 {
        scale.bucket(scale.code(latency)).0
    }

    #[test]
    fn a_cut_separates_what_is_under_it_from_what_is_not() {
        let scale = Scale::new([us(500_000), us(1_000_000), Duration::from_nanos(4096)]);
        assert_eq!(scale.to_text(), "ns 500000000 1000000000");
        assert!(scale.code(us(499_999)) < scale.code(us(500_000)));
        assert_eq!(border(&scale, us(500_000)), 500_000_000);
        assert!(scale.separates(us(500_000)) && scale.separates(Duration::from_nanos(4096)));
        assert!(!scale.separates(us(300_000)));
    }

    #[test]
    fn scales_of_older_versions_are_in_microseconds() {
        let old = Scale::from_text("500000").expect("valid");
        assert_eq!(old.to_text(), "500000");
        assert!(old.separates(us(500_000)) && !old.separates(Duration::from_nanos(500)));
        // The bucket numbers are those that are stored.
        assert_eq!(
            [us(12), us(499_999), us(500_000)].map(|one| old.code(one)),
            [12, 890, 891]
        );
        assert!(Scale::from_text("ns 5x").is_none());
        let none = Scale::from_text("").expect("valid");
        assert_eq!(none.middle(12), Duration::from_nanos(12_499));
    }

    #[test]
    fn numbers_that_no_latency_has_are_harmless() {
        let scale = Scale::new([us(500_000)]);
        for code in 2500..=u16::MAX {
            scale.middle(code);
        }
    }

    proptest! {
        #[test]
        fn buckets_are_monotone_reversible_and_within_one_percent(
            a in 0..Unit::Nanos.most(), b in 0..Unit::Nanos.most(),
            cuts in prop::collection::vec(1..100_000_000_u64, 0..6), old in any::<bool>(),
        ) {
            let mut scale = Scale::new(cuts.iter().copied().map(us));
            if old {
                let text = cuts.iter().map(u64::to_string).collect::<Vec<_>>().join(" ");
                scale = Scale::from_text(&text).expect("valid");
            }
            prop_assert_eq!(&Scale::from_text(&scale.to_text()).expect("valid"), &scale);
            let (a, b) = (Duration::from_nanos(a.min(b)), Duration::from_nanos(a.max(b)));
            let code = scale.code(a);
            prop_assert!(code <= scale.code(b));
            let (from, to) = scale.bucket(code);
            prop_assert!((from..to).contains(&u64::try_from(a.as_nanos()).expect("fits")));
            let middle = scale.middle(code);
            let unit = if old { 1e-6 } else { 1e-9 };
            let off = (middle.as_secs_f64() - a.as_secs_f64()).abs();
            prop_assert!(off <= PRECISION * a.as_secs_f64() + unit);
            prop_assert_eq!(scale.code(middle), code);
            for cut in cuts {
                prop_assert_eq!(a < us(cut), code < scale.code(us(cut)));
                prop_assert!(scale.separates(us(cut)));
            }
        }
    }
}
