//! The samples of one series in a finished hour, or in a day at one-minute resolution.

use super::{numbers, values};
use crate::outcome::Timestamp;
use crate::sample::{Point, Sample, SeriesKind, Summary};
use crate::store::block::{CHECKSUM_LEN, checksum};
use crate::store::column::{Decoder, Encoder};
use crate::store::counts::{Bytes, Corrupt, put};

/// A block as stored in the tables.
#[derive(Debug)]
pub struct Block {
    pub head: Vec<u8>,
    pub samples: Vec<u8>,
}

/// Block formats: which columns follow.
const SAMPLES: u8 = 0;
const MINUTES: u8 = 1;

/// Above the number of milliseconds in an hour and of minutes in a day.
const MAX_POINTS: usize = 4_000_000;

/// Encodes samples in order of time; there must be at least one. `start` is the start of the hour
/// or day.
pub fn of_samples(
    samples: &[Sample],
    summary: &Summary,
    kind: SeriesKind,
    start: Timestamp,
) -> Result<Block, Corrupt> {
    let points: Vec<Point> = samples.iter().map(|sample| Point::from(*sample)).collect();
    encode(SAMPLES, &points, summary, kind, start)
}

/// Encodes one-minute points of a gauge, like [`of_samples`].
pub fn of_minutes(
    minutes: &[Point],
    summary: &Summary,
    start: Timestamp,
) -> Result<Block, Corrupt> {
    encode(MINUTES, minutes, summary, SeriesKind::Gauge, start)
}

fn encode(
    format: u8,
    points: &[Point],
    summary: &Summary,
    kind: SeriesKind,
    start: Timestamp,
) -> Result<Block, Corrupt> {
    let (mut columns, mut stream) = (vec![format], Encoder::new());
    put(&mut columns, points.len() as u64);
    let times: Vec<i64> = points.iter().map(|point| point.at.0 - start.0).collect();
    numbers::write(&times, &mut columns, &mut stream)?;
    if format == MINUTES {
        let counts: Vec<i64> = points
            .iter()
            .map(|point| point.count.cast_signed())
            .collect();
        numbers::write(&counts, &mut columns, &mut stream)?;
    }
    for part in parts(format) {
        let column: Vec<f64> = points.iter().map(part).collect();
        values::write(&column, kind, &mut columns, &mut stream)?;
    }
    columns.extend(stream.finish());
    let head = write_head(summary, start);
    let mut samples = checksum(&head, &columns).to_vec();
    samples.extend(columns);
    Ok(Block { head, samples })
}

/// The columns of values.
fn parts(format: u8) -> &'static [fn(&Point) -> f64] {
    if format == MINUTES {
        &[
            |point| point.min,
            |point| point.mean,
            |point| point.max,
            |point| point.last,
        ]
    } else {
        &[|point| point.last]
    }
}

/// Decodes the output of [`of_samples`] or [`of_minutes`].
pub fn decode(block: &Block, start: Timestamp) -> Result<Vec<Point>, Corrupt> {
    let (sum, columns) = block
        .samples
        .split_at_checked(CHECKSUM_LEN)
        .ok_or(Corrupt)?;
    if sum != checksum(&block.head, columns) {
        return Err(Corrupt);
    }
    decode_columns(columns, start)
}

/// Rebuilds the head of a block from its samples; `None` if the checksum does not match. The head
/// of a day at one-minute resolution summarizes its hours and cannot be rebuilt.
pub fn with_head_again(samples: Vec<u8>, start: Timestamp) -> Option<Block> {
    let (sum, columns) = samples.split_at_checked(CHECKSUM_LEN)?;
    let points = decode_columns(columns, start).ok()?;
    let summary = Summary::of(points.iter().map(|point| Sample {
        at: point.at,
        value: point.last,
    }))?;
    let head = write_head(&summary, start);
    let is_proven = sum == checksum(&head, columns);
    is_proven.then_some(Block { head, samples })
}

fn decode_columns(columns: &[u8], start: Timestamp) -> Result<Vec<Point>, Corrupt> {
    let mut bytes = Bytes(columns);
    let format = bytes.byte()?;
    let len: usize = bytes.small()?;
    if format > MINUTES || len > MAX_POINTS {
        return Err(Corrupt);
    }
    let times = numbers::Head::read(&mut bytes)?;
    if format == SAMPLES {
        let values = values::Head::read(&mut bytes)?;
        let mut stream = Decoder::new(bytes.0);
        let times = times.numbers(len, &mut stream)?.into_iter();
        let samples = times
            .zip(values.values(len, &mut stream)?)
            .map(|(time, value)| Sample {
                at: Timestamp(start.0.wrapping_add(time)),
                value,
            });
        return Ok(samples.map(Point::from).collect());
    }
    let counts = numbers::Head::read(&mut bytes)?;
    let mut head = || values::Head::read(&mut bytes);
    let heads = [head()?, head()?, head()?, head()?];
    let mut stream = Decoder::new(bytes.0);
    let (times, counts) = (
        times.numbers(len, &mut stream)?,
        counts.numbers(len, &mut stream)?,
    );
    let mut column = |head: &values::Head| head.values(len, &mut stream);
    let [min, mean, max, last] = &heads;
    let (min, mean, max, last) = (column(min)?, column(mean)?, column(max)?, column(last)?);
    let points = (0..len).map(|index| Point {
        at: Timestamp(start.0.wrapping_add(times[index])),
        count: counts[index].unsigned_abs(),
        min: min[index],
        mean: mean[index],
        max: max[index],
        last: last[index],
    });
    Ok(points.collect())
}

