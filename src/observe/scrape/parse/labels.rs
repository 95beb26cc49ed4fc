//! The labels of a sample, validated once and parsed again when needed.

use super::number::excerpt;
use crate::roles;
use std::borrow::Cow;

/// Maximum number of labels of a sample that is used.
const LABELS_MAX: usize = 64;
const FEW: usize = 8;

/// The text between the braces, validated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LabelSet<'a> {
    text: &'a str,
    count: usize,
}

/// The labels of a sample, parsed once for all rules that it may match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SortedLabels<'a>(Vec<Pair<'a>>);

/// A label and its value, which is borrowed unless it contains escapes.
pub type Pair<'a> = (&'a str, Cow<'a, str>);

impl<'a> LabelSet<'a> {
    /// Parses up to the closing brace. Also returns the name of the metric if it is quoted between
    /// the braces (Prometheus 3), and the rest.
    pub(super) fn read(text: &'a str) -> Result<(Self, Option<&'a str>, &'a str), String> {
        Self::read_to(text, |rest| rest.strip_prefix('}'))
    }

    /// Parses a whole text as it would appear between braces.
    pub fn of(text: &'a str) -> Result<Self, String> {
        match Self::read_to(text, |rest| rest.is_empty().then_some(rest))? {
            (labels, None, _) => Ok(labels),
            _ => Err("a label has no quoted value".to_owned()),
        }
    }

    /// Parses to the end.
    fn read_to(
        text: &'a str,
        end: impl Fn(&'a str) -> Option<&'a str>,
    ) -> Result<(Self, Option<&'a str>, &'a str), String> {
        // Most samples have few labels, which need no allocation.
        let (mut few, mut more) = ([""; FEW], Vec::new());
        let mut count = 0;
        let mut metric = None;
        let mut rest = skip_blanks(text);
        loop {
            if let Some(after) = end(rest) {
                let text = &text[..text.len() - rest.len()];
                return Ok((Self { text, count }, metric, after));
            }
            let (name, value, after) = item(rest)?;
            if value.is_none() {
                if metric.replace(name).is_some() {
                    return Err("the metric has two names".to_owned());
                }
            } else if few[..count.min(FEW)].contains(&name) || more.contains(&name) {
                return Err(format!("duplicate label `{}`", excerpt(name)));
            } else {
                match few.get_mut(count) {
                    Some(free) => *free = name,
                    // Such a sample is not used. Comparing all of its names would take long.
                    None if count >= LABELS_MAX => {}
                    None => more.push(name),
                }
                count += 1;
            }
            rest = skip_blanks(after);
            rest = match rest.strip_prefix(',') {
                Some(after) => skip_blanks(after),
                None if end(rest).is_some() => rest,
                None => return Err("expected `,` or `}` after a label".to_owned()),
            };
        }
    }

    /// Whether there are more labels than a sample of a role can have.
    pub fn has_too_many(self) -> bool {
        self.count > LABELS_MAX
    }

    /// The labels in the order of their names, without empty ones, which are equivalent to none.
    pub fn sorted(self) -> SortedLabels<'a> {
        let pairs = self.pairs().filter(|(_, value)| !value.is_empty());
        let mut sorted: Vec<Pair<'a>> = pairs.collect();
        sorted.sort_unstable();
        SortedLabels(sorted)
    }

    /// The labels in the order of the page.
    pub fn pairs(self) -> impl Iterator<Item = Pair<'a>> {
        let mut rest = skip_blanks(self.text);
        let items = std::iter::from_fn(move || {
            let (name, raw, after) = item(rest).ok()?;
            rest = skip_blanks(skip_blanks(after).trim_start_matches(','));
            Some((name, raw))
        });
        items.filter_map(|(name, raw)| Some((name, unescaped(raw?))))
    }
}

impl SortedLabels<'_> {
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (*name, &**value))
    }

    pub fn value(&self, name: &str) -> Option<&str> {
        let mut pairs = self.pairs();
        pairs
            .find(|(label, _)| *label == name)
            .map(|(_, value)| value)
    }
}

impl roles::Labels for SortedLabels<'_> {
    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.value(name).map(Cow::Borrowed)
    }
}

pub(super) fn skip_blanks(text: &str) -> &str {
    let is_blank = |byte: u8| matches!(byte, b' ' | b'\t');
    let end = text.bytes().position(|byte| !is_blank(byte));
    &text[end.unwrap_or(text.len())..]
}

/// Parses `name="value"` or `"name"="value"`: returns the name, the raw value, and the rest. A
/// quoted name without a value is that of the metric.
fn item(text: &str) -> Result<(&str, Option<&str>, &str), String> {
    let quoted = text.strip_prefix('"');
    let is_quoted = quoted.is_some();
    let (name, rest) = quoted.map_or_else(|| plain_name(text), quoted_name)?;
    let rest = skip_blanks(rest);
    if is_quoted && !rest.starts_with('=') {
        return Ok((name, None, rest));
    }
    let rest = rest.strip_prefix('=').map(skip_blanks);
    let Some(value) = rest.and_then(|rest| rest.strip_prefix('"')) else {
        return Err(format!("the label `{}` has no quoted value", excerpt(name)));
    };
    let end = closing_quote(value).ok_or_else(|| {
        format!(
            "the value of the label `{}` is not terminated",
            excerpt(name)
        )
    })?;
    Ok((name, Some(&value[..end]), &value[end + 1..]))
}

fn plain_name(text: &str) -> Result<(&str, &str), String> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let end = text.bytes().position(|byte| !is_part(byte));
    let (name, rest) = text.split_at(end.unwrap_or(text.len()));
    if name.is_empty() || name.as_bytes()[0].is_ascii_digit() {
        return Err("expected a label name".to_owned());
    }
    Ok((name, rest))
}

/// Parses a quoted name of any characters after its opening quote, and returns it with the rest
/// after its closing quote. Escapes in it are not decoded.
pub(super) fn quoted_name(text: &str) -> Result<(&str, &str), String> {
    match closing_quote(text) {
        None => Err("a quoted name is not terminated".to_owned()),
        Some(0) => Err("a quoted name is empty".to_owned()),
        Some(end) => Ok((&text[..end], &text[end + 1..])),
    }
}

fn closing_quote(value: &str) -> Option<usize> {
    let bytes = value.as_bytes();
    let mut from = 0;
    loop {
        let at = from + memchr::memchr2(b'"', b'\\', &bytes[from..])?;
        if bytes[at] == b'"' {
            return Some(at);
        }
        // An escaped character does not end the name.
        from = at + 2;
        if from > bytes.len() {
            return None;
        }
    }
}

/// Decodes `\\`, `\"` and `\n`; any other backslash stands for itself.
fn unescaped(raw: &str) -> Cow<'_, str> {
    if memchr::memchr(b'\\', raw.as_bytes()).is_none() {
        return raw.into();
    }
    let mut text = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        match (c, chars.as_str().chars().next()) {
            ('\\', Some('n')) => text.push('\n'),
            ('\\', Some(escaped @ ('\\' | '"'))) => text.push(escaped),
            _ => {
                text.push(c);
                continue;
            }
        }
        chars.next();
    }
    text.into()
}
