//! Hides what may be secret in a web configuration file before lines of it are shown. It works on
//! lines, because a text with a syntax error is shown as well, and shows only the values of keys
//! that are known and public: a misspelled key may have the value of a secret one.

use super::keys::FILE;
use crate::diagnostic::Source;
use crate::yaml::{Keys, Structure};
use regex::Regex;
use std::sync::LazyLock;

static KEY: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"["']?(?P<name>[^\s"'{\[,:]+)["']?\s*:(?:\s|$)"#).ok());
static PUBLIC: LazyLock<Vec<String>> = LazyLock::new(|| public(FILE));

/// The names of keys whose values are no secrets.
fn public(keys: Keys) -> Vec<String> {
    let names = keys.iter().flat_map(|key| match key.form().structure() {
        // The path of the file in which the secret is.
        Structure::Secret => Vec::from_iter(key.file_name()),
        Structure::Map { .. } | Structure::ValueOrFile => Vec::new(),
        Structure::Mapping { keys, .. } => [vec![key.name().to_owned()], public(keys)].concat(),
        Structure::Value | Structure::ProbeKind => vec![key.name().to_owned()],
    });
    names.collect()
}

/// The same text with secrets as `*`, and nothing moved.
pub fn source(source: &Source) -> Source {
    let mut block: Option<usize> = None;
    let mut is_pem = false;
    let mut text = String::with_capacity(source.text.len());
    for line in source.text.split_inclusive('\n') {
        let depth = line.len() - line.trim_start().len();
        let inside = block.is_some_and(|key| depth > key || line.trim().is_empty());
        is_pem |= line.contains("-----BEGIN");
        if inside || is_pem {
            text.push_str(&stars(line));
        } else {
            let from = hidden_from(line);
            block = from.map(|_| depth);
            let (shown, hidden) = line.split_at(from.unwrap_or(line.len()));
            text.push_str(shown);
            text.push_str(&stars(hidden));
        }
        is_pem &= !line.contains("-----END");
    }
    Source {
        name: source.name.clone(),
        text,
    }
}

/// Where the first value of a line starts that may be secret.
fn hidden_from(line: &str) -> Option<usize> {
    let Some(pattern) = &*KEY else {
        return Some(0);
    };
    let mut keys = pattern.captures_iter(line);
    let secret = keys.find_map(|found| {
        let is_public = PUBLIC.iter().any(|name| *name == found["name"]);
        found.get(0).filter(|_| !is_public).map(|key| key.end())
    });
    // Everything that looks like a hash, wherever it stands.
    secret.into_iter().chain(line.find("$2")).min()
}

/// As many characters, so that places stay right.
fn stars(text: &str) -> String {
    let hide = |c: char| if c.is_whitespace() { c } else { '*' };
    text.chars().map(hide).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        let (name, text) = (String::new(), text.to_owned());
        source(&Source { name, text }).text
    }

    #[test]
    fn secrets_become_stars_and_nothing_moves() {
        let table = [
            (
                "basic_auth_users:\n  alice: pw\nrate_limit:",
                "basic_auth_users:\n  ****** **\nrate_limit:",
            ),
            ("basic_auth_users: { a: pw }", "basic_auth_users: * ** ** *"),
            ("basic_auth_user: pw", "basic_auth_user: **"),
            (
                "  \"key\" : |\n    a b\n  cert: c",
                "  \"key\" : *\n    * *\n  cert: c",
            ),
            ("  kez: a\n  min_version: x", "  kez: *\n  min_version: x"),
            ("key_file: server.key", "key_file: server.key"),
            ("{ cert_file: a, key: b c }", "{ cert_file: a, key: * * *"),
            ("{ cert_file: a, http2: b }", "{ cert_file: a, http2: b }"),
            ("{\nalice: pw }", "{\nalice: ** *"),
            ("- $2y$10$abc", "- **********"),
            (
                "-----BEGIN X\nMII\n-----END X\nhttp2: 1",
                "********** *\n***\n******** *\nhttp2: 1",
            ),
        ];
        for (text, expected) in table {
            assert_eq!(masked(text), expected);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_keeps_its_shape(text in "(?s).{0,40}(\\$2|key: |basic_auth_users:)?.{0,60}") {
            let shown = masked(&text);
            proptest::prop_assert_eq!(shown.chars().count(), text.chars().count());
            proptest::prop_assert_eq!(shown.lines().count(), text.lines().count());
        }
    }
}
