//! What serde reports about a query or a body, in our own words.

/// The words of a reason. It is a library's sentence about what it found, where it found it, and
/// what it expected.
pub fn reason(text: &str) -> String {
    let text = text.split(" at line ").next().unwrap_or(text);
    let after = |prefix: &str| text.strip_prefix(prefix);
    if let Some(name) = after("missing field ") {
        return format!("{name} is missing");
    }
    if let Some(name) = after("duplicate field ") {
        return format!("{name} is given twice");
    }
    if let Some(rest) = after("unknown field ") {
        let valid = rest.replacen(", expected one of ", "; valid are ", 1);
        return format!(
            "unknown key {}",
            valid.replacen(", expected ", "; valid is ", 1)
        );
    }
    if let Some(rest) = after("invalid type: ").or_else(|| after("invalid value: ")) {
        return format!(
            "invalid value: {}",
            rest.replacen(", expected ", "; expected ", 1)
        );
    }
    if text.starts_with("invalid digit") || text.starts_with("number too large") {
        return "invalid number; expected a whole number".to_owned();
    }
    if ["premature end", "input ", "trailing input"]
        .iter()
        .any(|start| text.starts_with(start))
    {
        return "invalid time; expected one such as 2026-11-01T14:00:00Z".to_owned();
    }
    if text.starts_with("EOF ") {
        return "the JSON is incomplete".to_owned();
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, Utc};
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Body {
        to: DateTime<Utc>,
        limit: Option<u32>,
    }

    #[test]
    fn reasons_name_what_is_invalid_and_what_is_valid() {
        let table = [
            ("{}", "`to` is missing"),
            ("{", "the JSON is incomplete"),
            (r#"{"a":1}"#, "unknown key `a`; valid is `to` or `limit`"),
            (
                r#"{"to":1}"#,
                "invalid value: integer `1`; expected an RFC 3339 formatted date and time string",
            ),
            (
                r#"{"to":"x"}"#,
                "invalid time; expected one such as 2026-11-01T14:00:00Z",
            ),
            (
                r#"{"to":"2026-11-01T14:00:00Z","limit":"y"}"#,
                "invalid value: string \"y\"; expected u32",
            ),
        ];
        for (text, expected) in table {
            let error = serde_json::from_str::<Body>(text).expect_err("invalid");
            assert_eq!(reason(&error.to_string()), expected, "{text}");
        }
    }
}
