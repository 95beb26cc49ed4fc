//! JSON as services send it.

use serde_json::Value;
use std::borrow::Cow;

const MARK: &[u8] = b"\xef\xbb\xbf";

/// Parses a document, optionally after a byte order mark. An unpaired surrogate, which JSON can
/// escape but text cannot contain, becomes U+FFFD: some servers truncate text between the two
/// halves of a pair, and most clients accept it.
pub fn parse(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    let bytes = bytes.strip_prefix(MARK).unwrap_or(bytes);
    serde_json::from_slice(bytes).or_else(|error| match without_lone_surrogates(bytes) {
        Cow::Borrowed(_) => Err(error),
        Cow::Owned(whole) => serde_json::from_slice(&whole),
    })
}

fn without_lone_surrogates(bytes: &[u8]) -> Cow<'_, [u8]> {
    let mut out = Cow::Borrowed(bytes);
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'\\', &bytes[at..]) {
        at += found;
        let unit = unit(bytes, at);
        let pair = unit
            .filter(|unit| is_high(*unit))
            .zip(self::unit(bytes, at + 6));
        at += match (unit, pair) {
            (_, Some((_, second))) if is_low(second) => 12,
            (Some(unit), _) => {
                if is_high(unit) || is_low(unit) {
                    out.to_mut()[at + 2..at + 6].copy_from_slice(b"fffd");
                }
                6
            }
            // Another escape, or not an escape.
            (None, _) => 2,
        };
        at = at.min(bytes.len());
    }
    out
}

/// The UTF-16 code unit of the escape `\uXXXX` at `at`.
fn unit(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

fn is_high(unit: u16) -> bool {
    (0xd800..0xdc00).contains(&unit)
}

fn is_low(unit: u16) -> bool {
    (0xdc00..0xe000).contains(&unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lone_surrogates_are_replaced() {
        for (text, wanted) in [
            (r#""a\ud83d""#, "a\u{fffd}"),
            (r#""\ude00a""#, "\u{fffd}a"),
            (r#""\ud83d\ude00""#, "\u{1f600}"),
            (r#""\ud83d\ud83d\ude00\ude00""#, "\u{fffd}\u{1f600}\u{fffd}"),
            (r#""\\ud83d \ud83d""#, "\\ud83d \u{fffd}"),
            (r#""\uD83D\n""#, "\u{fffd}\n"),
            ("\u{feff}\"\u{e9}\"", "\u{e9}"),
        ] {
            let parsed = parse(text.as_bytes());
            assert_eq!(parsed.expect("valid"), Value::from(wanted), "{text}");
        }
        for text in ["\\", "\"\\u", "\"\\ud83d", "{\"a\": \\ud83d}", "NaN", ""] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
