//! Totals of numbers in a JSON document. Pure.

use super::json_path::JsonPath;
use super::query;
use crate::text::{beginning, printable};
use serde_json::Value;
use std::fmt;

/// Maximum number of characters of a result that are shown.
const SHOWN_MAX: usize = 40;

/// A query whose results are added.
#[derive(Clone, Debug)]
pub struct JsonTotal {
    path: JsonPath,
    written: String,
    words: Option<fn(&str) -> Option<f64>>,
}

/// The results of a query.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totaled {
    /// The sum of the numbers; `None` if there are none.
    pub total: Option<f64>,
    /// Results that are not numbers.
    pub unusable: u64,
    /// The beginning of the first of them.
    pub example: Option<String>,
}

impl JsonTotal {
    /// Parses a query. Returns an error message if it is invalid.
    pub fn parse(query: &str) -> Result<Self, String> {
        Ok(Self {
            path: query::read(query)?,
            written: query.to_owned(),
            words: None,
        })
    }

    /// Also converts words to numbers.
    #[must_use]
    pub fn with_words(self, words: fn(&str) -> Option<f64>) -> Self {
        Self {
            words: Some(words),
            ..self
        }
    }

    /// Adds all numeric results, also those written as strings; `true` is 1 and `false` is 0.
    pub fn of(&self, document: &Value) -> Totaled {
        let mut totaled = Totaled::default();
        for result in self.path.query(document) {
            if let Some(number) = self.number(result) {
                *totaled.total.get_or_insert(0.0) += number;
            } else {
                totaled.unusable += 1;
                totaled.example.get_or_insert_with(|| shown(result));
            }
        }
        totaled
    }

    fn number(&self, result: &Value) -> Option<f64> {
        match result {
            Value::Bool(is_true) => Some(f64::from(u8::from(*is_true))),
            Value::String(text) => {
                let number = text.trim().parse().ok();
                let number = number.filter(|number: &f64| number.is_finite());
                number.or_else(|| self.words?(text))
            }
            other => other.as_f64(),
        }
    }
}

fn shown(result: &Value) -> String {
    match result {
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        other => beginning(&printable(&other.to_string()), SHOWN_MAX).into_owned(),
    }
}

impl fmt::Display for JsonTotal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn results_that_are_numbers_are_added_and_others_counted() {
        let document = json!({
            "workers": [{ "busy": 3, "up": true }, { "busy": 4.5, "up": false }],
            "state": "open",
            "texts": ["12", " 3.5 ", "", "inf", "1 MB"],
            "nothing": null,
        });
        for (query, total, unusable, example) in [
            ("$.workers[0].busy", Some(3.0), 0, None),
            ("$.workers[*].busy", Some(7.5), 0, None),
            ("$.workers[*].up", Some(1.0), 0, None),
            ("$.workers[*]", None, 2, Some("an object")),
            ("$.workers", None, 1, Some("a list")),
            ("$.state", None, 1, Some("\"open\"")),
            ("$.texts[*]", Some(15.5), 3, Some("\"\"")),
            ("$.nothing", None, 1, Some("null")),
            ("$.missing", None, 0, None),
        ] {
            let of = JsonTotal::parse(query).expect("valid").of(&document);
            let found = (of.total, of.unusable, of.example.as_deref());
            assert_eq!(found, (total, unusable, example), "{query}");
        }
        assert!(JsonTotal::parse("workers").is_err());
    }

    #[test]
    fn words_are_numbers_if_they_are_known() {
        let total = JsonTotal::parse("$[*]").expect("valid");
        let total = total.with_words(|text| (text == "open").then_some(1.0));
        let found = total.of(&json!(["open", "2", "ajar"]));
        let found = (found.total, found.unusable, found.example.as_deref());
        assert_eq!(found, (Some(3.0), 1, Some("\"ajar\"")));
    }
}
