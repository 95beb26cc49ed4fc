//! Columns of numbers, stored as a histogram of values ([`ValueCounts`]) and the order of the
//! values.
//!
//! The order is range-coded with a model that draws without replacement: encoder and decoder know
//! how often each value is still to come. A column of equal values, such as the ticks, intervals
//! and status codes of a healthy service, takes no space beyond its counts. The histogram in a
//! block's header also saves as much space in the coded latencies.

use super::counts::{Corrupt, ValueCounts};

/// The remaining values: their counts, and a Fenwick tree over them.
#[derive(Debug)]
struct FrequencyModel {
    counts: Vec<u32>,
    /// `tree[i]` is the sum of the `i & -i` counts that end at number `i`, with `i` from 1.
    tree: Vec<u32>,
    left: u32,
}

/// A value's cumulative frequency range: the input of the range coder.
#[derive(Clone, Copy, Debug)]
struct Share {
    start: u32,
    size: u32,
}

impl FrequencyModel {
    /// `total` is limited so that the division in the range coder keeps its precision.
    fn new(counts: &ValueCounts) -> Result<Self, Corrupt> {
        let left = u32::try_from(counts.total()).map_err(|_| Corrupt)?;
        if left >= 1 << 24 {
            return Err(Corrupt);
        }
        let counts: Vec<u32> = counts.iter().map(|(_, count)| count).collect();
        let mut tree = vec![0; counts.len() + 1];
        for (index, count) in counts.iter().enumerate() {
            tree[index + 1] += count;
            let parent = (index + 1) + ((index + 1) & (index + 1).wrapping_neg());
            if parent < tree.len() {
                tree[parent] += tree[index + 1];
            }
        }
        Ok(Self { counts, tree, left })
    }

    /// Takes a value out; returns its share before that.
    fn take(&mut self, index: usize) -> Share {
        let (mut start, mut before) = (0, index);
        while before > 0 {
            start += self.tree[before];
            before &= before - 1;
        }
        let mut number = index + 1;
        while number < self.tree.len() {
            self.tree[number] -= 1;
            number += number & number.wrapping_neg();
        }
        self.taken(index, start)
    }

    /// Takes the value out whose range contains `target`, which is below `left`; returns its index, and its share
    /// before that.
    fn take_at(&mut self, target: u32) -> (usize, Share) {
        let (mut index, mut rest) = (0, target);
        let mut step = self.tree.len().next_power_of_two() / 2;
        while step > 0 {
            match self.tree.get_mut(index + step) {
                Some(sum) if *sum <= rest => {
                    rest -= *sum;
                    index += step;
                }
                // The sums that include the value.
                Some(sum) => *sum -= 1,
                None => {}
            }
            step /= 2;
        }
        (index, self.taken(index, target - rest))
    }

    fn taken(&mut self, index: usize, start: u32) -> Share {
        let size = self.counts[index];
        self.counts[index] -= 1;
        self.left -= 1;
        Share { start, size }
    }
}

/// When the range is below this, it is extended by a byte.
const NARROW: u32 = 1 << 24;

/// Bits coded at a time.
const CHUNK: u32 = 16;

/// A range coder with carry propagation, as in LZMA.
#[derive(Debug)]
pub struct Encoder {
    low: u64,
    range: u32,
    cache: u8,
    /// Bytes held back because a carry may still change them: the cache and the 0xff bytes after
    /// it.
    held: u64,
    out: Vec<u8>,
}

impl Encoder {
    pub fn new() -> Self {
        Self {
            low: 0,
            range: u32::MAX,
            cache: 0,
            held: 1,
            out: Vec::new(),
        }
    }

    /// Encodes the order of `values`, whose histogram is `counts`.
    pub fn column(
        &mut self,
        counts: &ValueCounts,
        values: impl IntoIterator<Item = u64>,
    ) -> Result<(), Corrupt> {
        let mut model = FrequencyModel::new(counts)?;
        // Equal values have no order and take no space.
        if counts.len() == 1 {
            return Ok(());
        }
        for value in values {
            let index = counts.index(value).ok_or(Corrupt)?;
            let total = model.left;
            self.encode(model.take(index), total);
        }
        Ok(())
    }

    /// Encodes the lowest `bits` bits of a number without a model.
    pub fn bits(&mut self, number: u64, bits: u32) {
        for shift in (0..bits).step_by(CHUNK as usize) {
            let total = 1 << CHUNK.min(bits - shift);
            let start = u32::try_from(number >> shift & u64::from(total - 1)).unwrap_or(0);
            self.encode(Share { start, size: 1 }, total);
        }
    }

    fn encode(&mut self, share: Share, total: u32) {
        if share.size == total {
            return;
        }
        self.range /= total;
        self.low += u64::from(share.start) * u64::from(self.range);
        self.range *= share.size;
        while self.range < NARROW {
            self.range <<= 8;
            self.shift();
        }
    }

