//! Extracts values from bodies for later requests of a load run.

use super::json_path::JsonPath;
use super::query;
use crate::probe::json_text;
use crate::probe::pattern::{bytes_regex, expected};
use regex::bytes::Regex;
use serde_json::Value;
use slod_load::Extract;
use std::sync::Arc;

#[derive(Debug)]
struct Json(JsonPath);

#[derive(Debug)]
struct Pattern(Regex);

/// The first result of a `JSONPath` query. Returns an error message if the query is invalid.
pub fn json(path: &str) -> Result<Arc<dyn Extract>, String> {
    Ok(Arc::new(Json(query::read(path)?)))
}

/// The first group of a regular expression, or the whole match if it has no group.
pub fn pattern(text: &str) -> Result<Arc<dyn Extract>, String> {
    let regex = bytes_regex(text).ok_or_else(|| format!("expected {}", expected(text)))?;
    Ok(Arc::new(Pattern(regex)))
}

impl Extract for Json {
    fn extract(&self, body: &[u8]) -> Option<String> {
        let document: Value = json_text::parse(body).ok()?;
        match self.0.query(&document).first()? {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }
}

impl Extract for Pattern {
    fn extract(&self, body: &[u8]) -> Option<String> {
        let found = self.0.captures(body)?;
        let value = if found.len() > 1 {
            found.get(1)
        } else {
            found.get(0)
        };
        String::from_utf8(value?.as_bytes().to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_by_path_or_expression() {
        let body = br#"{"a":{"token":"t\"1","id":7,"none":null,"all":[1,2]}}"#;
        let json = |path| json(path).expect("valid").extract(body);
        assert_eq!(json("$.a.token").as_deref(), Some("t\"1"));
        assert_eq!(json("$.a.id").as_deref(), Some("7"));
        assert_eq!(json("$.a.all").as_deref(), Some("[1,2]"));
        assert_eq!(json("$.a.none"), None);
        assert_eq!(json("$.b"), None);
        let pattern = |text| pattern(text).expect("valid").extract(body);
        assert_eq!(pattern(r#""id":(\d+)"#).as_deref(), Some("7"));
        assert_eq!(pattern(r#""id":\d+"#).as_deref(), Some("\"id\":7"));
        assert_eq!(pattern("nothing"), None);
        assert!(self::json("$.a[").is_err() && self::pattern("(").is_err());
    }
}
