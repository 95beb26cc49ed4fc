//! One probe's finished hour: its exact counts, and every outcome in about a byte.

use super::column::{Bytes, Corrupt, Counts, Decoder, Encoder, put};
use crate::outcome::{Cause, Outcome, ProbeKey, Record, Timestamp, Verdict, Why, millis};
use crate::slo::{Tally, TallyKey};
use crate::stats::scale::Scale;
use std::time::Duration;

/// Milliseconds per hour.
pub const HOUR_MS: i64 = 3_600_000;
/// First byte of the counts; a reader that does not know it leaves the hour out.
const FORMAT: u8 = 1;
/// Different messages kept per hour, in bytes. A failing service repeats itself; what it says
/// beyond this is let go.
const MESSAGES_MAX: usize = 4096;
const CHECKSUM_LEN: usize = 4;

/// The hour that a moment falls in, counted since 1970.
pub fn hour_of(at: Timestamp) -> i64 {
    at.0.div_euclid(HOUR_MS)
}

/// The number of a verdict in stored data.
pub fn verdict_code(verdict: Verdict) -> u64 {
    match verdict {
        Verdict::Good => 0,
        Verdict::Bad(cause) => u64::from(cause.code()),
        Verdict::Void(why) => 256 + u64::from(why.code()),
    }
}

/// Reads a verdict. A reason that only a newer version knows stays on its side: bad remains bad
/// (read as `protocol`), void remains void (read as `internal`).
pub fn verdict_of(code: u64) -> Result<Verdict, Corrupt> {
    let [low, side, 0, 0, 0, 0, 0, 0] = code.to_le_bytes() else {
        return Err(Corrupt);
    };
    match (side, low) {
        (0, 0) => Ok(Verdict::Good),
        (0, cause) => Ok(Verdict::Bad(
            Cause::from_code(cause).unwrap_or(Cause::Protocol),
        )),
        (1, why) => Ok(Verdict::Void(Why::from_code(why).unwrap_or(Why::Internal))),
        _ => Err(Corrupt),
    }
}

/// The counts of an hour as they are stored, before the basis is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Row in the `basis` table.
    pub basis: i64,
    /// Outcomes by [`verdict_code`].
    pub verdicts: Counts,
    /// Time that counted outcomes stand for, in milliseconds.
    pub covered_ms: u64,
    /// In the order of the basis' keys.
    pub tallies: Vec<Tally>,
    /// Counted outcomes by [`Scale::code`].
    pub latencies: Counts,
}

impl Header {
    fn write(&self) -> Vec<u8> {
        let mut out = vec![FORMAT];
        put(&mut out, self.basis.unsigned_abs());
        self.verdicts.write(&mut out);
        put(&mut out, self.covered_ms);
        put(&mut out, self.tallies.len() as u64);
        for tally in &self.tallies {
            put(&mut out, u64::from(tally.good));
            put(&mut out, u64::from(tally.bad));
            // Mostly the same as for all outcomes, which then is one byte.
            put(
                &mut out,
                self.covered_ms.wrapping_sub(u64::from(tally.covered_ms)),
            );
        }
        self.latencies.write(&mut out);
        out
    }

    pub fn read(stored: &[u8]) -> Result<Self, Corrupt> {
        let mut bytes = Bytes(stored);
        if bytes.byte()? != FORMAT {
            return Err(Corrupt);
        }
        let basis = bytes.small()?;
        let verdicts = Counts::read(&mut bytes)?;
        let covered_ms = bytes.number()?;
        let len: usize = bytes.small()?;
        if len > bytes.0.len() {
            return Err(Corrupt);
        }
        let mut tallies = Vec::with_capacity(len);
        for _ in 0..len {
            let (good, bad) = (bytes.small()?, bytes.small()?);
            let covered = covered_ms.wrapping_sub(bytes.number()?);
            let covered_ms = u32::try_from(covered).map_err(|_| Corrupt)?;
            tallies.push(Tally {
                good,
                bad,
                covered_ms,
            });
        }
        let latencies = Counts::read(&mut bytes)?;
        if !bytes.0.is_empty() || latencies.total() != counted(&verdicts) {
            return Err(Corrupt);
        }
        Ok(Self {
            basis,
            verdicts,
            covered_ms,
            tallies,
            latencies,
        })
    }
}

fn counted(verdicts: &Counts) -> u64 {
    let counting = verdicts.iter().filter(|(code, _)| *code < 256);
    counting.map(|(_, count)| u64::from(count)).sum()
}

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

/// The different messages of an hour; number 0 is none.
struct Texts(Vec<Box<str>>);

impl Texts {
    fn of(records: &[Record]) -> Self {
        let (mut texts, mut size) = (Vec::<Box<str>>::new(), 0);
        for text in records
            .iter()
            .filter_map(|r| r.outcome.detail.message.as_ref())
        {
            let keepable = !text.is_empty() && !text.contains('\n');
            if keepable && size + text.len() < MESSAGES_MAX && !texts.contains(text) {
                size += text.len() + 1;
                texts.push(text.clone());
            }
        }
        Self(texts)
    }

    fn index(&self, record: &Record) -> u64 {
        let wanted = record.outcome.detail.message.as_ref();
        let found = self.0.iter().position(|text| Some(text) == wanted);
        found.map_or(0, |index| index as u64 + 1)
    }

    fn get(&self, index: u64) -> Result<Option<Box<str>>, Corrupt> {
        let index = usize::try_from(index).map_err(|_| Corrupt)?;
        match index {
            0 => Ok(None),
            index => self.0.get(index - 1).cloned().map(Some).ok_or(Corrupt),
        }
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), Corrupt> {
        let mut packed = Vec::new();
        if !self.0.is_empty() {
            // Level 3 is zstd's own default; it fails for want of memory only.
            let joined = self.0.join("\n");
            packed = zstd::bulk::compress(joined.as_bytes(), 3).map_err(|_| Corrupt)?;
        }
        put(out, packed.len() as u64);
        out.extend(packed);
        Ok(())
    }

    fn read(bytes: &mut Bytes<'_>) -> Result<Self, Corrupt> {
        let len = bytes.small()?;
        let (packed, rest) = bytes.0.split_at_checked(len).ok_or(Corrupt)?;
        bytes.0 = rest;
        if packed.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let text = zstd::bulk::decompress(packed, MESSAGES_MAX).map_err(|_| Corrupt)?;
        let text = std::str::from_utf8(&text).map_err(|_| Corrupt)?;
        Ok(Self(text.split('\n').map(Box::from).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
        let latency = prop_oneof![0..5_000_000_u64, 499_999_990..500_000_010_u64, 0..1_u64 << 60];
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

    #[test]
    fn a_reason_of_a_newer_version_stays_on_its_side() {
        assert_eq!(verdict_of(200), Ok(Verdict::Bad(Cause::Protocol)));
        assert_eq!(verdict_of(256 + 200), Ok(Verdict::Void(Why::Internal)));
        assert_eq!(verdict_of(512), Err(Corrupt));
    }
}
