//! Values that never leave.

use std::fmt;

/// What names of secrets resemble, also where they are misspelled.
const NAMES: [&str; 12] = [
    "password",
    "passphrase",
    "token",
    "secret",
    "bearer",
    "authorization",
    "auth",
    "cookie",
    "credentials",
    "api_key",
    "private_key",
    "access_key",
];

/// A label of alerts, whose name resembles `secret`.
const SEVERITY: &str = "severity";

/// Whether a name is like one that a secret has.
pub(super) fn sounds_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    if name == SEVERITY {
        return false;
    }
    let has = |known: &&str| name.contains(*known);
    // Rather too often than not: what sounds so is hidden.
    let is_like = |known: &&str| strsim::jaro_winkler(&name, known) > 0.8;
    NAMES.iter().any(has) || NAMES.iter().any(is_like)
}

/// Whether a parameter of an address holds a secret: `token`, `api_key`, `X-Amz-Signature`, `accessToken`, and
/// not `keyboard` and `author`.
pub fn names_a_secret(name: &str) -> bool {
    const WORDS: [&str; 10] = [
        "auth",
        "authorization",
        "key",
        "sig",
        "pwd",
        "pass",
        "credential",
        "credentials",
        "bearer",
        "jwt",
    ];
    // Also of words that are written together.
    const ENDS: [&str; 9] = [
        "token",
        "secret",
        "password",
        "passwd",
        "passphrase",
        "signature",
        "apikey",
        "accesskey",
        "privatekey",
    ];
    words_of(name)
        .iter()
        .any(|word| WORDS.contains(&word.as_str()) || ENDS.iter().any(|end| word.ends_with(end)))
}

/// The words of a name in small letters, without numbers at their ends: `X-Api-Key`, `apiKey` and `APIKey2`.
fn words_of(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let chars: Vec<char> = name.chars().collect();
    for (at, c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| chars[before]);
        let after_small = before.is_some_and(|c| !c.is_uppercase());
        let before_small = chars.get(at + 1).is_some_and(|c| c.is_lowercase());
        let begins = c.is_uppercase() && (after_small || before_small);
        if begins || !c.is_alphanumeric() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
    }
    let trimmed = words
        .iter()
        .map(|word| word.trim_end_matches(|c: char| c.is_ascii_digit()));
    trimmed.map(str::to_owned).collect()
}

/// A secret text: `Debug` masks it, there is no `Display`, and reading it is a visible call.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself: only for the place that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_named_by_a_whole_word() {
        for name in [
            "token",
            "apiKey",
            "api_key",
            "APIKey2",
            "APIKEY",
            "X-Amz-Signature",
            "accessToken",
            "accesstoken",
            "sig",
            "auth",
            "user.pass",
            "KEY",
            "client-secret",
            "clé_key",
        ] {
            assert!(names_a_secret(name), "{name}");
        }
        for name in [
            "keyboard",
            "author",
            "design",
            "passive",
            "signal",
            "monkey",
            "compass",
            "tokens_max",
            "authority",
            "",
        ] {
            assert!(!names_a_secret(name), "{name}");
        }
    }
}
