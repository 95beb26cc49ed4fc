//! Conditions on JSON bodies. Pure.

use super::decimal::Decimal;
use super::json_path::JsonPath;
use super::json_value::{decimal, same};
use super::query;
use crate::probe::pattern::{expected, text_regex};
use regex::Regex;
use serde_json::Value;

/// A query, and the condition that all its results must meet.
#[derive(Debug)]
pub struct JsonCondition {
    path: JsonPath,
    /// The query as written in the config, for messages.
    pub query: String,
    /// The condition as written in the config, for messages.
    pub wanted: String,
    test: Test,
}

#[derive(Debug)]
enum Test {
    Equal(ExpectedValue),
    NotEqual(ExpectedValue),
    Below(Decimal),
    AtMost(Decimal),
    Above(Decimal),
    AtLeast(Decimal),
    Matches(Regex),
}

/// A value that results must be equal to.
#[derive(Debug)]
struct ExpectedValue {
    written: String,
    /// `written` parsed as JSON; text that is not JSON is a string.
    value: Value,
}

impl JsonCondition {
    /// Parses a query and a condition. Returns an error message if one is invalid.
    pub fn new(query: &str, wanted: &str) -> Result<Self, String> {
        Ok(Self {
            path: query::read(query)?,
            query: query.to_owned(),
            wanted: wanted.to_owned(),
            test: Test::new(wanted)?,
        })
    }

    /// `$.status == ok`
    pub fn name(&self) -> String {
        let (operator, operand) = self.comparison();
        format!("{} {operator} {operand}", self.query)
    }

    /// The operator, and the text that it compares with.
    pub fn comparison(&self) -> (&'static str, &str) {
        let mut operators = OPERATORS.iter();
        let written = operators.find_map(|(operator, _)| {
            let operand = self.wanted.strip_prefix(operator)?;
            Some((*operator, operand.trim()))
        });
        written.unwrap_or(("==", &self.wanted))
    }

    /// Returns whether a body fulfills the condition, with the expected and the actual value.
    pub fn check(&self, body: &Value) -> (bool, String) {
        let results = self.path.query(body);
        let odd = results.iter().find(|value| !self.test.fits(value));
        let seen = odd.or(results.first()).map(|value| short(value));
        let holds = odd.is_none() && seen.is_some();
        let seen = seen.unwrap_or_else(|| "nothing".to_owned());
        let text = format!("{} is {seen}, expected {}", self.query, self.wanted);
        (holds, text)
    }
}

/// A query that must have no result.
#[derive(Clone, Debug)]
pub struct JsonAbsence {
    path: JsonPath,
    /// As written in the config, for messages.
    pub query: String,
}

impl JsonAbsence {
    /// Parses a query. Returns an error message if it is invalid.
    pub fn new(query: &str) -> Result<Self, String> {
        Ok(Self {
            path: query::read(query)?,
            query: query.to_owned(),
        })
    }

    /// The first result in a body, for display.
    pub fn found(&self, body: &Value) -> Option<String> {
        self.path.query(body).first().copied().map(short)
    }
}

/// Parses the text after an operator.
type ReadTest = fn(&str) -> Result<Test, String>;

const OPERATORS: [(&str, ReadTest); 7] = [
    ("==", |rest| Ok(Test::Equal(ExpectedValue::new(rest)))),
    ("!=", |rest| Ok(Test::NotEqual(ExpectedValue::new(rest)))),
    ("<=", |rest| number(rest).map(Test::AtMost)),
    (">=", |rest| number(rest).map(Test::AtLeast)),
    ("<", |rest| number(rest).map(Test::Below)),
    (">", |rest| number(rest).map(Test::Above)),
    ("~", |rest| {
        text_regex(rest)
            .map(Test::Matches)
            .ok_or_else(|| format!("`{rest:.60}` is not {}", expected(rest)))
    }),
];

impl Test {
    fn new(wanted: &str) -> Result<Self, String> {
        for (operator, read) in OPERATORS {
            if let Some(rest) = wanted.strip_prefix(operator) {
                return read(rest.trim());
            }
        }
        Ok(Self::Equal(ExpectedValue::new(wanted)))
    }

    fn fits(&self, value: &Value) -> bool {
        let seen = decimal(value);
        match self {
            Self::Equal(wanted) => wanted.is(value),
            Self::NotEqual(wanted) => !wanted.is(value),
            Self::Below(limit) => seen.is_some_and(|seen| seen < *limit),
            Self::AtMost(limit) => seen.is_some_and(|seen| seen <= *limit),
            Self::Above(limit) => seen.is_some_and(|seen| seen > *limit),
            Self::AtLeast(limit) => seen.is_some_and(|seen| seen >= *limit),
            Self::Matches(regex) => value.as_str().map_or_else(
                || regex.is_match(&value.to_string()),
                |text| regex.is_match(text),
            ),
        }
    }
}

