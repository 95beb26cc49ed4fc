//! Expressions that a config may have: compiled within limits, and shown as they are written.

use regex::RegexBuilder;
use regex::bytes;

/// Bytes of a compiled expression. It bounds the time of a search as well, which grows with the
/// product of this and the length of the text. `\w{30}` fits.
pub const COMPILED_MAX: usize = 2 << 20;
/// Characters of an expression.
pub const LENGTH_MAX: usize = 10_000;
/// What is expected where an expression is not taken.
pub const EXPECTED: &str = "a regular expression (compiled at most 2 MiB)";

/// An expression for bytes, such as bodies.
pub fn bytes_regex(text: &str) -> Option<bytes::Regex> {
    let mut builder = bytes::RegexBuilder::new(text);
    let built = builder.size_limit(COMPILED_MAX).build();
    built.ok().filter(|_| text.len() <= LENGTH_MAX)
}

/// An expression for text.
pub fn text_regex(text: &str) -> Option<regex::Regex> {
    let built = RegexBuilder::new(text).size_limit(COMPILED_MAX).build();
    built.ok().filter(|_| text.len() <= LENGTH_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

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
