//! Values and timestamps, with the syntax of Go.

use crate::text::{beginning, printable};

/// Parses a value: a decimal number, `NaN`, or an infinity with or without a sign.
pub fn parse_value(text: &str) -> Result<f64, String> {
    if text.is_empty() {
        return Err("it has no value".to_owned());
    }
    // Fast path: most values are short integers.
    if text.len() < 16 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let digits = text.bytes().map(|byte| u64::from(byte - b'0'));
        let number = digits.fold(0, |number, digit| number * 10 + digit);
        return Ok(number as f64);
    }
    text.parse()
        .map_err(|_| format!("`{}` is not a number", excerpt(text)))
}

/// Parses milliseconds; `None` if empty.
pub fn text_timestamp(text: &str) -> Result<Option<i64>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let is_plain = !text.starts_with('+');
    let parsed = text.parse().ok().filter(|_| is_plain);
    let fault = || format!("`{}` is not a timestamp in milliseconds", excerpt(text));
    parsed.map(Some).ok_or_else(fault)
}

/// Parses seconds with an optional fraction; `None` if empty.
pub fn openmetrics_timestamp(text: &str) -> Result<Option<i64>, String> {
    let text = text.trim_end_matches([' ', '\t']);
    if text.is_empty() {
        return Ok(None);
    }
    let parsed = text.parse::<f64>().ok().filter(|number| number.is_finite());
    let fault = || format!("`{}` is not a timestamp in seconds", excerpt(text));
    // Saturates if out of range.
    #[expect(clippy::cast_possible_truncation)]
    let milliseconds = parsed.map(|seconds| (seconds * 1000.0).round() as i64);
    milliseconds.map(Some).ok_or_else(fault)
}

/// The start of external text, for messages.
pub fn excerpt(text: &str) -> String {
    printable(&beginning(text, 40)).into_owned()
}
