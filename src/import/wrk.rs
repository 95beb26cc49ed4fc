//! Reads the output of `wrk --latency` and wrk2. wrk2 measures latencies from the intended start, as in a
//! constant-rate run.
//!
//! wrk waits for answers after its timeout: it counts them as requests and as timeouts, without their latency. wrk2
//! counts the connections that wait for longer than its timeout every two seconds.

use super::totals::Totals;
use super::{ImportError, Lines};
use crate::outcome::Cause;
use crate::units::whole;
use std::io::BufRead;
use std::time::Duration;

/// Words of wrk2 after `Latency Distribution`: `(HdrHistogram - Uncorrected Latency (measured ...))`.
const WRK2: &str = "(HdrHistogram";
const UNCORRECTED: &str = "Uncorrected";
const NO_SUMMARY: &str =
    "expected `N requests in T`, which `wrk --latency` and wrk2 print at the end";

pub(super) fn read(lines: &mut Lines<impl BufRead>) -> Result<Totals, ImportError> {
    let mut totals = Totals::default();
    let (mut is_wrk2, mut is_uncorrected) = (false, false);
    while let Some(line) = lines.next()? {
        let words: Vec<&str> = line.split_whitespace().collect();
        let known = match words.as_slice() {
            // `wrk2 --u_latency` also prints the latencies from the actual starts.
            ["Latency", "Distribution", details @ ..] => {
                is_wrk2 = details.first() == Some(&WRK2);
                is_uncorrected = details.contains(&UNCORRECTED);
                Some(())
            }
            [share, _] if is_uncorrected && share.ends_with('%') => Some(()),
            ["Latency", _average, _deviation, longest, _share] => {
                time(longest).map(|longest| totals.percentiles.push((1.0, longest)))
            }
            [count, "requests", "in", length, rest @ ..] => {
                totals.received = match rest {
                    [size, "read"] => size_in_bytes(size),
                    _ => None,
                };
                totals_of(&mut totals, count, length)
            }
            ["Socket", "errors:", errors @ ..] => socket_errors(&mut totals, errors, is_wrk2),
            ["Non-2xx", "or", "3xx", "responses:", count] => {
                count.parse().ok().map(|count| totals.refused = count)
            }
            [share, latency] if share.ends_with('%') => {
                percentile(share, latency).map(|one| totals.percentiles.push(one))
            }
            _ => Some(()),
        };
        known.ok_or_else(|| lines.fault("invalid number"))?;
    }
    if totals.length.is_zero() {
        return Err(lines.fault(NO_SUMMARY));
    }
    if totals.percentiles.len() < 2 {
        return Err(lines.fault("expected percentiles, which `wrk --latency` prints"));
    }
    totals.percentiles.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let implausible = || lines.fault("too many requests");
    totals.plausible().ok_or_else(implausible)
}

fn totals_of(totals: &mut Totals, count: &str, length: &str) -> Option<()> {
    totals.answered = count.parse().ok()?;
    totals.length = time(length.trim_end_matches(',')).filter(|length| !length.is_zero())?;
    Some(())
}

/// Parses `connect 0, read 3, write 0, timeout 1`.
fn socket_errors(totals: &mut Totals, errors: &[&str], is_wrk2: bool) -> Option<()> {
    for pair in errors.chunks(2) {
        let [kind, count] = pair else { return None };
        let count = count.trim_end_matches(',').parse().ok()?;
        match *kind {
            "connect" => totals.lose(Cause::Unreachable, count),
            "read" | "write" => totals.lose(Cause::Reset, count),
            "timeout" if is_wrk2 => totals.lose(Cause::Timeout, count),
            "timeout" => totals.late = count,
            _ => return None,
        }
    }
    Some(())
}

/// Parses `99.900%   12.30ms`.
fn percentile(share: &str, latency: &str) -> Option<(f64, Duration)> {
    let percent: f64 = share.trim_end_matches('%').parse().ok()?;
    let is_share = (0.0..=100.0).contains(&percent);
    is_share.then_some((percent / 100.0, time(latency)?))
}

/// Parses `97.00B`, `19.81MB`: multiples of 1024.
fn size_in_bytes(text: &str) -> Option<u64> {
    let number = text.strip_suffix('B')?;
    let digits = number.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = ["", "K", "M", "G", "T", "P"];
    let power = unit
        .iter()
        .position(|unit| *unit == &number[digits.len()..])?;
    let number: f64 = digits.parse().ok()?;
    let power = i32::try_from(power).ok()?;
    (number >= 0.0).then(|| whole(number * 1024_f64.powi(power)))
}

/// Parses `635.00us`, `6.46ms`, `30.00s`, `1.50m` or `2.00h`.
fn time(text: &str) -> Option<Duration> {
    let units = [
        ("us", 1e-6),
        ("ms", 1e-3),
        ("s", 1.0),
        ("m", 60.0),
        ("h", 3600.0),
    ];
    let mut found = units.iter().filter_map(|(unit, seconds)| {
        let number: f64 = text.strip_suffix(unit)?.parse().ok()?;
        Duration::try_from_secs_f64(number * seconds).ok()
    });
    found.next()
}
