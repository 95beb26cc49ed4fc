//! Numbers of `PromQL`: decimal, hexadecimal, and durations in seconds.

use slod_core::units;

/// Parses the number at the start of a text; also returns the rest.
pub(super) fn number(text: &str) -> Option<(f64, &str)> {
    let mut before = ' ';
    let end = text.find(|c: char| {
        let is_sign = "+-".contains(c) && "eE".contains(before) && !is_hexadecimal(text);
        before = c;
        !(c.is_ascii_alphanumeric() || c == '.' || c == '_' || is_sign)
    });
    let (written, rest) = text.split_at(end.unwrap_or(text.len()));
    Some((value(&written.replace('_', ""))?, rest))
}

fn is_hexadecimal(text: &str) -> bool {
    text.starts_with("0x") || text.starts_with("0X")
}

fn value(written: &str) -> Option<f64> {
    if is_hexadecimal(written) {
        return u64::from_str_radix(&written[2..], 16)
            .ok()
            .map(|value| value as f64);
    }
    let plain = written.parse().ok();
    plain.or_else(|| units::duration(written).map(|duration| duration.as_secs_f64()))
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_are_read_as_in_promql() {
        for (text, value, rest) in [
            ("1", 1.0, ""),
            ("0.5)", 0.5, ")"),
            (".5 ", 0.5, " "),
            ("1e-3-2", 0.001, "-2"),
            ("1E+3+x", 1000.0, "+x"),
            ("1_000", 1000.0, ""),
            ("0x1e-1", 30.0, "-1"),
            ("Inf,", f64::INFINITY, ","),
            ("300ms", 0.3, ""),
            ("1h30m ", 5400.0, " "),
        ] {
            assert_eq!(number(text), Some((value, rest)), "{text}");
        }
        assert!(number("NaN").is_some_and(|(value, _)| value.is_nan()));
        for text in ["", "1x", "0xg", "1.2.3", "m5"] {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
