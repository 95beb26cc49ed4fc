//! Text that is shown to people.

/// The same text with control characters, which could steer a terminal or break a line, as spaces.
pub fn printable(text: &str) -> String {
    let blank = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(blank).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_become_spaces() {
        assert_eq!(printable("a\x1b[31m\nb"), "a [31m b");
    }
}