impl ExpectedValue {
    /// Parses a number, `true`, `false`, `null` or a quoted string as JSON; anything else is a
    /// string.
    fn new(text: &str) -> Self {
        Self {
            written: text.to_owned(),
            value: serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())),
        }
    }

    /// Numbers are compared by value; a string equals a number or boolean with the same spelling. `True` and
    /// `NULL` mean the same as `true` and `null`, as in YAML.
    fn is(&self, seen: &Value) -> bool {
        match (seen, &self.value) {
            (Value::String(text), Value::Number(_) | Value::Bool(_)) => *text == self.written,
            (Value::Number(_), Value::String(_)) => {
                decimal(seen).is_some_and(|seen| Decimal::parse(&self.written) == Some(seen))
            }
            (Value::Bool(_) | Value::Null, Value::String(_)) => {
                self.written.eq_ignore_ascii_case(&seen.to_string())
            }
            (seen, wanted) => same(seen, wanted),
        }
    }
}

fn number(text: &str) -> Result<Decimal, String> {
    Decimal::parse(text).ok_or_else(|| format!("`{text}` is not a number"))
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
    fn values_are_compared_as_the_condition_says() {
        let body = serde_json::json!({ "status": "ok", "n": 3, "f": 1.0, "list": [{ "up": true }, { "up": false }], "v": "7" });
        let holds = |query: &str, wanted: &str| {
            JsonCondition::new(query, wanted)
                .expect("valid")
                .check(&body)
                .0
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

    #[test]
    fn a_query_may_have_to_find_nothing() {
        let body = serde_json::json!({
            "data": { "n": 1 }, "errors": [{ "message": "no database" }], "none": null,
            "checks": [{ "name": "db", "ok": false }, { "name": "queue", "ok": true }],
        });
        for (query, found) in [
            ("$.errors", Some("[{\"message\":\"no database\"}]")),
            ("$.checks[?@.ok == false].name", Some("\"db\"")),
            ("$.none", Some("null")),
            ("$.error", None),
            ("$.checks[?@.name == 'mail']", None),
        ] {
            let absence = JsonAbsence::new(query).expect("valid");
            assert_eq!(absence.found(&body).as_deref(), found, "{query}");
        }
        assert!(JsonAbsence::new("errors").is_err());
    }

    /// One value, one condition, and whether it is met.
    #[test]
    fn numbers_are_compared_exactly() {
        for (seen, wanted, holds) in [
            ("9007199254740993", "9007199254740992", false),
            ("9007199254740993", "9007199254740993", true),
            ("9007199254740993", "!= 9007199254740992", true),
            ("9007199254740993", "> 9007199254740992", true),
            ("9007199254740993", "<= 9007199254740992", false),
            ("12345678901234567891", "12345678901234567890", false),
            (
                "123456789012345678901234567890",
                "123456789012345678901234567891",
                false,
            ),
            ("-9223372036854775809", "< -9223372036854775808", true),
            ("0.1000000000000000055", "0.1", false),
            ("0.30000000000000004", "0.3", false),
            ("0.30000000000000004", "> 0.3", true),
            ("1e400", "1e401", false),
            ("1e400", "> 1e308", true),
            ("1.0", "1", true),
            ("1.10", "1.1", true),
            ("1e2", "100", true),
            ("0.5", ".5", true),
            ("5", "+5", true),
            ("\"1.1\"", "1.10", false),
            ("\"1.10\"", "1.10", true),
            ("\"1.10\"", "!= 1.1", true),
            ("\"7.0\"", "7", false),
            ("\"1e3\"", "1000", false),
            ("\"0x1F\"", "31", false),
            ("\"0x1F\"", "0x1F", true),
            ("\"true\"", "true", true),
            ("\"True\"", "true", false),
            ("true", "\"true\"", false),
            ("true", "True", true),
            ("false", "FALSE", true),
            ("true", "False", false),
            ("true", "!= True", false),
            ("null", "Null", true),
            ("1", "True", false),
            ("7", "\"7\"", false),
            ("null", "null", true),
            ("\"null\"", "null", false),
            ("\"5\"", "> 4", false),
            ("[1.0, {\"a\": 2}]", "[1, {\"a\": 2.00}]", true),
            ("[1.0, {\"a\": 2}]", "[1, {\"a\": 3}]", false),
            ("[1]", "[1, 2]", false),
            ("9007199254740993", "~ 993$", true),
        ] {
            let body = serde_json::from_str(&format!("{{\"v\": {seen}}}")).expect(seen);
            let condition = JsonCondition::new("$.v", wanted).expect(wanted);
            assert_eq!(condition.check(&body).0, holds, "{seen} {wanted}");
        }
    }
}
