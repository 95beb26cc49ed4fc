//! Further headers of requests, such as API keys and tenants.

use super::HttpRequest;
use crate::yaml::{Key, Map, Secret, SecretText, Section};
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST, TRANSFER_ENCODING};
use http::{HeaderName, HeaderValue};

pub(super) const HEADERS: Key<Map<SecretText>> = Key::optional(
    "headers",
    Map::of(SecretText),
    "Further headers, such as `X-Api-Key` or `X-Scope-OrgID`. Their values are never shown.",
);

/// Headers that slod sets, or that have keys of their own.
const OWN: [HeaderName; 6] = [
    AUTHORIZATION,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    HOST,
    HeaderName::from_static("idempotency-key"),
    TRANSFER_ENCODING,
];

/// Names in lowercase, and values.
pub(super) type Headers = Vec<(String, Secret)>;

/// Reads the headers; `None` after a reported error.
pub(super) fn read(section: &Section<'_>) -> Option<Headers> {
    let reader = section.reader();
    let (mut headers, mut is_valid) = (Headers::new(), true);
    for (name, value, at) in section.map(&HEADERS) {
        let known = HeaderName::try_from(&name).ok();
        let fault = match &known {
            None => Some((
                "this is not a valid header name",
                "names of letters, digits and dashes",
            )),
            Some(name) if OWN.contains(name) => Some((
                "slod sets this header itself",
                "remove it; a login has the keys `bearer`, or `username` and `password`",
            )),
            Some(name) if headers.iter().any(|(other, _)| other == name.as_str()) => Some((
                "duplicate header (case does not matter)",
                "remove one of them",
            )),
            Some(_) if HeaderValue::try_from(value.reveal()).is_err() => Some((
                "the value is not valid in a header",
                "a value on one line, without control characters",
            )),
            Some(_) => None,
        };
        if let Some((message, help)) = fault {
            reader.error("invalid-value", &at, message, help);
            is_valid = false;
            continue;
        }
        reader.redact(value.reveal(), "<secret>");
        reader.note_secret(&at);
        headers.extend(known.map(|name| (name.to_string(), value)));
    }
    is_valid.then_some(headers)
}

/// Adds headers to a request.
pub(super) fn with(request: HttpRequest, headers: &Headers) -> HttpRequest {
    let headers = headers.iter();
    headers.fold(request, |request, (name, value)| {
        request.with(name, value.reveal())
    })
}
