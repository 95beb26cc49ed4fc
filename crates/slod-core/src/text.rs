//! Sanitizes external text: removes terminal control sequences and characters that disguise text. Pure.

mod go_syntax;
mod names;

pub use go_syntax::from_go;
pub use names::{Names, slug};

use std::borrow::Cow;
use std::fmt::{self, Write as _};

/// The text in one line: line breaks and tabs become spaces, and other control or invisible characters
/// become U+FFFD, one for one.
pub fn printable(text: &str) -> Cow<'_, str> {
    filtered(text, |_| false)
}

/// Like [`printable`], but keeps line breaks. For multi-line text.
pub fn printable_lines(text: &str) -> Cow<'_, str> {
    filtered(text, |c| c == '\n')
}

/// Like [`printable`], but keeps invisible characters that do not control anything, which names may contain.
pub fn without_controls(text: &str) -> Cow<'_, str> {
    filtered(text, |c| !c.is_control())
}

fn filtered(text: &str, keep: impl Fn(char) -> bool) -> Cow<'_, str> {
    let removed = |c: char| is_unprintable(c) && !keep(c);
    if !text.contains(removed) {
        return Cow::Borrowed(text);
    }
    let shown = text.chars().map(|c| match c {
        c if !removed(c) => c,
        '\n' | '\r' | '\t' => ' ',
        _ => char::REPLACEMENT_CHARACTER,
    });
    Cow::Owned(shown.collect())
}

/// The character that follows truncated text.
pub const CUT: char = '\u{2026}';

/// Truncates a text to `most` characters, followed by `…` if it was longer. The redaction of secrets relies
/// on this mark: the text before it may end with the beginning of a secret.
pub fn beginning(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}{CUT}", &text[..end])),
    }
}

/// Escapes invisible characters for double-quoted strings of YAML or PromQL, such as `\u200c`, so that a
/// program reads the exact text. Line breaks are kept.
pub fn escaped(text: &str) -> Cow<'_, str> {
    with_escapes(text, |out, c| match u32::from(c) {
        code @ ..=0xffff => write!(out, "\\u{code:04x}"),
        code => write!(out, "\\U{code:08x}"),
    })
}

/// Like [`escaped`], for a JSON document: other than in YAML, a character beyond U+FFFF is a surrogate pair.
pub fn escaped_json(document: &str) -> Cow<'_, str> {
    with_escapes(document, |out, c| {
        let mut units = [0; 2];
        let mut units = c.encode_utf16(&mut units).iter();
        units.try_for_each(|unit| write!(out, "\\u{unit:04x}"))
    })
}

/// Replaces each invisible character with what `escape` writes.
fn with_escapes(
    text: &str,
    escape: impl Fn(&mut String, char) -> std::fmt::Result,
) -> Cow<'_, str> {
    if !has_hidden(text) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) {
            // Writing to a string cannot fail.
            escape(&mut out, c).unwrap_or_default();
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Writes a text in double quotes, as in PromQL and in the text format of metrics: quotes, backslashes and
/// line breaks are escaped.
pub fn write_quoted(out: &mut impl fmt::Write, text: &str) -> fmt::Result {
    out.write_char('"')?;
    for c in text.chars() {
        match c {
            '\\' => out.write_str("\\\\")?,
            '"' => out.write_str("\\\"")?,
            '\n' => out.write_str("\\n")?,
            c => out.write_char(c)?,
        }
    }
    out.write_char('"')
}

/// The text that [`write_quoted`] writes.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    // Writing to a string cannot fail.
    write_quoted(&mut out, text).unwrap_or_default();
    out
}

/// Bytes in lowercase hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        write!(out, "{byte:02x}").unwrap_or_default();
    }
    out
}

/// Whether [`escaped`] changes a text.
pub fn has_hidden(text: &str) -> bool {
    text.contains(is_hidden)
}

fn is_hidden(c: char) -> bool {
    c != '\n' && is_unprintable(c)
}

/// Control characters (C0, DEL, C1), line separators, characters that change the text direction, and
/// characters without width.
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_replaced_one_for_one() {
        for (text, shown) in [
            (
                "plain \u{e4}\u{65e5}\u{1f600}",
                "plain \u{e4}\u{65e5}\u{1f600}",
            ),
            ("a\x1b[31m\nb\tc\r", "a\u{fffd}[31m b c "),
            ("\x07\x7f\u{9b}2J", "\u{fffd}\u{fffd}\u{fffd}2J"),
            ("a\u{202e}b\u{2066}c\u{200f}", "a\u{fffd}b\u{fffd}c\u{fffd}"),
            ("a\u{200b}b\u{feff}\u{2028}", "a\u{fffd}b\u{fffd}\u{fffd}"),
            ("\u{e0041}", "\u{fffd}"),
        ] {
            assert_eq!(printable(text), shown);
            assert_eq!(text.chars().count(), shown.chars().count());
        }
        assert_eq!(printable_lines("a\x1b\nb\r"), "a\u{fffd}\nb ");
        assert_eq!(
            without_controls("a\u{9b}\nb\u{200c}"),
            "a\u{fffd} b\u{200c}"
        );
    }

    #[test]
    fn a_truncated_text_is_marked() {
        for (text, shown) in [
            ("", ""),
            ("\u{e4}bc", "\u{e4}bc"),
            ("\u{e4}bcd", "\u{e4}bc\u{2026}"),
        ] {
            assert_eq!(beginning(text, 3), shown);
        }
    }

    #[test]
    fn invisible_characters_are_escaped() {
        let text = "\u{e4}\u{200c}\n\t\u{e0041}";
        assert_eq!(escaped(text), "\u{e4}\\u200c\n\\u0009\\U000e0041");
        assert_eq!(escaped_json(text), "\u{e4}\\u200c\n\\u0009\\udb40\\udc41");
        assert!(matches!(escaped("\u{e4}\n\u{1f600}"), Cow::Borrowed(_)));
    }
}
