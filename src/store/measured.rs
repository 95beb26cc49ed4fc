//! The measurements and figures of an hour's outcomes: one column for each that occurs. Columns are
//! independent, so that a reader decodes only those it wants. Measurements are stored as buckets,
//! figures exactly.

use super::column::{Decoder, Encoder};
use super::counts::{Bytes, Corrupt, ValueCounts, put};
use super::scales::Scales;
use crate::outcome::{Figure, Figures, Measurement, Measurements, Outcome, Record};

/// The column that marks outcomes without known measurements; no measurement has this code.
const UNKNOWN: u64 = 0;

/// Whether the measurements of all these outcomes are known.
pub fn are_known(records: &[Record]) -> bool {
    let mut all = records.iter().map(|record| &record.outcome.measured);
    all.all(Measurements::are_known)
}

/// Appends the columns.
pub fn write(records: &[Record], scales: &Scales, out: &mut Vec<u8>) -> Result<(), Corrupt> {
    let mut columns: Vec<(u64, Vec<u64>)> = Vec::new();
    if !are_known(records) {
        let known = records.iter().map(|one| one.outcome.measured.are_known());
        columns.push((UNKNOWN, known.map(|known| u64::from(!known)).collect()));
    }
    for one in Measurement::ALL {
        let scale = scales.measured(*one);
        let value = |record: &Record| {
            let spent = record.outcome.measured.get(*one);
            spent.map_or(0, |spent| u64::from(scale.code(spent)) + 1)
        };
        let values: Vec<u64> = records.iter().map(value).collect();
        if values.iter().any(|value| *value > 0) {
            columns.push((one.code().into(), values));
        }
    }
    for one in Figure::ALL {
        let value = |record: &Record| record.outcome.figures.get(*one);
        let values = records.iter().map(value);
        let values: Vec<u64> = values
            .map(|value| value.map_or(0, |value| u64::from(value) + 1))
            .collect();
        if values.iter().any(|value| *value > 0) {
            columns.push((one.code().into(), values));
        }
    }
    put(out, columns.len() as u64);
    for (code, values) in columns {
        let counts = ValueCounts::of(values.iter().copied());
        let (mut column, mut encoder) = (Vec::new(), Encoder::new());
        counts.write(&mut column);
        encoder.column(&counts, values)?;
        column.extend(encoder.finish());
        put(out, code);
        put(out, column.len() as u64);
        out.extend(column);
    }
    Ok(())
}

/// The columns as stored.
#[derive(Debug)]
pub struct Measured<'a>(Vec<(u64, &'a [u8])>);

impl<'a> Measured<'a> {
    /// Locates the columns in the output of [`write()`].
    pub fn find(bytes: &mut Bytes<'a>) -> Result<Self, Corrupt> {
        let len: usize = bytes.small()?;
        let mut columns = Vec::new();
        for _ in 0..len {
            let code = bytes.number()?;
            let size: usize = bytes.small()?;
            columns.push((code, bytes.take(size)?));
        }
        Ok(Self(columns))
    }

    /// Decodes the wanted measurements of `outcomes` outcomes. Measurements of newer versions are
    /// ignored.
    pub fn read(
        &self,
        wanted: &[Measurement],
        outcomes: usize,
        scales: &Scales,
    ) -> Result<Vec<Measurements>, Corrupt> {
        let mut all = vec![Measurements::default(); outcomes];
        for (code, column) in &self.0 {
            let one = u8::try_from(*code).ok().and_then(Measurement::from_code);
            let one = one.filter(|one| wanted.contains(one));
            if *code != UNKNOWN && one.is_none() {
                continue;
            }
            let places = all.iter_mut().zip(values(column, outcomes)?);
            for (measured, value) in places.filter(|(_, value)| *value > 0) {
                match one {
                    None => *measured = Measurements::UNKNOWN,
                    Some(one) => {
                        let bucket = u16::try_from(value - 1).map_err(|_| Corrupt)?;
                        measured.add(one, scales.measured(one).middle(bucket));
                    }
                }
            }
        }
        Ok(all)
    }

    /// Decodes the figures of `outcomes` outcomes; empty if no outcome has any.
    pub fn figures(&self, outcomes: usize) -> Result<Vec<Figures>, Corrupt> {
        let mut all = Vec::new();
        for (code, column) in &self.0 {
            let one = u8::try_from(*code).ok().and_then(Figure::from_code);
            let Some(one) = one else { continue };
            all.resize(outcomes, Figures::default());
            let places = all.iter_mut().zip(values(column, outcomes)?);
            for (figures, value) in places.filter(|(_, value)| *value > 0) {
                figures.set(one, u32::try_from(value - 1).map_err(|_| Corrupt)?);
            }
        }
        Ok(all)
    }
}

fn values(column: &[u8], outcomes: usize) -> Result<Vec<u64>, Corrupt> {
    let mut bytes = Bytes(column);
    let counts = ValueCounts::read(&mut bytes)?;
    if counts.total() != outcomes as u64 {
        return Err(Corrupt);
    }
    Decoder::new(bytes.0).column(&counts)
}

/// Encodes the measurements and figures of a single outcome as codes with microseconds or numbers;
/// `None` if its measurements are unknown.
pub fn pack(outcome: &Outcome) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let measured = Measurement::ALL.iter();
    let measured = measured.filter_map(|one| Some((one.code(), outcome.measured.micros(*one)?)));
    let figures = Figure::ALL.iter();
    let figures = figures.filter_map(|one| Some((one.code(), outcome.figures.get(*one)?)));
    for (code, value) in measured.chain(figures) {
        put(&mut out, code.into());
        put(&mut out, value.into());
    }
    outcome.measured.are_known().then_some(out)
}

/// Decodes the output of [`pack`]. Additional data of newer versions is ignored.
pub fn unpack(stored: Option<&[u8]>) -> Result<(Measurements, Figures), Corrupt> {
    let mut figures = Figures::default();
    let Some(stored) = stored else {
        return Ok((Measurements::UNKNOWN, figures));
    };
    let (mut bytes, mut measured) = (Bytes(stored), Measurements::default());
    while !bytes.0.is_empty() {
        let (code, value) = (bytes.small()?, bytes.small()?);
        if let Some(one) = Measurement::from_code(code) {
            measured.set_micros(one, value);
        } else if let Some(one) = Figure::from_code(code) {
            figures.set(one, value);
        }
    }
    Ok((measured, figures))
}
