//! One probe's finished hour: its exact counts, and every outcome in about a byte.

use super::column::{Decoder, Encoder};
use super::counts::{Bytes, Corrupt, ValueCounts, put};
use super::fine::{self, Fine};
use super::header::{Format, Header, verdict_code, verdict_of};
use super::measured::{self, Measured};
use super::scales::Scales;
use super::texts::Texts;
use crate::outcome::{
    Event, Figures, Measurement, Measurements, Outcome, ProbeKey, Record, Timestamp, Verdict,
    millis,
};
use crate::slo::TallyKey;
use crate::stats::scale::Scale;
use crate::units::HOUR_MS;
use std::time::Duration;

pub(super) const CHECKSUM_LEN: usize = 4;

/// A block as it goes into the tables.
#[derive(Debug)]
pub struct Block {
    pub counts: Vec<u8>,
    pub outcomes: Vec<u8>,
}

/// Encodes one probe's records of one hour, in ascending order of ticks. Tallies come from the
/// exact records; `scales` are those of the basis.
pub fn encode(
    records: &[Record],
    basis: i64,
    scales: &Scales,
    keys: &[TallyKey],
) -> Result<Block, Corrupt> {
    let scale = &scales.latency;
    let columns = Columns::of(records, scale);
    let counted = records.iter().filter(|r| r.outcome.verdict.counts());
    let header = Header {
        format: if measured::are_known(records) {
            Format::Measured
        } else {
            Format::PartlyMeasured
        },
        basis,
        verdicts: ValueCounts::of(columns.verdicts.iter().copied()),
        covered_ms: counted.map(interval_ms).sum(),
        tallies: keys
            .iter()
            .map(|key| key.count(records.iter().map(Event::from)))
            .collect(),
        latencies: ValueCounts::of(columns.latencies.iter().copied()),
    };
    let counts = header.write();
    let (mut columns, stream) = columns.write(&header)?;
    let size = counts.len() + CHECKSUM_LEN + columns.len() + stream.len();
    let latencies: Vec<_> = records.iter().map(|r| r.outcome.latency).collect();
    fine::write(&latencies, scale, size, &mut columns);
    measured::write(records, scales, &mut columns)?;
    columns.extend(stream);
    let mut outcomes = checksum(&counts, &columns).to_vec();
    outcomes.extend(columns);
    Ok(Block { counts, outcomes })
}

/// Decodes all outcomes of a block, with the wanted measurements. Latencies come back in their bucket,
/// as finely as they are kept.
pub fn decode(
    key: &ProbeKey,
    hour: i64,
    block: &Block,
    scales: &Scales,
    wanted: &[Measurement],
) -> Result<Vec<Record>, Corrupt> {
    let (columns, extra) = Columns::of_block(block)?;
    columns.into_records(key, hour, extra, scales, wanted)
}

/// Visits what counting needs of a block's outcomes.
pub fn for_each_event(
    hour: i64,
    block: &Block,
    scales: &Scales,
    wanted: &[Measurement],
    visit: &mut dyn FnMut(Event),
) -> Result<(), Corrupt> {
    let (columns, extra) = Columns::of_block(block)?;
    let events = columns.into_events(hour, extra, scales, wanted)?;
    events.into_iter().for_each(visit);
    Ok(())
}

/// When an hour's outcomes were, as far as it is known without decoding them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticks {
    /// From the start of the hour, in milliseconds.
    pub first: u64,
    pub last: u64,
    /// The longest time between two ticks; 0 for a single one.
    pub longest_step: u64,
    /// The interval, if all outcomes have the same.
    pub interval: Option<u64>,
}

/// Reads the counts of steps and intervals that precede the columns.
pub fn ticks(counts: &[u8], outcomes: &[u8]) -> Result<Ticks, Corrupt> {
    let mut bytes = Bytes(columns(counts, outcomes)?);
    let first = bytes.number()?;
    let (steps, intervals) = (
        ValueCounts::read(&mut bytes)?,
        ValueCounts::read(&mut bytes)?,
    );
    let length: Option<u64> = steps
        .iter()
        .map(|(step, count)| step.checked_mul(u64::from(count)))
        .try_fold(0, |sum: u64, part| sum.checked_add(part?));
    let last = length.and_then(|length| first.checked_add(length));
    Ok(Ticks {
        first,
        last: last.ok_or(Corrupt)?,
        longest_step: steps.iter().last().map_or(0, |(step, _)| step),
        interval: (intervals.len() == 1).then(|| intervals.value(0)),
    })
}

/// What follows a valid checksum.
fn columns<'a>(counts: &[u8], outcomes: &'a [u8]) -> Result<&'a [u8], Corrupt> {
    let (sum, columns) = outcomes.split_at_checked(CHECKSUM_LEN).ok_or(Corrupt)?;
    if sum == checksum(counts, columns) {
        Ok(columns)
    } else {
        Err(Corrupt)
    }
}

