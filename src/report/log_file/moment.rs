//! Timestamps at the start of log lines.

use crate::outcome::Timestamp;
use chrono::{DateTime, Datelike, Days, LocalResult, NaiveDateTime, TimeZone, Utc};

/// Maximum offset of a timestamp in bytes: after `time="`, `{"timestamp":"` and the like.
const BEGIN_MAX: usize = 120;

/// Format of a timestamp. In the pattern, `d` is a digit, `_` a digit or a space, `M` a letter, `T` the
/// separator of date and time, and `L` the letter of a level. The format is that of chrono, after what the
/// timestamp lacks.
struct Form {
    shape: &'static [u8],
    format: &'static str,
    lacks: Lacks,
    /// Whether it is only read at the start of a line, apart from a bracket.
    is_first: bool,
}

/// What a timestamp lacks; it has the values that are nearest to the run.
#[derive(Clone, Copy)]
enum Lacks {
    Nothing,
    Year,
    Date,
}

const FORMS: [Form; 9] = [
    // RFC 3339, RFC 5424, `journalctl -o short-iso`, Python.
    Form::new(
        b"dddd-dd-ddTdd:dd:dd",
        "%Y-%m-%d %H:%M:%S%.f",
        Lacks::Nothing,
    ),
    // Error log of nginx; Go.
    Form::new(
        b"dddd/dd/ddTdd:dd:dd",
        "%Y/%m/%d %H:%M:%S%.f",
        Lacks::Nothing,
    ),
    // Access logs of Apache and nginx.
    Form::new(
        b"dd/MMM/dddd:dd:dd:dd",
        "%d/%b/%Y:%H:%M:%S%.f",
        Lacks::Nothing,
    ),
    // Tomcat.
    Form::new(
        b"dd-MMM-dddd dd:dd:dd",
        "%d-%b-%Y %H:%M:%S%.f",
        Lacks::Nothing,
    ),
    // Redis.
    Form::new(
        b"dd MMM dddd dd:dd:dd",
        "%d %b %Y %H:%M:%S%.f",
        Lacks::Nothing,
    ),
    // RFC 3164, `journalctl -o short`.
    Form::new(b"MMM _d dd:dd:dd", "%Y %b %e %H:%M:%S%.f", Lacks::Year),
    // glog.
    Form::first(b"Ldddddddd dd:dd:dd", "%Y%m%d %H:%M:%S%.f", Lacks::Nothing),
    // klog, of Kubernetes.
    Form::first(b"Ldddd dd:dd:dd", "%Y %m%d %H:%M:%S%.f", Lacks::Year),
    // Logback and Serilog by default.
    Form::first(b"dd:dd:dd", "%Y-%m-%d %H:%M:%S%.f", Lacks::Date),
];

/// Reads timestamps in or near a time range. Those without a zone are in `zone`.
#[derive(Clone, Copy, Debug)]
pub struct Times<Z> {
    pub span: (Timestamp, Timestamp),
    pub zone: Z,
}

impl<Z: TimeZone> Times<Z> {
    /// Parses the first timestamp near the start of a line, also with a comma before the fraction as in Python.
    pub fn of(&self, line: &str) -> Option<Timestamp> {
        self.find(line).map(|(_, at)| at)
    }

