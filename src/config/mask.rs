//! Hides secrets in a config's text before lines of it are shown.
//!
//! It works on lines, not on the tree: a text with a syntax error is shown as well. It rather
//! hides too much: everything after a key that sounds like a secret or that a probe kind declares
//! as one, and passwords in addresses.

use crate::diagnostic::Source;
use crate::probe::KINDS;
use crate::yaml::{Keys, Structure};
use regex::Regex;
use std::sync::LazyLock;

static SECRET_KEY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let words = "password|passwd|passphrase|token|secret|authorization|cookie|credential|api[_-]?key|private[_-]?key";
    let declared: Vec<_> = KINDS.iter().flat_map(|kind| secrets(kind.keys())).collect();
    let declared = declared.join("|");
    Regex::new(&format!(
        r#"(?i)["']?(?P<key>[\w-]*(?:{words})[\w-]*|\b(?:{declared}))["']?\s*:\s+(?P<value>"(?:[^"\\]|\\.)*"?|'[^']*'?|\S.*)"#
    ))
    .ok()
});
static USERINFO: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"://[^\s"'/:@]*:(?P<value>[^\s"'@]+)@"#).ok());

/// The keys that probe kinds declare as secret.
fn secrets(keys: Keys) -> Vec<&'static str> {
    let names = keys.iter().flat_map(|key| match key.form().structure() {
        Structure::Secret | Structure::SecretMap => vec![key.name()],
        Structure::Mapping { keys, .. } => secrets(keys),
        Structure::Value | Structure::ProbeKind => Vec::new(),
    });
    names.collect()
}

/// The same text with secrets as `*`, and nothing moved.
pub fn source(source: &Source) -> Source {
    let mut block: Option<usize> = None;
    let mut text = String::with_capacity(source.text.len());
    for line in source.text.split_inclusive('\n') {
        let depth = line.len() - line.trim_start().len();
        let inside = block.is_some_and(|key| depth > key || line.trim().is_empty());
        if inside {
            text.push_str(&stars(line));
            continue;
        }
        block = None;
        let (shown, opens_block) = mask_line(line);
        block = opens_block.then_some(depth).or(block);
        text.push_str(&shown);
    }
    Source {
        name: source.name.clone(),
        text,
    }
}

/// A line without its secrets, and whether a secret block follows.
fn mask_line(line: &str) -> (String, bool) {
    let mut shown = credentials(line);
    let Some(pattern) = &*SECRET_KEY else {
        return (stars(line), false);
    };
    let mut from = 0;
    while let Some(found) = pattern.captures_at(&shown, from) {
        let (Some(key), Some(value)) = (found.name("key"), found.name("value")) else {
            break;
        };
        let (start, written) = (value.start(), value.as_str());
        if written.starts_with(['|', '>']) {
            return (shown, true);
        }
        if written.starts_with(['{', '[']) {
            from = start + 1;
            continue;
        }
        // In `{ password: x, user: y }` a bare value ends where the next key starts.
        let is_bare = shown[..start].contains('{') && !written.starts_with(['"', '\'']);
        let stop = written.find([',', '}']).filter(|_| is_bare);
        let end = stop.map_or(value.end(), |stop| start + stop);
        let is_public = key.as_str().ends_with("_file") || written.starts_with("${");
        let hidden = if is_public {
            shown[start..end].to_owned()
        } else {
            stars(&shown[start..end])
        };
        shown.replace_range(start..end, &hidden);
        from = start + hidden.len();
    }
    (shown, false)
}

/// A text with the passwords of addresses in it as `*`.
pub fn credentials(text: &str) -> String {
    let Some(pattern) = &*USERINFO else {
        return stars(text);
    };
    let mut shown = text.to_owned();
    let found: Vec<_> = pattern
        .captures_iter(text)
        .filter_map(|found| found.name("value").map(|value| value.range()))
        .collect();
    for range in found.into_iter().rev() {
        let hidden = stars(&text[range.clone()]);
        shown.replace_range(range, &hidden);
    }
    shown
}

/// As many characters, so that places stay right.
fn stars(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_whitespace() { c } else { '*' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        source(&Source {
            name: String::new(),
            text: text.to_owned(),
        })
        .text
    }

    #[test]
    fn secrets_become_stars_and_nothing_moves() {
        let table = [
            ("password: hunter2", "password: *******"),
            ("  bearer_token: a,b", "  bearer_token: ***"),
            ("{ password: x1, typo: 1 }", "{ password: **, typo: 1 }"),
            (
                "{ user: u, password: \"a, b\", token: t }",
                "{ user: u, password: *** **, token: * }",
            ),
            ("\"Authorization\": Bearer é", "\"Authorization\": ****** *"),
            ("password: ${PASSWORD}", "password: ${PASSWORD}"),
            ("{ bearer: abc, url: x }", "{ bearer: ***, url: x }"),
            (r#"{ send: "a \"b\r\n" }"#, "{ send: ** ******** }"),
            ("resend: abc", "resend: abc"),
            ("token_file: /run/token", "token_file: /run/token"),
            ("url: http://me:pw@host/", "url: http://me:**@host/"),
            (
                "password: |\n  one\n  two\nnext: 1",
                "password: |\n  ***\n  ***\nnext: 1",
            ),
            ("name: broken: [", "name: broken: ["),
        ];
        for (text, expected) in table {
            assert_eq!(masked(text), expected);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_keeps_its_shape(text in "(?s).{0,60}(password: )?.{0,60}") {
            let shown = masked(&text);
            proptest::prop_assert_eq!(shown.chars().count(), text.chars().count());
            proptest::prop_assert_eq!(shown.lines().count(), text.lines().count());
        }
    }
}
