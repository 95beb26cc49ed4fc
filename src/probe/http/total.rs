//! Totals of numbers in a JSON document. Pure.

use super::json_path::JsonPath;
use super::query;
use serde_json::Value;
use std::fmt;

/// A query whose results are added.
#[derive(Clone, Debug)]
pub struct JsonTotal {
    path: JsonPath,
    written: String,
}

impl JsonTotal {
    /// Parses a query. Returns an error message if it is invalid.
    pub fn parse(query: &str) -> Result<Self, String> {
        Ok(Self {
            path: query::read(query)?,
            written: query.to_owned(),
        })
    }

    /// The sum of all numeric results, also of those written as strings; `true` is 1 and `false` is
    /// 0. `None` if there are none.
    pub fn of(&self, document: &Value) -> Option<f64> {
        let results = self.path.query(document).into_iter();
        let numbers = results.filter_map(|result| match result {
            Value::Bool(is_true) => Some(f64::from(u8::from(*is_true))),
            Value::String(text) => text
                .trim()
                .parse()
                .ok()
                .filter(|number: &f64| number.is_finite()),
            other => other.as_f64(),
        });
        numbers.reduce(|total, number| total + number)
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
    fn results_that_are_numbers_are_added() {
        let document = json!({
            "workers": [{ "busy": 3, "up": true }, { "busy": 4.5, "up": false }],
            "state": "open",
            "texts": ["12", " 3.5 ", "", "inf", "1 MB"],
            "nothing": null,
        });
        for (query, wanted) in [
            ("$.workers[0].busy", Some(3.0)),
            ("$.workers[*].busy", Some(7.5)),
            ("$.workers[*].up", Some(1.0)),
            ("$.state", None),
            ("$.texts[*]", Some(15.5)),
            ("$.nothing", None),
            ("$.missing", None),
        ] {
            let total = JsonTotal::parse(query).expect("valid");
            assert_eq!(total.of(&document), wanted, "{query}");
        }
        assert!(JsonTotal::parse("workers").is_err());
    }
}
