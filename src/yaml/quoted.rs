//! Writes texts as YAML scalars.

use std::fmt::Write as _;

/// Texts that some version of YAML reads as a boolean or as nothing.
const WORDS: [&str; 9] = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
/// Units of numbers in a config.
const UNITS: [&str; 7] = ["%", "ms", "s", "m", "h", "d", "w"];

/// A text as a YAML scalar: plain if every reader takes it as this text, otherwise in double quotes.
pub fn quoted(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let mut out = "\"".to_owned();
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            // Characters that YAML would not keep, or would read as a line end.
            c if c.is_control()
                || matches!(
                    c,
                    '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
                ) =>
            {
                write!(out, "\\u{:04x}", u32::from(c)).unwrap_or_default();
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn is_plain(text: &str) -> bool {
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "-/_.%".contains(c);
    let is_name = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.chars().all(is_safe)
        && !WORDS.contains(&text.to_lowercase().as_str());
    is_name || is_number_with_unit(text)
}

/// Whether a text is such as `99.9%` or `30s`.
fn is_number_with_unit(text: &str) -> bool {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    number.starts_with(|c: char| c.is_ascii_digit()) && UNITS.contains(&unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Source;
    use crate::yaml::{Value, parse};

    #[test]
    fn a_text_is_read_as_it_was_written() {
        for plain in ["a-b_c.d", "/v1/chat", "GET", "99.9%", "30s"] {
            assert_eq!(quoted(plain), plain);
        }
        for text in [
            "",
            " a",
            "-",
            "a: b",
            "a #b",
            "No",
            "y",
            "~",
            "1e3",
            "0x1F",
            "1.5",
            ".inf",
            "12:30",
            "{a}",
            "\"\\\n\t\u{7f}\u{85}\u{2028}\u{feff}é😀",
            "é",
            "%a",
            "99.9",
            "1m2",
            "30s ",
        ] {
            let written = quoted(text);
            assert!(written.starts_with('"'), "{written}");
            let source = Source::new("", written.clone());
            let read = parse(&source).expect("valid");
            assert!(!read.is_typed, "{written}");
            assert_eq!(read.value, Value::Text(text.to_owned()), "{written}");
        }
    }
}
