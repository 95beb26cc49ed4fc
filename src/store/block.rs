//! One probe's finished hour: its exact counts, and every outcome in about a byte.

use super::column::{Decoder, Encoder};
use super::counts::{Bytes, Corrupt, Counts, put};
use super::header::{HOUR_MS, Header, verdict_code, verdict_of};
use super::texts::Texts;
use crate::outcome::{Outcome, ProbeKey, Record, Timestamp, millis};
use crate::slo::TallyKey;
use crate::stats::scale::Scale;
use std::time::Duration;

const CHECKSUM_LEN: usize = 4;

/// A block as it goes into the tables.
#[derive(Debug)]
pub struct Block {
    pub counts: Vec<u8>,
    pub outcomes: Vec<u8>,
}

/// Encodes one probe's records of one hour, in ascending order of ticks. `tallies` come from the
/// exact records; `scale` is the basis' one.
pub fn encode(
    records: &[Record],
    basis: i64,
    scale: &Scale,
    keys: &[TallyKey],
) -> Result<Block, Corrupt> {
    let latency = |record: &Record| u64::from(scale.code(record.outcome.latency));
    let (counted, void): (Vec<_>, Vec<_>) = records
        .iter()
        .partition(|record| record.outcome.verdict.counts());
    let verdicts: Vec<u64> = records
        .iter()
        .map(|r| verdict_code(r.outcome.verdict))
        .collect();
    let header = Header {
        basis,
        verdicts: Counts::of(verdicts.iter().copied()),
        covered_ms: counted.iter().map(|r| interval_ms(r)).sum(),
        tallies: keys.iter().map(|key| key.count(records)).collect(),
        latencies: Counts::of(counted.iter().map(|r| latency(r))),
    };
    let (counts, mut encoder, mut columns) = (header.write(), Encoder::new(), Vec::new());
    encoder.column(&header.verdicts, verdicts)?;
    encoder.column(&header.latencies, counted.iter().map(|r| latency(r)))?;

    let first = records
        .first()
        .map_or(0, |record| record.at.0.rem_euclid(HOUR_MS));
    put(&mut columns, first.unsigned_abs());
    let texts = Texts::of(records);
    let steps = records
        .windows(2)
        .map(|pair| pair[0].at.0.abs_diff(pair[1].at.0));
    let status = |record: &Record| {
        record
            .outcome
            .detail
            .http_status
            .map_or(0, |s| u64::from(s) + 1)
    };
    for column in [
        steps.collect::<Vec<_>>(),
        records.iter().map(interval_ms).collect(),
        records.iter().map(status).collect(),
        void.iter().map(|r| latency(r)).collect(),
        records.iter().map(|r| texts.index(r)).collect(),
    ] {
        let counts = Counts::of(column.iter().copied());
        counts.write(&mut columns);
        encoder.column(&counts, column)?;
    }
    texts.write(&mut columns)?;
    columns.extend(encoder.finish());
    let mut outcomes = checksum(&counts, &columns).to_vec();
    outcomes.extend(columns);
    Ok(Block { counts, outcomes })
}

/// Decodes all outcomes of a block. Latencies come back as the middle of their bucket.
pub fn decode(
    key: &ProbeKey,
    hour: i64,
    block: &Block,
    scale: &Scale,
) -> Result<Vec<Record>, Corrupt> {
    let header = Header::read(&block.counts)?;
    let (sum, columns) = block
        .outcomes
        .split_at_checked(CHECKSUM_LEN)
        .ok_or(Corrupt)?;
    if sum != checksum(&block.counts, columns) {
        return Err(Corrupt);
    }
    let mut bytes = Bytes(columns);
    let mut at = hour * HOUR_MS + bytes.small::<i64>()?;
    let mut counts = [const { None }; 5];
    for counts in &mut counts {
        *counts = Some(Counts::read(&mut bytes)?);
    }
    let texts = Texts::read(&mut bytes)?;
    let mut decoder = Decoder::new(bytes.0);
    let verdicts = decoder.column(&header.verdicts)?;
    let mut latencies = decoder.column(&header.latencies)?.into_iter();
    let mut next = |counts: &Option<Counts>| decoder.column(counts.as_ref().ok_or(Corrupt)?);
    let [steps, intervals, statuses, voids, messages] = &counts;
    let mut steps = next(steps)?.into_iter();
    let mut intervals = next(intervals)?.into_iter();
    let mut statuses = next(statuses)?.into_iter();
    let mut voids = next(voids)?.into_iter();
    let mut messages = next(messages)?.into_iter();

    let mut records = Vec::with_capacity(verdicts.len());
    for verdict in verdicts {
        let verdict = verdict_of(verdict)?;
        let latency = if verdict.counts() {
            latencies.next()
        } else {
            voids.next()
        };
        let code = u16::try_from(latency.ok_or(Corrupt)?).map_err(|_| Corrupt)?;
        let mut outcome = Outcome::new(verdict, scale.middle(code));
        outcome.detail.http_status = match statuses.next().ok_or(Corrupt)? {
            0 => None,
            status => Some(u16::try_from(status - 1).map_err(|_| Corrupt)?),
        };
        outcome.detail.message = texts.get(messages.next().ok_or(Corrupt)?)?;
        records.push(Record {
            key: key.clone(),
            at: Timestamp(at),
            interval: Duration::from_millis(intervals.next().ok_or(Corrupt)?),
            outcome,
        });
        let step = i64::try_from(steps.next().unwrap_or(0)).map_err(|_| Corrupt)?;
        at = at.checked_add(step).ok_or(Corrupt)?;
    }
    Ok(records)
}