    fn shift(&mut self) {
        let [_, _, _, carry, top, ..] = self.low.to_be_bytes();
        if carry > 0 || top < 0xff {
            self.out.push(self.cache.wrapping_add(carry));
            for _ in 1..self.held {
                self.out.push(0xff_u8.wrapping_add(carry));
            }
            self.held = 0;
            self.cache = top;
        }
        self.held += 1;
        self.low = (self.low & 0x00ff_ffff) << 8;
    }

    /// Returns the stream, truncated as far as possible: the decoder reads zeros after its end.
    pub fn finish(mut self) -> Vec<u8> {
        let mask = u64::from(NARROW - 1);
        self.low = (self.low + mask) & !mask;
        for _ in 0..5 {
            self.shift();
        }
        let used = self.out.iter().rposition(|byte| *byte != 0);
        self.out.truncate(used.map_or(0, |last| last + 1));
        self.out
    }
}

/// Decodes the output of an [`Encoder`].
#[derive(Debug)]
pub struct Decoder<'a> {
    code: u32,
    range: u32,
    rest: &'a [u8],
}

impl<'a> Decoder<'a> {
    pub fn new(stream: &'a [u8]) -> Self {
        let mut decoder = Self {
            code: 0,
            range: u32::MAX,
            rest: stream,
        };
        for _ in 0..5 {
            decoder.shift();
        }
        decoder
    }

    /// Decodes all values of a column in their order.
    pub fn column(&mut self, counts: &ValueCounts) -> Result<Vec<u64>, Corrupt> {
        let mut model = FrequencyModel::new(counts)?;
        if counts.len() == 1 {
            return Ok(vec![counts.value(0); model.left as usize]);
        }
        let mut values = Vec::with_capacity(model.left as usize);
        while model.left > 0 {
            values.push(counts.value(self.decode(&mut model)));
        }
        Ok(values)
    }

    /// Reads the next `bits` bits.
    pub fn bits(&mut self, bits: u32) -> u64 {
        let mut number = 0;
        for shift in (0..bits).step_by(CHUNK as usize) {
            let width = CHUNK.min(bits - shift);
            self.range >>= width;
            let start = (self.code / self.range).min((1 << width) - 1);
            self.code = self.code.wrapping_sub(start * self.range);
            self.widen();
            number |= u64::from(start) << shift;
        }
        number
    }

    fn decode(&mut self, model: &mut FrequencyModel) -> usize {
        let total = model.left;
        let range = self.range / total;
        let (index, share) = model.take_at((self.code / range).min(total - 1));
        if share.size < total {
            self.code = self.code.wrapping_sub(share.start * range);
            self.range = range * share.size;
            self.widen();
        }
        index
    }

    fn widen(&mut self) {
        while self.range < NARROW {
            self.range <<= 8;
            self.shift();
        }
    }

    fn shift(&mut self) {
        let next = self.rest.split_first();
        let (byte, rest) = next.map_or((0, &[][..]), |(byte, rest)| (*byte, rest));
        self.code = self.code << 8 | u32::from(byte);
        self.rest = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::counts::Bytes;
    use proptest::prelude::*;

    #[test]
    fn a_constant_column_only_takes_its_counts() {
        let values = vec![10_000; 360];
        let counts = ValueCounts::of(values.clone());
        let mut encoder = Encoder::new();
        encoder.column(&counts, values).expect("counts fit");
        assert!(encoder.finish().is_empty());
        let mut out = Vec::new();
        counts.write(&mut out);
        assert!(out.len() <= 6, "{out:?}");
    }

    proptest! {
        #[test]
        fn columns_in_one_stream_come_back(
            columns in prop::collection::vec(prop::collection::vec(0..40_u64, 0..200), 1..4),
            wild in prop::collection::vec(any::<u64>(), 0..50),
        ) {
            let columns: Vec<_> = columns.into_iter().chain([wild]).collect();
            let counts: Vec<_> = columns.iter().map(|c| ValueCounts::of(c.iter().copied())).collect();
            let (mut encoder, mut head) = (Encoder::new(), Vec::new());
            for (counts, column) in counts.iter().zip(&columns) {
                counts.write(&mut head);
                encoder.column(counts, column.iter().copied()).expect("counts fit");
            }
            let (stream, mut head) = (encoder.finish(), Bytes(&head));
            let mut decoder = Decoder::new(&stream);
            for column in &columns {
                let counts = ValueCounts::read(&mut head).expect("just written");
                prop_assert_eq!(&decoder.column(&counts).expect("just written"), column);
            }
        }

        #[test]
        fn nonsense_is_refused_or_read_but_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let mut reader = Bytes(&bytes);
            if let Ok(counts) = ValueCounts::read(&mut reader) && counts.total() < 10_000 {
                let values = Decoder::new(reader.0).column(&counts);
                prop_assert!(values.is_ok_and(|values| values.len() as u64 == counts.total()));
            }
        }
    }
}
