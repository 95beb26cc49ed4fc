//! A body as text: detects its charset, and matches expressions. Pure.

use crate::text::beginning;
use encoding_rs::{Encoding, ISO_2022_JP, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use regex::bytes::Regex;
use std::borrow::Cow;
use std::sync::LazyLock;

/// Number of bytes in which HTML and XML declare their charset, as in browsers.
const DECLARATION_WITHIN: usize = 1024;
/// A comment, which declares nothing, or a declaration.
static DECLARATION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let pattern = r#"(?is-u)<!--.*?-->|<(?:meta|\?xml)[^>]*?[\s"';/](?:charset|encoding)\s*=\s*["']?\s*([a-z0-9_.:-]+)"#;
    Regex::new(pattern).ok()
});

/// Bytes, and the decoded text.
#[derive(Debug)]
pub struct Text<'a> {
    bytes: &'a [u8],
    decoded: Cow<'a, str>,
    /// The charset, if it cannot be decoded.
    pub unknown_charset: Option<String>,
}

impl<'a> Text<'a> {
    /// Decodes by the byte order mark, by recognizable UTF-16, by the charset of the Content-Type
    /// or by the bytes, whichever applies first.
    pub fn new(bytes: &'a [u8], content_type: Option<&str>) -> Self {
        let label = content_type.and_then(charset);
        let encoding = label.and_then(|label| Encoding::for_label(label.as_bytes()));
        let unknown_charset = match (is_utf32(bytes), label) {
            (true, _) => Some("utf-32".to_owned()),
            (_, Some(label)) if encoding.is_none() && !is_plain(bytes) => {
                Some(beginning(label, 40).into_owned())
            }
            _ => None,
        };
        // `decode` prefers a byte order mark, as browsers do.
        let encoding = visible_utf16(bytes).or(encoding);
        let (mut decoded, _, faulty) = encoding.unwrap_or_else(|| guess(bytes)).decode(bytes);
        if faulty && encoding.is_some() {
            // The declared charset is wrong, so it is ignored.
            decoded = guess(bytes).decode(bytes).0;
        }
        Self {
            bytes,
            decoded,
            unknown_charset,
        }
    }

    /// Matches against the text and, if they differ, the bytes: content that was decoded wrongly is
    /// still found.
    pub fn is_match(&self, regex: &Regex) -> bool {
        let text = self.decoded.as_bytes();
        regex.is_match(text) || (text != self.bytes && regex.is_match(self.bytes))
    }

    pub fn as_str(&self) -> &str {
        &self.decoded
    }
}

/// Whether this is the name of a charset that can be decoded.
pub fn is_charset(name: &str) -> bool {
    Encoding::for_label(name.as_bytes()).is_some()
}

/// The charset parameter of a Content-Type.
fn charset(content_type: &str) -> Option<&str> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim().trim_matches(['"', '\'']).trim();
        (name.trim().eq_ignore_ascii_case("charset") && !value.is_empty()).then_some(value)
    })
}

/// Detects UTF-16 by the first character, regardless of the Content-Type: no other text has a NUL
/// there.
fn visible_utf16(bytes: &[u8]) -> Option<&'static Encoding> {
    match bytes {
        [0, second, ..] if *second != 0 => Some(UTF_16BE),
        [first, 0, ..] if *first != 0 => Some(UTF_16LE),
        _ => None,
    }
}

/// The encoding of bytes whose Content-Type does not determine it.
fn guess(bytes: &[u8]) -> &'static Encoding {
    let declared = declared(bytes);
    // ISO-2022-JP consists of ASCII characters.
    let is_utf8 = declared != Some(ISO_2022_JP) && std::str::from_utf8(bytes).is_ok();
    // Without a declaration, browsers use windows-1252.
    if is_utf8 {
        UTF_8
    } else {
        declared.unwrap_or(WINDOWS_1252)
    }
}

/// The encoding that HTML or XML declares. UTF-8 is the last choice: bytes in UTF-8 need no declaration, so
/// another one is more likely.
fn declared(bytes: &[u8]) -> Option<&'static Encoding> {
    let start = &bytes[..bytes.len().min(DECLARATION_WITHIN)];
    let found = DECLARATION.as_ref()?.captures_iter(start);
    let labels = found.filter_map(|found| Encoding::for_label(found.get(1)?.as_bytes()));
    // A declaration that is readable as ASCII is not in UTF-16.
    let encodings =
        labels.filter(|encoding| encoding.is_ascii_compatible() || *encoding == ISO_2022_JP);
    encodings.min_by_key(|encoding| *encoding == UTF_8)
}

