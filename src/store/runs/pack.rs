//! A run as bytes: its plan, its end and its windows, compressed.

use super::StoredRun;
use crate::load::{Ending, LoadWindow, Model, RequestFigures, RunRecord, Scenario, Stage};
use crate::outcome::Cause;
use crate::stats::quantile::Histogram;
use crate::store::counts::{Bytes, Corrupt, put};
use std::io;
use std::time::Duration;

/// A run of a week whose windows are a second long has fewer bytes.
const SIZE_MAX: usize = 256 << 20;
const FORMAT: u64 = 1;

pub fn pack(run: &RunRecord) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    put(&mut out, FORMAT);
    scenario(&mut out, &run.scenario);
    match &run.ending {
        Ending::Completed => put(&mut out, 0),
        Ending::Aborted { why } => {
            put(&mut out, 1);
            text(&mut out, why);
        }
        Ending::Interrupted => put(&mut out, 2),
    }
    put(&mut out, run.windows.len() as u64);
    for one in &run.windows {
        window(&mut out, one);
    }
    requests(&mut out, &run.requests);
    // Level 3 is zstd's own default.
    zstd::bulk::compress(&out, 3)
}

fn scenario(out: &mut Vec<u8>, scenario: &Scenario) {
    text(out, &scenario.purpose);
    match scenario.model {
        Model::Closed { think } => {
            put(out, 0);
            span(out, think);
        }
        Model::Open { poisson } => put(out, 1 + u64::from(poisson)),
    }
    put(out, scenario.stages.len() as u64);
    for stage in &scenario.stages {
        text(out, &stage.name);
        number(out, stage.from);
        number(out, stage.to);
        span(out, stage.length);
    }
}

fn window(out: &mut Vec<u8>, window: &LoadWindow) {
    span(out, window.start);
    span(out, window.length);
    put(out, window.stage as u64);
    number(out, window.due);
    number(out, window.active);
    for count in [window.started, window.dropped, window.good] {
        put(out, count);
    }
    put(out, window.failed.len() as u64);
    for (cause, count) in &window.failed {
        put(out, u64::from(cause.code()));
        put(out, *count);
    }
    histogram(out, &window.latency);
    // Users that wait for their responses start when they are due.
    let differs = window.service_time != window.latency;
    put(out, u64::from(differs));
    if differs {
        histogram(out, &window.service_time);
    }
    span(out, window.lag);
    put(out, u64::from(window.generator_cpu.is_some()));
    if let Some(cpu) = window.generator_cpu {
        number(out, cpu);
    }
}

fn histogram(out: &mut Vec<u8>, histogram: &Histogram) {
    put(out, histogram.iter().count() as u64);
    for (code, count) in histogram.iter() {
        put(out, u64::from(code));
        put(out, u64::from(count));
    }
}

fn text(out: &mut Vec<u8>, text: &str) {
    put(out, text.len() as u64);
    out.extend(text.as_bytes());
}

fn number(out: &mut Vec<u8>, number: f64) {
    put(out, number.to_bits());
}

/// In microseconds.
fn span(out: &mut Vec<u8>, span: Duration) {
    put(out, u64::try_from(span.as_micros()).unwrap_or(u64::MAX));
}

pub fn unpack(head: &StoredRun, record: &[u8]) -> Result<RunRecord, Corrupt> {
    let size = zstd::zstd_safe::get_frame_content_size(record)
        .ok()
        .flatten();
    let size = size.and_then(|size| usize::try_from(size).ok());
    let size = size.filter(|size| *size <= SIZE_MAX).ok_or(Corrupt)?;
    let bytes = zstd::bulk::decompress(record, size).map_err(|_| Corrupt)?;
    let mut bytes = Bytes(&bytes);
    if bytes.number()? != FORMAT {
        return Err(Corrupt);
    }
    let scenario = read_scenario(&mut bytes, &head.scenario)?;
    let ending = match bytes.number()? {
        0 => Ending::Completed,
        1 => Ending::Aborted {
            why: read_text(&mut bytes)?,
        },
        2 => Ending::Interrupted,
        _ => return Err(Corrupt),
    };
    let count: usize = bytes.small()?;
    let windows = (0..count).map(|_| read_window(&mut bytes));
    let windows = windows.collect::<Result<_, _>>()?;
    let requests = read_requests(&mut bytes)?;
    Ok(RunRecord {
        service: head.service.clone(),
        scenario,
        engine: head.engine.clone(),
        from: head.from,
        to: head.to,
        ending,
        windows,
        requests,
        observed: Vec::new(),
    })
}

