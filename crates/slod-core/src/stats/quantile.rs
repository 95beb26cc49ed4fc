//! Latency quantiles over the last minutes, hours and days, from mergeable buckets.

use super::scale::Scale;
use crate::outcome::Timestamp;
use crate::units::{DAY_MS, HOUR_MS};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// A sparse histogram: sorted bucket numbers with their counts, four bytes each. A bucket with more than
/// 65,535 entries uses one entry per 16 bits of its count, the lowest bits first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    entries: Vec<(u16, u16)>,
}

impl Histogram {
    pub fn add(&mut self, code: u16, count: u64) {
        let index = self.entries.partition_point(|(known, _)| *known < code);
        self.add_at(index, code, count);
    }

    /// Adds counts sorted by their code in a single pass.
    pub fn add_sorted(&mut self, counts: impl Iterator<Item = (u16, impl Into<u64>)>) {
        let mut index = 0;
        for (code, count) in counts {
            while self
                .entries
                .get(index)
                .is_some_and(|(known, _)| *known < code)
            {
                index += 1;
            }
            self.add_at(index, code, count.into());
        }
    }

    /// `index` is the first entry whose code is not below `code`.
    fn add_at(&mut self, mut index: usize, code: u16, mut count: u64) {
        while count > 0 {
            if self
                .entries
                .get(index)
                .is_none_or(|(known, _)| *known != code)
            {
                // Growing in small steps keeps thousands of histograms small.
                if self.entries.len() == self.entries.capacity() {
                    self.entries.reserve_exact(self.entries.len() / 4 + 1);
                }
                self.entries.insert(index, (code, 0));
            }
            let held = &mut self.entries[index].1;
            let sum = u64::from(*held) + (count & u64::from(u16::MAX));
            let [low, high, ..] = sum.to_le_bytes();
            *held = u16::from_le_bytes([low, high]);
            count = (count >> 16) + (sum >> 16);
            index += 1;
        }
    }

    /// The lowest and the highest bucket.
    fn extent(&self) -> Option<(u16, u16)> {
        let (low, _) = self.entries.first()?;
        let (high, _) = self.entries.last()?;
        Some((*low, *high))
    }

    /// Each bucket with its count, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u16, u64)> + '_ {
        let buckets = self.entries.chunk_by(|(a, _), (b, _)| a == b);
        buckets.map(|places| {
            let higher = |sum: u64, (_, bits): &(u16, u16)| {
                sum.saturating_mul(1 << 16).saturating_add(u64::from(*bits))
            };
            (places[0].0, places.iter().rev().fold(0, higher))
        })
    }
}

/// The minimum number of observations for a quantile: below `ln 0.05 / ln q`, the largest of them is less
/// than the true quantile with more than 5% probability. 59 for p95, 299 for p99.
pub fn needed(quantile: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "small and positive"
    )]
    let needed = (0.05_f64.ln() / quantile.ln()).ceil() as u64;
    needed
}

/// The ranks (from 1) of an ordered sample that enclose a quantile of the population at `z` standard
/// deviations: `n q -+ z sqrt(n q (1 - q))`, from the binomial distribution (David and Nagaraja, Order
/// Statistics, 2003, 7.1). `None` if the sample has too few values on either side.
pub fn interval(count: u64, quantile: f64, z: f64) -> Option<(u64, u64)> {
    let center = count as f64 * quantile;
    let spread = z * (center * (1.0 - quantile)).max(0.0).sqrt();
    let (low, high) = ((center - spread).floor(), (center + spread).ceil());
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "from 1 to `count`"
    )]
    let ranks = (low >= 1.0 && high <= count as f64).then_some((low as u64, high as u64));
    ranks
}

/// The parts of each span: their width in milliseconds, and their number.
const PARTS: [(i64, usize); 4] = [(60_000, 5), (300_000, 12), (HOUR_MS, 24), (DAY_MS, 30)];