fn interval_ms(record: &Record) -> u64 {
    millis(record.interval).unsigned_abs()
}

/// FNV-1a over both parts: tells a block that the disk has changed.
fn checksum(counts: &[u8], columns: &[u8]) -> [u8; CHECKSUM_LEN] {
    let mix = |sum: u32, byte: &u8| (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    counts
        .iter()
        .chain(columns)
        .fold(0x811c_9dc5, mix)
        .to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Cause, Verdict, Why};
    use crate::slo::{Budgeting, Sli};
    use proptest::prelude::*;

    const HOUR: i64 = 490_000;

    fn records() -> impl Strategy<Value = Vec<Record>> {
        let verdict = prop_oneof![
            8 => Just(Verdict::Good),
            2 => prop::sample::select(Cause::ALL).prop_map(Verdict::Bad),
            1 => prop::sample::select(Why::ALL).prop_map(Verdict::Void),
        ];
        let message = prop::option::of(prop::sample::select(vec!["connection refused", "é", ""]));
        let latency = prop_oneof![
            0..5_000_000_u64,
            499_999_990..500_000_010_u64,
            0..1_u64 << 60
        ];
        let status = prop::option::of(any::<u16>());
        let one = (verdict, latency, status, message, 1..60_000_u64);
        prop::collection::btree_map(0..HOUR_MS, one, 1..120).prop_map(|records| {
            let record = |(offset, (verdict, ns, status, message, interval)): (
                _,
                (_, _, _, Option<&str>, _),
            )| {
                let mut outcome = Outcome::new(verdict, Duration::from_nanos(ns));
                outcome.detail.http_status = status;
                outcome.detail.message = message.map(Box::from);
                Record {
                    key: ProbeKey::new("concierge", "health"),
                    at: Timestamp(HOUR * HOUR_MS + offset),
                    interval: Duration::from_millis(interval),
                    outcome,
                }
            };
            records.into_iter().map(record).collect()
        })
    }

    fn keys() -> [TallyKey; 2] {
        let sli = Sli::Latency {
            below: Duration::from_millis(500),
        };
        [
            TallyKey {
                sli,
                budgeting: Budgeting::Occurrences,
            },
            TallyKey {
                sli,
                budgeting: Budgeting::Timeslices { slice_target: 0.9 },
            },
        ]
    }

    proptest! {
        #[test]
        fn an_hour_comes_back_with_its_exact_counts(records in records()) {
            let cut = Duration::from_millis(500);
            let scale = Scale::new([cut]);
            let block = encode(&records, 7, &scale, &keys()).expect("fits");
            let back = decode(&records[0].key, HOUR, &block, &scale).expect("just written");
            prop_assert_eq!(back.len(), records.len());
            for (old, new) in records.iter().zip(&back) {
                prop_assert_eq!((old.at, old.interval), (new.at, new.interval));
                prop_assert_eq!(old.outcome.verdict, new.outcome.verdict);
                prop_assert_eq!(old.outcome.detail.http_status, new.outcome.detail.http_status);
                let said = old.outcome.detail.message.clone().filter(|text| !text.is_empty());
                prop_assert_eq!(said, new.outcome.detail.message.clone());
                let (was, is) = (old.outcome.latency, new.outcome.latency);
                prop_assert_eq!(was < cut, is < cut);
                // The scale ends at 2^36 microseconds and is a microsecond wide at its start.
                let was = was.as_secs_f64().min(f64::from(1 << 18) * f64::from(1 << 18) / 1e6);
                prop_assert!((is.as_secs_f64() - was).abs() <= 0.01 * was + 1e-6);
            }
            let header = Header::read(&block.counts).expect("just written");
            prop_assert_eq!(header.basis, 7);
            prop_assert_eq!(header.verdicts.total(), records.len() as u64);
            prop_assert_eq!(header.tallies, keys().map(|key| key.count(&records)).to_vec());
            prop_assert_eq!(keys().map(|key| key.count(&records)), keys().map(|key| key.count(&back)));
            let again = encode(&back, 7, &scale, &keys()).expect("fits");
            prop_assert_eq!(again.counts, block.counts);
        }

        #[test]
        fn a_damaged_block_is_refused(records in records(), at in any::<prop::sample::Index>(), bit in 0..8_u8) {
            let scale = Scale::new([]);
            let mut block = encode(&records, 1, &scale, &[]).expect("fits");
            let len = block.outcomes.len();
            block.outcomes[at.index(len)] ^= 1_u8 << bit;
            prop_assert_eq!(decode(&records[0].key, HOUR, &block, &scale), Err(Corrupt));
            block.outcomes.truncate(at.index(len));
            prop_assert!(decode(&records[0].key, HOUR, &block, &scale).is_err());
        }
    }
}
