//! Reads the output of slod's locustfile while it runs (`export::Script::reports`).

use super::collect::{ClientRequest, Collector};
use super::failures::{FailedCheck, cause_of, retry_after, status_cause};
use crate::load::{RetryAfter, Transferred};
use crate::outcome::{Cause, Timestamp};
use crate::units::whole;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// The start of the exported script's errors about responses.
pub(super) const FAILED: &str = "CatchResponseError: ";

#[derive(Deserialize)]
struct Line {
    slod_load: Vec<Counted>,
    at: f64,
    users: f64,
    workers: Option<u64>,
    /// Bytes of the bodies of responses, by name.
    #[serde(default)]
    received: BTreeMap<String, u64>,
}

/// End in seconds since 1970, name, error, milliseconds, count.
#[derive(Deserialize)]
struct Counted(f64, String, Option<String>, f64, u32);

/// The contents of a line apart from requests.
pub(super) struct Report {
    /// Number of running workers, if any.
    pub workers: Option<u64>,
}

/// Parses a line; `None` if it has another form.
pub(super) fn line(line: &str, collector: &mut Collector) -> Option<Report> {
    if !line.starts_with("{\"slod_load\"") {
        return None;
    }
    let line: Line = serde_json::from_str(line).ok()?;
    collector.users(moment(line.at), line.users);
    for one in line.slod_load {
        take(collector, one);
    }
    for (name, received) in line.received {
        let bytes = Transferred::received(Some(received));
        collector.transferred_of(&name, moment(line.at), bytes);
    }
    Some(Report {
        workers: line.workers,
    })
}

fn moment(seconds: f64) -> Timestamp {
    Timestamp(i64::try_from(whole(seconds * 1000.0)).unwrap_or(i64::MAX))
}

fn take(collector: &mut Collector, Counted(seconds, name, error, milliseconds, count): Counted) {
    let ended = moment(seconds);
    let check = error.as_deref().and_then(failed_check);
    let seen = ClientRequest {
        ended,
        latency: Duration::try_from_secs_f64(milliseconds / 1000.0).unwrap_or_default(),
        failed: error.as_deref().map(cause),
        status: None,
    };
    collector.requests_of(&name, seen, count);
    if let (Some(cause), Some(error)) = (seen.failed, &error) {
        collector.example(cause, || words(error, check));
    }
    if let Some(check) = check {
        collector.failed_check(&name, check, count, false);
    }
    if let Some(asked) = error.as_deref().and_then(rejected) {
        for _ in 0..count {
            collector.retry_after(&name, asked);
        }
    }
}

/// A description for a report.
pub(super) fn words(error: &str, check: Option<FailedCheck<'_>>) -> String {
    match check {
        Some(check) => check.words(),
        None => error.strip_prefix(FAILED).unwrap_or(error).to_owned(),
    }
}

/// What a response with status 429 asked for: `CatchResponseError: status 429, Retry-After: 30`.
fn rejected(error: &str) -> Option<RetryAfter> {
    let rest = error.strip_prefix(FAILED)?.strip_prefix("status 429")?;
    match rest.strip_prefix(", Retry-After: ") {
        Some(asked) => Some(retry_after(asked)),
        None => (rest == " without Retry-After").then(RetryAfter::default),
    }
}

/// The failed check in the exported script's error about an answer.
fn failed_check(error: &str) -> Option<FailedCheck<'_>> {
    if let Some((_, rest)) = error.split_once("no value for ") {
        return rest.strip_suffix(" to capture").map(FailedCheck::Missing);
    }
    let condition = error.strip_prefix(FAILED)?.strip_prefix("unexpected: ");
    condition.map(FailedCheck::Unmet)
}

/// The unexpected status in the exported script's error: `CatchResponseError: status 503`.
fn status(error: &str) -> Option<u16> {
    let rest = error.strip_prefix(FAILED)?.strip_prefix("status ")?;
    let digits = rest.find(|c: char| !c.is_ascii_digit());
    rest[..digits.unwrap_or(rest.len())].parse().ok()
}

pub(super) fn cause(error: &str) -> Cause {
    if let Some(check) = failed_check(error) {
        check.cause()
    } else if let Some(status) = status(error) {
        status_cause(status)
    } else if error.ends_with("is not valid in a header") {
        Cause::Header
    } else {
        cause_of(error)
    }
}
