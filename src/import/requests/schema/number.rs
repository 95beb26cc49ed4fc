//! Numbers that a schema allows.

use crate::import::requests::document::At;
use serde_json::Value;

/// The limits of a schema.
struct Limits {
    lowest: Option<f64>,
    highest: Option<f64>,
    /// Whether the limits themselves are excluded.
    is_above: bool,
    is_below: bool,
    multiple: Option<f64>,
}

/// An integer: the lowest allowed one, or else 1 or the highest one.
pub fn integer(schema: &At<'_>) -> Value {
    let limits = Limits::of(schema);
    let lowest = limits.lowest.map(|low| {
        if limits.is_above {
            low.floor() + 1.0
        } else {
            low.ceil()
        }
    });
    let highest = limits.highest.map(|high| {
        if limits.is_below {
            high.ceil() - 1.0
        } else {
            high.floor()
        }
    });
    let value = limits.multiple_of(within(lowest, highest, 1.0), highest);
    match limits.exact(schema) {
        Some(minimum) if !minimum.is_f64() => minimum,
        _ if value.abs() < INTEGER_MAX =>
        {
            #[expect(clippy::cast_possible_truncation, reason = "it is an integer in range")]
            Value::from(value as i64)
        }
        _ => Value::from(value),
    }
}

/// Integers up to this one are exact.
const INTEGER_MAX: f64 = 9_007_199_254_740_992.0;

/// A number: the lowest allowed one, or else 1 or the highest one. If a limit is excluded, it is the middle between
/// the limits, or one beyond the limit.
pub fn number(schema: &At<'_>) -> Value {
    let limits = Limits::of(schema);
    let value = match (limits.lowest, limits.highest) {
        (Some(low), Some(high)) if limits.is_above => f64::midpoint(low, high),
        (Some(low), None) if limits.is_above => low + 1.0,
        (None, Some(high)) if limits.is_below => (high - 1.0).min(1.0),
        (lowest, highest) => within(lowest, highest, 1.0),
    };
    let value = limits.multiple_of(value, limits.highest);
    limits.exact(schema).unwrap_or_else(|| Value::from(value))
}

fn within(lowest: Option<f64>, highest: Option<f64>, usual: f64) -> f64 {
    lowest.unwrap_or_else(|| highest.map_or(usual, |highest| highest.min(usual)))
}

impl Limits {
    fn of(schema: &At<'_>) -> Self {
        let number = |name: &str| schema.get(name)?.value.as_f64();
        // In OpenAPI 3.0 they are flags of the other limits.
        let (above, below) = (number("exclusiveMinimum"), number("exclusiveMaximum"));
        let (minimum, maximum) = (number("minimum"), number("maximum"));
        let is_higher = |above: f64| minimum.is_none_or(|minimum| above >= minimum);
        let is_lower = |below: f64| maximum.is_none_or(|maximum| below <= maximum);
        let (above, below) = (
            above.filter(|one| is_higher(*one)),
            below.filter(|one| is_lower(*one)),
        );
        Self {
            lowest: above.or(minimum),
            highest: below.or(maximum),
            is_above: above.is_some() || schema.is("exclusiveMinimum"),
            is_below: below.is_some() || schema.is("exclusiveMaximum"),
            multiple: number("multipleOf").filter(|multiple| *multiple > 0.0),
        }
    }

    /// The next multiple, or the one before it if it is too high.
    fn multiple_of(&self, value: f64, highest: Option<f64>) -> f64 {
        let Some(multiple) = self.multiple else {
            return value;
        };
        let next = (value / multiple).ceil() * multiple;
        match highest {
            Some(highest) if next > highest => (highest / multiple).floor() * multiple,
            _ => next,
        }
    }

    /// The minimum as it is written, if it is allowed.
    fn exact(&self, schema: &At<'_>) -> Option<Value> {
        let minimum = schema.get("minimum")?.value;
        (minimum.is_number() && !self.is_above && self.multiple.is_none()).then(|| minimum.clone())
    }
}
