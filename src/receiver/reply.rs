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

/// What an answer says whose service always confirms a message.
pub(super) fn confirmed(status: u16, is_taken: bool, expected: &'static str) -> Option<Reply> {
    (is_success(status) && !is_taken).then_some(Reply::Unconfirmed(expected))
}
