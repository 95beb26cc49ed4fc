//! Helpers for the answers of services.

use super::Reply;
use serde_json::Value;

pub(super) fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}

/// Parses a JSON body; `Null`, which has no fields, if it is invalid.
pub(super) fn json(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_default()
}

/// Whether a body starts like an HTML page. No receiver answers with one, but proxies and network login
/// pages do.
pub fn is_page(body: &[u8]) -> bool {
    let text = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    text.trim_ascii_start().starts_with(b"<")
}

/// The reply of a service that always confirms a message.
pub(super) fn confirmed(status: u16, is_confirmed: bool, expected: &'static str) -> Option<Reply> {
    (is_success(status) && !is_confirmed).then_some(Reply::Unconfirmed(expected))
}
