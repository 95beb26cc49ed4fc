//! The time at the beginning of a line.

use crate::outcome::Timestamp;
use chrono::{DateTime, NaiveDateTime};

/// Where a time may begin, in bytes: after `time="`, `{"timestamp":"` and the like.
const BEGIN_MAX: usize = 120;
/// `2026-11-28T04:00:00`
const SHORTEST: usize = 19;

/// The first time in the beginning of a line: a date and a time as in RFC 3339, also with a space
/// between them, with a comma before the fraction as Python has it, and without a zone, which counts
/// as UTC.
pub fn of(line: &str) -> Option<Timestamp> {
    find(line).map(|(_, at)| at)
}

/// What follows the time.
pub fn after(line: &str) -> &str {
    let rest = find(line).and_then(|(end, _)| line.get(end..));
    rest.unwrap_or(line)
        .trim_start_matches(['"', ']', ' ', ',', ':', '-'])
}

/// The end of the time, in bytes, and the time.
fn find(line: &str) -> Option<(usize, Timestamp)> {
    let bytes = line.as_bytes();
    let last = bytes.len().checked_sub(SHORTEST)?.min(BEGIN_MAX);
    let begin = (0..=last).find(|begin| is_date_time(&bytes[*begin..*begin + SHORTEST]))?;
    let date_time = line.get(begin..begin + SHORTEST)?.replace(' ', "T");
    let mut end = begin + SHORTEST;
    let digits = |from: usize| {
        let rest = &bytes[from.min(bytes.len())..];
        rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    let mut fraction = String::new();
    if matches!(bytes.get(end), Some(b'.' | b',')) && digits(end + 1) > 0 {
        let count = digits(end + 1);
        fraction = format!(".{}", line.get(end + 1..end + 1 + count.min(9))?);
        end += 1 + count;
    }
    let zone = zone(&bytes[end..]);
    let text = format!("{date_time}{fraction}");
    let at = match zone {
        0 => NaiveDateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S%.f")
            .ok()?
            .and_utc()
            .timestamp_millis(),
        length => {
            let zone = line.get(end..end + length)?;
            let zone = if zone.len() == 5 {
                format!("{}:{}", &zone[..3], &zone[3..])
            } else {
                zone.to_owned()
            };
            let moment = DateTime::parse_from_rfc3339(&format!("{text}{zone}"));
            moment.ok()?.timestamp_millis()
        }
    };
    Some((end + zone, Timestamp(at)))
}

fn is_date_time(bytes: &[u8]) -> bool {
    let shape = b"dddd-dd-ddTdd:dd:dd";
    shape.iter().zip(bytes).all(|(wanted, byte)| match wanted {
        b'd' => byte.is_ascii_digit(),
        b'T' => matches!(byte, b'T' | b' ' | b't'),
        other => other == byte,
    })
}

/// How long a zone is: `Z`, `+02:00` or `+0200`; 0 if there is none.
fn zone(bytes: &[u8]) -> usize {
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    match bytes.first() {
        Some(b'Z' | b'z') => 1,
        Some(b'+' | b'-') if is_digit(1) && is_digit(2) => match bytes.get(3) {
            Some(b':') if is_digit(4) && is_digit(5) => 6,
            Some(_) if is_digit(3) && is_digit(4) => 5,
            _ => 0,
        },
        _ => 0,
    }
}
