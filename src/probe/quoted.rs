//! Quotes bytes that a server sent in messages.

use crate::text::beginning;

/// Maximum number of characters that are shown.
const SHOWN_MAX: usize = 40;

/// Quotes what a server sent, truncated and without control characters.
pub fn quoted(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let shown = beginning(&text, SHOWN_MAX);
    format!("`{}`", shown.escape_debug())
}
