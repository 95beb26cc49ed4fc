//! The format of most kernel files: lines of a name and numbers. Unexpected content yields `None`.

use std::str::FromStr;

/// Returns the text after a name at the start of a line, as in `MemTotal:  123 kB` and `anon 4096`.
pub(super) fn after<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines().find_map(|line| {
        let rest = line.strip_prefix(name)?;
        let rest = rest.strip_prefix(':').unwrap_or(rest);
        rest.starts_with([' ', '\t']).then(|| rest.trim())
    })
}

/// Returns the first number after a name.
pub(super) fn number(text: &str, name: &str) -> Option<u64> {
    first(after(text, name)?)
}

/// Returns the number after a name in bytes, for values that the kernel writes in KiB.
pub(super) fn kib(text: &str, name: &str) -> Option<u64> {
    number(text, name)?.checked_mul(1024)
}

/// Parses the word at an index of a line.
pub(super) fn nth<T: FromStr>(line: &str, place: usize) -> Option<T> {
    line.split_whitespace().nth(place)?.parse().ok()
}

pub(super) fn first<T: FromStr>(line: &str) -> Option<T> {
    nth(line, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_by_their_whole_name() {
        let text = "MemTotal:    10 kB\nMemFree:\nSwapTotal: 18446744073709551615 kB\nanon 4096\nanon_thp 1\nodd x\n";
        assert_eq!(kib(text, "MemTotal"), Some(10_240));
        assert_eq!(kib(text, "Mem"), None);
        assert_eq!(kib(text, "MemFree"), None);
        assert_eq!(kib(text, "SwapTotal"), None, "out of range");
        assert_eq!(number(text, "SwapTotal"), Some(u64::MAX));
        assert_eq!(
            (number(text, "anon"), number(text, "odd")),
            (Some(4096), None)
        );
        assert_eq!(nth::<f64>("0.5 0.25", 1), Some(0.25));
        assert_eq!(nth::<u64>("18446744073709551616 é", 0), None);
    }
}
