//! Timestamps at the start of log lines.

use crate::outcome::Timestamp;
use chrono::{DateTime, Datelike, NaiveDateTime};

/// Maximum offset of a timestamp in bytes: after `time="`, `{"timestamp":"` and the like.
const BEGIN_MAX: usize = 120;

/// Format of a timestamp. In the pattern, `d` is a digit, `_` a digit or a space, `M` a letter, `T` the
/// separator of date and time. The format is that of chrono, with the year first if the timestamp has none.
struct Form {
    shape: &'static [u8],
    format: &'static str,
    has_year: bool,
}

const FORMS: [Form; 4] = [
    // RFC 3339, RFC 5424, `journalctl -o short-iso`, Python.
    Form {
        shape: b"dddd-dd-ddTdd:dd:dd",
        format: "%Y-%m-%d %H:%M:%S%.f",
        has_year: true,
    },
    // Error log of nginx; Go.
    Form {
        shape: b"dddd/dd/ddTdd:dd:dd",
        format: "%Y/%m/%d %H:%M:%S%.f",
        has_year: true,
    },
    // Access logs of Apache and nginx.
    Form {
        shape: b"dd/MMM/dddd:dd:dd:dd",
        format: "%d/%b/%Y:%H:%M:%S%.f",
        has_year: true,
    },
    // RFC 3164, `journalctl -o short`.
    Form {
        shape: b"MMM _d dd:dd:dd",
        format: "%Y %b %e %H:%M:%S%.f",
        has_year: false,
    },
];

/// Parses the first timestamp near the start of a line, also with a comma before the fraction as in Python.
/// Without a zone it is UTC, and without a year it has the year nearest to `near`.
pub fn of(line: &str, near: Timestamp) -> Option<Timestamp> {
    find(line, near).map(|(_, at)| at)
}

/// Returns the line after the timestamp.
pub fn after(line: &str, near: Timestamp) -> &str {
    let rest = find(line, near).and_then(|(end, _)| line.get(end..));
    rest.unwrap_or(line)
        .trim_start_matches(['"', ']', ' ', ',', ':', '-'])
}

/// Finds the timestamp: its end in bytes, and its value.
fn find(line: &str, near: Timestamp) -> Option<(usize, Timestamp)> {
    let bytes = line.as_bytes();
    let begins = 0..bytes.len().min(BEGIN_MAX + 1);
    let (begin, form) = begins.into_iter().find_map(|begin| {
        let form = FORMS.iter().find(|form| form.begins(bytes, begin))?;
        Some((begin, form))
    })?;
    let mut end = begin + form.shape.len();
    let mut text = line.get(begin..end)?.to_owned();
    if let Some(between) = form.shape.iter().position(|one| *one == b'T') {
        text.replace_range(between..=between, " ");
    }
    let digits = |from: usize| {
        let rest = &bytes[from.min(bytes.len())..];
        rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    if matches!(bytes.get(end), Some(b'.' | b',')) && digits(end + 1) > 0 {
        let count = digits(end + 1);
        text = format!("{text}.{}", line.get(end + 1..end + 1 + count.min(9))?);
        end += 1 + count;
    }
    let at = form.parse(&text, near)?;
    let (zone, offset) = zone(&bytes[end..]);
    let offset = offset.unwrap_or_default();
    Some((end + zone, Timestamp(at - i64::from(offset) * 60_000)))
}

impl Form {
    fn begins(&self, bytes: &[u8], begin: usize) -> bool {
        let before = begin.checked_sub(1).and_then(|at| bytes.get(at));
        let is_word = self.shape[0] == b'M' && before.is_some_and(u8::is_ascii_alphanumeric);
        let Some(found) = bytes.get(begin..begin + self.shape.len()) else {
            return false;
        };
        let fits = |(wanted, byte): (&u8, &u8)| match wanted {
            b'd' => byte.is_ascii_digit(),
            b'_' => byte.is_ascii_digit() || *byte == b' ',
            b'M' => byte.is_ascii_alphabetic(),
            b'T' => matches!(byte, b'T' | b' ' | b't'),
            other => other == byte,
        };
        !is_word && self.shape.iter().zip(found).all(fits)
    }

    /// Parses a timestamp to milliseconds since the Unix epoch.
    fn parse(&self, text: &str, near: Timestamp) -> Option<i64> {
        let parse = |text: &str| {
            let parsed = NaiveDateTime::parse_from_str(text, self.format);
            Some(parsed.ok()?.and_utc().timestamp_millis())
        };
        if self.has_year {
            return parse(text);
        }
        let year = DateTime::from_timestamp_millis(near.0)?.year();
        let each = (year - 1..=year + 1).filter_map(|year| parse(&format!("{year} {text}")));
        each.min_by_key(|at| at.abs_diff(near.0))
    }
}

/// Length of a zone such as `Z`, `+02:00`, `+0200` or ` +0200`, and its offset in minutes; 0 and `None`
/// without one.
fn zone(bytes: &[u8]) -> (usize, Option<i32>) {
    let space = usize::from(bytes.first() == Some(&b' '));
    let rest = &bytes[space..];
    let number = |at: usize| {
        let two = rest.get(at..at + 2)?;
        let is_number = two.iter().all(u8::is_ascii_digit);
        is_number.then(|| i32::from(two[0] - b'0') * 10 + i32::from(two[1] - b'0'))
    };
    let sign = match rest.first() {
        Some(b'Z' | b'z') if space == 0 => return (1, Some(0)),
        Some(b'+') => 1,
        Some(b'-') => -1,
        _ => return (0, None),
    };
    let colon = usize::from(rest.get(3) == Some(&b':'));
    match (number(1), number(3 + colon)) {
        (Some(hours @ 0..=23), Some(minutes @ 0..=59)) => {
            (space + 5 + colon, Some(sign * (60 * hours + minutes)))
        }
        _ => (0, None),
    }
}
