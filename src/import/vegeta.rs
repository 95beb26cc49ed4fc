//! Reads the output of `vegeta encode`, as CSV or as lines of JSON: a line per request.

use super::collect::{ClientRequest, Collector};
use super::{ImportError, Lines, csv};
use crate::load::Transferred;
use crate::outcome::{Cause, Timestamp};
use chrono::DateTime;
use serde::Deserialize;
use std::io::BufRead;
use std::time::Duration;

#[derive(Deserialize)]
struct Line {
    code: u16,
    timestamp: String,
    /// In nanoseconds.
    latency: u64,
    #[serde(default)]
    error: String,
    bytes_in: Option<u64>,
    bytes_out: Option<u64>,
}

pub(super) fn read(
    lines: &mut Lines<impl BufRead>,
    collector: &mut Collector,
) -> Result<(), ImportError> {
    while let Some(line) = lines.next()? {
        if line.is_empty() {
            continue;
        }
        let request = if line.starts_with('{') {
            json(&line)
        } else {
            comma_separated(&lines.whole(line)?)
        };
        let what = "not an output line of `vegeta encode --to csv` or `--to json`";
        let (request, bytes) = request.ok_or_else(|| lines.fault(what))?;
        collector.transferred(request.ended, bytes);
        collector.request(request);
    }
    Ok(())
}

fn json(line: &str) -> Option<(ClientRequest, Transferred)> {
    let line: Line = serde_json::from_str(line).ok()?;
    let started = DateTime::parse_from_rfc3339(&line.timestamp).ok()?;
    let started = started.timestamp_nanos_opt()?;
    let bytes = Transferred {
        received: line.bytes_in,
        sent: line.bytes_out,
    };
    let request = client_request(started, line.code, line.latency, &line.error);
    Some((request, bytes))
}

/// Columns: timestamp in nanoseconds, status, latency in nanoseconds, bytes out, bytes in, error,
/// ...
fn comma_separated(line: &str) -> Option<(ClientRequest, Transferred)> {
    let values = csv::values(line);
    let [started, code, latency, sent, received, error, ..] = values.as_slice() else {
        return None;
    };
    let bytes = Transferred {
        received: received.parse().ok(),
        sent: sent.parse().ok(),
    };
    let request = client_request(
        started.parse().ok()?,
        code.parse().ok()?,
        latency.parse().ok()?,
        error,
    );
    Some((request, bytes))
}

fn client_request(started: i64, code: u16, latency: u64, error: &str) -> ClientRequest {
    let ended = started.saturating_add(i64::try_from(latency).unwrap_or(i64::MAX));
    ClientRequest {
        ended: Timestamp(ended.div_euclid(1_000_000)),
        latency: Duration::from_nanos(latency),
        failed: failure(code, error),
        status: Some(code),
    }
}

/// Vegeta counts statuses from 200 to 399 as successes.
fn failure(code: u16, error: &str) -> Option<Cause> {
    match code {
        200..=399 => None,
        0 => Some(super::failures::cause_of(error)),
        _ => Some(super::failures::status_cause(code)),
    }
}
