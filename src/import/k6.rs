//! Reads the output of k6 with `--out json` and `--out csv`: a line per value of each metric.

use super::collect::{ClientRequest, Collector};
use super::failures::{FailedCheck, cause_of, retry_after, status_cause, without_url};
use super::{ImportError, Lines, csv};
use crate::load::{RetryAfter, Transferred};
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
    /// From an exported script, of a response with status 429: see `export`.
    retry_after: Option<String>,
}

impl Tags {
    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    fn status(&self) -> u16 {
        let status = self.status.as_deref();
        status.and_then(|text| text.parse().ok()).unwrap_or(0)
    }
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
    // Versions before 0.31 lack `expected_response`.
    let optional = ["expected_response", "error", "name", "check", "extra_tags"];
    let optional = optional.map(|name| csv::columns(header, [name]).ok().map(|[place]| place));
    while let Some(line) = lines.record()? {
        let values = csv::values(&line);
        let text = |place: usize| values.get(place).map(String::as_str).unwrap_or_default();
        let filled = |place: usize| Some(text(place).to_owned()).filter(|text| !text.is_empty());
        let [metric, time, value, error_code, status] = places;
        let [expected_response, error, name, check, extra] =
            optional.map(|place| place.and_then(filled));
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
                    error_code: filled(error_code),
                    error,
                    expected_response,
                    name,
                    check,
                    retry_after: extra.as_deref().and_then(retry_after_tag),
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
                status: Some(tags.status()).filter(|status| *status > 0),
            };
            collector.requests_of(tags.name(), seen, 1);
            if let (Some(cause), Some(error)) = (seen.failed, &tags.error) {
                collector.example(cause, || without_url(error).to_owned());
            }
        }
        "checks" => take_check(collector, at, value == 0.0, &tags),
        // From a script run by slod: the start of its plan.
        "slod_began" => collector.begin(at),
        // Of the whole iteration: k6 does not know the requests that the bytes belong to.
        "data_received" => collector.transferred(at, Transferred::received(Some(whole(value)))),
        "data_sent" => {
            let sent = Some(whole(value));
            let received = None;
            collector.transferred(at, Transferred { received, sent });
        }
        "vus" => collector.users(at, value.max(0.0)),
        "dropped_iterations" => collector.dropped(at, whole(value)),
        _ => {}
    }
}

/// Takes a check of a script exported by slod. k6 has already counted the response as good, unless its status
/// was unexpected.
fn take_check(collector: &mut Collector, at: Timestamp, is_failed: bool, tags: &Tags) {
    let check = tags.check.as_deref().unwrap_or_default();
    let condition = check.strip_suffix(" is as expected");
    if let Some(asked) = tags.retry_after.as_deref() {
        let read = match asked {
            "none" => RetryAfter::default(),
            asked => retry_after(asked),
        };
        collector.retry_after(tags.name(), read);
    }
    let capture = check.strip_suffix(" is captured").map(FailedCheck::Missing);
    let condition = condition.filter(|condition| *condition != "status");
    let failed = capture.or(condition.map(FailedCheck::Unmet));
    if let Some(check) = failed.filter(|_| is_failed) {
        collector.example(check.cause(), || check.words());
        collector.fail_good(at, check.cause(), 1);
        collector.failed_check(tags.name(), check, 1, true);
    }
}

/// Finds the tag in the column `extra_tags` of a CSV result: `a=1&retry_after=30`.
fn retry_after_tag(extra: &str) -> Option<String> {
    let mut tags = extra.split('&');
    let found = tags.find_map(|tag| tag.strip_prefix("retry_after="));
    found.map(str::to_owned)
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
    let code = tags.error_code.as_deref();
    let code: u16 = code.and_then(|text| text.parse().ok()).unwrap_or(0);
    let status = tags.status();
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
