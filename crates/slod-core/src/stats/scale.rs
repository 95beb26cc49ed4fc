//! Log-linear buckets for durations, with every threshold as an exact bucket boundary.

use std::time::Duration;

/// Maximum relative error of the value that represents a latency bucket.
pub const PRECISION: f64 = 1.0 / 128.0;
/// Maximum relative error for other measurements.
pub const COARSE_PRECISION: f64 = 1.0 / 16.0;

/// The unit and resolution of durations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Unit {
    /// Latencies.
    #[default]
    Nanos,
    /// Latencies in hours stored by older versions.
    Micros,
    /// Measurements other than the latency, with wider buckets.
    CoarseMicros,
}

impl Unit {
    const fn ns(self) -> u64 {
        match self {
            Self::Nanos => 1,
            Self::Micros | Self::CoarseMicros => 1000,
        }
    }

    /// The largest duration, about 19 hours; longer ones are clamped.
    const fn most(self) -> u64 {
        match self {
            Self::Nanos => (1 << 46) - 1,
            Self::Micros | Self::CoarseMicros => (1 << 36) - 1,
        }
    }

    /// The number of sub-buckets per power of two, as a power of two. A latency bucket is at most 1/64 of
    /// its lower boundary wide, so its middle is within 1/128 = 0.8% of every value in it; for other
    /// measurements, it is 1/8 and 6.3%.
    const fn sub_bits(self) -> u32 {
        match self {
            Self::Nanos | Self::Micros => 6,
            Self::CoarseMicros => 3,
        }
    }

    /// The prefix of such cuts in stored data.
    const fn mark(self) -> &'static str {
        match self {
            Self::Nanos => "ns",
            Self::Micros => "",
            Self::CoarseMicros => "us",
        }
    }

    fn of(self, latency: Duration) -> u64 {
        let count = latency.as_nanos() / u128::from(self.ns());
        u64::try_from(count).map_or(self.most(), |count| count.min(self.most()))
    }
}

/// Maps durations to bucket numbers. `cuts` are additional boundaries, so that "under 500 ms" can be
/// counted from the buckets without an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scale {
    unit: Unit,
    cuts: Vec<u64>,
}

impl Scale {
    /// `cuts` may be in any order. Those on an existing boundary are dropped.
    pub fn new(cuts: impl IntoIterator<Item = Duration>) -> Self {
        Self::with(Unit::Nanos, cuts)
    }

    /// The scale of measurements other than the latency.
    pub fn coarse(cuts: impl IntoIterator<Item = Duration>) -> Self {
        Self::with(Unit::CoarseMicros, cuts)
    }

    fn with(unit: Unit, cuts: impl IntoIterator<Item = Duration>) -> Self {
        Self::of(unit, cuts.into_iter().map(|cut| unit.of(cut)))
    }

    fn of(unit: Unit, cuts: impl Iterator<Item = u64>) -> Self {
        let extra = |cut: &u64| *cut <= unit.most() && unit.lower(unit.base(*cut)) != *cut;
        let mut cuts: Vec<u64> = cuts.filter(extra).collect();
        cuts.sort_unstable();
        cuts.dedup();
        Self { unit, cuts }
    }

    /// The stored representation: the additional boundaries, with a prefix for the unit.
    pub fn to_text(&self) -> String {
        let cuts = self.cuts.iter().map(u64::to_string);
        let mark = Some(self.unit.mark().to_owned()).filter(|mark| !mark.is_empty());
        mark.into_iter().chain(cuts).collect::<Vec<_>>().join(" ")
    }

    /// Parses the output of [`Scale::to_text`].
    pub fn from_text(text: &str) -> Option<Self> {
        let marked = |unit: Unit| Some((unit, text.strip_prefix(unit.mark())?));
        let units = [Unit::Nanos, Unit::CoarseMicros, Unit::Micros];
        let (unit, cuts) = units.into_iter().find_map(marked)?;
        let cuts: Result<Vec<u64>, _> = cuts.split_whitespace().map(str::parse).collect();
        Some(Self::of(unit, cuts.ok()?.into_iter()))
    }

    /// Whether a bucket boundary separates latencies below `below` from the others.
    pub fn separates(&self, below: Duration) -> bool {
        let (from, _) = self.bucket(self.code(below));
        u128::from(from) == below.as_nanos() || below > Duration::from_nanos(self.most_ns())
    }

    /// The bucket of a latency. Monotone, and below 3,000 with a few cuts.
    pub fn code(&self, latency: Duration) -> u16 {
        let count = self.unit.of(latency);
        let passed = self.cuts.partition_point(|cut| *cut <= count);
        u16::try_from(self.unit.base(count) + passed).unwrap_or(u16::MAX)
    }

