//! Positions of latencies within their buckets, as precise as space allows: the fewer bits the
//! bucket numbers of an hour take, the more are left for the positions. The latencies of a service
//! with constant latency are therefore known almost exactly, and so are the slowest ones of each
//! hour.

use super::counts::{Bytes, Corrupt, put};
use crate::stats::scale::Scale;
use std::time::Duration;

/// Target size of a block in bytes per hundred outcomes.
const FILLED: usize = 130;
/// Maximum bits per latency. More adds no useful precision: a bucket is 1.6% wide.
const BITS_MAX: u32 = 12;
/// One in this many outcomes may be stored almost exactly because it is among the slowest.
const SLOWEST: usize = 64;
/// Bits for the slowest latencies: less than 0.1 us where a bucket is 0.1 s wide.
const SLOWEST_BITS: u32 = 20;

/// The number of bits of each latency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Grain {
    bits: u32,
    /// Latencies from this bucket on have [`SLOWEST_BITS`].
    slow: u16,
}

/// Positions of latencies within their buckets.
#[derive(Debug)]
pub struct Fine<'a> {
    grain: Grain,
    packed: Packed<'a>,
}

impl Grain {
    fn bits_of(self, code: u16, width: u64) -> u32 {
        let exact = u64::BITS - (width - 1).leading_zeros();
        let wanted = if code >= self.slow {
            SLOWEST_BITS
        } else {
            self.bits
        };
        wanted.min(exact)
    }

    /// Returns the highest precision that fits in addition to the `size` bytes already used.
    fn fitting(codes: &[u16], scale: &Scale, size: usize) -> Self {
        let slow = slowest(codes);
        let room = (codes.len() * FILLED / 100).saturating_sub(size);
        let grains = (0..=BITS_MAX).rev().map(|bits| Self { bits, slow });
        let width = |code: u16| {
            let (from, to) = scale.bucket(code);
            to - from
        };
        let widths: Vec<(u16, u64)> = codes.iter().map(|code| (*code, width(*code))).collect();
        let fits = |grain: &Self| {
            let bits = widths
                .iter()
                .map(|(code, width)| grain.bits_of(*code, *width));
            bits.sum::<u32>() as usize <= 8 * room
        };
        let coarsest = Self { bits: 0, slow };
        grains.into_iter().find(fits).unwrap_or(coarsest)
    }
}

/// The bucket from which on latencies are among the slowest.
fn slowest(codes: &[u16]) -> u16 {
    let mut sorted = codes.to_vec();
    sorted.sort_unstable();
    let fewer = codes.len().saturating_sub(codes.len() / SLOWEST + 1);
    let from = sorted.get(fewer).copied().unwrap_or(u16::MAX);
    let alike = fewer.checked_sub(1).and_then(|at| sorted.get(at));
    // If the next faster latency is in the same bucket, these are not outliers.
    from.saturating_add(u16::from(alike == Some(&from)))
}

/// Appends the positions to a block that takes `size` bytes so far.
pub fn write(latencies: &[Duration], scale: &Scale, size: usize, out: &mut Vec<u8>) {
    let codes: Vec<u16> = latencies.iter().map(|one| scale.code(*one)).collect();
    let grain = Grain::fitting(&codes, scale, size);
    let mut packer = Packer::default();
    for (latency, code) in latencies.iter().zip(codes) {
        let (from, to) = scale.bucket(code);
        let width = to - from;
        let ns = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        let inside = ns.saturating_sub(from).min(width - 1);
        let bits = grain.bits_of(code, width);
        packer.push(part_of(inside, width, bits), bits);
    }
    put(out, u64::from(grain.bits));
    put(out, u64::from(grain.slow));
    put(out, packer.bytes.len() as u64);
    out.extend(packer.bytes);
}

/// Returns which of `1 << bits` equal parts of a bucket contains a position.
fn part_of(inside: u64, width: u64, bits: u32) -> u64 {
    if 1 << bits >= width {
        return inside;
    }
    let part = (u128::from(inside) << bits) / u128::from(width);
    u64::try_from(part).unwrap_or(0)
}

