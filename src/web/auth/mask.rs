//! Hides what is secret in a web configuration file before lines of it are shown: every hash,
//! everything of `basic_auth_users`, and every key. It works on lines, because a text with a syntax
//! error is shown as well.

use crate::diagnostic::Source;

/// Keys whose whole value is hidden, with all lines that are indented deeper.
const HIDDEN: [&str; 2] = ["basic_auth_users", "key"];

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
            block = None;
            let shown = hidden_from(line).map_or_else(
                || line.to_owned(),
                |from| {
                    block = Some(depth);
                    line[..from].to_owned() + &stars(&line[from..])
                },
            );
            text.push_str(&shown);
        }
        is_pem &= !line.contains("-----END");
    }
    Source {
        name: source.name.clone(),
        text,
    }
}

/// Where the secret of a line starts. In a flow mapping everything after it is hidden as well.
fn hidden_from(line: &str) -> Option<usize> {
    let keys = HIDDEN.iter().filter_map(|key| {
        let found = line.match_indices(key).find_map(|(at, _)| {
            let before = line[..at].chars().next_back();
            let rest = &line[at + key.len()..];
            let value = rest.trim_start_matches(['"', '\'']).trim_start();
            let is_key = before.is_none_or(|c| !c.is_alphanumeric() && c != '_');
            (is_key && value.starts_with(':'))
                .then(|| at + key.len() + rest.find(':').unwrap_or(0) + 1)
        });
        found
    });
    keys.chain(line.find("$2")).min()
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
            (
                "basic_auth_users: { alice: pw }",
                "basic_auth_users: * ****** ** *",
            ),
            (
                "  \"key\" : |\n    a b\n  cert: c",
                "  \"key\" : *\n    * *\n  cert: c",
            ),
            ("key_file: server.key", "key_file: server.key"),
            ("{ cert_file: a, key: b c }", "{ cert_file: a, key: * * *"),
            ("alice: $2y$10$abc", "alice: **********"),
            (
                "-----BEGIN X\nMII\n-----END X\nnext: 1",
                "********** *\n***\n******** *\nnext: 1",
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
