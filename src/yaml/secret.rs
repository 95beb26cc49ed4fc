//! Values that are never shown.

use std::fmt;

/// Names that the names of secrets resemble, including misspelled ones.
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

/// A label of alerts whose name resembles `secret`, but is not one.
const SEVERITY: &str = "severity";

/// Whether a name resembles that of a secret.
pub(super) fn resembles_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    if name == SEVERITY {
        return false;
    }
    let has = |known: &&str| name.contains(*known);
    // False positives are preferred: in doubt, a value is hidden.
    let is_like = |known: &&str| strsim::jaro_winkler(&name, known) > 0.8;
    NAMES.iter().any(has) || NAMES.iter().any(is_like)
}

/// Whether a URL parameter is a secret: `token`, `api_key`, `X-Amz-Signature` and `accessToken` are,
/// `keyboard` and `author` are not.
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
    // Also matches words that are written together.
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

/// The words of a name in lowercase, without trailing digits; the same for `X-Api-Key`, `apiKey` and `APIKey2`.
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

/// A secret string. `Debug` masks it, there is no `Display`, and reading it requires an explicit call.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, only for code that sends it.
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
