//! Evaluates queries on a document.

use super::{Comparison, Condition, Operand, Query, Segment, Selector, Slice};
use crate::probe::http::json_value::{is_less, same};
use serde_json::Value;
use std::borrow::Cow;

impl Query {
    pub(super) fn nodes<'v>(&self, current: &'v Value, root: &'v Value) -> Vec<&'v Value> {
        let mut nodes = vec![if self.is_absolute { root } else { current }];
        for segment in &self.segments {
            let mut selected = Vec::new();
            for node in nodes {
                segment.select(node, root, &mut selected);
            }
            nodes = selected;
        }
        nodes
    }
}

impl Segment {
    fn select<'v>(&self, node: &'v Value, root: &'v Value, into: &mut Vec<&'v Value>) {
        for selector in &self.selectors {
            selector.select(node, root, into);
        }
        if self.descends {
            for child in children(node) {
                self.select(child, root, into);
            }
        }
    }
}

impl Selector {
    fn select<'v>(&self, node: &'v Value, root: &'v Value, into: &mut Vec<&'v Value>) {
        match self {
            Self::Name(name) => into.extend(node.get(name)),
            Self::All => into.extend(children(node)),
            Self::Index(index) => into.extend(element(node, *index)),
            Self::Slice(slice) => {
                let list = node.as_array().map_or(&[][..], Vec::as_slice);
                into.extend(slice.of(list));
            }
            Self::Filter(condition) => {
                into.extend(children(node).filter(|child| condition.holds(child, root)));
            }
        }
    }
}

/// The elements of a list, or the values of an object.
fn children(node: &Value) -> impl Iterator<Item = &Value> {
    let list = node.as_array().into_iter().flatten();
    let object = node.as_object().into_iter();
    list.chain(object.flat_map(|object| object.values()))
}

fn element(node: &Value, index: i64) -> Option<&Value> {
    let list = node.as_array()?;
    let place = usize::try_from(index.unsigned_abs()).ok()?;
    let place = if index < 0 {
        list.len().checked_sub(place)?
    } else {
        place
    };
    list.get(place)
}

impl Slice {
    /// The selected elements (RFC 9535, section 2.3.4.2).
    fn of<'v>(&self, list: &'v [Value]) -> impl Iterator<Item = &'v Value> {
        let length = i64::try_from(list.len()).unwrap_or(i64::MAX);
        let step = self.step;
        let (start, end) = if step < 0 {
            (length - 1, -length - 1)
        } else {
            (0, length)
        };
        let from_end = |index: i64| if index < 0 { length + index } else { index };
        // The positions before the first and after the last element in this direction.
        let (lowest, highest) = if step < 0 {
            (-1, length - 1)
        } else {
            (0, length)
        };
        let within = |index: Option<i64>, default: i64| {
            from_end(index.unwrap_or(default)).max(lowest).min(highest)
        };
        let (start, end) = (within(self.start, start), within(self.end, end));
        let places = std::iter::successors(Some(start), move |place| place.checked_add(step));
        let places = places.take_while(move |place| match step {
            0 => false,
            1.. => *place < end,
            _ => *place > end,
        });
        places.filter_map(|place| list.get(usize::try_from(place).ok()?))
    }
}

impl Condition {
    fn holds(&self, current: &Value, root: &Value) -> bool {
        match self {
            Self::Any(conditions) => conditions.iter().any(|one| one.holds(current, root)),
            Self::All(conditions) => conditions.iter().all(|one| one.holds(current, root)),
            Self::Not(condition) => !condition.holds(current, root),
            Self::Exists(query) => !query.nodes(current, root).is_empty(),
            Self::Compared(left, comparison, right) => {
                let (left, right) = (left.value(current, root), right.value(current, root));
                comparison.holds(left.as_deref(), right.as_deref())
            }
            Self::Matches(operand, regex) => operand
                .value(current, root)
                .is_some_and(|value| value.as_str().is_some_and(|text| regex.is_match(text))),
        }
    }
}

impl Operand {
    fn value<'v>(&'v self, current: &'v Value, root: &'v Value) -> Option<Cow<'v, Value>> {
        match self {
            Self::Literal(value) => Some(Cow::Borrowed(value)),
            Self::Single(query) | Self::ValueOf(query) => match query.nodes(current, root)[..] {
                [value] => Some(Cow::Borrowed(value)),
                _ => None,
            },
            Self::Length(operand) => length(&*operand.value(current, root)?).map(number),
            Self::Count(query) => Some(number(query.nodes(current, root).len())),
        }
    }
}

fn number<'v>(count: usize) -> Cow<'v, Value> {
    Cow::Owned(Value::from(count))
}

fn length(value: &Value) -> Option<usize> {
    match value {
        Value::String(text) => Some(text.chars().count()),
        Value::Array(list) => Some(list.len()),
        Value::Object(object) => Some(object.len()),
        _ => None,
    }
}

impl Comparison {
    /// Missing values equal each other, and are neither smaller nor greater than anything (RFC 9535, section
    /// 2.3.5.2.2).
    fn holds(self, left: Option<&Value>, right: Option<&Value>) -> bool {
        let equal = || match (left, right) {
            (Some(left), Some(right)) => same(left, right),
            (left, right) => left.is_none() && right.is_none(),
        };
        let less =
            |a: Option<&Value>, b: Option<&Value>| a.zip(b).is_some_and(|(a, b)| is_less(a, b));
        match self {
            Self::Equal => equal(),
            Self::NotEqual => !equal(),
            Self::Less => less(left, right),
            Self::AtMost => less(left, right) || equal(),
            Self::Greater => less(right, left),
            Self::AtLeast => less(right, left) || equal(),
        }
    }
}