/// The middle of a part.
fn middle_of(part: u64, width: u64, bits: u32) -> u64 {
    if 1 << bits >= width {
        return part.min(width - 1);
    }
    let start = |part: u128| (part * u128::from(width)).div_ceil(1 << bits);
    let (from, next) = (start(part.into()), start(u128::from(part) + 1));
    u64::try_from((from + next - 1) / 2).unwrap_or(0)
}

impl<'a> Fine<'a> {
    /// Reads the output of [`write()`].
    pub fn read(bytes: &mut Bytes<'a>) -> Result<Self, Corrupt> {
        let (bits, slow) = (bytes.small()?, bytes.small()?);
        let len: usize = bytes.small()?;
        let packed = bytes.take(len)?;
        if bits > BITS_MAX {
            return Err(Corrupt);
        }
        Ok(Self {
            grain: Grain { bits, slow },
            packed: Packed {
                bytes: packed,
                at: 0,
            },
        })
    }

    /// Returns the next latency, given its bucket.
    pub fn next(&mut self, code: u16, scale: &Scale) -> Duration {
        let (from, to) = scale.bucket(code);
        let bits = self.grain.bits_of(code, to - from);
        let part = self.packed.take(bits);
        Duration::from_nanos(from + middle_of(part, to - from, bits))
    }
}

/// Packs bits, lowest first.
#[derive(Default)]
struct Packer {
    bytes: Vec<u8>,
    len: usize,
}

impl Packer {
    fn push(&mut self, number: u64, bits: u32) {
        for bit in 0..bits {
            if self.len.is_multiple_of(8) {
                self.bytes.push(0);
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= u8::from(number >> bit & 1 == 1) << (self.len % 8);
            }
            self.len += 1;
        }
    }
}

/// Reads the output of a [`Packer`]; zeros after the end.
#[derive(Debug)]
struct Packed<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Packed<'_> {
    fn take(&mut self, bits: u32) -> u64 {
        let mut number = 0;
        for bit in 0..bits {
            let byte = self.bytes.get(self.at / 8).copied().unwrap_or(0);
            number |= u64::from(byte >> (self.at % 8) & 1) << bit;
            self.at += 1;
        }
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn back(latencies: &[Duration], size: usize) -> Vec<Duration> {
        let scale = Scale::new([]);
        let mut out = Vec::new();
        write(latencies, &scale, size, &mut out);
        let mut bytes = Bytes(&out);
        let mut fine = Fine::read(&mut bytes).expect("just written");
        assert!(bytes.0.is_empty());
        let codes = latencies.iter().map(|one| scale.code(*one));
        codes.map(|code| fine.next(code, &scale)).collect()
    }

    #[test]
    fn a_constant_latency_and_a_slow_one_are_known_almost_exactly() {
        let mut latencies = vec![Duration::from_micros(299_990); 360];
        latencies[77] = Duration::from_secs(7);
        for (was, is) in latencies.iter().zip(back(&latencies, 30)) {
            assert!(
                was.abs_diff(is) < Duration::from_micros(5),
                "{was:?} {is:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn latencies_stay_in_their_buckets_however_little_room_there_is(
            ns in prop::collection::vec(0..1_u64 << 50, 1..200), size in 0..400_usize,
        ) {
            let scale = Scale::new([]);
            let latencies: Vec<_> = ns.into_iter().map(Duration::from_nanos).collect();
            for (was, is) in latencies.iter().zip(back(&latencies, size)) {
                prop_assert_eq!(scale.code(*was), scale.code(is));
            }
        }

        #[test]
        fn bits_come_back(numbers in prop::collection::vec((any::<u64>(), 0..40_u32), 0..50)) {
            let mut packer = Packer::default();
            let low = |number: u64, bits: u32| number & ((1 << bits) - 1);
            for (number, bits) in &numbers {
                packer.push(*number, *bits);
            }
            let mut packed = Packed { bytes: &packer.bytes, at: 0 };
            for (number, bits) in numbers {
                prop_assert_eq!(packed.take(bits), low(number, bits));
            }
        }
    }
}
