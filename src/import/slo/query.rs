//! Interprets `PromQL` queries that a config can express: counted events, and shares of them.

mod counter;
mod text;

pub(super) use counter::{Counter, Events, Matcher};

use promql_parser::parser::token::{T_ADD, T_DIV, T_GTR, T_LOR, T_MUL, T_NEQ, T_SUB, T_SUM};
use promql_parser::parser::{
    AggregateExpr, BinaryExpr, Call, Expr, LabelModifier, NumberLiteral, VectorSelector, parse,
};
use std::collections::BTreeSet;

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
        let prepared = text::prepare(written)?;
        let expression =
            parse(&prepared).map_err(|_| "the query is not valid PromQL".to_owned())?;
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
    fn value(&mut self, expression: &Expr) -> Result<Value, String> {
        match expression {
            Expr::Paren(inner) => self.value(&inner.expr),
            Expr::NumberLiteral(NumberLiteral { val }) => Ok(Value::Number(*val)),
            Expr::Unary(inner) => match self.value(&inner.expr)? {
                Value::Number(number) => Ok(Value::Number(-number)),
                _ => Err(cannot("a negative value")),
            },
            Expr::VectorSelector(selector) => self.selector(selector),
            Expr::MatrixSelector(range) => self.selector(&range.vs),
            Expr::Aggregate(aggregate) => self.aggregate(aggregate),
            Expr::Call(call) => self.call(call),
            Expr::Binary(binary) => self.binary(binary),
            Expr::Subquery(_) => Err(cannot("a subquery")),
            Expr::StringLiteral(_) | Expr::Extension(_) => Err(cannot("a string")),
        }
    }

    fn selector(&mut self, selector: &VectorSelector) -> Result<Value, String> {
        if selector.at.is_some() {
            return Err(cannot("`@`"));
        }
        if selector.offset.is_some() {
            self.leave_out("`offset` is left out: events count at the time when they happen");
        }
        Ok(Value::Events(Events::of(Counter::of(selector)?)))
    }

    fn aggregate(&mut self, aggregate: &AggregateExpr) -> Result<Value, String> {
        if aggregate.op.id() != T_SUM {
            return Err(cannot(&format!("`{}`", aggregate.op)));
        }
        match self.value(&aggregate.expr)? {
            Value::Events(events) => Ok(Value::Events(events.summed(grouping(aggregate)))),
            Value::Number(number) => Ok(Value::Number(number)),
            Value::Share { .. } => Err(cannot("a sum of ratios")),
        }
    }

    fn call(&mut self, call: &Call) -> Result<Value, String> {
        let mut arguments = Vec::new();
        for argument in &call.args.args {
            arguments.push(self.value(argument)?);
        }
        match (call.func.name, &arguments[..]) {
            (name, [Value::Events(events)]) if RATES.contains(&name) => {
                Ok(Value::Events(events.clone()))
            }
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

    fn binary(&mut self, binary: &BinaryExpr) -> Result<Value, String> {
        let refused = cannot(&format!("`{}` of these", binary.op));
        if binary.return_bool() {
            return Err(cannot("`bool`"));
        }
        let (left, right) = (self.value(&binary.lhs)?, self.value(&binary.rhs)?);
        match (binary.op.id(), left, right) {
            // A default of 0 for missing series and a comparison that excludes 0 do not change what is counted.
            (T_LOR | T_GTR | T_NEQ, value, Value::Number(0.0)) => Ok(value),
            (T_LOR, value @ (Value::Share { .. } | Value::Events(_)), Value::Number(number)) => {
                self.leave_out(format!(
                    "`or vector({number})` is left out: without events, nothing is counted"
                ));
                Ok(value)
            }
            (T_ADD, Value::Events(left), Value::Events(right)) => {
                self.combine(&left, &right);
                Ok(Value::Events(left.plus(right)))
            }
            (T_SUB, Value::Events(left), Value::Events(right)) => {
                self.combine(&left, &right);
                Ok(Value::Events(left.minus(right)))
            }
            (T_SUB, Value::Number(1.0), Value::Share { part, whole }) => Ok(Value::Share {
                part: whole.clone().minus(part),
                whole,
            }),
            (T_DIV, Value::Events(part), Value::Events(whole)) => {
                self.combine(&part, &whole);
                Ok(Value::Share { part, whole })
            }
            (T_MUL, Value::Events(all), Value::Share { part, whole })
            | (T_MUL, Value::Share { part, whole }, Value::Events(all))
                if all.same(&whole) =>
            {
                Ok(Value::Events(part))
            }
            _ => Err(refused),
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

/// The grouping as written; `None` for a sum over all series.
fn grouping(aggregate: &AggregateExpr) -> Option<String> {
    match aggregate.modifier.as_ref()? {
        LabelModifier::Include(labels) if labels.is_empty() => None,
        LabelModifier::Include(labels) => Some(format!("by ({labels})")),
        LabelModifier::Exclude(labels) => Some(format!("without ({labels})")),
    }
}

fn cannot(what: &str) -> String {
    format!("{what} is neither a sum of counters, nor a difference or a quotient of such sums")
}