/// Places of columns among the others.
const CODES: usize = 2;
const MESSAGES: usize = 4;

/// The outcomes of an hour, column by column.
struct Columns {
    /// From the start of the hour to the first tick, in milliseconds.
    first: u64,
    texts: Texts,
    /// By [`verdict_code`]; their counts are in the header.
    verdicts: Vec<u64>,
    /// [`Scale::code`]s of good outcomes; their counts are in the header.
    latencies: Vec<u64>,
    /// With their own counts: steps between ticks and intervals in milliseconds, protocol code + 1
    /// or 0, [`Scale::code`]s of bad and void outcomes, numbers of messages.
    others: [Vec<u64>; 5],
}

impl Columns {
    fn of(records: &[Record], scale: &Scale) -> Self {
        let latency = |record: &Record| u64::from(scale.code(record.outcome.latency));
        let step = |pair: &[Record]| pair[0].at.0.abs_diff(pair[1].at.0);
        let code = |record: &Record| record.outcome.code.map_or(0, |code| u64::from(code) + 1);
        let first = records.first().map_or(0, |r| r.at.0.rem_euclid(HOUR_MS));
        let verdicts = records.iter().map(|r| verdict_code(r.outcome.verdict));
        let (good, other): (Vec<_>, Vec<_>) = records
            .iter()
            .partition(|r| r.outcome.verdict == Verdict::Good);
        let texts = Texts::of(records);
        Self {
            first: first.unsigned_abs(),
            verdicts: verdicts.collect(),
            latencies: good.into_iter().map(latency).collect(),
            others: [
                records.windows(2).map(step).collect(),
                records.iter().map(interval_ms).collect(),
                records.iter().map(code).collect(),
                other.into_iter().map(latency).collect(),
                records.iter().map(|r| texts.index(r)).collect(),
            ],
            texts,
        }
    }

    /// The counts and texts, and one stream for the order of all columns.
    fn write(self, header: &Header) -> Result<(Vec<u8>, Vec<u8>), Corrupt> {
        let (mut out, mut encoder) = (Vec::new(), Encoder::new());
        put(&mut out, self.first);
        encoder.column(&header.verdicts, self.verdicts)?;
        encoder.column(&header.latencies, self.latencies)?;
        for column in self.others {
            let counts = ValueCounts::of(column.iter().copied());
            counts.write(&mut out);
            encoder.column(&counts, column)?;
        }
        self.texts.write(&mut out)?;
        Ok((out, encoder.finish()))
    }

    fn of_block(block: &Block) -> Result<(Self, Extra<'_>), Corrupt> {
        let header = Header::read(&block.counts)?;
        Self::read(columns(&block.counts, &block.outcomes)?, &header)
    }

    fn read<'a>(stored: &'a [u8], header: &Header) -> Result<(Self, Extra<'a>), Corrupt> {
        let mut bytes = Bytes(stored);
        let first = bytes.number()?;
        let mut counts: [ValueCounts; 5] = Default::default();
        for counts in &mut counts {
            *counts = ValueCounts::read(&mut bytes)?;
        }
        let texts = Texts::read(&mut bytes)?;
        let extra = Extra::read(&mut bytes, header.format)?;
        let mut decoder = Decoder::new(bytes.0);
        let verdicts = decoder.column(&header.verdicts)?;
        let latencies = decoder.column(&header.latencies)?;
        let mut others: [Vec<u64>; 5] = Default::default();
        for (column, counts) in others.iter_mut().zip(&counts) {
            *column = decoder.column(counts)?;
        }
        let columns = Self {
            first,
            texts,
            verdicts,
            latencies,
            others,
        };
        Ok((columns, extra))
    }

    fn into_records(
        mut self,
        key: &ProbeKey,
        hour: i64,
        extra: Extra<'_>,
        scales: &Scales,
        wanted: &[Measurement],
    ) -> Result<Vec<Record>, Corrupt> {
        let texts = std::mem::take(&mut self.texts);
        let mut codes = std::mem::take(&mut self.others[CODES]).into_iter();
        let mut messages = std::mem::take(&mut self.others[MESSAGES]).into_iter();
        let mut figures = extra.figures(self.verdicts.len())?.into_iter();
        let mut records = Vec::with_capacity(self.verdicts.len());
        for event in self.into_events(hour, extra, scales, wanted)? {
            let mut outcome = Outcome::new(event.verdict, event.latency);
            let code: u64 = next(&mut codes)?;
            let code = code.checked_sub(1).map(u32::try_from).transpose();
            outcome.code = code.map_err(|_| Corrupt)?;
            outcome.measured = event.measured;
            outcome.figures = figures.next().unwrap_or_default();
            outcome.detail.message = texts.get(next(&mut messages)?)?;
            records.push(Record {
                key: key.clone(),
                at: event.at,
                interval: event.interval,
                outcome,
            });
        }
        Ok(records)
    }

    fn into_events(
        self,
        hour: i64,
        extra: Extra<'_>,
        scales: &Scales,
        wanted: &[Measurement],
    ) -> Result<Vec<Event>, Corrupt> {
        let mut measured = extra
            .measured(wanted, self.verdicts.len(), scales)?
            .into_iter();
        let mut exact = Latencies::new(&scales.latency, extra.fine);
        let mut latencies = self.latencies.into_iter();
        let [steps, intervals, _, others, _] = self.others;
        let (mut steps, mut intervals) = (steps.into_iter(), intervals.into_iter());
        let mut others = others.into_iter();
        let first = i64::try_from(self.first).map_err(|_| Corrupt)?;
        let mut at = hour.saturating_mul(HOUR_MS).saturating_add(first);
        let mut events = Vec::with_capacity(self.verdicts.len());
        for code in self.verdicts {
            let verdict = verdict_of(code)?;
            let column = if verdict == Verdict::Good {
                &mut latencies
            } else {
                &mut others
            };
            events.push(Event {
                at: Timestamp(at),
                interval: Duration::from_millis(next(&mut intervals)?),
                verdict,
                latency: exact.next(next(column)?),
                measured: measured.next().unwrap_or(Measurements::UNKNOWN),
            });
            // There is one step less than ticks.
            let step = i64::try_from(steps.next().unwrap_or(0)).map_err(|_| Corrupt)?;
            at = at.checked_add(step).ok_or(Corrupt)?;
        }
        Ok(events)
    }
}

