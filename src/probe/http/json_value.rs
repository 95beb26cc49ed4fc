//! Comparisons of JSON values, in which numbers have all their digits. Pure.

use super::decimal::Decimal;
use serde_json::Value;

/// A number with all its digits.
pub fn decimal(value: &Value) -> Option<Decimal> {
    match value {
        Value::Number(number) => Decimal::parse(number.as_str()),
        _ => None,
    }
}

/// Equality in which 1 equals 1.0, including in lists and objects.
pub fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => {
            let values = decimal(a).zip(decimal(b));
            values.map_or(x == y, |(a, b)| a == b)
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            let found = |(name, a)| b.get(name).is_some_and(|b| same(a, b));
            a.len() == b.len() && a.iter().all(found)
        }
        _ => a == b,
    }
}

/// Whether both are numbers or both are strings, and the first one is smaller. Strings are ordered by their
/// characters.
pub fn is_less(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(_), Value::Number(_)) => {
            let values = decimal(a).zip(decimal(b));
            values.is_some_and(|(a, b)| a < b)
        }
        (Value::String(a), Value::String(b)) => a < b,
        _ => false,
    }
}
