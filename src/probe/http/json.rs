//! Conditions on JSON bodies. Pure.

use regex::Regex;
use serde_json::Value;
use serde_json_path::JsonPath;

/// A query and what all its results must fulfil.
#[derive(Debug)]
pub struct JsonCondition {
    path: JsonPath,
    /// The query as written, for messages.
    pub query: String,
    /// The condition as written, for messages.
    pub wanted: String,
    test: Test,
}

#[derive(Debug)]
enum Test {
    Equal(Value),
    NotEqual(Value),
    Below(f64),
    AtMost(f64),
    Above(f64),
    AtLeast(f64),
    Matches(Regex),
}

impl JsonCondition {
    /// Reads a query and a condition, or says what is wrong with them.
    pub fn new(query: &str, wanted: &str) -> Result<Self, String> {
        let path =
            JsonPath::parse(query).map_err(|error| format!("`{query}` is no JSONPath: {error}"))?;
        Ok(Self {
            path,
            query: query.to_owned(),
            wanted: wanted.to_owned(),
            test: Test::new(wanted)?,
        })
    }

    /// `Err` says what was seen instead.
    pub fn check(&self, body: &Value) -> Result<String, String> {
        let results = self.path.query(body).all();
        if results.is_empty() {
            return Err("nothing".to_owned());
        }
        let odd = results.iter().find(|value| !self.test.fits(value));
        odd.map_or_else(|| Ok(short(results[0])), |value| Err(short(value)))
    }
}

/// Reads what stands behind an operator.
type ReadTest = fn(&str) -> Result<Test, String>;

impl Test {
    fn new(wanted: &str) -> Result<Self, String> {
        let operators: [(&str, ReadTest); 7] = [
            ("==", |rest| Ok(Self::Equal(scalar(rest)))),
            ("!=", |rest| Ok(Self::NotEqual(scalar(rest)))),
            ("<=", |rest| number(rest).map(Self::AtMost)),
            (">=", |rest| number(rest).map(Self::AtLeast)),
            ("<", |rest| number(rest).map(Self::Below)),
            (">", |rest| number(rest).map(Self::Above)),
            ("~", |rest| {
                Regex::new(rest)
                    .map(Self::Matches)
                    .map_err(|error| error.to_string())
            }),
        ];
        for (operator, read) in operators {
            if let Some(rest) = wanted.strip_prefix(operator) {
                return read(rest.trim());
            }
        }
        Ok(Self::Equal(scalar(wanted)))
    }

    fn fits(&self, value: &Value) -> bool {
        let number = |test: fn(f64, f64) -> bool, limit: f64| {
            value.as_f64().is_some_and(|seen| test(seen, limit))
        };
        match self {
            Self::Equal(wanted) => same(value, wanted),
            Self::NotEqual(wanted) => !same(value, wanted),
            Self::Below(limit) => number(|a, b| a < b, *limit),
            Self::AtMost(limit) => number(|a, b| a <= b, *limit),
            Self::Above(limit) => number(|a, b| a > b, *limit),
            Self::AtLeast(limit) => number(|a, b| a >= b, *limit),
            Self::Matches(regex) => value.as_str().map_or_else(
                || regex.is_match(&value.to_string()),
                |text| regex.is_match(text),
            ),
        }
    }
}

/// A number, `true`, `false`, `null` or quoted text as JSON has them; anything else is text.
fn scalar(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

fn number(text: &str) -> Result<f64, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is not a number"))
}

/// 1 equals 1.0, and a text is also equal to the scalar that is written like it.
fn same(seen: &Value, wanted: &Value) -> bool {
    match (seen, wanted) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::String(text), Value::Number(_) | Value::Bool(_)) => scalar(text) == *wanted,
        _ => seen == wanted,
    }
}

fn short(value: &Value) -> String {
    let mut text = value.to_string();
    if text.len() > 80 {
        text.truncate(text.floor_char_boundary(77));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions() {
        let body = serde_json::json!({ "status": "ok", "n": 3, "f": 1.0, "list": [{ "up": true }, { "up": false }], "v": "7" });
        let holds = |query: &str, wanted: &str| {
            JsonCondition::new(query, wanted)
                .expect("valid")
                .check(&body)
                .is_ok()
        };
        for (query, wanted) in [
            ("$.status", "ok"),
            ("$.status", "\"ok\""),
            ("$.n", "3"),
            ("$.n", ">= 3"),
            ("$.n", "< 4"),
            ("$.f", "1"),
            ("$.status", "~ ^o"),
            ("$.status", "!= bad"),
            ("$.v", "7"),
            ("$.list[0].up", "true"),
        ] {
            assert!(holds(query, wanted), "{query} {wanted}");
        }
        for (query, wanted) in [
            ("$.status", "bad"),
            ("$.n", "> 3"),
            ("$.missing", "x"),
            ("$.missing", "!= x"),
            ("$.list[*].up", "true"),
            ("$.status", "> 1"),
        ] {
            assert!(!holds(query, wanted), "{query} {wanted}");
        }
        assert!(JsonCondition::new("status", "ok").is_err());
        assert!(JsonCondition::new("$.a", "> many").is_err());
        assert!(JsonCondition::new("$.a", "~ (").is_err());
    }
}
