//! A window of a run as bytes.

use super::fields::{number, read_number, read_span, span};
use crate::load::{LoadWindow, Transferred};
use crate::outcome::Cause;
use crate::stats::quantile::Histogram;
use crate::store::counts::{Bytes, Corrupt, put};

/// No run has this many requests. Larger counts are damage, and adding them would overflow.
const COUNT_MAX: u64 = 1 << 48;

/// Flags for the optional fields of a window.
const CPU: u64 = 1;
const UNJUDGED: u64 = 2;
const FAILED_LATENCY: u64 = 4;
const LACKING: u64 = 8;
const REPEATED: u64 = 16;
const RECEIVED: u64 = 32;
const SENT: u64 = 64;

/// Writes the number of windows, then each of them.
pub fn write(out: &mut Vec<u8>, windows: &[LoadWindow]) {
    put(out, windows.len() as u64);
    for window in windows {
        one(out, window);
    }
}

fn one(out: &mut Vec<u8>, window: &LoadWindow) {
    span(out, window.start);
    span(out, window.length);
    put(out, window.stage as u64);
    number(out, window.due);
    number(out, window.active);
    for count in [window.started, window.dropped, window.good] {
        put(out, count);
    }
    causes(out, &window.failed);
    histogram(out, &window.latency);
    // The length of a second histogram, which versions before format 4 had.
    put(out, 0);
    span(out, window.lag);
    let cpu = u64::from(window.generator_cpu.is_some()) * CPU;
    let unjudged = u64::from(window.unjudged > 0) * UNJUDGED;
    let has_failed = window.failed_latency.iter().next().is_some();
    let failed = u64::from(has_failed) * FAILED_LATENCY;
    let lacking = u64::from(window.lacking > 0) * LACKING;
    let repeated = u64::from(window.repeated > 0) * REPEATED;
    let Transferred { received, sent } = window.transferred;
    let received = u64::from(received.is_some()) * RECEIVED;
    let sent = u64::from(sent.is_some()) * SENT;
    put(
        out,
        cpu | unjudged | failed | lacking | repeated | received | sent,
    );
    if let Some(cpu) = window.generator_cpu {
        number(out, cpu);
    }
    if window.unjudged > 0 {
        put(out, window.unjudged);
    }
    if has_failed {
        histogram(out, &window.failed_latency);
    }
    for count in [window.lacking, window.repeated] {
        if count > 0 {
            put(out, count);
        }
    }
    let Transferred { received, sent } = window.transferred;
    for bytes in [received, sent].into_iter().flatten() {
        put(out, bytes.min(COUNT_MAX));
    }
}

/// Writes the bytes of a request.
pub(super) fn transferred(out: &mut Vec<u8>, transferred: Transferred) {
    for bytes in [transferred.received, transferred.sent] {
        put(out, bytes.map_or(0, |bytes| bytes.min(COUNT_MAX) + 1));
    }
}

pub(super) fn read_transferred(bytes: &mut Bytes<'_>) -> Result<Transferred, Corrupt> {
    let mut read = || {
        let number = bytes.number()?;
        let is_valid = number <= COUNT_MAX + 1;
        is_valid.then(|| number.checked_sub(1)).ok_or(Corrupt)
    };
    Ok(Transferred {
        received: read()?,
        sent: read()?,
    })
}

pub(super) fn causes(out: &mut Vec<u8>, failed: &[(Cause, u64)]) {
    put(out, failed.len() as u64);
    for (cause, count) in failed {
        put(out, u64::from(cause.code()));
        put(out, *count);
    }
}

pub(super) fn histogram(out: &mut Vec<u8>, histogram: &Histogram) {
    put(out, histogram.iter().count() as u64);
    for (code, count) in histogram.iter() {
        put(out, u64::from(code));
        put(out, count);
    }
}

pub fn read(bytes: &mut Bytes<'_>) -> Result<Vec<LoadWindow>, Corrupt> {
    let count: usize = bytes.small()?;
    (0..count).map(|_| read_one(bytes)).collect()
}

fn read_one(bytes: &mut Bytes<'_>) -> Result<LoadWindow, Corrupt> {
    let (start, length) = (read_span(bytes)?, read_span(bytes)?);
    let stage = bytes.small()?;
    let (due, active) = (read_number(bytes)?, read_number(bytes)?);
    let (started, dropped, good) = (read_count(bytes)?, read_count(bytes)?, read_count(bytes)?);
    let failed = read_causes(bytes)?;
    let latency = read_histogram(bytes)?;
    if bytes.number()? != 0 {
        read_histogram(bytes)?;
    }
    let lag = read_span(bytes)?;
    let known = bytes.number()?;
    let generator_cpu = match known & CPU {
        0 => None,
        _ => Some(read_number(bytes)?),
    };
    let unjudged = match known & UNJUDGED {
        0 => 0,
        _ => read_count(bytes)?,
    };
    let failed_latency = match known & FAILED_LATENCY {
        0 => Histogram::default(),
        _ => read_histogram(bytes)?,
    };
    let lacking = match known & LACKING {
        0 => 0,
        _ => read_count(bytes)?,
    };
    let repeated = match known & REPEATED {
        0 => 0,
        _ => read_count(bytes)?,
    };
    let received = match known & RECEIVED {
        0 => None,
        _ => Some(read_count(bytes)?),
    };
    let sent = match known & SENT {
        0 => None,
        _ => Some(read_count(bytes)?),
    };
    // Callers rely on this.
    if lacking > dropped {
        return Err(Corrupt);
    }
    Ok(LoadWindow {
        start,
        length,
        stage,
        due,
        active,
        started,
        dropped,
        lacking,
        repeated,
        unjudged,
        good,
        failed,
        latency,
        failed_latency,
        lag,
        generator_cpu,
        transferred: Transferred { received, sent },
    })
}

pub(super) fn read_causes(bytes: &mut Bytes<'_>) -> Result<Vec<(Cause, u64)>, Corrupt> {
    let count: usize = bytes.small()?;
    let failed = (0..count).map(|_| {
        let cause = Cause::from_code(bytes.small()?).ok_or(Corrupt)?;
        Ok((cause, read_count(bytes)?))
    });
    failed.collect()
}

pub(super) fn read_count(bytes: &mut Bytes<'_>) -> Result<u64, Corrupt> {
    let count = bytes.number()?;
    (count <= COUNT_MAX).then_some(count).ok_or(Corrupt)
}

pub(super) fn read_histogram(bytes: &mut Bytes<'_>) -> Result<Histogram, Corrupt> {
    let count: usize = bytes.small()?;
    let mut histogram = Histogram::default();
    for _ in 0..count {
        let code = bytes.small()?;
        histogram.add(code, read_count(bytes)?);
    }
    Ok(histogram)
}
