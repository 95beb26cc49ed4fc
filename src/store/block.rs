//! A block: one probe's finished hour, with exact counts and about one byte per outcome.

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

/// A block as stored in the tables.
#[derive(Debug)]
pub struct Block {
    pub counts: Vec<u8>,
    pub outcomes: Vec<u8>,
}

/// Encodes one probe's records of one hour, in ascending order of ticks. Tallies are computed from
/// the exact records; `scales` are those of the basis.
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

/// Decodes all outcomes of a block with the wanted measurements. Latencies are as precise as they
/// were stored.
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

/// Visits the fields of a block's outcomes that counting needs.
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

/// The ticks of an hour's outcomes, as far as they are known without decoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticks {
    /// Milliseconds from the start of the hour.
    pub first: u64,
    pub last: u64,
    /// The longest time between two ticks in milliseconds; 0 for a single tick.
    pub longest_step: u64,
    /// The interval in milliseconds if all outcomes have the same one.
    pub interval: Option<u64>,
}

/// Reads the counts of steps and intervals, which precede the columns.
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

/// Verifies the checksum and returns the data after it.
fn columns<'a>(counts: &[u8], outcomes: &'a [u8]) -> Result<&'a [u8], Corrupt> {
    let (sum, columns) = outcomes.split_at_checked(CHECKSUM_LEN).ok_or(Corrupt)?;
    if sum == checksum(counts, columns) {
        Ok(columns)
    } else {
        Err(Corrupt)
    }
}

/// Indexes of columns in [`Columns::others`].
const CODES: usize = 2;
const MESSAGES: usize = 4;

/// The outcomes of an hour in columns.
struct Columns {
    /// Milliseconds from the start of the hour to the first tick.
    first: u64,
    texts: Texts,
    /// [`verdict_code`]s; their counts are in the header.
    verdicts: Vec<u64>,
    /// [`Scale::code`]s of good outcomes; their counts are in the header.
    latencies: Vec<u64>,
    /// Columns with their own counts: steps between ticks and intervals in milliseconds, protocol
    /// code + 1 or 0, [`Scale::code`]s of bad and void outcomes, message numbers.
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

    /// Writes the counts and texts, and one stream with the order of all columns.
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
            // There is one step fewer than there are ticks.
            let step = i64::try_from(steps.next().unwrap_or(0)).map_err(|_| Corrupt)?;
            at = at.checked_add(step).ok_or(Corrupt)?;
        }
        Ok(events)
    }
}

/// Data that only newer formats have.
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

    /// Measurements, for all outcomes or for none.
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

    /// Figures, for all outcomes or for none.
    fn figures(&self, outcomes: usize) -> Result<Vec<Figures>, Corrupt> {
        let measured = self.measured.as_ref();
        measured.map_or_else(|| Ok(Vec::new()), |measured| measured.figures(outcomes))
    }
}

/// Converts bucket numbers to latencies.
struct Latencies<'a> {
    scale: &'a Scale,
    fine: Option<Fine<'a>>,
}

impl<'a> Latencies<'a> {
    const fn new(scale: &'a Scale, fine: Option<Fine<'a>>) -> Self {
        Self { scale, fine }
    }

    /// Returns the latency of the next outcome, given its bucket.
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

/// FNV-1a over both parts, to detect corruption on disk.
pub(super) fn checksum(counts: &[u8], columns: &[u8]) -> [u8; CHECKSUM_LEN] {
    let mix = |sum: u32, byte: &u8| (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    counts
        .iter()
        .chain(columns)
        .fold(0x811c_9dc5, mix)
        .to_le_bytes()
}

#[cfg(test)]
mod tests;
