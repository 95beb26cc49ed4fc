//! Field encodings shared by the records of runs.

use crate::store::counts::{Bytes, Corrupt, put};
use std::io;
use std::time::Duration;

/// Maximum size of an unpacked run. A run of a week with windows of one second is smaller.
const SIZE_MAX: usize = 256 << 20;

pub fn compress(bytes: &[u8]) -> io::Result<Vec<u8>> {
    // Level 3 is the default of zstd.
    zstd::bulk::compress(bytes, 3)
}

pub fn decompress(packed: &[u8]) -> Result<Vec<u8>, Corrupt> {
    let size = zstd::zstd_safe::get_frame_content_size(packed)
        .ok()
        .flatten();
    let size = size.and_then(|size| usize::try_from(size).ok());
    let size = size.filter(|size| *size <= SIZE_MAX).ok_or(Corrupt)?;
    zstd::bulk::decompress(packed, size).map_err(|_| Corrupt)
}

pub fn text(out: &mut Vec<u8>, text: &str) {
    bytes(out, text.as_bytes());
}

pub fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put(out, bytes.len() as u64);
    out.extend(bytes);
}

pub fn number(out: &mut Vec<u8>, number: f64) {
    put(out, number.to_bits());
}

/// In microseconds.
pub fn span(out: &mut Vec<u8>, span: Duration) {
    put(out, u64::try_from(span.as_micros()).unwrap_or(u64::MAX));
}

pub fn read_text(bytes: &mut Bytes<'_>) -> Result<String, Corrupt> {
    String::from_utf8(read_bytes(bytes)?.to_vec()).map_err(|_| Corrupt)
}

pub fn read_bytes<'a>(bytes: &mut Bytes<'a>) -> Result<&'a [u8], Corrupt> {
    let length = bytes.small()?;
    bytes.take(length)
}

/// Finite, like all numbers used in computations.
pub fn read_number(bytes: &mut Bytes<'_>) -> Result<f64, Corrupt> {
    let number = f64::from_bits(bytes.number()?);
    number.is_finite().then_some(number).ok_or(Corrupt)
}

pub fn read_span(bytes: &mut Bytes<'_>) -> Result<Duration, Corrupt> {
    Ok(Duration::from_micros(bytes.number()?))
}