/// What newer formats keep.
struct Extra<'a> {
    fine: Option<Fine<'a>>,
    measured: Option<Measured<'a>>,
}

impl<'a> Extra<'a> {
    fn read(bytes: &mut Bytes<'a>, format: Format) -> Result<Self, Corrupt> {
        let fine = (format >= Format::Fine).then(|| Fine::read(bytes));
        let fine = fine.transpose()?;
        let measured = (format >= Format::PartlyMeasured).then(|| Measured::find(bytes));
        let measured = measured.transpose()?;
        Ok(Self { fine, measured })
    }

    /// Of all outcomes, or of none.
    fn measured(
        &self,
        wanted: &[Measurement],
        outcomes: usize,
        scales: &Scales,
    ) -> Result<Vec<Measurements>, Corrupt> {
        match &self.measured {
            Some(measured) if !wanted.is_empty() => measured.read(wanted, outcomes, scales),
            _ => Ok(Vec::new()),
        }
    }

    /// Of all outcomes, or of none.
    fn figures(&self, outcomes: usize) -> Result<Vec<Figures>, Corrupt> {
        let measured = self.measured.as_ref();
        measured.map_or_else(|| Ok(Vec::new()), |measured| measured.figures(outcomes))
    }
}

/// What bucket numbers stand for.
struct Latencies<'a> {
    scale: &'a Scale,
    fine: Option<Fine<'a>>,
}

impl<'a> Latencies<'a> {
    const fn new(scale: &'a Scale, fine: Option<Fine<'a>>) -> Self {
        Self { scale, fine }
    }

    /// Of the next outcome, given its bucket.
    fn next(&mut self, code: u16) -> Duration {
        match &mut self.fine {
            Some(fine) => fine.next(code, self.scale),
            None => self.scale.middle(code),
        }
    }
}

fn next<T: TryFrom<u64>>(column: &mut impl Iterator<Item = u64>) -> Result<T, Corrupt> {
    let value = column.next().ok_or(Corrupt)?;
    T::try_from(value).map_err(|_| Corrupt)
}

fn interval_ms(record: &Record) -> u64 {
    millis(record.interval).unsigned_abs()
}