/// UTF-8 text without NUL, which may be in any ASCII-compatible charset.
pub fn is_plain(bytes: &[u8]) -> bool {
    !bytes.contains(&0) && std::str::from_utf8(bytes).is_ok()
}

/// Detects UTF-32 by its byte order mark; browsers and `encoding_rs` do not decode it.
fn is_utf32(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\xff\xfe\0\0") || bytes.starts_with(b"\0\0\xfe\xff")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn charsets_are_found_and_decoded() {
        let wanted = "St\u{f6}rung \u{2013} DOWN";
        let latin = b"St\xf6rung \x96 DOWN".to_vec();
        let html = [b"<meta charset='windows-1252'>".as_slice(), &latin].concat();
        let plain = wanted.as_bytes().to_vec();
        let (le, be) = (
            utf16(wanted, u16::to_le_bytes),
            utf16(wanted, u16::to_be_bytes),
        );
        let marked = format!("\u{feff}{wanted}");
        let utf8 = Some("text/plain; charset=utf-8");
        for (bytes, content_type) in [
            (plain.clone(), None),
            (latin.clone(), Some("text/html; charset=utf-8")),
            (plain.clone(), utf8),
            (plain.clone(), Some("text/plain; charset=nonsense")),
            (marked.clone().into_bytes(), None),
            (latin.clone(), None),
            (latin.clone(), Some("text/html; charset=ISO-8859-1")),
            (latin, Some("text/html; a=b; CHARSET = \"latin1\"")),
            (html, Some("text/html")),
            (utf16(&marked, u16::to_le_bytes), None),
            (utf16(&marked, u16::to_be_bytes), utf8),
            (be.clone(), Some("text/plain; charset=utf-16")),
            (le.clone(), utf8),
            (le.clone(), None),
            (be.clone(), None),
            (be.clone(), Some("text/plain; charset=utf-16be")),
        ] {
            let text = Text::new(&bytes, content_type);
            assert!(text.as_str().ends_with(wanted), "{content_type:?} {text:?}");
            assert_eq!(text.unknown_charset, None);
        }
        let sjis = b"\x83\x65\x83\x58\x83\x67".as_slice();
        for (declaration, test) in [
            ("<?xml encoding=\"Shift_JIS\"?>", sjis),
            (
                "<!-- <meta charset=euc-jp>\n --><meta charset=shift_jis>",
                sjis,
            ),
            (
                "<meta name=a content='charset=utf-8'><META CHARSET=Shift_JIS>",
                sjis,
            ),
            ("<meta data-charset=utf-8 charset='shift_jis'>", sjis),
            ("<meta charset=iso-2022-jp>", b"\x1b$B%F%9%H\x1b(B"),
        ] {
            let bytes = [declaration.as_bytes(), test].concat();
            let text = Text::new(&bytes, None);
            assert!(
                text.as_str().ends_with("\u{30c6}\u{30b9}\u{30c8}"),
                "{text:?}"
            );
        }
    }

    #[test]
    fn text_and_bytes_are_matched() {
        let down = Regex::new("DOWN").expect("valid");
        // Wrongly declared, and truncated in the middle of a character.
        assert!(Text::new(b"is DOWN", Some("text/plain; charset=utf-16le")).is_match(&down));
        assert!(Text::new(b"\xe2\x82 DOWN \xff", Some("a; charset=utf-8")).is_match(&down));
        let binary = Regex::new(r"^(?-u)\xff\xd8").expect("valid");
        assert!(Text::new(b"\xff\xd8\xff\xe0", None).is_match(&binary));
        let start = Regex::new("^ok$").expect("valid");
        assert!(Text::new(b"\xef\xbb\xbfok", None).is_match(&start));
    }

    #[test]
    fn undecodable_charsets_are_detected() {
        let unknown = |bytes, content_type| Text::new(bytes, content_type).unknown_charset;
        assert_eq!(
            unknown(b"\xc4\xd6\xe6\xd5", Some("a/b; charset=cp037")).as_deref(),
            Some("cp037")
        );
        assert_eq!(
            unknown(b"\xff\xfe\0\0D\0\0\0", None).as_deref(),
            Some("utf-32")
        );
        assert_eq!(unknown(b"plain", Some("a/b; charset=cp037")), None);
    }
}
