//! `JSONPath` queries (RFC 9535), in which filters compare numbers by all their digits. Pure.

mod evaluate;
mod literal;
mod parse;
mod scan;

use regex::Regex;
use serde_json::Value;

/// A valid query.
#[derive(Clone, Debug)]
pub struct JsonPath(Query);

impl JsonPath {
    /// Parses a query. The nesting of its brackets must be bounded, since the parser is recursive. Returns an
    /// error message with the position if it is invalid.
    pub fn parse(text: &str) -> Result<Self, String> {
        parse::whole_query(text).map(Self)
    }

    /// The results in a document. A value is repeated if it is selected several times.
    pub fn query<'v>(&self, document: &'v Value) -> Vec<&'v Value> {
        self.0.nodes(document, document)
    }
}

#[derive(Clone, Debug)]
struct Query {
    /// Whether it starts at the root (`$`) instead of the current value (`@`).
    is_absolute: bool,
    segments: Vec<Segment>,
}

#[derive(Clone, Debug)]
struct Segment {
    /// Whether it applies to all descendants (`..`).
    descends: bool,
    selectors: Vec<Selector>,
}

#[derive(Clone, Debug)]
enum Selector {
    Name(String),
    All,
    /// Negative from the end of a list.
    Index(i64),
    Slice(Slice),
    Filter(Condition),
}

#[derive(Clone, Debug)]
struct Slice {
    start: Option<i64>,
    end: Option<i64>,
    step: i64,
}

/// The condition of a filter.
#[derive(Clone, Debug)]
enum Condition {
    Any(Vec<Condition>),
    All(Vec<Condition>),
    Not(Box<Condition>),
    /// The query has a result.
    Exists(Query),
    Compared(Operand, Comparison, Operand),
    /// The operand is a string that matches.
    Matches(Operand, Regex),
}

/// A single value, or none.
#[derive(Clone, Debug)]
enum Operand {
    Literal(Value),
    /// The result of a query that has at most one.
    Single(Query),
    /// `length`: of a string in characters, of a list or an object in elements.
    Length(Box<Operand>),
    /// `count`: the number of results.
    Count(Query),
    /// `value`: the result if there is exactly one.
    ValueOf(Query),
}

#[derive(Clone, Copy, Debug)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

impl Query {
    /// Whether it can have one result at most.
    fn is_single(&self) -> bool {
        self.segments.iter().all(|segment| {
            let selector = &segment.selectors[..];
            !segment.descends && matches!(selector, [Selector::Name(_) | Selector::Index(_)])
        })
    }
}

#[cfg(test)]
mod tests;
