//! Reads a result of `JMeter` as CSV (`jmeter -l FILE`): a line per sample, in any order.

use super::collect::{ClientRequest, Collector};
use super::failures::{cause_of, status_cause};
use super::{ImportError, Lines, csv};
use crate::load::Transferred;
use crate::outcome::{Cause, Timestamp};
use std::io::BufRead;
use std::time::Duration;

/// The start of the message of a transaction, whose samples have lines of their own.
const TRANSACTION: &str = "Number of samples in transaction";
const NOT_CSV: &str = "not the header of a CSV result: run JMeter with `-Jjmeter.save.saveservice.output_format=csv`, `-Jjmeter.save.saveservice.print_field_names=true` and `-Jjmeter.save.saveservice.default_delimiter=,`";
const NOT_MILLISECONDS: &str = "expected timeStamp and elapsed in milliseconds: run JMeter with `-Jjmeter.save.saveservice.timestamp_format=ms`";

pub(super) fn read(
    lines: &mut Lines<impl BufRead>,
    collector: &mut Collector,
) -> Result<(), ImportError> {
    let Some(header) = lines.next()? else {
        return Ok(());
    };
    let names = ["timeStamp", "elapsed", "success"];
    let columns = csv::columns(&header, names).map_err(|_| lines.fault(NOT_CSV))?;
    let [code, message, threads, label, received, sent] = [
        "responseCode",
        "responseMessage",
        "allThreads",
        "label",
        "bytes",
        "sentBytes",
    ]
    .map(|name| csv::columns(&header, [name]).ok().map(|[place]| place));
    while let Some(line) = lines.record()? {
        let values = csv::values(&line);
        let text = |place: usize| values.get(place).map_or("", |text| text.trim());
        let optional = |place: Option<usize>| place.map_or("", text);
        if optional(message).starts_with(TRANSACTION) {
            continue;
        }
        let [began, took, success] = columns.map(text);
        let (Ok(began), Ok(took)) = (began.parse::<i64>(), took.parse::<u64>()) else {
            return Err(lines.fault(NOT_MILLISECONDS));
        };
        let latency = Duration::from_millis(took);
        let ended = Timestamp(began).after(latency);
        let is_good = success.eq_ignore_ascii_case("true");
        let seen = ClientRequest {
            ended,
            latency,
            failed: (!is_good).then(|| cause(optional(code), optional(message))),
            status: optional(code).parse().ok(),
        };
        collector.requests_of(optional(label), seen, 1);
        let bytes = Transferred {
            received: optional(received).parse().ok(),
            sent: optional(sent).parse().ok(),
        };
        collector.transferred_of(optional(label), ended, bytes);
        if let Ok(users) = optional(threads).parse::<u32>() {
            collector.users(ended, users.into());
        }
    }
    Ok(())
}

/// The cause of a failed sample: a status, or an exception as in `Non HTTP response code: java.net.ConnectException`.
fn cause(code: &str, message: &str) -> Cause {
    match code.parse::<u16>() {
        // An assertion failed.
        Ok(200..=399) => Cause::Body,
        Ok(status) => status_cause(status),
        Err(_) if code.contains("UnknownHost") => Cause::Dns,
        Err(_) if code.contains("NoHttpResponse") => Cause::Closed,
        Err(_) if code.contains(".SSL") => Cause::Tls,
        Err(_) => cause_of(&format!("{code}: {message}")),
    }
}
