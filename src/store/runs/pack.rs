//! A run as compressed bytes: its plan, its end, its windows and its series.

use super::fields::{compress, decompress, number, read_number, read_span, read_text, span, text};
use super::{StoredRun, examples, observed, requests, window};
use crate::load::{Ending, Model, RunRecord, SLOD, Scenario, Stage};
use crate::store::counts::{Bytes, Corrupt, put};
use std::io;

/// Formats add data to the preceding one: 2 series and requests by name, 3 thresholds, 4 requests
/// with unknown results, 5 examples of failures, 6 latencies of failed requests, 7 what the load
/// generator lacked, 8 the count of retried requests, 9 unmet conditions and `Retry-After` of each
/// request, 10 whether the latter was read, 11 the bytes of each request, 12 concurrent runs.
const FORMAT: u64 = 12;

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
        Ending::Failed { why } => {
            put(&mut out, 3);
            text(&mut out, why);
        }
    }
    window::write(&mut out, &run.windows);
    let written = observed::write(&mut out, &run.observed, run.from);
    written.map_err(|_| io::Error::other("cannot encode the samples"))?;
    requests::write(&mut out, &run.requests);
    texts(&mut out, &run.thresholds);
    examples::write(&mut out, &run.examples);
    put(&mut out, u64::from(run.lack.is_some()));
    if let Some(words) = &run.lack {
        text(&mut out, words);
    }
    texts(&mut out, &run.concurrent);
    compress(&out)
}

fn texts(out: &mut Vec<u8>, all: &[String]) {
    put(out, all.len() as u64);
    for one in all {
        text(out, one);
    }
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

pub fn unpack(head: &StoredRun, record: &[u8]) -> Result<RunRecord, Corrupt> {
    let bytes = decompress(record)?;
    let mut bytes = Bytes(&bytes);
    let format = bytes.number()?;
    if !(1..=FORMAT).contains(&format) {
        return Err(Corrupt);
    }
    let scenario = read_scenario(&mut bytes, &head.scenario)?;
    let ending = read_ending(&mut bytes)?;
    let windows = window::read(&mut bytes)?;
    let (observed, mut requests) = match format {
        1 => (Vec::new(), Vec::new()),
        _ => (
            observed::read(&mut bytes, head.from)?,
            requests::read(&mut bytes, format)?,
        ),
    };
    if format < 10 && head.engine != SLOD {
        // These formats have 0 for responses whose header the engine did not read.
        for one in &mut requests {
            one.retry_after = None;
        }
    }
    let thresholds = match format {
        1 | 2 => Vec::new(),
        _ => read_texts(&mut bytes)?,
    };
    let examples = match format {
        1..=4 => Vec::new(),
        _ => examples::read(&mut bytes)?,
    };
    let lack = match format {
        1..=6 => None,
        _ => read_lack(&mut bytes)?,
    };
    let concurrent = match format {
        1..=11 => Vec::new(),
        _ => read_texts(&mut bytes)?,
    };
    Ok(RunRecord {
        service: head.service.clone(),
        scenario,
        engine: head.engine.clone(),
        from: head.from,
        to: head.to,
        ending,
        windows,
        requests,
        examples,
        lack,
        concurrent,
        thresholds,
        observed,
    })
}

fn read_ending(bytes: &mut Bytes<'_>) -> Result<Ending, Corrupt> {
    Ok(match bytes.number()? {
        0 => Ending::Completed,
        1 => Ending::Aborted {
            why: read_text(bytes)?,
        },
        2 => Ending::Interrupted,
        3 => Ending::Failed {
            why: read_text(bytes)?,
        },
        _ => return Err(Corrupt),
    })
}

fn read_texts(bytes: &mut Bytes<'_>) -> Result<Vec<String>, Corrupt> {
    let count: usize = bytes.small()?;
    (0..count).map(|_| read_text(bytes)).collect()
}

fn read_lack(bytes: &mut Bytes<'_>) -> Result<Option<String>, Corrupt> {
    match bytes.number()? {
        0 => Ok(None),
        1 => read_text(bytes).map(Some),
        _ => Err(Corrupt),
    }
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
        Ok(Stage::new(
            read_text(bytes)?,
            read_number(bytes)?,
            read_number(bytes)?,
            read_span(bytes)?,
        ))
    };
    let stages = (0..count).map(|_| stage(bytes));
    Ok(Scenario {
        name: name.to_owned(),
        purpose,
        model,
        stages: stages.collect::<Result<_, _>>()?,
    })
}
