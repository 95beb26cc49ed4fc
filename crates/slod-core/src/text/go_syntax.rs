//! Regular expressions in Go's syntax (RE2), rewritten for the regex library. Pure.

use std::iter::Peekable;
use std::str::Chars;

/// Longest rest of a repetition such as `{1000,1000}`; Go repeats at most 1,000 times.
const REPETITION_MAX: usize = 10;

/// Rewrites what Go takes literally and the regex library does not: braces that repeat nothing, such as those of
/// `{"status": "ok"}`, `\<` and `\>`, `\Q...\E`, and in a class `[`, `&&`, `~~` and a `-` after `\w` and the like.
/// An expression in the syntax of the library without these is unchanged.
pub fn from_go(regex: &str) -> String {
    let mut written = String::with_capacity(regex.len());
    let mut chars = regex.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\\' => escape(&mut chars, &mut written),
            '[' => class(&mut chars, &mut written),
            '{' if !is_repetition(chars.clone()) => written.push_str("\\{"),
            _ => written.push(char),
        }
    }
    written
}

/// Whether `{` is followed by the rest of a repetition, such as `3,5}`.
fn is_repetition(rest: Peekable<Chars<'_>>) -> bool {
    let rest: String = rest.take(REPETITION_MAX).collect();
    let Some((range, _)) = rest.split_once('}') else {
        return false;
    };
    let (least, most) = range.split_once(',').unwrap_or((range, ""));
    let mut digits = least.chars().chain(most.chars());
    !least.is_empty() && digits.all(|char| char.is_ascii_digit())
}

/// Writes an escape, whose backslash was read.
fn escape(chars: &mut Peekable<Chars<'_>>, written: &mut String) {
    match chars.next() {
        Some(literal @ ('<' | '>')) => written.push(literal),
        Some('Q') => quoted(chars, written),
        escaped => {
            written.push('\\');
            written.extend(escaped);
        }
    }
}

/// Writes the literal text up to `\E`.
fn quoted(chars: &mut Peekable<Chars<'_>>, written: &mut String) {
    while let Some(char) = chars.next() {
        if char == '\\' && chars.next_if_eq(&'E').is_some() {
            return;
        }
        written.push_str(&regex::escape(char.encode_utf8(&mut [0; 4])));
    }
}

/// Writes a class, whose `[` was read.
fn class(chars: &mut Peekable<Chars<'_>>, written: &mut String) {
    written.push('[');
    written.extend(chars.next_if_eq(&'^'));
    written.extend(chars.next_if_eq(&']'));
    // Whether a class such as `\w` precedes, which begins no range.
    let mut was_class = false;
    while let Some(char) = chars.next() {
        let next = chars.peek().copied();
        let mut is_class = false;
        match char {
            '\\' => {
                is_class = next.is_some_and(|next| "dDsSwW".contains(next));
                escape(chars, written);
            }
            '[' if next == Some(':') => {
                written.push('[');
                written.extend(chars.by_ref().take_while(|char| *char != ']'));
                written.push(']');
                is_class = true;
            }
            '-' if was_class && next != Some(']') => written.push_str("\\-"),
            '[' => written.push_str("\\["),
            '&' | '~' if next == Some(char) => written.extend(['\\', char]),
            _ => written.push(char),
        }
        if char == ']' {
            return;
        }
        was_class = is_class;
    }
}

#[cfg(test)]
mod tests {
    use super::from_go;
    use regex::Regex;

    #[test]
    fn what_go_takes_literally_matches_itself() {
        for (written, matching) in [
            (r#"^{"status": *"ok"}$"#, r#"{"status":"ok"}"#),
            ("^/users/{id}/a{,5}b{1x}$", "/users/{id}/a{,5}b{1x}"),
            ("^a{2}b{1,}c{0,3}$", "aabb"),
            (r"^\<title\>$", "<title>"),
            (r"^\Qa.b\\E{$", r"a.b\{"),
            (r"^\Q{x$", r"{x$y"),
            ("^[[]{2}[^[]$", "[[x"),
            ("^[]a]{2}$", "]a"),
            ("^[&&x~~]{3}$", "&~x"),
            (r"^[\w-.]+$", "a-b.c"),
            ("^[[:alpha:]-_]+$", "a-_"),
            (r"^[\]{]\{$", "]{"),
        ] {
            let rewritten = from_go(written);
            let regex = Regex::new(&rewritten).unwrap_or_else(|fault| panic!("{written}: {fault}"));
            assert!(regex.is_match(matching), "{rewritten}");
        }
    }

    #[test]
    fn other_expressions_are_unchanged() {
        for regex in [
            r"^\d+\.\d{1,3}(?i:ok|up)[a-z\-]*$",
            "(?P<n>x){1000,1000}",
            r"\{\}",
            "[",
            "a\\",
        ] {
            assert_eq!(from_go(regex), regex);
        }
    }
}
