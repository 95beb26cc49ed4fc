//! A run's series as bytes: names as texts, samples in the columns of an hour's block.

use super::fields::{bytes, read_bytes, read_text, text};
use crate::load::ObservedSeries;
use crate::outcome::Timestamp;
use crate::sample::{Sample, SeriesKey, SeriesKind, Summary};
use crate::store::counts::{Bytes, Corrupt, put};
use crate::store::series::block::{self, Block};

/// Writes the number of series, then each of them. Series without samples are omitted.
pub fn write(
    out: &mut Vec<u8>,
    series: &[ObservedSeries],
    start: Timestamp,
) -> Result<(), Corrupt> {
    let known: Vec<(&ObservedSeries, Summary)> = series
        .iter()
        .filter_map(|one| Some((one, Summary::of(one.samples.iter().copied())?)))
        .collect();
    put(out, known.len() as u64);
    for (one, summary) in known {
        name(out, &one.key, one.kind);
        let block = block::of_samples(&one.samples, &summary, one.kind, start)?;
        bytes(out, &block.head);
        bytes(out, &block.samples);
    }
    Ok(())
}

pub fn read(bytes: &mut Bytes<'_>, start: Timestamp) -> Result<Vec<ObservedSeries>, Corrupt> {
    let count: usize = bytes.small()?;
    let one = |_| {
        let (key, kind) = read_name(bytes)?;
        let (head, samples) = (read_bytes(bytes)?.to_vec(), read_bytes(bytes)?.to_vec());
        let points = block::decode(&Block { head, samples }, start)?.into_iter();
        let samples = points.map(|point| Sample {
            at: point.at,
            value: point.last,
        });
        Ok(ObservedSeries {
            key,
            kind,
            samples: samples.collect(),
        })
    };
    (0..count).map(one).collect()
}

pub fn name(out: &mut Vec<u8>, key: &SeriesKey, kind: SeriesKind) {
    text(out, &key.to_string());
    put(out, u64::from(kind == SeriesKind::Counter));
}

pub fn read_name(bytes: &mut Bytes<'_>) -> Result<(SeriesKey, SeriesKind), Corrupt> {
    let key = read_text(bytes)?.parse().map_err(|_| Corrupt)?;
    let kind = match bytes.number()? {
        0 => SeriesKind::Gauge,
        1 => SeriesKind::Counter,
        _ => return Err(Corrupt),
    };
    Ok((key, kind))
}
