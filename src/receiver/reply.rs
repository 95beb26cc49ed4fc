//! What the answers of services have in common.

use super::Reply;
use serde_json::Value;

pub(super) fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}

/// A body in JSON; `Null`, in which nothing is found, if it is none.
pub(super) fn json(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_default()
}

/// Whether a body begins as a page for people does: no receiver answers with one, but a proxy or the login
/// of a network does.
pub fn is_page(body: &[u8]) -> bool {
    let text = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    text.trim_ascii_start().starts_with(b"<")
}

/// What an answer says whose service always confirms a message.
pub(super) fn confirmed(status: u16, is_taken: bool, expected: &'static str) -> Option<Reply> {
    (is_success(status) && !is_taken).then_some(Reply::Unconfirmed(expected))
}
