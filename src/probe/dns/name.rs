//! Domain names as written in configs and in messages. Pure.

use hickory_proto::rr::Name;
use hickory_proto::rr::domain::Label;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::str::Chars;

/// Label separators (RFC 3490, section 3.1).
const FULL_STOPS: [char; 4] = ['.', '\u{3002}', '\u{ff0e}', '\u{ff61}'];
const PUNYCODE: &[u8] = b"xn--";

/// A name to query.
#[derive(Clone, Debug)]
pub struct Asked {
    pub name: Name,
    /// Whether it was written as an IP address, and is the name of that address' PTR records.
    pub is_address: bool,
}

impl Asked {
    /// Parses a name or an IP address.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Some(Self {
                name: Name::from(address),
                is_address: true,
            });
        }
        parse(text).map(|name| Self {
            name,
            is_address: false,
        })
    }
}

/// Parses a fully qualified name. A label may be in Unicode, which is sent in its ASCII form. Otherwise it
/// may contain any bytes; bytes other than letters, digits, `-`, `_`, `*` and `/` are escaped as in zone
/// files (RFC 1035, section 5.1), such as `\032` or `\ ` for a space. `None` for text that would be sent as
/// another name.
pub fn parse(text: &str) -> Option<Name> {
    if matches!(text, ".") {
        return Some(Name::root());
    }
    let mut name = Name::new();
    let mut chars = text.chars();
    let mut is_complete = true;
    while is_complete && !chars.as_str().is_empty() {
        let label;
        (label, is_complete) = read_label(&mut chars)?;
        // An error if the name is too long.
        name = name.append_label(label).ok()?;
    }
    name.set_fqdn(true);
    (!name.is_root()).then_some(name)
}

/// Reads the next label; also returns whether a full stop ended it.
fn read_label(chars: &mut Chars<'_>) -> Option<(Label, bool)> {
    let (mut bytes, mut is_escaped, mut is_complete) = (Vec::new(), false, false);
    while let Some(char) = chars.next() {
        if FULL_STOPS.contains(&char) {
            is_complete = true;
            break;
        }
        if char == '\\' {
            is_escaped = true;
            bytes.push(read_escaped(chars)?);
        } else if char.is_ascii() && !is_plain(char) {
            return None;
        } else {
            bytes.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    let label = if bytes.is_ascii() || is_escaped {
        Label::from_raw_bytes(&bytes).ok()?
    } else {
        in_ascii(&bytes)?
    };
    Some((label, is_complete))
}

/// Reads the byte after a backslash: three decimal digits, or the character itself.
fn read_escaped(chars: &mut Chars<'_>) -> Option<u8> {
    let first = chars.next()?;
    let Some(hundreds) = first.to_digit(10) else {
        return u8::try_from(first).ok().filter(u8::is_ascii);
    };
    let mut digit = || chars.next()?.to_digit(10);
    let (tens, ones) = (digit()?, digit()?);
    u8::try_from(hundreds * 100 + tens * 10 + ones).ok()
}

/// The ASCII form of a Unicode label (RFC 5891).
fn in_ascii(label: &[u8]) -> Option<Label> {
    let label = Label::from_utf8(std::str::from_utf8(label).ok()?).ok()?;
    // A character that maps to a full stop would end the label.
    (!label.as_bytes().contains(&b'.')).then_some(label)
}

/// Whether a character needs no escape. `/` is used in RFC 2317 zones.
fn is_plain(char: char) -> bool {
    char.is_ascii_alphanumeric() || "-_*/".contains(char)
}

/// Formats a fully qualified name in the syntax that [`parse`] reads.
pub fn display_name(name: &Name) -> String {
    let mut shown = String::new();
    for label in name {
        match Label::from_raw_bytes(label) {
            Ok(label) if label.as_bytes().starts_with(PUNYCODE) => {
                // Writing to a string never fails.
                write!(shown, "{label}").unwrap_or_default();
            }
            _ => escape(label, &mut shown),
        }
        shown.push('.');
    }
    if shown.is_empty() { ".".into() } else { shown }
}

fn escape(label: &[u8], shown: &mut String) {
    for byte in label {
        let char = char::from(*byte);
        if is_plain(char) {
            shown.push(char);
        } else if char.is_ascii_graphic() {
            shown.extend(['\\', char]);
        } else {
            write!(shown, "\\{byte:03}").unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_queried_as_written_or_rejected() {
        let labels = |text: &str| {
            let name = parse(text)?;
            let labels = name
                .iter()
                .map(|label| String::from_utf8_lossy(label).into());
            Some(labels.collect::<Vec<String>>())
        };
        let table: [(&str, &[&str]); 9] = [
            ("www.example.org", &["www", "example", "org"]),
            ("www.example.org.", &["www", "example", "org"]),
            (".", &[]),
            ("a\u{3002}b\u{ff0e}c\u{ff61}", &["a", "b", "c"]),
            ("m\u{fc}nchen.test", &["xn--mnchen-3ya", "test"]),
            (
                "1.0/25.2.0.192.in-addr.arpa",
                &["1", "0/25", "2", "0", "192", "in-addr", "arpa"],
            ),
            ("-a.b-._tcp.*.x", &["-a", "b-", "_tcp", "*", "x"]),
            ("Old\\032Printer\\ 2._ipp", &["Old Printer 2", "_ipp"]),
            ("a\\.b\\\\.c", &["a.b\\", "c"]),
        ];
        for (text, wanted) in table {
            let labels = labels(text).unwrap_or_else(|| panic!("{text:?} is valid"));
            assert_eq!(labels, wanted, "{text:?}");
            let again = parse(&display_name(&parse(text).expect("valid")));
            assert_eq!(again, parse(text), "{text:?}");
        }
        let long = "a".repeat(64);
        let longer = "a.".repeat(128);
        for text in [
            "",
            "..",
            "a..b",
            ".a",
            "a b",
            "a\tb",
            "\\",
            "a\\",
            "a\\25",
            "a\\256",
            "a\\\u{fc}",
            "https://a.test",
            "a:53",
            "user@a.test",
            "a\u{a0}b",
            &long,
            &longer,
        ] {
            assert_eq!(labels(text), None, "{text:?}");
        }
    }

    #[test]
    fn displayed_names_can_be_parsed() {
        for text in ["m\u{fc}nchen.test.", "a\\032b.0/25.", ".", "a\\.b\\255."] {
            assert_eq!(display_name(&parse(text).expect("valid")), text);
        }
    }
}
