//! The labels of a sample, checked once and read again where somebody needs them.

use super::number::shown;
use crate::roles;
use std::borrow::Cow;

/// Labels of one sample: more are no series that a person made.
const LABELS_MAX: usize = 64;
const FEW: usize = 8;

/// What stands between the braces; valid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LabelSet<'a>(&'a str);

/// A label and its value, which borrows unless it has escapes.
pub type Pair<'a> = (&'a str, Cow<'a, str>);

impl<'a> LabelSet<'a> {
    /// Reads to the closing brace. Returns also the name of the metric, if it stands between the
    /// braces in quotes (Prometheus 3), and what follows them.
    pub(super) fn read(text: &'a str) -> Result<(Self, Option<&'a str>, &'a str), String> {
        // Most samples have few labels, which need no allocation.
        let (mut few, mut more) = ([""; FEW], Vec::new());
        let mut count = 0;
        let mut metric = None;
        let mut rest = skip_blanks(text);
        loop {
            if let Some(after) = rest.strip_prefix('}') {
                let inner = &text[..text.len() - rest.len()];
                return Ok((Self(inner), metric, after));
            }
            let (name, value, after) = item(rest)?;
            if value.is_none() {
                if metric.replace(name).is_some() {
                    return Err("the metric has two names".to_owned());
                }
            } else if few[..count.min(FEW)].contains(&name) || more.contains(&name) {
                return Err(format!("the label `{}` is given twice", shown(name)));
            } else if count == LABELS_MAX {
                return Err(format!("it has more than {LABELS_MAX} labels"));
            } else {
                match few.get_mut(count) {
                    Some(free) => *free = name,
                    None => more.push(name),
                }
                count += 1;
            }
            rest = skip_blanks(after);
            rest = match rest.strip_prefix(',') {
                Some(after) => skip_blanks(after),
                None if rest.starts_with('}') => rest,
                None => return Err("expected `,` or `}` after a label".to_owned()),
            };
        }
    }

    pub fn pairs(self) -> impl Iterator<Item = Pair<'a>> {
        let mut rest = skip_blanks(self.0);
        let items = std::iter::from_fn(move || {
            let (name, raw, after) = item(rest).ok()?;
            rest = skip_blanks(skip_blanks(after).trim_start_matches(','));
            Some((name, raw))
        });
        items.filter_map(|(name, raw)| Some((name, unescaped(raw?))))
    }
}

impl roles::Labels for LabelSet<'_> {
    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut pairs = self.pairs();
        pairs
            .find(|(label, _)| *label == name)
            .map(|(_, value)| value)
    }
}

pub(super) fn skip_blanks(text: &str) -> &str {
    let is_blank = |byte: u8| matches!(byte, b' ' | b'\t');
    let end = text.bytes().position(|byte| !is_blank(byte));
    &text[end.unwrap_or(text.len())..]
}

/// `name="value"` or `"name"="value"`: the name, the value as written, and what follows. A name in
/// quotes without a value is that of the metric.
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
        return Err(format!(
            "the label `{}` has no value in quotes",
            shown(name)
        ));
    };
    let end = closing_quote(value)
        .ok_or_else(|| format!("the value of the label `{}` has no end", shown(name)))?;
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

/// A name of any characters, behind its opening quote, and what follows its closing one. Escapes in
/// it stay as they are written.
pub(super) fn quoted_name(text: &str) -> Result<(&str, &str), String> {
    match closing_quote(text) {
        None => Err("a name in quotes has no end".to_owned()),
        Some(0) => Err("a name in quotes is empty".to_owned()),
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
        // Whatever is escaped is no end.
        from = at + 2;
        if from > bytes.len() {
            return None;
        }
    }
}

/// `\\`, `\"` and `\n`; any other backslash stands for itself.
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
