//! Columns of integers that are close to each other: each number is coded as the difference from a
//! prediction.
//!
//! The prediction is a common value (order 0), the same increase as for most numbers (order 1), or
//! the same increase as the preceding one (order 2). A difference is coded as its bit count and
//! sign, which have few distinct values and are range-coded, followed by the bits themselves. A
//! column of equal or evenly rising numbers, such as the times of samples, takes no space beyond
//! its head.

use crate::store::column::{Decoder, Encoder};
use crate::store::counts::{Bytes, Corrupt, ValueCounts, put};

/// Parameters of a column, needed to decode its numbers.
#[derive(Debug)]
pub struct Head {
    start: i64,
    /// The common divisor of all differences from `start`.
    unit: u64,
    order: u8,
    /// The first increase, for order 2.
    rise: i64,
    /// The median, which most numbers are close to.
    middle: i64,
    classes: ValueCounts,
}

/// The residuals of a column for one order.
struct Residuals {
    head: Head,
    values: Vec<i64>,
}

/// Appends a non-empty column: its head to `out`, its numbers to the stream.
pub fn write(numbers: &[i64], out: &mut Vec<u8>, stream: &mut Encoder) -> Result<(), Corrupt> {
    let start = *numbers.first().ok_or(Corrupt)?;
    let (units, unit) = units(numbers, start);
    let orders = (0..=2).map(|order| Residuals::of(&units, start, unit, order));
    let Residuals { head, values } = orders.min_by_key(Residuals::size).ok_or(Corrupt)?;
    head.write(out);
    stream.column(&head.classes, values.iter().map(|value| class(*value)))?;
    for value in values {
        let bits = class(value) / 2;
        stream.bits(value.unsigned_abs(), low_bits(bits));
    }
    Ok(())
}

/// Differences from `start`, divided by their greatest common divisor, and the divisor.
fn units(numbers: &[i64], start: i64) -> (Vec<i64>, u64) {
    let away: Vec<i64> = numbers
        .iter()
        .map(|number| number.wrapping_sub(start))
        .collect();
    let unit = away
        .iter()
        .fold(0, |unit, one| divisor(unit, one.unsigned_abs()));
    let unit = i64::try_from(unit).unwrap_or(1).max(1);
    (
        away.into_iter().map(|one| one / unit).collect(),
        unit.unsigned_abs(),
    )
}

fn divisor(mut a: u64, mut b: u64) -> u64 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn rises(values: &[i64]) -> Vec<i64> {
    values
        .windows(2)
        .map(|pair| pair[1].wrapping_sub(pair[0]))
        .collect()
}

impl Residuals {
    fn of(units: &[i64], start: i64, unit: u64, order: u8) -> Self {
        let (mut values, mut rise) = (units.to_vec(), 0);
        if order > 0 {
            values = rises(&values);
        }
        if order > 1 {
            rise = values.first().copied().unwrap_or(0);
            values = rises(&values);
        }
        let middle = middle(&values);
        for value in &mut values {
            *value = value.wrapping_sub(middle);
        }
        let classes = ValueCounts::of(values.iter().map(|value| class(*value)));
        Self {
            head: Head {
                start,
                unit,
                order,
                rise,
                middle,
                classes,
            },
            values,
        }
    }

    /// The approximate size in bits.
    fn size(&self) -> u64 {
        let total = self.head.classes.total() as f64;
        let bits = self.head.classes.iter().map(|(class, count)| {
            let (low, count) = (f64::from(low_bits(class / 2)), f64::from(count));
            12.0 + count * (low + (total / count).log2())
        });
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an estimate"
        )]
        let bits = bits.sum::<f64>() as u64;
        bits
    }
}

/// The (lower) median.
fn middle(values: &[i64]) -> i64 {
    let mut sorted = values.to_vec();
    let half = sorted.len() / 2;
    if sorted.is_empty() {
        return 0;
    }
    *sorted.select_nth_unstable(half).1
}

impl Head {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(self.order);
        put_signed(out, self.start);
        put(out, self.unit);
        if self.order == 2 {
            put_signed(out, self.rise);
        }
        put_signed(out, self.middle);
        self.classes.write(out);
    }

    /// Reads a head in the output of [`write()`].
    pub fn read(bytes: &mut Bytes<'_>) -> Result<Self, Corrupt> {
        let order = bytes.byte()?;
        if order > 2 {
            return Err(Corrupt);
        }
        let (start, unit) = (signed(bytes)?, bytes.number()?);
        let rise = if order == 2 { signed(bytes)? } else { 0 };
        let (middle, classes) = (signed(bytes)?, ValueCounts::read(bytes)?);
        if classes.iter().any(|(class, _)| class > MAX_CLASS) {
            return Err(Corrupt);
        }
        Ok(Self {
            start,
            unit,
            order,
            rise,
            middle,
            classes,
        })
    }

    /// Reads the `len` numbers of the column.
    pub fn numbers(&self, len: usize, stream: &mut Decoder<'_>) -> Result<Vec<i64>, Corrupt> {
        let known = len.min(usize::from(self.order));
        if self.classes.total() != (len - known) as u64 {
            return Err(Corrupt);
        }
        let classes = stream.column(&self.classes)?;
        let values = classes
            .into_iter()
            .map(|class| self.middle.wrapping_add(value(class, stream)));
        let mut units = Vec::with_capacity(len);
        units.extend([0, self.rise].into_iter().take(known));
        let (mut unit, mut rise) = (units.last().copied().unwrap_or(0), self.rise);
        units.extend(values.map(|value| {
            rise = if self.order == 2 {
                rise.wrapping_add(value)
            } else {
                value
            };
            unit = if self.order == 0 {
                value
            } else {
                unit.wrapping_add(rise)
            };
            unit
        }));
        let scale = self.unit.cast_signed();
        let number = |unit: i64| self.start.wrapping_add(unit.wrapping_mul(scale));
        Ok(units.into_iter().map(number).collect())
    }
}

