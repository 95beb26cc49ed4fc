//! What a locustfile of slod writes while it runs (`export::Script::reports`).

use super::collect::{Collector, Seen, cause_of};
use crate::outcome::{Cause, Timestamp};
use crate::units::whole;
use serde::Deserialize;
use std::time::Duration;

#[derive(Deserialize)]
struct Line {
    slod_load: Vec<Counted>,
    at: f64,
    users: f64,
    workers: Option<u64>,
}

/// Second, name, error, milliseconds, count.
#[derive(Deserialize)]
struct Counted(i64, String, Option<String>, f64, u32);

/// Takes a line; `None` if it is another one. Returns the workers that run, if it says so.
pub(super) fn line(line: &str, collector: &mut Collector) -> Option<Option<u64>> {
    if !line.starts_with("{\"slod_load\"") {
        return None;
    }
    let line: Line = serde_json::from_str(line).ok()?;
    let at = Timestamp(i64::try_from(whole(line.at * 1000.0)).ok()?);
    for one in line.slod_load {
        take(collector, one);
    }
    collector.users(at, line.users);
    Some(line.workers)
}

fn take(collector: &mut Collector, Counted(second, name, error, milliseconds, count): Counted) {
    let ended = Timestamp::from_secs(second);
    let missing = error.as_deref().and_then(missing);
    let seen = Seen {
        ended,
        latency: Duration::try_from_secs_f64(milliseconds / 1000.0).unwrap_or_default(),
        failed: error.as_deref().map(cause),
    };
    collector.requests_of(&name, seen, count);
    if let Some(value) = missing {
        collector.missing(ended, &name, value, false, count);
    }
}

/// What the exported script says of an answer without a value.
fn missing(error: &str) -> Option<&str> {
    let (_, rest) = error.split_once("no value for ")?;
    rest.strip_suffix(" to capture")
}

fn cause(error: &str) -> Cause {
    if missing(error).is_some() {
        Cause::Body
    } else if error.starts_with("CatchResponseError: status ") {
        Cause::Status
    } else {
        cause_of(error)
    }
}
