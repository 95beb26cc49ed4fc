//! What a server sent, as messages show it.

use crate::text::beginning;

/// Characters that are shown.
const SHOWN_MAX: usize = 40;

/// What a server wrote, short and without control characters.
pub fn quoted(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let shown = beginning(&text, SHOWN_MAX);
    format!("`{}`", shown.escape_debug())
}
