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

/// Whether a name is like one that a secret has.
pub(super) fn sounds_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let has = |known: &&str| name.contains(*known);
    // Rather too often than not: what sounds so is hidden.
    let is_like = |known: &&str| strsim::jaro_winkler(&name, known) > 0.8;
    NAMES.iter().any(has) || NAMES.iter().any(is_like)
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