/// FNV-1a over both parts: detects a block that the disk has changed.
pub(super) fn checksum(counts: &[u8], columns: &[u8]) -> [u8; CHECKSUM_LEN] {
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
    use crate::outcome::{Cause, Verdict, VoidReason};
    use crate::slo::{BudgetingMethod, Sli, Tally, Threshold};
    use proptest::prelude::*;

    const HOUR: i64 = 490_000;

    fn measured() -> impl Strategy<Value = Measurements> {
        let value = prop::option::of(0..90_000_000_u32);
        let values = prop::collection::vec(value, Measurement::ALL.len());
        let some = values.prop_map(|values| {
            let mut measured = Measurements::default();
            for (one, micros) in Measurement::ALL.iter().zip(values) {
                if let Some(micros) = micros {
                    measured.set_micros(*one, micros);
                }
            }
            measured
        });
        prop_oneof![9 => some, 1 => Just(Measurements::UNKNOWN)]
    }

    fn records() -> impl Strategy<Value = Vec<Record>> {
        let verdict = prop_oneof![
            8 => Just(Verdict::Good),
            2 => prop::sample::select(Cause::ALL).prop_map(Verdict::Bad),
            1 => prop::sample::select(VoidReason::ALL).prop_map(Verdict::Void),
        ];
        let message = prop::option::of(prop::sample::select(vec!["connection refused", "é", ""]));
        let latency = prop_oneof![
            0..5_000_000_u64,
            499_999_990..500_000_010_u64,
            0..1_u64 << 60
        ];
        let code = prop::option::of(any::<u32>());
        let one = (verdict, latency, code, message, 1..60_000_u64, measured());
        prop::collection::btree_map(0..HOUR_MS, one, 1..120).prop_map(|records| {
            let record = |(offset, (verdict, ns, code, message, interval, measured)): (
                _,
                (_, _, _, Option<&str>, _, _),
            )| {
                let mut outcome = Outcome::new(verdict, Duration::from_nanos(ns));
                outcome.code = code;
                outcome.measured = measured;
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

    fn keys() -> [TallyKey; 3] {
        let below = Duration::from_millis(500);
        let sli = Sli::Latency { of: None, below };
        [
            TallyKey {
                sli: Sli::Latency {
                    of: Some(Measurement::Connect),
                    below,
                },
                budgeting: BudgetingMethod::Occurrences,
            },
            TallyKey {
                sli,
                budgeting: BudgetingMethod::Occurrences,
            },
            TallyKey {
                sli,
                budgeting: BudgetingMethod::Timeslices { slice_target: 0.9 },
            },
        ]
    }

    fn counted(records: &[Record]) -> [Tally; 3] {
        keys().map(|key| key.count(records.iter().map(Event::from)))
    }

    proptest! {
        #[test]
        fn an_hour_comes_back_with_its_exact_counts(records in records()) {
            let cut = Duration::from_millis(500);
            let thresholds = [None, Some(Measurement::Connect)].map(|of| Threshold { of, below: cut });
            let scales = Scales::new(&thresholds);
            let block = encode(&records, 7, &scales, &keys()).expect("fits");
            let back = decode(&records[0].key, HOUR, &block, &scales, Measurement::ALL).expect("just written");
            prop_assert_eq!(back.len(), records.len());
            for (old, new) in records.iter().zip(&back) {
                prop_assert_eq!((old.at, old.interval), (new.at, new.interval));
                prop_assert_eq!(old.outcome.verdict, new.outcome.verdict);
                prop_assert_eq!(old.outcome.code, new.outcome.code);
                let said = old.outcome.detail.message.clone().filter(|text| !text.is_empty());
                prop_assert_eq!(said, new.outcome.detail.message.clone());
                let (was, is) = (old.outcome.latency, new.outcome.latency);
                prop_assert_eq!(was < cut, is < cut);
                let measured = (&old.outcome.measured, &new.outcome.measured);
                prop_assert_eq!(measured.0.are_known(), measured.1.are_known());
                for one in Measurement::ALL {
                    let (was, is) = (measured.0.get(*one), measured.1.get(*one));
                    prop_assert_eq!(was.is_some(), is.is_some());
                    if let (Some(was), Some(is)) = (was, is) {
                        prop_assert!(was.abs_diff(is) <= was.div_f64(16.0) + Duration::from_micros(1));
                        let exact = *one == Measurement::Connect;
                        prop_assert!(!exact || (was < cut) == (is < cut));
                    }
                }
                // The scale ends at 2^46 nanoseconds.
                let was = was.as_secs_f64().min(f64::from(1 << 23) * f64::from(1 << 23) / 1e9);
                prop_assert!((is.as_secs_f64() - was).abs() <= 0.008 * was + 1e-9);
            }
            let header = Header::read(&block.counts).expect("just written");
            prop_assert_eq!(header.basis, 7);
            prop_assert_eq!(header.verdicts.total(), records.len() as u64);
            prop_assert_eq!(header.tallies, counted(&records).to_vec());
            prop_assert_eq!(counted(&records), counted(&back));
            let again = encode(&back, 7, &scales, &keys()).expect("fits");
            prop_assert_eq!(again.counts, block.counts);
        }

        #[test]
        fn a_damaged_block_is_refused(records in records(), at in any::<prop::sample::Index>(), bit in 0..8_u8) {
            let scales = Scales::new(&[]);
            let decode = |block: &Block| decode(&records[0].key, HOUR, block, &scales, Measurement::ALL);
            let mut block = encode(&records, 1, &scales, &[]).expect("fits");
            let len = block.outcomes.len();
            block.outcomes[at.index(len)] ^= 1_u8 << bit;
            prop_assert_eq!(decode(&block), Err(Corrupt));
            block.outcomes.truncate(at.index(len));
            prop_assert!(decode(&block).is_err());
        }
    }
}