    /// The boundaries of a bucket in nanoseconds; the upper one is exclusive.
    pub fn bucket(&self, code: u16) -> (u64, u64) {
        let from = self.lower(code);
        let to = self.lower(code.saturating_add(1)).max(from + 1);
        (from * self.unit.ns(), to * self.unit.ns())
    }

    /// The value that represents a bucket: its middle.
    pub fn middle(&self, code: u16) -> Duration {
        let (from, to) = self.bucket(code);
        Duration::from_nanos(u64::midpoint(from, to - 1))
    }

    const fn most_ns(&self) -> u64 {
        self.unit.most() * self.unit.ns()
    }

    /// The lower boundary of a bucket. Its values extend to the next one's boundary.
    fn lower(&self, code: u16) -> u64 {
        let code = usize::from(code);
        // With `passed` cuts at or below it, the bucket is `base = code - passed`; the first consistent
        // number of passed cuts is the right one.
        for passed in 0..=self.cuts.len().min(code) {
            let from = self.unit.lower(code - passed);
            let to = self.unit.lower(code - passed + 1);
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

impl Unit {
    /// The bucket without cuts. With 64 sub-buckets, the first 128 buckets have width one, followed by 64
    /// per power of two.
    fn base(self, count: u64) -> usize {
        let sub = 1 << self.sub_bits();
        if count < 2 * sub {
            return usize::try_from(count).unwrap_or(usize::MAX);
        }
        let shift = count.ilog2() - self.sub_bits();
        let bucket = u64::from(shift) * sub + (count >> shift);
        usize::try_from(bucket).unwrap_or(usize::MAX)
    }

    /// The lowest value of a bucket. Numbers without a duration come from corrupted data.
    fn lower(self, base: usize) -> u64 {
        let (base, sub) = (base as u64, 1 << self.sub_bits());
        if base < 2 * sub {
            return base;
        }
        let shift = base / sub - 1;
        let start = base - shift * sub;
        let high = u32::try_from(shift).ok().filter(|shift| *shift < 50);
        high.map_or(1 << 56, |shift| start << shift)
    }
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
    fn a_cut_separates_values_below_it_from_the_others() {
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
        // These are the stored bucket numbers.
        assert_eq!(
            [us(12), us(499_999), us(500_000)].map(|one| old.code(one)),
            [12, 890, 891]
        );
        assert!(Scale::from_text("ns 5x").is_none());
        let none = Scale::from_text("").expect("valid");
        assert_eq!(none.middle(12), Duration::from_nanos(12_499));
    }

    #[test]
    fn bucket_numbers_without_a_latency_are_harmless() {
        let scale = Scale::new([us(500_000)]);
        for code in 2500..=u16::MAX {
            scale.middle(code);
        }
    }

    proptest! {
        #[test]
        fn buckets_are_monotone_reversible_and_within_one_percent(
            // Up to the largest value of all units.
            a in 0..Unit::Micros.most() * 1000, b in 0..Unit::Micros.most() * 1000,
            cuts in prop::collection::vec(1..100_000_000_u64, 0..6), unit in 0..3,
        ) {
            let mut scale = Scale::new(cuts.iter().copied().map(us));
            if unit == 1 {
                let text = cuts.iter().map(u64::to_string).collect::<Vec<_>>().join(" ");
                scale = Scale::from_text(&text).expect("valid");
            }
            if unit == 2 {
                scale = Scale::coarse(cuts.iter().copied().map(us));
            }
            prop_assert_eq!(&Scale::from_text(&scale.to_text()).expect("valid"), &scale);
            let (a, b) = (Duration::from_nanos(a.min(b)), Duration::from_nanos(a.max(b)));
            let code = scale.code(a);
            prop_assert!(code <= scale.code(b));
            let (from, to) = scale.bucket(code);
            prop_assert!((from..to).contains(&u64::try_from(a.as_nanos()).expect("fits")));
            let middle = scale.middle(code);
            let precision = if unit == 2 { COARSE_PRECISION } else { PRECISION };
            let unit = if unit == 0 { 1e-9 } else { 1e-6 };
            let off = (middle.as_secs_f64() - a.as_secs_f64()).abs();
            prop_assert!(off <= precision * a.as_secs_f64() + unit);
            prop_assert_eq!(scale.code(middle), code);
            for cut in cuts {
                prop_assert_eq!(a < us(cut), code < scale.code(us(cut)));
                prop_assert!(scale.separates(us(cut)));
            }
        }
    }
}