fn read_scenario(bytes: &mut Bytes<'_>, name: &str) -> Result<Scenario, Corrupt> {
    let purpose = read_text(bytes)?;
    let model = match bytes.number()? {
        0 => Model::Closed {
            think: read_span(bytes)?,
        },
        1 => Model::Open { poisson: false },
        2 => Model::Open { poisson: true },
        _ => return Err(Corrupt),
    };
    let count: usize = bytes.small()?;
    let stage = |bytes: &mut Bytes<'_>| {
        Ok(Stage {
            name: read_text(bytes)?,
            from: read_number(bytes)?,
            to: read_number(bytes)?,
            length: read_span(bytes)?,
        })
    };
    let stages = (0..count).map(|_| stage(bytes));
    Ok(Scenario {
        name: name.to_owned(),
        purpose,
        model,
        stages: stages.collect::<Result<_, _>>()?,
    })
}

fn read_window(bytes: &mut Bytes<'_>) -> Result<LoadWindow, Corrupt> {
    let (start, length) = (read_span(bytes)?, read_span(bytes)?);
    let stage = bytes.small()?;
    let (due, active) = (read_number(bytes)?, read_number(bytes)?);
    let (started, dropped, good) = (bytes.number()?, bytes.number()?, bytes.number()?);
    let causes: usize = bytes.small()?;
    let failed = (0..causes).map(|_| {
        let cause = Cause::from_code(bytes.small()?).ok_or(Corrupt)?;
        Ok((cause, bytes.number()?))
    });
    let failed = failed.collect::<Result<_, Corrupt>>()?;
    let latency = read_histogram(bytes)?;
    let service_time = match bytes.number()? {
        0 => latency.clone(),
        _ => read_histogram(bytes)?,
    };
    let lag = read_span(bytes)?;
    let generator_cpu = match bytes.number()? {
        0 => None,
        _ => Some(read_number(bytes)?),
    };
    Ok(LoadWindow {
        start,
        length,
        stage,
        due,
        active,
        started,
        dropped,
        good,
        failed,
        latency,
        service_time,
        lag,
        generator_cpu,
    })
}

fn read_histogram(bytes: &mut Bytes<'_>) -> Result<Histogram, Corrupt> {
    let count: usize = bytes.small()?;
    let mut histogram = Histogram::default();
    for _ in 0..count {
        let code = bytes.small()?;
        histogram.add(code, u32::from(bytes.small::<u16>()?));
    }
    Ok(histogram)
}

fn read_text(bytes: &mut Bytes<'_>) -> Result<String, Corrupt> {
    let length = bytes.small()?;
    let (text, rest) = bytes.0.split_at_checked(length).ok_or(Corrupt)?;
    bytes.0 = rest;
    String::from_utf8(text.to_vec()).map_err(|_| Corrupt)
}

/// Finite, as everything that is computed with.
fn read_number(bytes: &mut Bytes<'_>) -> Result<f64, Corrupt> {
    let number = f64::from_bits(bytes.number()?);
    number.is_finite().then_some(number).ok_or(Corrupt)
}

fn read_span(bytes: &mut Bytes<'_>) -> Result<Duration, Corrupt> {
    Ok(Duration::from_micros(bytes.number()?))
}

fn requests(out: &mut Vec<u8>, requests: &[RequestFigures]) {
    put(out, requests.len() as u64);
    for one in requests {
        text(out, &one.name);
        put(out, one.good);
        put(out, one.failed.len() as u64);
        for (cause, count) in &one.failed {
            put(out, u64::from(cause.code()));
            put(out, *count);
        }
        put(out, one.missing.len() as u64);
        for (name, count) in &one.missing {
            text(out, name);
            put(out, *count);
        }
        histogram(out, &one.latency);
        histogram(out, &one.first_token);
    }
}

/// None in a record that ends before them: it is of an older version.
fn read_requests(bytes: &mut Bytes<'_>) -> Result<Vec<RequestFigures>, Corrupt> {
    if bytes.0.is_empty() {
        return Ok(Vec::new());
    }
    let count: usize = bytes.small()?;
    let requests = (0..count).map(|_| {
        let (name, good) = (read_text(bytes)?, bytes.number()?);
        let causes: usize = bytes.small()?;
        let failed = (0..causes).map(|_| {
            let cause = Cause::from_code(bytes.small()?).ok_or(Corrupt)?;
            Ok((cause, bytes.number()?))
        });
        let failed = failed.collect::<Result<_, Corrupt>>()?;
        let values: usize = bytes.small()?;
        let missing = (0..values).map(|_| Ok((read_text(bytes)?, bytes.number()?)));
        let missing = missing.collect::<Result<_, Corrupt>>()?;
        let (latency, first_token) = (read_histogram(bytes)?, read_histogram(bytes)?);
        Ok(RequestFigures {
            name,
            good,
            failed,
            missing,
            latency,
            first_token,
        })
    });
    requests.collect()
}
