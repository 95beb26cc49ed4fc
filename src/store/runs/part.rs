//! Parts of an active run as bytes, and rebuilding a run from its parts.

use super::fields::{compress, decompress, number, read_number, read_text, text};
use super::{examples, observed, window};
use crate::load::{LoadWindow, RunRecord, Samples};
use crate::outcome::{Cause, Timestamp};
use crate::sample::{SeriesKey, SeriesKind};
use crate::store::Tick;
use crate::store::counts::{Bytes, Corrupt, put};
use std::collections::HashMap;
use std::io;
use std::sync::Arc;

/// A part of a run: what is new since the preceding part.
#[derive(Clone, Debug, Default)]
pub struct RunPart {
    /// The windows after those of the preceding parts, in order.
    pub windows: Vec<LoadWindow>,
    /// The samples after those of the preceding parts, in order.
    pub ticks: Vec<Tick>,
    /// A description of the first resource that the load generator's machine lacked to start
    /// requests, once known.
    pub lack: Option<String>,
    /// Descriptions of failures whose causes the preceding parts do not have.
    pub examples: Vec<(Cause, String)>,
}

/// Names are written once per part.
pub fn pack(part: &RunPart) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    window::write(&mut out, &part.windows);
    let mut places: HashMap<&SeriesKey, u64> = HashMap::new();
    let mut names = Vec::new();
    let mut values = Vec::new();
    put(&mut values, part.ticks.len() as u64);
    for tick in &part.ticks {
        put(&mut values, tick.at.0.unsigned_abs());
        put(&mut values, tick.samples.len() as u64);
        for (key, kind, value) in &tick.samples {
            let next = places.len() as u64;
            let place = *places.entry(&**key).or_insert_with(|| {
                observed::name(&mut names, key, *kind);
                next
            });
            put(&mut values, place);
            number(&mut values, *value);
        }
    }
    put(&mut out, places.len() as u64);
    out.extend(names);
    out.extend(values);
    if part.lack.is_some() || !part.examples.is_empty() {
        text(&mut out, part.lack.as_deref().unwrap_or_default());
        examples::write(&mut out, &part.examples);
    }
    compress(&out)
}

fn unpack(packed: &[u8]) -> Result<RunPart, Corrupt> {
    let bytes = decompress(packed)?;
    let mut bytes = Bytes(&bytes);
    let windows = window::read(&mut bytes)?;
    let count: usize = bytes.small()?;
    let names = (0..count).map(|_| {
        let (key, kind) = observed::read_name(&mut bytes)?;
        Ok((Arc::new(key), kind))
    });
    let names: Vec<_> = names.collect::<Result<_, Corrupt>>()?;
    let count: usize = bytes.small()?;
    let ticks = (0..count).map(|_| read_tick(&mut bytes, &names));
    let ticks = ticks.collect::<Result<_, _>>()?;
    // Earlier versions wrote nothing after the samples, or nothing after what was lacking.
    let lack = match bytes.0 {
        [] => String::new(),
        _ => read_text(&mut bytes)?,
    };
    let examples = match bytes.0 {
        [] => Vec::new(),
        _ => examples::read(&mut bytes)?,
    };
    Ok(RunPart {
        windows,
        ticks,
        lack: Some(lack).filter(|words| !words.is_empty()),
        examples,
    })
}

fn read_tick(
    bytes: &mut Bytes<'_>,
    names: &[(Arc<SeriesKey>, SeriesKind)],
) -> Result<Tick, Corrupt> {
    let at = Timestamp(bytes.small()?);
    let count: usize = bytes.small()?;
    let samples = (0..count).map(|_| {
        let place: usize = bytes.small()?;
        let (key, kind) = names.get(place).ok_or(Corrupt)?;
        Ok((key.clone(), *kind, read_number(bytes)?))
    });
    Ok(Tick {
        at,
        samples: samples.collect::<Result<_, Corrupt>>()?,
    })
}

/// Adds a part to a run; an invalid part is ignored.
pub fn add(packed: &[u8], run: &mut RunRecord, samples: &mut Samples) {
    let Ok(part) = unpack(packed) else { return };
    run.windows.extend(part.windows);
    run.lack = run.lack.take().or(part.lack);
    run.examples.extend(part.examples);
    for tick in part.ticks {
        samples.add(tick.at, tick.samples);
    }
}
