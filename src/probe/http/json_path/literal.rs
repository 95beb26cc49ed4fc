//! Parses the strings and numbers of queries.

use super::scan::Scan;
use serde_json::{Number, Value};

/// Maximum absolute value of an index (RFC 9535, section 2.1).
const INDEX_MAX: i64 = (1 << 53) - 1;

/// Parses an index, or a part of a slice.
pub(super) fn integer(scan: &mut Scan<'_>) -> Result<i64, String> {
    let before = *scan;
    let sign = if scan.eat("-") { "-" } else { "" };
    let digits = scan.take_while(|c| c.is_ascii_digit());
    let has_leading_zero = digits.starts_with('0') && (digits.len() > 1 || !sign.is_empty());
    let number = format!("{sign}{digits}").parse().ok();
    number
        .filter(|number: &i64| !has_leading_zero && number.abs() <= INDEX_MAX)
        .ok_or_else(|| before.expected("an integer without leading zeros, at most 2^53 - 1"))
}

/// Parses a number as in JSON.
pub(super) fn number(scan: &mut Scan<'_>) -> Result<Value, String> {
    let before = *scan;
    let text = scan.take_while(|c| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E'));
    let number: Option<Number> = text.parse().ok();
    number
        .map(Value::Number)
        .ok_or_else(|| before.expected("a number as in JSON"))
}

/// Parses a string in single or double quotes.
pub(super) fn string(scan: &mut Scan<'_>) -> Result<String, String> {
    let quote = scan.take();
    let mut text = String::new();
    loop {
        let before = *scan;
        match scan.take() {
            None => return Err(scan.expected("the end of the string")),
            next if next == quote => return Ok(text),
            Some('\\') => text.push(escaped(scan, quote).ok_or_else(|| {
                before.expected("an escape as in JSON, such as `\\\\`, `\\n` or `\\u00e9`")
            })?),
            Some('\0'..='\x1f') => return Err(before.expected("an escaped control character")),
            Some(other) => text.push(other),
        }
    }
}

/// The character of an escape, after the backslash.
fn escaped(scan: &mut Scan<'_>, quote: Option<char>) -> Option<char> {
    Some(match scan.take()? {
        'b' => '\x08',
        't' => '\t',
        'n' => '\n',
        'f' => '\x0c',
        'r' => '\r',
        same @ ('/' | '\\') => same,
        'u' => return unicode(scan),
        other if Some(other) == quote => other,
        _ => return None,
    })
}

/// The character of one or two UTF-16 code units.
fn unicode(scan: &mut Scan<'_>) -> Option<char> {
    let first = unit(scan)?;
    let second = match first {
        0xd800..0xdc00 => Some(scan.eat("\\u").then(|| unit(scan))??),
        _ => None,
    };
    let mut decoded = char::decode_utf16([first].into_iter().chain(second));
    decoded.next()?.ok()
}

fn unit(scan: &mut Scan<'_>) -> Option<u16> {
    let mut digits = (0..4).map(|_| scan.take()?.to_digit(16));
    digits.try_fold(0, |unit, digit| {
        u16::try_from(u32::from(unit) * 16 + digit?).ok()
    })
}
