//! Reads the output of k6 with `--out json` and `--out csv`: a line per value of each metric.

use super::collect::{ClientRequest, Collector, FailedCheck, cause_of, status_cause};
use super::{ImportError, Lines, csv};
use crate::outcome::{Cause, Timestamp};
use crate::units::whole;
use chrono::DateTime;
use serde::Deserialize;
use std::io::BufRead;
use std::time::Duration;

const NOT_JSON: &str = "not an output line of `k6 run --out json=FILE` or `--out csv=FILE`; a k6 summary contains no timestamps";

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "type")]
    kind: String,
    metric: String,
    #[serde(default)]
    data: Data,
}

#[derive(Default, Deserialize)]
struct Data {
    time: Option<String>,
    value: Option<f64>,
    tags: Option<Tags>,
}

#[derive(Default, Deserialize)]
struct Tags {
    status: Option<String>,
    error_code: Option<String>,
    error: Option<String>,
    expected_response: Option<String>,
    name: Option<String>,
    check: Option<String>,
}

/// One value of a metric.
struct Reading<'a> {
    metric: &'a str,
    at: Timestamp,
    number: f64,
    tags: Tags,
}

pub(super) fn read(
    lines: &mut Lines<impl BufRead>,
    collector: &mut Collector,
) -> Result<(), ImportError> {
    let Some(first) = lines.next()? else {
        return Ok(());
    };
    if first.starts_with("metric_name,") {
        return read_csv(&first, lines, collector);
    }
    let mut next = Some(first);
    while let Some(line) = next {
        json(&line, collector).map_err(|what| lines.fault(what))?;
        next = lines.next()?;
    }
    Ok(())
}

/// Parses a line of `--out json`.
pub(super) fn json(line: &str, collector: &mut Collector) -> Result<(), String> {
    let line: Line = serde_json::from_str(line).map_err(|_| NOT_JSON.to_owned())?;
    if line.kind != "Point" {
        return Ok(());
    }
    let moment = line.data.time.as_deref().map(DateTime::parse_from_rfc3339);
    let (Some(Ok(moment)), Some(value)) = (moment, line.data.value) else {
        return Err("invalid time or value".to_owned());
    };
    take(
        collector,
        Reading {
            metric: &line.metric,
            at: Timestamp(moment.timestamp_millis()),
            number: value,
            tags: line.data.tags.unwrap_or_default(),
        },
    );
    Ok(())
}

fn read_csv(
    header: &str,
    lines: &mut Lines<impl BufRead>,
    collector: &mut Collector,
) -> Result<(), ImportError> {
    let names = [
        "metric_name",
        "timestamp",
        "metric_value",
        "error_code",
        "status",
    ];
    let places = csv::columns(header, names).map_err(|what| lines.fault(what))?;
    // Versions before 0.31 lack this column.
    let expected = csv::columns(header, ["expected_response"]).ok();
    let text_of_error = csv::columns(header, ["error"]).ok();
    while let Some(line) = lines.record()? {
        let values = csv::values(&line);
        let text = |place: usize| values.get(place).map(String::as_str).unwrap_or_default();
        let filled = |place: usize| Some(text(place).to_owned()).filter(|text| !text.is_empty());
        let [metric, time, value, error, status] = places;
        let (Some(at), Ok(value)) = (moment(text(time)), text(value).parse::<f64>()) else {
            return Err(lines.fault("invalid timestamp or value"));
        };
        take(
            collector,
            Reading {
                metric: text(metric),
                at,
                number: value,
                tags: Tags {
                    status: filled(status),
                    error_code: filled(error),
                    error: text_of_error.and_then(|[place]| filled(place)),
                    expected_response: expected.and_then(|[place]| filled(place)),
                    name: None,
                    check: None,
                },
            },
        );
    }
    Ok(())
}

fn take(collector: &mut Collector, reading: Reading<'_>) {
    let Reading {
        metric,
        at,
        number: value,
        tags,
    } = reading;
    match metric {
        "http_req_duration" => {
            let seen = ClientRequest {
                ended: at,
                latency: milliseconds(value),
                failed: failure(&tags),
            };
            collector.requests_of(tags.name.as_deref().unwrap_or_default(), seen, 1);
        }
        // From a script exported by slod. k6 has already counted the answer as good, unless its status was
        // unexpected.
        "checks" if value == 0.0 => {
            let check = tags.check.as_deref().unwrap_or_default();
            let capture = check.strip_suffix(" is captured").map(FailedCheck::Missing);
            let condition = check.strip_suffix(" is as expected");
            let condition = condition.filter(|condition| *condition != "status");
            if let Some(check) = capture.or(condition.map(FailedCheck::Unmet)) {
                let name = tags.name.as_deref().unwrap_or_default();
                collector.fail_good(at, check.cause(), 1);
                collector.failed_check(name, check, 1, true);
            }
        }
        // From a script run by slod: the start of its plan.
        "slod_began" => collector.begin(at),
        "vus" => collector.users(at, value.max(0.0)),
        "dropped_iterations" => collector.dropped(at, whole(value)),
        _ => {}
    }
}

/// Parses a time in one of the CSV formats of k6 (`K6_CSV_TIME_FORMAT`): RFC 3339, or seconds,
/// milliseconds, microseconds or nanoseconds since 1970, which are distinguished by their magnitude.
fn moment(text: &str) -> Option<Timestamp> {
    let Ok(number) = text.parse::<i64>() else {
        let moment = DateTime::parse_from_rfc3339(text).ok()?;
        return Some(Timestamp(moment.timestamp_millis()));
    };
    Some(Timestamp(match number {
        ..100_000_000_000 => number.checked_mul(1000)?,
        100_000_000_000..100_000_000_000_000 => number,
        100_000_000_000_000..100_000_000_000_000_000 => number / 1000,
        _ => number / 1_000_000,
    }))
}

fn milliseconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value / 1000.0).unwrap_or_default()
}

/// The cause, from the error codes documented by k6. Without one, a status of 400 or above is a failure
/// unless the script expects it.
fn failure(tags: &Tags) -> Option<Cause> {
    let number = |text: &Option<String>| text.as_deref().and_then(|text| text.parse().ok());
    let (code, status): (u16, u16) = (
        number(&tags.error_code).unwrap_or(0),
        number(&tags.status).unwrap_or(0),
    );
    let expected = tags.expected_response.as_deref();
    match code {
        _ if expected == Some("true") => None,
        1050 | 1211 => Some(Cause::Timeout),
        1100..=1199 => Some(Cause::Dns),
        1212 => Some(Cause::Refused),
        1201 | 1220 => Some(Cause::Reset),
        1200..=1299 => Some(Cause::Unreachable),
        1310..=1320 => Some(Cause::Certificate),
        1300..=1399 => Some(Cause::Tls),
        1400..=1599 => Some(status_cause(status)),
        1000..=1799 => Some(cause_of(tags.error.as_deref().unwrap_or_default())),
        _ if expected == Some("false") || status >= 400 => Some(status_cause(status)),
        _ => None,
    }
}
