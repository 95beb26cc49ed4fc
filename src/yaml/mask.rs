//! The part of a document's text that diagnostics can show: keys, and the values of keys that are
//! known not to be secret. Everything else is replaced with `*`, which keeps columns unchanged.

use super::{Keys, Node, Reader, Structure, Value};
use crate::diagnostic::{Place, Source};
use regex::Regex;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// User and password of a URL, also if the password contains unencoded characters, and its query.
static CREDENTIALS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"://(?:(?P<user>[^\s"'/?#]+|[^\s"'/@]*:[^\s"'@]+)@)?[^\s"'?]*(?:\?(?P<query>[^\s"']+))?"#,
    )
    .ok()
});
/// Characters of the document's structure, which are always shown.
const STRUCTURE: &str = "{}[],:\"'-|>&*";

/// Adds the names of these keys and of all keys below them.
pub fn add_names(keys: Keys, names: &mut BTreeSet<String>) {
    for key in keys {
        names.insert(key.name().to_owned());
        names.extend(key.file_name());
        if let Structure::Mapping { keys, .. } = key.form().structure() {
            add_names(keys, names);
        }
    }
}

/// How much of a position in the text is shown.
#[derive(Clone, Copy, PartialEq)]
enum Visibility {
    /// Structure that is not part of a scalar.
    Structure,
    All,
    Nothing,
}

/// Masks the text of a document that was read.
pub fn document(source: &Source, document: &Node, reader: &Reader<'_>) -> Source {
    let lines = source.text.lines();
    let mut mask: Vec<Vec<Visibility>> = lines
        .map(|line| vec![Visibility::Structure; line.chars().count()])
        .collect();
    mark(&mut mask, document, reader);
    let lines = source.text.lines().zip(&mask);
    let shown = lines.map(|(line, mask)| {
        let shown = line.chars().zip(mask).map(|(c, shown)| match shown {
            Visibility::All => c,
            Visibility::Structure if STRUCTURE.contains(c) => c,
            _ => star(c),
        });
        credentials(&shown.collect::<String>())
    });
    with_text(source, shown)
}

fn mark(mask: &mut [Vec<Visibility>], node: &Node, reader: &Reader<'_>) {
    match &node.value {
        Value::Null => {}
        Value::Text(_) if reader.is_public(node.place) => fill(mask, node.place, Visibility::All),
        Value::Text(_) => fill(mask, node.place, Visibility::Nothing),
        Value::List(items) => items.iter().for_each(|item| mark(mask, item, reader)),
        Value::Map(entries) => {
            for (key, value) in entries {
                mark(mask, key, reader);
                mark(mask, value, reader);
            }
        }
    }
}

/// Marks the text at a place, which can span several lines.
fn fill(mask: &mut [Vec<Visibility>], place: Place, shown: Visibility) {
    let (mut left, mut from) = (place.len, place.column - 1);
    for line in mask.iter_mut().skip(place.line - 1) {
        let to = line.len().min(from + left);
        line[from.min(to)..to].fill(shown);
        // The line break counts as a character.
        left = left.saturating_sub(to.saturating_sub(from) + 1);
        from = 0;
        if left == 0 {
            break;
        }
    }
}

/// Masks a text that is not a valid document: only keys with these names are shown.
pub fn unreadable(source: &Source, names: &BTreeSet<String>) -> Source {
    masked(source, |word, after| {
        names.contains(word) && after.starts_with(':')
    })
}

/// Masks a text of another program: all words before a `:` are shown, as they are most likely keys.
pub fn foreign(source: &Source) -> Source {
    masked(source, |_, after| {
        let after = after.strip_prefix(['"', '\'']).unwrap_or(after);
        let value = after.strip_prefix(':');
        value.is_some_and(|value| value.is_empty() || value.starts_with(char::is_whitespace))
    })
}

/// Masks all words except keys. `is_key` decides from a word and the text after it.
fn masked(source: &Source, is_key: impl Fn(&str, &str) -> bool) -> Source {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let shown = source.text.lines().map(|line| {
        let mut shown = String::with_capacity(line.len());
        let mut rest = line;
        while let Some(first) = rest.chars().next() {
            let end = rest.find(|c| is_word(c) != is_word(first));
            let (part, after) = rest.split_at(end.unwrap_or(rest.len()));
            let is_key = is_key(part, after);
            let kept = |c: char| is_key || (!is_word(c) && STRUCTURE.contains(c));
            shown.extend(part.chars().map(|c| if kept(c) { c } else { star(c) }));
            rest = after;
        }
        shown
    });
    with_text(source, shown)
}

fn with_text(source: &Source, lines: impl Iterator<Item = String>) -> Source {
    Source::new(source.name.clone(), lines.collect::<Vec<_>>().join("\n"))
}

/// Replaces the credentials and queries of URLs in a text with `*`.
pub fn credentials(text: &str) -> String {
    if !text.contains("://") {
        return text.to_owned();
    }
    let Some(pattern) = &*CREDENTIALS else {
        return text.chars().map(star).collect();
    };
    let found = pattern.captures_iter(text);
    let hidden: Vec<_> = found
        .flat_map(|found| [found.name("user"), found.name("query")])
        .flatten()
        .map(|found| found.range())
        .collect();
    let mut shown = text.to_owned();
    for range in hidden.into_iter().rev() {
        let stars: String = text[range.clone()].chars().map(star).collect();
        shown.replace_range(range, &stars);
    }
    shown
}

fn star(c: char) -> char {
    if c.is_whitespace() { c } else { '*' }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_and_queries_of_addresses_are_masked() {
        for (text, shown) in [
            ("http://me:pw@h/x", "http://*****@h/x"),
            ("http://token@h/x", "http://*****@h/x"),
            ("http://me:p@ss@h/x", "http://*******@h/x"),
            ("http://me:p/ss@h/x", "http://*******@h/x"),
            (
                "'http://token@h', http://h?a=b@c",
                "'http://*****@h', http://h?*****",
            ),
            ("http://h/me@x and me@h", "http://h/me@x and me@h"),
        ] {
            assert_eq!(credentials(text), shown);
        }
    }
}
