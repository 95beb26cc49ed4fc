//! Reads the output of oha: `--output-format csv` has a line per answered request, with times in seconds
//! since the start; JSON has the totals of the run, including requests without an answer.

use super::collect::{ClientRequest, Collector};
use super::failures::{cause_of, status_cause};
use super::totals::Totals;
use super::{ImportError, Lines, csv};
use crate::load::Transferred;
use crate::outcome::{Cause, Timestamp};
use crate::units::whole;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::BufRead;
use std::time::Duration;

/// The start of a JSON document.
pub(super) const JSON: &str = "{";
/// A remark on what the CSV format lacks.
pub(super) const ANSWERED_ONLY: &str =
    "; requests without an answer are not in its CSV, `oha --output-format json` counts them";
/// Follows the description of a missing column.
const OF_OUTPUT: &str = ", as in the output of `oha --output-format csv` or `json`";
/// The error of requests that were in progress when the run ended.
const CUT: &str = "aborted due to deadline";
/// Maximum size of a JSON document in bytes.
const DOCUMENT_MAX: usize = 1 << 20;

/// Additional keys of other versions are ignored. NaN is written as null.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    summary: Summary,
    latency_percentiles: BTreeMap<String, Option<f64>>,
    status_code_distribution: BTreeMap<String, u64>,
    error_distribution: BTreeMap<String, u64>,
}

/// In seconds.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    total: f64,
    fastest: Option<f64>,
    slowest: Option<f64>,
    /// Bytes of the bodies of responses.
    total_data: Option<u64>,
}

/// Reads a document whose first line was already read.
pub(super) fn document(
    first: String,
    lines: &mut Lines<impl BufRead>,
) -> Result<Totals, ImportError> {
    let mut text = first;
    while let Some(line) = lines.next()? {
        text.push_str(&line);
        if text.len() > DOCUMENT_MAX {
            return Err(lines.fault("document larger than 1 MiB"));
        }
    }
    totals(&text).ok_or_else(|| ImportError::Line {
        number: 1,
        what: "not the start of an `oha --output-format json` document (`--json` before 1.9)"
            .to_owned(),
    })
}

fn totals(text: &str) -> Option<Totals> {
    let document: Document = serde_json::from_str(text).ok()?;
    let mut totals = Totals {
        length: Totals::length(document.summary.total)?,
        fastest: document.summary.fastest.and_then(span).unwrap_or_default(),
        received: document.summary.total_data,
        ..Totals::default()
    };
    for (status, count) in document.status_code_distribution {
        let status = status.parse().ok()?;
        totals.answer(count, is_success(status));
        if failure(status) == Cause::RateLimited {
            totals.limited = count;
        }
    }
    for (error, count) in document.error_distribution {
        if error != CUT {
            totals.lose(cause_of(&error), count);
        }
    }
    let known = document.latency_percentiles.iter();
    let known = known.filter_map(|(name, latency)| {
        let percent: f64 = name.strip_prefix('p')?.parse().ok()?;
        let is_share = (0.0..=100.0).contains(&percent);
        is_share.then_some((percent / 100.0, span((*latency)?)?))
    });
    totals.percentiles = known.collect();
    let slowest = document.summary.slowest.and_then(span);
    totals
        .percentiles
        .extend(slowest.map(|slowest| (1.0, slowest)));
    totals.percentiles.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    totals.plausible()
}

/// Reads the lines after the header.
pub(super) fn requests(
    header: &str,
    lines: &mut Lines<impl BufRead>,
    collector: &mut Collector,
    started: Timestamp,
) -> Result<(), ImportError> {
    let names = ["request-start", "request-duration", "status"];
    let columns = csv::columns(header, names);
    let columns = columns.map_err(|what| lines.fault(format!("{what}{OF_OUTPUT}")))?;
    let size = csv::columns(header, ["bytes"]).ok().map(|[place]| place);
    while let Some(line) = lines.record()? {
        let values = csv::values(&line);
        let [begin, took, status] = columns.map(|place| {
            values
                .get(place)
                .and_then(|text| text.trim().parse::<f64>().ok())
        });
        let times = begin
            .zip(took)
            .and_then(|(begin, took)| Some((span(begin)?, span(took)?)));
        let (Some((begin, took)), Some(status)) = (times, status) else {
            return Err(lines.fault("invalid start, duration or status"));
        };
        let ended = started.after(begin).after(took);
        let received = size.and_then(|place| values.get(place)?.trim().parse().ok());
        collector.transferred(ended, Transferred::received(received));
        collector.request(ClientRequest {
            ended,
            latency: took,
            failed: (!is_success(status)).then(|| failure(status)),
            status: u16::try_from(whole(status)).ok(),
        });
    }
    Ok(())
}

fn failure(status: f64) -> Cause {
    u16::try_from(whole(status)).map_or(Cause::Status, status_cause)
}

fn is_success(status: f64) -> bool {
    (200.0..400.0).contains(&status)
}

fn span(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}
