//! Width of text in columns of a terminal, where Chinese characters and emoji take two.

use unicode_width::UnicodeWidthChar;

pub fn columns(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

/// Returns the beginning of a text that takes at most this many columns.
pub fn cut(text: &str, most: usize) -> &str {
    let mut used = 0;
    let mut chars = text.char_indices();
    let end = chars.find(|(_, c)| {
        used += columns_of(*c);
        used > most
    });
    end.map_or(text, |(end, _)| &text[..end])
}

/// Appends spaces up to this many columns.
pub fn padded(text: &str, least: usize) -> String {
    let missing = least.saturating_sub(columns(text));
    format!("{text}{}", " ".repeat(missing))
}

fn columns_of(c: char) -> usize {
    c.width().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_take_two_columns() {
        for (text, most, shown) in [
            ("search", 4, "sear"),
            ("検索サービス", 4, "検索"),
            ("検索サービス", 5, "検索"),
            ("🔥 rag", 2, "🔥"),
            ("🔥 rag", 1, ""),
            ("u\u{308}ber", 1, "u\u{308}"),
            ("検索", 9, "検索"),
        ] {
            assert_eq!(cut(text, most), shown, "{text}");
            assert!(columns(shown) <= most, "{text}");
        }
        assert_eq!(padded("検索", 6), "検索  ");
        assert_eq!(padded("検索", 3), "検索");
    }
}