fn write_head(summary: &Summary, start: Timestamp) -> Vec<u8> {
    let mut head = Vec::with_capacity(64);
    put(&mut head, summary.count);
    for sample in [summary.first, summary.last] {
        numbers::put_signed(&mut head, sample.at.0 - start.0);
        head.extend(sample.value.to_le_bytes());
    }
    for value in [summary.min, summary.max, summary.sum, summary.increase] {
        head.extend(value.to_le_bytes());
    }
    head
}

/// Reads the summary, which does not need the samples.
pub fn read_head(head: &[u8], start: Timestamp) -> Result<Summary, Corrupt> {
    let mut bytes = Bytes(head);
    let count = bytes.number()?;
    let mut sample = || {
        let at = Timestamp(start.0.wrapping_add(numbers::signed(&mut bytes)?));
        let value = float(&mut bytes)?;
        Ok(Sample { at, value })
    };
    let (first, last) = (sample()?, sample()?);
    let mut value = || float(&mut bytes);
    let summary = Summary {
        first,
        last,
        count,
        min: value()?,
        max: value()?,
        sum: value()?,
        increase: value()?,
    };
    let is_whole = bytes.0.is_empty() && count > 0 && first.at <= last.at;
    is_whole.then_some(summary).ok_or(Corrupt)
}

fn float(bytes: &mut Bytes<'_>) -> Result<f64, Corrupt> {
    let (value, rest) = bytes.0.split_first_chunk().ok_or(Corrupt)?;
    bytes.0 = rest;
    Ok(f64::from_le_bytes(*value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::minutes;
    use proptest::prelude::*;

    const START: Timestamp = Timestamp(494_000 * 3_600_000);

    /// Samples of an hour with gaps and restarts, with arbitrary values.
    fn samples() -> impl Strategy<Value = Vec<Sample>> {
        let step = prop_oneof![9 => Just(10_000_i64), 1 => 1..600_000_i64];
        let value = prop_oneof![3 => (0..1000_i32).prop_map(f64::from), 1 => any::<f64>()];
        prop::collection::vec((step, value), 1..200).prop_map(|parts| {
            let mut at = START.0 - 10_000;
            let sample = |(step, value)| {
                at += step;
                Sample {
                    at: Timestamp(at),
                    value,
                }
            };
            parts.into_iter().map(sample).collect()
        })
    }

    fn values(points: &[Point]) -> Vec<(i64, f64)> {
        points
            .iter()
            .map(|point| (point.at.0, point.last))
            .collect()
    }

    proptest! {
        #[test]
        fn counters_and_heads_come_back_as_they_were(samples in samples()) {
            let summary = Summary::of(samples.iter().copied()).expect("samples");
            let block = of_samples(&samples, &summary, SeriesKind::Counter, START).expect("encodes");
            let read = read_head(&block.head, START).expect("just written");
            prop_assert_eq!(format!("{read:?}"), format!("{summary:?}"));
            let points = decode(&block, START).expect("just written");
            let wanted: Vec<_> = samples.iter().map(|sample| (sample.at.0, sample.value)).collect();
            prop_assert_eq!(values(&points), wanted);
            prop_assert!(points.iter().all(|point| point.count == 1));
        }

        #[test]
        fn gauges_come_back_to_five_digits(samples in samples()) {
            let summary = Summary::of(samples.iter().copied()).expect("samples");
            let block = of_samples(&samples, &summary, SeriesKind::Gauge, START).expect("encodes");
            for (sample, point) in samples.iter().zip(decode(&block, START).expect("just written")) {
                prop_assert_eq!(sample.at, point.at);
                let error = (sample.value - point.last).abs();
                prop_assert!(error <= sample.value.abs() * 5.001e-5 || sample.value.is_subnormal());
            }
        }

        #[test]
        fn minutes_of_whole_numbers_come_back(parts in prop::collection::vec((1..100_i64, 0..50_i32), 1..200)) {
            let mut at = START.0;
            let points = parts.into_iter().map(|(seconds, value)| {
                at += seconds * 1000;
                Point::from(Sample { at: Timestamp(at), value: f64::from(value) })
            });
            let samples: Vec<Point> = points.collect();
            let summary = Summary::of(samples.iter().map(|point| Sample { at: point.at, value: point.last }));
            let minutes = minutes(samples);
            let block = of_minutes(&minutes, &summary.expect("samples"), START).expect("encodes");
            let read = decode(&block, START).expect("just written");
            prop_assert_eq!(read.len(), minutes.len());
            for (read, minute) in read.iter().zip(&minutes) {
                prop_assert!((read.mean - minute.mean).abs() <= minute.mean * 5.001e-5);
                prop_assert_eq!(Point { mean: 0.0, ..*read }, Point { mean: 0.0, ..*minute });
            }
        }

        #[test]
        fn damage_is_seen_and_nonsense_never_panics(
            samples in samples(), at in any::<prop::sample::Index>(), nonsense in prop::collection::vec(any::<u8>(), 0..80),
        ) {
            let summary = Summary::of(samples.iter().copied()).expect("samples");
            let mut block = of_samples(&samples, &summary, SeriesKind::Gauge, START).expect("encodes");
            let at = at.index(block.samples.len());
            block.samples[at] ^= 0x10;
            prop_assert!(decode(&block, START).is_err());
            let _ = read_head(&nonsense, START);
            let columns = nonsense.clone();
            let mut samples = checksum(&[], &columns).to_vec();
            samples.extend(columns);
            let _ = decode(&Block { head: Vec::new(), samples }, START);
        }
    }
}
