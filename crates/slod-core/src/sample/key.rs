//! Series names in Prometheus notation.

use crate::text::write_quoted;
use std::fmt::{self, Write as _};
use std::str::FromStr;

type Pair = (Box<str>, Box<str>);

/// The name of a family and its label pairs, sorted by label name:
/// `slod_process_threads{process="app",service="rag"}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesKey {
    name: Box<str>,
    labels: Box<[Pair]>,
}

/// The error for a text that does not name a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidSeries;

impl fmt::Display for InvalidSeries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected a series such as slod_host_load1 or slod_process_threads{service=\"rag\",process=\"app\"}")
    }
}

impl std::error::Error for InvalidSeries {}

impl SeriesKey {
    pub fn new<'a>(name: &str, labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let labels = labels.into_iter();
        let mut labels: Vec<Pair> = labels
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        labels.sort();
        Self {
            name: name.into(),
            labels: labels.into(),
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels.iter().map(|(name, value)| (&**name, &**value))
    }

    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels()
            .find_map(|(label, value)| (label == name).then_some(value))
    }

    /// Whether `selector` has the same name, and all its labels are labels of this series.
    pub fn matches(&self, selector: &Self) -> bool {
        self.name == selector.name
            && selector
                .labels()
                .all(|(name, value)| self.label(name) == Some(value))
    }

    /// The base unit at the end of the name.
    pub fn unit(&self) -> Option<&'static str> {
        let name = self.name.strip_suffix("_total").unwrap_or(&self.name);
        let known = ["seconds", "bytes", "ratio"];
        known.into_iter().find(|unit| {
            name.strip_suffix(unit)
                .is_some_and(|rest| rest.ends_with('_'))
        })
    }

    /// Total size of its names and values in bytes.
    pub fn size(&self) -> usize {
        let labels = self.labels().map(|(name, value)| name.len() + value.len());
        self.name.len() + labels.sum::<usize>()
    }
}

/// Names with other characters are quoted, as in Prometheus 3: `{"http.requests","host.name"="a"}`.
impl fmt::Display for SeriesKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_plain = is_plain(&self.name, ':');
        let mut separator = "";
        if is_plain {
            f.write_str(&self.name)?;
            if self.labels.is_empty() {
                return Ok(());
            }
            f.write_char('{')?;
        } else {
            f.write_char('{')?;
            write_quoted(f, &self.name)?;
            separator = ",";
        }
        for (name, value) in self.labels() {
            f.write_str(separator)?;
            separator = ",";
            if self::is_plain(name, '_') {
                f.write_str(name)?;
            } else {
                write_quoted(f, name)?;
            }
            f.write_char('=')?;
            write_quoted(f, value)?;
        }
        f.write_char('}')
    }
}

/// Whether a name consists of letters, digits, `_` and `also`, and does not begin with a digit.
fn is_plain(name: &str, also: char) -> bool {
    let word = |c: char| c == '_' || c == also || c.is_ascii_alphanumeric();
    !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(word)
}

impl FromStr for SeriesKey {
    type Err = InvalidSeries;

    fn from_str(text: &str) -> Result<Self, InvalidSeries> {
        let text = text.trim();
        let (name, rest) = text.split_at(text.find('{').unwrap_or(text.len()));
        let mut name = name.trim_end().to_owned();
        let mut labels = Vec::new();
        if !rest.is_empty() {
            let mut inside = LabelText(rest[1..].trim_start());
            while !inside.ends()? {
                match inside.item()? {
                    (only, None) if name.is_empty() => name = only,
                    (label, Some(value)) => labels.push((label, value)),
                    (_, None) => return Err(InvalidSeries),
                }
            }
        } else if !is_plain(&name, ':') {
            return Err(InvalidSeries);
        }
        if name.is_empty() {
            return Err(InvalidSeries);
        }
        let pairs = labels.iter().map(|(name, value)| (&**name, &**value));
        Ok(Self::new(&name, pairs))
    }
}

/// The rest of the text between the braces.
struct LabelText<'a>(&'a str);