/// Latencies of one probe over the last 5 minutes, hour, day and 30 days. The spans advance in steps of a
/// minute, 5 minutes, an hour and a day.
#[derive(Clone, Debug, Default)]
pub struct Latencies {
    /// Parts are shared with clones until one of them changes.
    spans: [VecDeque<(i64, Arc<Histogram>)>; PARTS.len()],
    /// A lower bound of the newest moment. Nothing is allocated before something is recorded.
    anchor: Option<Timestamp>,
}

impl Latencies {
    /// The spans, in the order in which [`Latencies::quantiles`] indexes them.
    pub const SPANS: [Duration; PARTS.len()] = [
        Duration::from_mins(5),
        Duration::from_hours(1),
        Duration::from_hours(24),
        Duration::from_hours(30 * 24),
    ];

    /// Makes `now` the newest moment, so that values outside of the current spans are ignored.
    pub fn anchor(&mut self, now: Timestamp) {
        self.anchor = self.anchor.max(Some(now));
    }

    /// `code` must be from a [`Scale`] without cuts.
    pub fn record(&mut self, at: Timestamp, code: u16, count: u32) {
        self.each_part(at, |part| part.add(code, count.into()));
    }

    /// Records many latencies at one moment, sorted by their code.
    pub fn record_sorted(
        &mut self,
        at: Timestamp,
        counts: &(impl Iterator<Item = (u16, u32)> + Clone),
    ) {
        self.each_part(at, |part| part.add_sorted(counts.clone()));
    }

    fn each_part(&mut self, at: Timestamp, change: impl Fn(&mut Histogram)) {
        for (parts, (width, kept)) in self.spans.iter_mut().zip(PARTS) {
            let part = at.0.div_euclid(width);
            let anchor = self.anchor.map(|anchor| anchor.0.div_euclid(width));
            let newest = parts.back().map(|(newest, _)| *newest).max(anchor);
            if part <= newest.unwrap_or(part) - kept as i64 {
                continue;
            }
            let index = parts.partition_point(|(known, _)| *known < part);
            if parts.get(index).is_none_or(|(known, _)| *known != part) {
                parts.insert(index, (part, Arc::default()));
            }
            change(Arc::make_mut(&mut parts[index].1));
            while parts.len() > kept {
                parts.pop_front();
            }
        }
    }

    /// The values of `quantiles` over one span; `None` if the sample is too small.
    pub fn quantiles<const N: usize>(
        &self,
        span: usize,
        now: Timestamp,
        quantiles: [f64; N],
        scale: &Scale,
        merged: &mut Vec<u32>,
    ) -> [Option<Duration>; N] {
        let (Some(parts), Some((width, kept))) = (self.spans.get(span), PARTS.get(span)) else {
            return [None; N];
        };
        let last = now.0.div_euclid(*width);
        let is_inside = |part: i64| part > last - *kept as i64 && part <= last;
        let inside = parts.iter().filter(|(part, _)| is_inside(*part));
        let histograms = inside.map(|(_, histogram)| &**histogram);
        let Some((low, high)) = histograms.clone().filter_map(Histogram::extent).reduce(
            |(low, high), (other_low, other_high)| (low.min(other_low), high.max(other_high)),
        ) else {
            return [None; N];
        };
        merged.clear();
        merged.resize(usize::from(high - low) + 1, 0);
        let mut total: u64 = 0;
        for (code, count) in histograms.flat_map(Histogram::iter) {
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            let sum = &mut merged[usize::from(code - low)];
            *sum = sum.saturating_add(count);
            total += u64::from(count);
        }
        quantiles.map(|quantile| {
            let place = place_of(merged, total, quantile)?;
            Some(scale.middle(low + u16::try_from(place).ok()?))
        })
    }
}

