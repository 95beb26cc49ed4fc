//! Reads credentials.

use crate::diagnostic::Severity;
use crate::probe::http::is_loopback;
use crate::probe::http::keys::{self, Address};
use crate::probe::http::request::Request;
use crate::yaml::{Key, Section};
use http::HeaderValue;

/// Reads the value of `Authorization`.
pub fn read_authorization(section: &Section<'_>) -> Option<HeaderValue> {
    let bearer = section.secret(&keys::BEARER);
    let basic = section.section(&keys::BASIC_AUTH);
    if bearer.is_some() && basic.is_some() {
        section.error(
            "conflict",
            &keys::BASIC_AUTH,
            "`bearer` and `basic_auth` are mutually exclusive",
            "remove one of them",
        );
    }
    let Some(token) = bearer else {
        return self::basic(&basic?);
    };
    let is_token = |token: &str| !token.is_empty() && !token.contains(char::is_whitespace);
    let token = Some(token.reveal()).filter(|token| is_token(token));
    let value = token.and_then(|token| Request::secret(&format!("Bearer {token}")));
    if value.is_none() {
        section.error(
            "invalid-value",
            &keys::BEARER,
            "the value is empty, has spaces, or is not valid in a header",
            "a token on one line",
        );
    }
    value
}

/// Reads a user and a password.
pub(super) fn basic(section: &Section<'_>) -> Option<HeaderValue> {
    let (username, password) = (
        section.get(&keys::USERNAME),
        section.secret(&keys::PASSWORD),
    );
    let (username, password) = (username?, password?);
    if username.contains(':') {
        section.error(
            "invalid-value",
            &keys::USERNAME,
            "a user with a colon cannot be sent: the server takes what follows it as the password (RFC 7617)",
            "expected a user without `:`",
        );
        return None;
    }
    let value = Request::basic(&username, password.reveal())?;
    // Servers may echo the header without decoding it.
    if let Some(encoded) = value.to_str().ok().and_then(|text| text.split_once(' ')) {
        section.reader().redact(encoded.1, "<secret>");
    }
    Some(value)
}

/// Warns of credentials that are sent to the address at a key over plain `http`, which can be read in
/// transit, except on loopback. `has_token` means that attempts add one.
pub fn warn_of_open_secrets(
    section: &Section<'_>,
    key: &Key<Address>,
    request: &Request,
    has_token: bool,
) {
    let has_secret = has_token || request.headers.values().any(HeaderValue::is_sensitive);
    if !request.is_secure() && !is_loopback(&request.url) && has_secret {
        let scheme = request.url.scheme();
        section.reader().report(
            Severity::Warning,
            "open-credentials",
            &section.spot_of(key),
            format!("credentials are sent over plain {scheme}"),
            Some(format!("use {scheme}s")),
        );
    }
}
