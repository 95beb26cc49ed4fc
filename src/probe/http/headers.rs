//! Which headers are secrets, and which are not.

use http::HeaderName;
use http::header::{ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CACHE_CONTROL, PRAGMA, USER_AGENT};

/// Parts of header names whose values open doors.
const SECRET: [&str; 10] = [
    "auth",
    "cookie",
    "token",
    "secret",
    "key",
    "passw",
    "passphrase",
    "credential",
    "session",
    "signature",
];

/// Headers that say what kind of answer is wanted, and nothing about who asks. No other header is
/// sent to another origin: a credential may have any name.
const HARMLESS: [HeaderName; 6] = [
    ACCEPT,
    ACCEPT_ENCODING,
    ACCEPT_LANGUAGE,
    CACHE_CONTROL,
    PRAGMA,
    USER_AGENT,
];

/// Whether a header's value is likely a credential, and never shown.
pub fn is_secret(name: &HeaderName) -> bool {
    SECRET.iter().any(|part| name.as_str().contains(part))
}

/// Whether a header may be sent to another origin than the configured one.
pub fn is_harmless(name: &HeaderName) -> bool {
    HARMLESS.contains(name)
}