impl LabelText<'_> {
    /// Whether the closing brace is next. It must be at the end of the text.
    fn ends(&self) -> Result<bool, InvalidSeries> {
        match self.0.strip_prefix('}') {
            Some("") => Ok(true),
            Some(_) => Err(InvalidSeries),
            None => Ok(false),
        }
    }

    /// Parses `name="value"` or a quoted name alone, and the comma after it.
    fn item(&mut self) -> Result<(String, Option<String>), InvalidSeries> {
        let (name, is_quoted) = if self.0.starts_with('"') {
            (self.text()?, true)
        } else {
            let end = self.0.find(['=', ' ']).ok_or(InvalidSeries)?;
            let name = self.0[..end].to_owned();
            self.0 = &self.0[end..];
            (name, false)
        };
        self.0 = self.0.trim_start();
        let value = match self.0.strip_prefix('=') {
            Some(rest) => {
                self.0 = rest.trim_start();
                Some(self.text()?)
            }
            None if is_quoted => None,
            None => return Err(InvalidSeries),
        };
        if !is_quoted && !is_plain(&name, '_') {
            return Err(InvalidSeries);
        }
        self.0 = self.0.trim_start();
        match self.0.strip_prefix(',') {
            Some(rest) => self.0 = rest.trim_start(),
            None if self.0.starts_with('}') => {}
            None => return Err(InvalidSeries),
        }
        Ok((name, value))
    }

    fn text(&mut self) -> Result<String, InvalidSeries> {
        let rest = self.0.strip_prefix('"').ok_or(InvalidSeries)?;
        let (mut text, mut chars) = (String::new(), rest.char_indices());
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.0 = &rest[at + 1..];
                    return Ok(text);
                }
                '\\' => text.push(match chars.next() {
                    Some((_, 'n')) => '\n',
                    Some((_, c @ ('\\' | '"'))) => c,
                    _ => return Err(InvalidSeries),
                }),
                c => text.push(c),
            }
        }
        Err(InvalidSeries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn series_are_written_as_in_prometheus() {
        for (text, shown) in [
            ("up", Some("up")),
            (" up{} ", Some("up")),
            (r#"up{b="2",a="1"}"#, Some(r#"up{a="1",b="2"}"#)),
            (r#"up { a = "1" , }"#, Some(r#"up{a="1"}"#)),
            (r#"up{a="q\"u\\o\nte"}"#, Some(r#"up{a="q\"u\\o\nte"}"#)),
            (r#"{"http.requests"}"#, Some(r#"{"http.requests"}"#)),
            (
                r#"{"http.requests","host.name"="a"}"#,
                Some(r#"{"http.requests","host.name"="a"}"#),
            ),
            ("", None),
            ("9up", None),
            ("http.requests", None),
            ("up{", None),
            ("up{a}", None),
            ("up{a=1}", None),
            (r#"up{a="1"}x"#, None),
            (r#"up{a="1" b="2"}"#, None),
            (r#"up{a="1}"#, None),
            (r#"up{a="\x"}"#, None),
            (r#"{a="1"}"#, None),
        ] {
            let key = text.parse::<SeriesKey>().ok();
            assert_eq!(key.map(|key| key.to_string()).as_deref(), shown, "{text}");
        }
    }

    #[test]
    fn a_selector_may_leave_out_labels() {
        let key: SeriesKey = r#"a_bytes_total{x="1",y="2"}"#.parse().expect("valid");
        let matches = |text: &str| key.matches(&text.parse().expect("valid"));
        assert!(matches("a_bytes_total") && matches(r#"a_bytes_total{y="2"}"#));
        assert!(!matches(r#"a_bytes_total{y="1"}"#) && !matches(r#"a_bytes_total{z=""}"#));
        assert!(!matches("a_bytes"));
        assert_eq!((key.unit(), key.label("y")), (Some("bytes"), Some("2")));
        assert_eq!(SeriesKey::new("kilobytes", []).unit(), None);
    }

    proptest! {
        #[test]
        fn any_series_comes_back_from_its_text(
            name in ".{1,9}", labels in prop::collection::btree_map(".{0,6}", ".{0,9}", 0..4),
        ) {
            let pairs = labels.iter().map(|(name, value)| (&**name, &**value));
            let key = SeriesKey::new(&name, pairs);
            prop_assert_eq!(key.to_string().parse(), Ok(key));
        }

        #[test]
        fn no_text_is_a_panic(text in ".{0,30}") {
            let _ = text.parse::<SeriesKey>();
        }
    }
}
