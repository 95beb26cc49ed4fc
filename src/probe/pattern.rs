//! Regular expressions in a config: compiled within limits, and displayed as they are written.

use crate::text::from_go;
use crate::yaml::{Form, Scalar};
use regex::RegexBuilder;
use regex::bytes;

/// Maximum size of a compiled expression in bytes. It also bounds the search time, which grows with
/// the product of this size and the length of the text. `\w{30}` fits.
pub const COMPILED_MAX: usize = 2 << 20;
/// Maximum length of an expression in bytes.
pub const LENGTH_MAX: usize = 10_000;

/// A regular expression in a config, with the function that compiles it.
#[derive(Clone, Copy, Debug)]
pub struct Pattern<T>(pub fn(&str) -> Option<T>);

impl<T> Form for Pattern<T> {
    fn describe(&self) -> String {
        "regular expression".to_owned()
    }
}

impl<T> Scalar for Pattern<T> {
    type Value = T;

    fn expected(&self, text: &str) -> String {
        expected(text)
    }

    fn parse(&self, text: &str) -> Option<T> {
        self.0(text)
    }
}

/// Describes what is expected instead of an invalid expression, and why it is invalid. The
/// expression is not quoted, since it may be a secret.
pub fn expected(text: &str) -> String {
    let fault = if text.len() > LENGTH_MAX {
        format!("it has more than {LENGTH_MAX} bytes")
    } else {
        fault(text)
    };
    format!("a regular expression (compiled at most 2 MiB): {fault}")
}

fn fault(text: &str) -> String {
    let built = RegexBuilder::new(text).size_limit(COMPILED_MAX).build();
    match built.err() {
        Some(regex::Error::CompiledTooBig(_)) => "it is larger".to_owned(),
        // The last line; the lines before draw the position in the expression.
        Some(error) => {
            let drawing = error.to_string();
            let fault = drawing.rsplit("error: ").next();
            fault.unwrap_or_default().trim().to_owned()
        }
        None => "it is not valid here".to_owned(),
    }
}

/// Compiles an expression that matches bytes, such as bodies.
pub fn bytes_regex(text: &str) -> Option<bytes::Regex> {
    compiled(text, |text| {
        let mut builder = bytes::RegexBuilder::new(text);
        builder.size_limit(COMPILED_MAX).build().ok()
    })
}

/// Compiles an expression that matches text.
pub fn text_regex(text: &str) -> Option<regex::Regex> {
    compiled(text, |text| {
        let mut builder = RegexBuilder::new(text);
        builder.size_limit(COMPILED_MAX).build().ok()
    })
}

/// What is invalid, but valid in Go, has its meaning there: Go, Python and JavaScript take the braces of
/// `{"status":"ok"}` literally.
fn compiled<T>(text: &str, compile: impl Fn(&str) -> Option<T>) -> Option<T> {
    if text.len() > LENGTH_MAX {
        return None;
    }
    compile(text).or_else(|| compile(&from_go(text)))
}

/// Compiles an expression that must match a whole text, as in PromQL.
pub fn whole_text_regex(text: &str) -> Option<regex::Regex> {
    let text = from_go(text);
    // First compiled alone: an expression must not become valid through the added parentheses.
    text_regex(&text)?;
    text_regex(&format!("^(?:{text})$"))
}

/// An expression between slashes on one line; line breaks and other control characters are escaped.
pub fn display_pattern(pattern: &str) -> String {
    let mut shown = String::from("/");
    for character in pattern.chars() {
        if character.is_control() {
            shown.extend(character.escape_debug());
        } else {
            shown.push(character);
        }
    }
    shown.push('/');
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_that_repeat_nothing_are_literal() {
        let body = br#"{"status":"ok","used":{"mb":3}}"#;
        for (text, matches) in [
            (r#"{"status":"ok""#, true),
            (r#"^{"status":"(ok|degraded)""#, true),
            (r#""used":{"mb":\d{1,3}}}$"#, true),
            (r#"{"status":"down""#, false),
        ] {
            let regex = bytes_regex(text).expect(text);
            assert_eq!(regex.is_match(body), matches, "{text}");
        }
        assert!(text_regex("{(").is_none());
    }

    #[test]
    fn the_fault_is_named_without_the_expression() {
        for (text, fault) in [
            ("(s3cret", "unclosed group"),
            ("s3cret[", "unclosed character class"),
            ("s3cret\\", "incomplete escape sequence"),
            ("(?<s3cret>a)(?<s3cret>b)", "duplicate capture group name"),
            (r"\p{s3cret}", "Unicode property not found"),
            (r"\w{1000}", "it is larger"),
            (&"a".repeat(LENGTH_MAX + 1), "more than 10000 bytes"),
        ] {
            let shown = expected(text);
            assert!(shown.contains(fault), "{shown}");
            assert!(
                !shown.contains("s3cret") && !shown.contains('\n'),
                "{shown}"
            );
        }
    }

    #[test]
    fn braces_of_a_whole_text_are_literal_as_in_promql() {
        let regex = whole_text_regex("/users/{id}").expect("valid");
        assert!(regex.is_match("/users/{id}") && !regex.is_match("/users/id"));
    }

    #[test]
    fn expressions_are_displayed_on_one_line() {
        assert_eq!(display_pattern("^a\\r\\n\tb\r\n$"), "/^a\\r\\n\\tb\\r\\n$/");
        assert_eq!(display_pattern("\u{e9}\"'\u{1b}"), "/\u{e9}\"'\\u{1b}/");
    }

    #[test]
    fn what_would_take_too_long_is_refused() {
        for text in [
            "^ok$",
            r"\bUP\b",
            r"\w{30}",
            "(?i)down|error",
            "[a-z]{1,200}",
        ] {
            assert!(
                bytes_regex(text).is_some() && text_regex(text).is_some(),
                "{text}"
            );
        }
        let long = "a".repeat(LENGTH_MAX + 1);
        for text in [
            "(",
            r"\w{1000}",
            r"(?:\w{100}){100}",
            "((a{100}){100}){100}",
            &long,
        ] {
            assert!(
                bytes_regex(text).is_none() && text_regex(text).is_none(),
                "{text:.20}"
            );
        }
    }
}