    /// Returns the line after the timestamp.
    pub fn after<'a>(&self, line: &'a str) -> &'a str {
        let rest = self.find(line).and_then(|(end, _)| line.get(end..));
        rest.unwrap_or(line)
            .trim_start_matches(['"', ']', ' ', ',', ':', '-'])
    }

    /// Finds the timestamp: its end in bytes, and its value.
    fn find(&self, line: &str) -> Option<(usize, Timestamp)> {
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
        if form.shape[0] == b'L' {
            text.remove(0);
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
        let (zone, offset) = zone(&bytes[end..]);
        let at = self.parse(form, &text, offset)?;
        Some((end + zone, at))
    }

    /// Parses a timestamp with this offset in minutes.
    fn parse(&self, form: &Form, text: &str, offset: Option<i32>) -> Option<Timestamp> {
        let parse = |text: &str| NaiveDateTime::parse_from_str(text, form.format).ok();
        let moment = |local: NaiveDateTime| match offset {
            Some(minutes) => milliseconds(local) - i64::from(minutes) * 60_000,
            None => self.in_zone(local),
        };
        let utc = |at: Timestamp| Some(DateTime::from_timestamp_millis(at.0)?.naive_utc());
        let (from, to) = (utc(self.span.0)?, utc(self.span.1)?);
        let each: Vec<NaiveDateTime> = match form.lacks {
            Lacks::Nothing => vec![parse(text)?],
            Lacks::Year => {
                let years = from.year() - 1..=to.year() + 1;
                years
                    .filter_map(|year| parse(&format!("{year} {text}")))
                    .collect()
            }
            Lacks::Date => {
                let first = from.date().checked_sub_days(Days::new(1))?;
                let last = to.date().checked_add_days(Days::new(1))?;
                let days = first.iter_days().take_while(|day| *day <= last);
                days.filter_map(|day| parse(&format!("{day} {text}")))
                    .collect()
            }
        };
        let each = each.into_iter().map(moment);
        each.min_by_key(|at| self.distance(*at)).map(Timestamp)
    }

    /// How far a time is from the range; 0 within it.
    fn distance(&self, at: i64) -> u64 {
        let (from, to) = self.span;
        at.abs_diff(at.clamp(from.0, to.0.max(from.0)))
    }

    /// A local time of the zone: of two, the one nearest to the range. One that was skipped is read as before the
    /// change.
    fn in_zone(&self, local: NaiveDateTime) -> i64 {
        match self.zone.from_local_datetime(&local) {
            LocalResult::Single(at) => at.timestamp_millis(),
            LocalResult::Ambiguous(first, second) => {
                let each = [first.timestamp_millis(), second.timestamp_millis()];
                let nearest = each.into_iter().min_by_key(|at| self.distance(*at));
                nearest.unwrap_or(each[0])
            }
            LocalResult::None => {
                let before = local - chrono::TimeDelta::days(1);
                let at = self.zone.from_local_datetime(&before).earliest();
                at.map_or(milliseconds(local), |at| at.timestamp_millis() + 86_400_000)
            }
        }
    }
}

fn milliseconds(utc: NaiveDateTime) -> i64 {
    Utc.from_utc_datetime(&utc).timestamp_millis()
}

impl Form {
    const fn new(shape: &'static [u8], format: &'static str, lacks: Lacks) -> Self {
        Self {
            shape,
            format,
            lacks,
            is_first: false,
        }
    }

    const fn first(shape: &'static [u8], format: &'static str, lacks: Lacks) -> Self {
        Self {
            is_first: true,
            ..Self::new(shape, format, lacks)
        }
    }

    fn begins(&self, bytes: &[u8], begin: usize) -> bool {
        let before = begin.checked_sub(1).and_then(|at| bytes.get(at));
        let is_word = self.shape[0] == b'M' && before.is_some_and(u8::is_ascii_alphanumeric);
        let is_late = self.is_first && (begin > 1 || matches!(before, Some(byte) if *byte != b'['));
        let Some(found) = bytes.get(begin..begin + self.shape.len()) else {
            return false;
        };
        let fits = |(wanted, byte): (&u8, &u8)| match wanted {
            b'd' => byte.is_ascii_digit(),
            b'_' => byte.is_ascii_digit() || *byte == b' ',
            b'M' => byte.is_ascii_alphabetic(),
            b'T' => matches!(byte, b'T' | b' ' | b't'),
            b'L' => matches!(byte, b'I' | b'W' | b'E' | b'F'),
            other => other == byte,
        };
        !is_word && !is_late && self.shape.iter().zip(found).all(fits)
    }
}

/// Length of a zone such as `Z`, ` UTC`, `+02:00`, `+0200` or ` +0200`, and its offset in minutes; 0 and `None`
/// without one.
fn zone(bytes: &[u8]) -> (usize, Option<i32>) {
    if [&b" UTC"[..], b" GMT"]
        .iter()
        .any(|name| bytes.starts_with(name))
    {
        return (4, Some(0));
    }
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