/// The index of the bucket that contains a quantile; `None` if the sample is too small.
fn place_of(counts: &[u32], total: u64, quantile: f64) -> Option<usize> {
    if total == 0 || total < needed(quantile) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most `total`"
    )]
    let rank = ((quantile * total as f64).ceil() as u64).max(1);
    let mut seen = 0;
    counts.iter().position(|count| {
        seen += u64::from(*count);
        seen >= rank
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn small_samples_are_withheld() {
        assert_eq!((needed(0.5), needed(0.95), needed(0.99)), (5, 59, 299));
        let scale = Scale::new([]);
        let mut latencies = Latencies::default();
        latencies.record(Timestamp(0), 100, 58);
        let reported = latencies.quantiles(0, Timestamp(0), [0.5, 0.95], &scale, &mut vec![]);
        assert_eq!(reported, [Some(scale.middle(100)), None]);
    }

    #[test]
    fn the_ranks_of_an_interval_match_known_values() {
        // 500 - 1.96 x 15.81 = 469.01 and 530.99; 950 -+ 13.51.
        assert_eq!(interval(1000, 0.5, 1.96), Some((469, 531)));
        assert_eq!(interval(1000, 0.95, 1.96), Some((936, 964)));
        assert_eq!(interval(50, 0.95, 1.96), None);
        assert_eq!(interval(0, 0.5, 1.96), None);
        assert_eq!(interval(1000, f64::NAN, 1.96), None);
    }

    #[test]
    fn spans_drop_old_values() {
        let scale = Scale::new([]);
        let mut latencies = Latencies::default();
        latencies.record(Timestamp(0), 100, 1000);
        let p50 = |latencies: &Latencies, span, now| {
            latencies.quantiles(span, Timestamp(now), [0.5], &scale, &mut vec![])[0]
        };
        assert!(p50(&latencies, 0, 299_999).is_some());
        assert!(p50(&latencies, 0, 300_000).is_none());
        assert!(p50(&latencies, 3, 30 * DAY_MS - 1).is_some());
        assert!(p50(&latencies, 3, 30 * DAY_MS).is_none());
    }

    proptest! {
        #[test]
        fn counts_of_any_size_add_up(
            counts in prop::collection::vec((0_u16..9, 0_u64..=1 << 58), 0..30),
        ) {
            let mut expected = std::collections::BTreeMap::<u16, u64>::new();
            let (mut one_by_one, mut sorted) = (Histogram::default(), Histogram::default());
            for (code, count) in &counts {
                one_by_one.add(*code, *count);
                *expected.entry(*code).or_default() += count;
            }
            let mut counts = counts;
            counts.sort_unstable();
            sorted.add_sorted(counts.into_iter());
            expected.retain(|_, count| *count > 0);
            prop_assert_eq!(one_by_one.iter().collect::<Vec<_>>(), expected.into_iter().collect::<Vec<_>>());
            prop_assert!(one_by_one.entries.len() <= 9 * 4);
            prop_assert_eq!(one_by_one, sorted);
        }

        #[test]
        fn quantiles_are_within_one_percent_of_the_ordered_sample(
            mut sample in prop::collection::vec(1_u64..100_000_000, 300..600),
        ) {
            let scale = Scale::new([]);
            let mut latencies = Latencies::default();
            for us in &sample {
                latencies.record(Timestamp(0), scale.code(Duration::from_micros(*us)), 1);
            }
            sample.sort_unstable();
            let quantiles = [0.5, 0.95, 0.99];
            let reported = latencies.quantiles(1, Timestamp(0), quantiles, &scale, &mut vec![]);
            for (quantile, reported) in quantiles.into_iter().zip(reported) {
                let reached = |at: &usize| (at + 1) as f64 >= quantile * sample.len() as f64;
                let rank = (0..sample.len()).find(reached).expect("the last one reaches it");
                let truth = sample[rank] as f64;
                let reported = reported.expect("large enough").as_secs_f64() * 1e6;
                prop_assert!((reported - truth).abs() <= 0.01 * truth);
            }
        }
    }
}
