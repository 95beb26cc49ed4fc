//! What a server sent, as messages show it.

/// Characters that are shown.
const SHOWN_MAX: usize = 40;

/// What a server wrote, short and without control characters.
pub fn quoted(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let shown: String = text.chars().take(SHOWN_MAX).collect();
    let more = if shown.len() < text.len() {
        "\u{2026}"
    } else {
        ""
    };
    format!("`{}{more}`", shown.escape_debug())
}
