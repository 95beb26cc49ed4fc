//! Which headers contain secrets.

use http::HeaderName;
use http::header::{ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CACHE_CONTROL, PRAGMA, USER_AGENT};

/// Parts of the names of headers that contain credentials.
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

/// Headers that describe the wanted answer, and do not identify the client. No other header is sent
/// to another origin, since a credential may have any name.
const HARMLESS: [HeaderName; 6] = [
    ACCEPT,
    ACCEPT_ENCODING,
    ACCEPT_LANGUAGE,
    CACHE_CONTROL,
    PRAGMA,
    USER_AGENT,
];

/// Whether a header's value is probably a credential, and therefore hidden.
pub fn is_secret(name: &HeaderName) -> bool {
    mentions_secret(name.as_str())
}

/// Whether a text in lower case mentions credentials.
pub fn mentions_secret(text: &str) -> bool {
    SECRET.iter().any(|part| text.contains(part))
}

/// Whether a header may be sent to another origin than the configured one.
pub fn is_harmless(name: &HeaderName) -> bool {
    HARMLESS.contains(name)
}