/// The class of `i64::MIN`.
const MAX_CLASS: u64 = 2 * 64 + 1;

/// Twice the bit count, plus one if negative.
fn class(value: i64) -> u64 {
    let bits = u64::BITS - value.unsigned_abs().leading_zeros();
    u64::from(2 * bits) + u64::from(value < 0)
}

/// The highest bit is always set and not stored.
fn low_bits(bits: u64) -> u32 {
    u32::try_from(bits.saturating_sub(1)).unwrap_or(0)
}

fn value(class: u64, stream: &mut Decoder<'_>) -> i64 {
    let bits = class / 2;
    if bits == 0 {
        return 0;
    }
    let low = low_bits(bits);
    let size = (1 << low | stream.bits(low)).cast_signed();
    if class % 2 == 1 {
        size.wrapping_neg()
    } else {
        size
    }
}

/// Writes a signed number; numbers close to zero take few bytes.
pub fn put_signed(out: &mut Vec<u8>, number: i64) {
    put(out, (number << 1 ^ number >> 63).cast_unsigned());
}

pub fn signed(bytes: &mut Bytes<'_>) -> Result<i64, Corrupt> {
    let number = bytes.number()?;
    Ok((number >> 1).cast_signed() ^ -((number & 1).cast_signed()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn back(numbers: &[i64]) -> (Vec<i64>, usize) {
        let (mut out, mut stream) = (Vec::new(), Encoder::new());
        write(numbers, &mut out, &mut stream).expect("not empty");
        let stream = stream.finish();
        let mut bytes = Bytes(&out);
        let head = Head::read(&mut bytes).expect("just written");
        let read = head
            .numbers(numbers.len(), &mut Decoder::new(&stream))
            .expect("just written");
        assert!(bytes.0.is_empty());
        (read, out.len() + stream.len())
    }

    #[test]
    fn evenly_rising_numbers_only_take_their_head() {
        let even: Vec<i64> = (0..360)
            .map(|tick| 1_795_000_000_000 + tick * 10_000)
            .collect();
        let (read, size) = back(&even);
        assert_eq!(read, even);
        assert!(size < 20, "{size}");
        // Half an hour without a sample.
        let (_, with_gap) = back(&[&even[..90], &even[270..]].concat());
        assert!(with_gap < size + 8, "{with_gap}");
        let (_, constant) = back(&[7; 360]);
        assert!(constant < 10, "{constant}");
    }

    #[test]
    fn noise_takes_its_bits() {
        let mut chance = 7_u64;
        let mut noise = || {
            chance = chance
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (chance >> 54).cast_signed()
        };
        let gauge: Vec<i64> = (0..360).map(|_| 5_000_000 + noise()).collect();
        let (read, size) = back(&gauge);
        assert_eq!(read, gauge);
        // Ten bits of noise.
        assert!(size < 360 * 11 / 8, "{size}");
        let mut counter: Vec<i64> = gauge.clone();
        for at in 1..counter.len() {
            counter[at] = counter[at - 1] + 1_000_000 + noise();
        }
        let (read, size) = back(&counter);
        assert_eq!(read, counter);
        assert!(size < 360 * 11 / 8, "{size}");
    }

    proptest! {
        #[test]
        fn any_numbers_come_back(numbers in prop::collection::vec(any::<i64>(), 1..50)) {
            prop_assert_eq!(back(&numbers).0, numbers);
        }

        #[test]
        fn near_numbers_come_back(start in any::<i64>(), rises in prop::collection::vec(-3..9_i64, 0..400)) {
            let mut numbers = vec![start];
            for rise in rises {
                numbers.push(numbers[numbers.len() - 1].wrapping_add(rise * 100));
            }
            prop_assert_eq!(back(&numbers).0, numbers);
        }

        #[test]
        fn nonsense_is_refused_or_read_but_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..60), len in 0..100_usize) {
            let head = Head::read(&mut Bytes(&bytes));
            let read = head.and_then(|head| head.numbers(len, &mut Decoder::new(&bytes)));
            prop_assert!(read.is_err() || read.is_ok_and(|read| read.len() == len));
        }
    }
}
