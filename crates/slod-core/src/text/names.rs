//! Names derived from text.

use std::collections::{HashMap, HashSet};

/// The closest valid name to a text, of at most `longest` characters: lower-case letters, digits and
/// dashes, valid as a host label and in Kubernetes (RFC 1123).
pub fn slug(text: &str, longest: usize) -> String {
    let clean = |c: char| match c.to_ascii_lowercase() {
        c if c.is_ascii_alphanumeric() => c,
        _ => '-',
    };
    let clean: String = text.chars().map(clean).collect();
    let clean: String = clean.trim_matches('-').chars().take(longest).collect();
    match clean.trim_end_matches('-') {
        "" => "unnamed".to_owned(),
        clean => clean.to_owned(),
    }
}

/// A set of unique names.
#[derive(Clone, Debug, Default)]
pub struct Names {
    given: HashSet<String>,
    /// The next number for each name.
    next: HashMap<String, u64>,
}

impl Names {
    /// Returns the name itself, or with the lowest number from 2 on that makes it unique.
    pub fn give(&mut self, name: String, numbered: impl Fn(&str, u64) -> String) -> String {
        if self.given.insert(name.clone()) {
            return name;
        }
        let next = self.next.entry(name.clone()).or_insert(2);
        loop {
            let free = numbered(&name, *next);
            *next += 1;
            if self.given.insert(free.clone()) {
                return free;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_the_label_of_a_host() {
        for (text, expected) in [
            ("Web Shop", "web-shop"),
            ("a.b_c", "a-b-c"),
            ("-a-", "a"),
            ("検索", "unnamed"),
            ("abcdef-gh", "abcdef"),
        ] {
            assert_eq!(
                slug(text, 7),
                expected.get(..7).unwrap_or(expected),
                "{text}"
            );
        }
    }

    #[test]
    fn names_are_unique() {
        let mut names = Names::default();
        let mut give =
            |name: &str| names.give(name.to_owned(), |name, number| format!("{name}-{number}"));
        assert_eq!(
            ["a", "a", "a-2", "a", "a-3"].map(&mut give),
            ["a", "a-2", "a-2-2", "a-3", "a-3-2"]
        );
    }

    #[test]
    fn many_equal_names_do_not_slow_down() {
        let mut names = Names::default();
        for _ in 0..100_000 {
            names.give("a".to_owned(), |name, number| format!("{name}-{number}"));
        }
        assert_eq!(
            names.give("a".to_owned(), |name, number| format!("{name}-{number}")),
            "a-100001"
        );
    }
}
