//! The results of each named request of a run, as bytes.

use super::fields::{read_text, text};
use super::window::{causes, histogram, read_causes, read_count, read_histogram};
use crate::load::RequestFigures;
use crate::store::counts::{Bytes, Corrupt, put};

/// Writes the number of requests, then each of them.
pub fn write(out: &mut Vec<u8>, requests: &[RequestFigures]) {
    put(out, requests.len() as u64);
    for one in requests {
        text(out, &one.name);
        put(out, one.good);
        causes(out, &one.failed);
        put(out, one.missing.len() as u64);
        for (name, count) in &one.missing {
            text(out, name);
            put(out, *count);
        }
        histogram(out, &one.latency);
        histogram(out, &one.first_token);
    }
}

pub fn read(bytes: &mut Bytes<'_>) -> Result<Vec<RequestFigures>, Corrupt> {
    let count: usize = bytes.small()?;
    (0..count).map(|_| read_one(bytes)).collect()
}

fn read_one(bytes: &mut Bytes<'_>) -> Result<RequestFigures, Corrupt> {
    let (name, good) = (read_text(bytes)?, read_count(bytes)?);
    let failed = read_causes(bytes)?;
    let values: usize = bytes.small()?;
    let missing = (0..values).map(|_| Ok((read_text(bytes)?, read_count(bytes)?)));
    Ok(RequestFigures {
        name,
        good,
        failed,
        missing: missing.collect::<Result<_, Corrupt>>()?,
        latency: read_histogram(bytes)?,
        first_token: read_histogram(bytes)?,
    })
}
