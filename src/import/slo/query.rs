//! Interprets `PromQL` queries that a config can express: counted events, and shares of them.

mod counter;
mod syntax;

pub(super) use counter::{Counter, Events};

use std::collections::BTreeSet;
use syntax::{Expression, Selection};

/// The value that a query computes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Number(f64),
    /// The rate of events, summed over counters.
    Events(Events),
    /// A ratio of two rates.
    Share {
        part: Events,
        whole: Events,
    },
}

/// A parsed query.
#[derive(Debug)]
pub(super) struct Query {
    pub value: Value,
    /// The parts of the query that the value does not include.
    pub left_out: BTreeSet<String>,
}

impl Query {
    /// Parses a query. Returns an error message if it cannot be expressed.
    pub fn read(written: &str) -> Result<Self, String> {
        let expression = syntax::parse(written)?;
        let mut walk = Walk::default();
        let value = walk.value(&expression)?;
        match &value {
            Value::Number(_) => return Err("the query is a number".to_owned()),
            Value::Events(events) => walk.join(events),
            // Its sides were joined by the division.
            Value::Share { .. } => {}
        }
        Ok(Self {
            value,
            left_out: walk.left_out,
        })
    }
}

/// Functions whose result is still the events of a counter.
const RATES: [&str; 3] = ["rate", "increase", "irate"];

#[derive(Default)]
struct Walk {
    left_out: BTreeSet<String>,
}

impl Walk {
    fn value(&mut self, expression: &Expression) -> Result<Value, String> {
        match expression {
            Expression::Number(number) => Ok(Value::Number(*number)),
            Expression::Negative(of) => match self.value(of)? {
                Value::Number(number) => Ok(Value::Number(-number)),
                _ => Err(cannot("a negative value")),
            },
            Expression::Selector(selection) if selection.has_range => Err(cannot("a range")),
            Expression::Selector(selection) => self.selection(selection),
            Expression::Aggregate {
                operator,
                arguments,
                grouping,
            } => self.aggregate(operator, arguments, grouping.as_deref()),
            Expression::Call {
                function,
                arguments,
            } => self.call(function, arguments),
            Expression::Binary {
                operator,
                left,
                right,
            } => self.binary(operator, left, right),
            Expression::Text => Err(cannot("a string")),
        }
    }

    fn selection(&mut self, selection: &Selection) -> Result<Value, String> {
        if selection.has_offset {
            self.leave_out("`offset` is left out: events count at the time when they happen");
        }
        let counter = Counter::of(selection.series.clone())?;
        Ok(Value::Events(Events::of(counter)))
    }

    fn aggregate(
        &mut self,
        operator: &str,
        arguments: &[Expression],
        grouping: Option<&str>,
    ) -> Result<Value, String> {
        let ("sum", [of]) = (operator, arguments) else {
            return Err(cannot(&format!("`{operator}`")));
        };
        match self.value(of)? {
            Value::Events(events) => Ok(Value::Events(events.summed(grouping))),
            Value::Number(number) => Ok(Value::Number(number)),
            Value::Share { .. } => Err(cannot("a sum of ratios")),
        }
    }

    fn call(&mut self, function: &str, arguments: &[Expression]) -> Result<Value, String> {
        let is_rate = RATES.contains(&function);
        match arguments {
            [Expression::Selector(range)] if range.has_range && is_rate => {
                return self.selection(range);
            }
            [Expression::Selector(range)] if range.has_range => {
                return Err(cannot(&format!("`{function}`")));
            }
            _ if is_rate => return Err(cannot(&format!("`{function}` without a range"))),
            _ => {}
        }
        let mut values = Vec::new();
        for argument in arguments {
            values.push(self.value(argument)?);
        }
        match (function, &values[..]) {
            ("vector" | "scalar", [value])
            | ("clamp_min", [value, Value::Number(0.0)])
            | ("clamp_max", [value @ Value::Share { .. }, Value::Number(1.0)])
            | (
                "clamp",
                [
                    value @ Value::Share { .. },
                    Value::Number(0.0),
                    Value::Number(1.0),
                ],
            ) => Ok(value.clone()),
            ("histogram_count", [Value::Events(events)]) => {
                Ok(Value::Events(events.renamed(Counter::count)?))
            }
            (
                "histogram_fraction",
                [
                    Value::Number(lower),
                    Value::Number(upper),
                    Value::Events(events),
                ],
            ) if *lower <= 0.0 && *upper > 0.0 => Ok(Value::Share {
                part: events.renamed(|one| one.bucket(*upper))?,
                whole: events.renamed(Counter::count)?,
            }),
            (name, _) => Err(cannot(&format!("`{name}`"))),
        }
    }

    fn binary(
        &mut self,
        operator: &str,
        left: &Expression,
        right: &Expression,
    ) -> Result<Value, String> {
        let (left, right) = (self.value(left)?, self.value(right)?);
        match (operator, left, right) {
            // A default of 0 for missing series and a comparison that excludes 0 do not change what is counted.
            ("or" | ">" | "!=", value, Value::Number(0.0)) => Ok(value),
            ("or", value @ (Value::Share { .. } | Value::Events(_)), Value::Number(number)) => {
                self.leave_out(format!(
                    "`or vector({number})` is left out: without events, nothing is counted"
                ));
                Ok(value)
            }
            ("+", Value::Events(left), Value::Events(right)) => {
                self.combine(&left, &right);
                Ok(Value::Events(left.plus(right)))
            }
            ("-", Value::Events(left), Value::Events(right)) => {
                self.combine(&left, &right);
                Ok(Value::Events(left.minus(right)))
            }
            ("-", Value::Number(1.0), Value::Share { part, whole }) => Ok(Value::Share {
                part: whole.clone().minus(part),
                whole,
            }),
            ("/", Value::Events(part), Value::Events(whole)) => {
                self.combine(&part, &whole);
                Ok(Value::Share { part, whole })
            }
            ("*", Value::Events(all), Value::Share { part, whole })
            | ("*", Value::Share { part, whole }, Value::Events(all))
                if all.same(&whole) =>
            {
                Ok(Value::Events(part))
            }
            _ => Err(cannot(&format!("`{operator}` of these"))),
        }
    }

    /// Series that are not summed are combined by identical labels in Prometheus.
    fn combine(&mut self, left: &Events, right: &Events) {
        for events in [left, right] {
            self.join(events);
            if events.is_of_series() {
                self.leave_out("without `sum`, Prometheus combines individual series; the objective uses their sums");
            }
        }
    }

    /// All events are counted in a single objective.
    fn join(&mut self, events: &Events) {
        if let Some(grouping) = events.grouping() {
            self.leave_out(format!(
                "`{grouping}` is left out: the objective combines all series"
            ));
        }
    }

    fn leave_out(&mut self, what: impl Into<String>) {
        self.left_out.insert(what.into());
    }
}

fn cannot(what: &str) -> String {
    format!("{what} is neither a sum of counters, nor a difference or a quotient of such sums")
}
