//! Request texts that contain values from the data file and from earlier responses. Pure.

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

/// Characters that are percent-encoded in a path or query: all but the unreserved ones (RFC 3986).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Characters that are percent-encoded in a whole target.
const NOT_IN_TARGET: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// A text with placeholders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template(Vec<TemplatePart>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplatePart {
    Plain(String),
    Value { of: Reference, escape: Escape },
}

/// The source of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reference {
    /// An earlier response of the same sequence: the number of the capture in the sequence.
    Captured(usize),
    /// The row of the iteration: the number of the column.
    Data(usize),
}

/// How a value is escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escape {
    AsIs,
    /// In a path, a query or a form.
    Percent,
    /// At the start of a target: a path with its query, or a URL of the same server, such as the value of a
    /// `Location` header. Only what no target can contain is percent-encoded.
    Target,
    /// Within a JSON string.
    JsonText,
    /// In place of a JSON value: valid JSON is inserted unchanged, and anything else as a string.
    JsonValue,
}

/// A part of a request that is constant or filled in for each request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Templated<T> {
    Fixed(T),
    Template(Template),
}

/// The current values of a user.
#[derive(Clone, Copy, Debug)]
pub struct Values<'a> {
    pub captured: &'a [Option<String>],
    pub row: Option<&'a [Box<str>]>,
}

impl Template {
    pub const fn new(parts: Vec<TemplatePart>) -> Self {
        Self(parts)
    }

    pub fn references(&self) -> impl Iterator<Item = Reference> + '_ {
        self.0.iter().filter_map(|part| match part {
            TemplatePart::Value { of, .. } => Some(*of),
            TemplatePart::Plain(_) => None,
        })
    }

    /// Whether it starts with a path or a URL.
    pub fn starts_with_target(&self) -> bool {
        let is_target = |part: &TemplatePart| {
            matches!(
                part,
                TemplatePart::Value {
                    escape: Escape::Target,
                    ..
                }
            )
        };
        self.0.first().is_some_and(is_target)
    }

    /// The text with these values; `None` if one of them is missing.
    pub fn fill(&self, values: Values<'_>) -> Option<String> {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                TemplatePart::Plain(text) => out.push_str(text),
                TemplatePart::Value { of, escape } => escape.write(values.get(*of)?, &mut out),
            }
        }
        Some(out)
    }
}

impl<T> Templated<T> {
    pub const fn template(&self) -> Option<&Template> {
        match self {
            Self::Fixed(_) => None,
            Self::Template(template) => Some(template),
        }
    }
}

impl<'a> Values<'a> {
    /// All values.
    pub fn all(&self) -> Vec<&'a str> {
        let captured = self.captured.iter().flatten().map(String::as_str);
        let row = self.row.into_iter().flatten().map(|value| &**value);
        captured.chain(row).collect()
    }

    fn get(&self, of: Reference) -> Option<&'a str> {
        match of {
            Reference::Captured(number) => self.captured.get(number)?.as_deref(),
            Reference::Data(column) => Some(self.row?.get(column)?),
        }
    }
}

impl Escape {
    fn write(self, value: &str, out: &mut String) {
        match self {
            Self::AsIs => out.push_str(value),
            Self::Percent => out.extend(utf8_percent_encode(value, ENCODED)),
            Self::Target => out.extend(utf8_percent_encode(value, NOT_IN_TARGET)),
            Self::JsonText => {
                let quoted = quoted(value);
                out.push_str(&quoted[1..quoted.len() - 1]);
            }
            Self::JsonValue => {
                if serde_json::from_str::<serde::de::IgnoredAny>(value).is_ok() {
                    out.push_str(value);
                } else {
                    out.push_str(&quoted(value));
                }
            }
        }
    }
}

/// As a JSON string, including the quotes.
fn quoted(value: &str) -> String {
    serde_json::Value::from(value).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_values_stay_a_single_value() {
        let hostile = "a b/c?d=\"e\"&\\\n\u{e9}";
        for (escape, expected) in [
            (Escape::AsIs, "a b/c?d=\"e\"&\\\n\u{e9}"),
            (Escape::Percent, "a%20b%2Fc%3Fd%3D%22e%22%26%5C%0A%C3%A9"),
            (Escape::Target, "a%20b/c?d=%22e%22&%5C%0A%C3%A9"),
            (Escape::JsonText, "a b/c?d=\\\"e\\\"&\\\\\\n\u{e9}"),
            (Escape::JsonValue, "\"a b/c?d=\\\"e\\\"&\\\\\\n\u{e9}\""),
        ] {
            let of = Reference::Captured(0);
            let template = Template::new(vec![TemplatePart::Value { of, escape }]);
            let captured = [Some(hostile.to_owned())];
            let values = Values {
                captured: &captured,
                row: None,
            };
            assert_eq!(
                template.fill(values).as_deref(),
                Some(expected),
                "{escape:?}"
            );
        }
    }

    #[test]
    fn a_json_value_is_json() {
        for (value, expected) in [
            ("7", "7"),
            ("true", "true"),
            ("{\"a\":[1]}", "{\"a\":[1]}"),
            ("7}", "\"7}\""),
            ("007", "\"007\""),
            ("", "\"\""),
        ] {
            let mut out = String::new();
            Escape::JsonValue.write(value, &mut out);
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn a_missing_value_yields_no_text() {
        let part = |of| TemplatePart::Value {
            of,
            escape: Escape::AsIs,
        };
        let row: Vec<Box<str>> = vec!["x".into()];
        let values = Values {
            captured: &[None],
            row: Some(&row),
        };
        let fill = |of| Template::new(vec![TemplatePart::Plain("-".into()), part(of)]).fill(values);
        assert_eq!(fill(Reference::Data(0)).as_deref(), Some("-x"));
        assert_eq!(fill(Reference::Data(1)), None);
        assert_eq!(fill(Reference::Captured(0)), None);
        assert_eq!(fill(Reference::Captured(1)), None);
    }
}
