//! Parses queries by the grammar of RFC 9535.

use super::literal::{integer, number, string};
use super::scan::Scan;
use super::{Comparison, Condition, Operand, Query, Segment, Selector, Slice};
use crate::probe::pattern::{expected, text_regex};
use serde_json::Value;

/// What a filter compares or tests.
enum Term {
    Literal(Value),
    Query(Query),
    /// The value of a function.
    Computed(Operand),
    /// The condition that a function is.
    Test(Condition),
}

pub(super) fn whole_query(text: &str) -> Result<Query, String> {
    let mut scan = Scan::new(text);
    if !scan.eat("$") {
        return Err(scan.expected("`$`"));
    }
    let segments = segments(&mut scan)?;
    if !scan.is_end() {
        return Err(scan.expected("`.`, `[` or the end"));
    }
    Ok(Query {
        is_absolute: true,
        segments,
    })
}

fn segments(scan: &mut Scan<'_>) -> Result<Vec<Segment>, String> {
    let mut segments = Vec::new();
    loop {
        let before = *scan;
        scan.skip_space();
        let Some(segment) = segment(scan)? else {
            // The white space is not part of the query.
            *scan = before;
            return Ok(segments);
        };
        segments.push(segment);
    }
}

fn segment(scan: &mut Scan<'_>) -> Result<Option<Segment>, String> {
    let descends = scan.eat("..");
    let is_named = !descends && scan.eat(".");
    let selectors = match scan.next() {
        Some('[') if !is_named => brackets(scan)?,
        _ if is_named || descends => vec![name_or_all(scan)?],
        _ => return Ok(None),
    };
    Ok(Some(Segment {
        descends,
        selectors,
    }))
}

/// Parses what may follow a dot.
fn name_or_all(scan: &mut Scan<'_>) -> Result<Selector, String> {
    if scan.eat("*") {
        return Ok(Selector::All);
    }
    let is_in_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii();
    if !scan
        .next()
        .is_some_and(|c| is_in_name(c) && !c.is_ascii_digit())
    {
        return Err(scan.expected("`*`, or a name of letters, digits and `_`"));
    }
    Ok(Selector::Name(scan.take_while(is_in_name).to_owned()))
}

fn brackets(scan: &mut Scan<'_>) -> Result<Vec<Selector>, String> {
    scan.eat_spaced("[");
    let mut selectors = vec![selector(scan)?];
    while scan.eat_spaced(",") {
        selectors.push(selector(scan)?);
    }
    scan.skip_space();
    if !scan.eat("]") {
        return Err(scan.expected("`]`"));
    }
    Ok(selectors)
}

fn selector(scan: &mut Scan<'_>) -> Result<Selector, String> {
    match scan.next() {
        Some('*') => {
            scan.take();
            Ok(Selector::All)
        }
        Some('\'' | '"') => string(scan).map(Selector::Name),
        Some('?') => {
            scan.eat_spaced("?");
            any(scan).map(Selector::Filter)
        }
        Some(':' | '-' | '0'..='9') => index_or_slice(scan),
        _ => Err(scan.expected("a name in quotes, an index, a slice, `*` or a filter (`?`)")),
    }
}

fn index_or_slice(scan: &mut Scan<'_>) -> Result<Selector, String> {
    let start = optional_integer(scan)?;
    if !scan.eat_spaced(":") {
        let index = start.map(Selector::Index);
        return index.ok_or_else(|| scan.expected("`:`"));
    }
    let end = optional_integer(scan)?;
    let step = if scan.eat_spaced(":") {
        optional_integer(scan)?
    } else {
        None
    };
    Ok(Selector::Slice(Slice {
        start,
        end,
        step: step.unwrap_or(1),
    }))
}

fn optional_integer(scan: &mut Scan<'_>) -> Result<Option<i64>, String> {
    match scan.next() {
        Some('-' | '0'..='9') => integer(scan).map(Some),
        _ => Ok(None),
    }
}

fn any(scan: &mut Scan<'_>) -> Result<Condition, String> {
    let mut conditions = vec![all(scan)?];
    while scan.eat_spaced("||") {
        conditions.push(all(scan)?);
    }
    Ok(Condition::Any(conditions))
}

fn all(scan: &mut Scan<'_>) -> Result<Condition, String> {
    let mut conditions = vec![condition(scan)?];
    while scan.eat_spaced("&&") {
        conditions.push(condition(scan)?);
    }
    Ok(Condition::All(conditions))
}

fn condition(scan: &mut Scan<'_>) -> Result<Condition, String> {
    if scan.eat_spaced("!") {
        let negated = match scan.next() {
            Some('(') => parentheses(scan)?,
            _ => test(term(scan)?, scan)?,
        };
        return Ok(Condition::Not(Box::new(negated)));
    }
    if scan.next() == Some('(') {
        return parentheses(scan);
    }
    let before = *scan;
    let left = term(scan)?;
    let Some(comparison) = comparison(scan) else {
        return test(left, scan);
    };
    let left = single(left, &before)?;
    let before = *scan;
    let right = term(scan)?;
    Ok(Condition::Compared(
        left,
        comparison,
        single(right, &before)?,
    ))
}

fn parentheses(scan: &mut Scan<'_>) -> Result<Condition, String> {
    scan.eat_spaced("(");
    let inner = any(scan)?;
    scan.skip_space();
    if !scan.eat(")") {
        return Err(scan.expected("`)`"));
    }
    Ok(inner)
}

/// The condition that a term is by itself; `end` is its end.
fn test(term: Term, end: &Scan<'_>) -> Result<Condition, String> {
    match term {
        Term::Query(query) => Ok(Condition::Exists(query)),
        Term::Test(test) => Ok(test),
        Term::Literal(_) | Term::Computed(_) => Err(end.expected("a comparison, such as `== 1`,")),
    }
}

fn comparison(scan: &mut Scan<'_>) -> Option<Comparison> {
    let all = [
        ("==", Comparison::Equal),
        ("!=", Comparison::NotEqual),
        ("<=", Comparison::AtMost),
        (">=", Comparison::AtLeast),
        ("<", Comparison::Less),
        (">", Comparison::Greater),
    ];
    let mut all = all.into_iter();
    let found = all.find(|(written, _)| scan.eat_spaced(written));
    found.map(|(_, comparison)| comparison)
}

/// The operand that a term is; `at` is its position.
fn single(term: Term, at: &Scan<'_>) -> Result<Operand, String> {
    match term {
        Term::Literal(value) => Ok(Operand::Literal(value)),
        Term::Query(query) if query.is_single() => Ok(Operand::Single(query)),
        Term::Computed(operand) => Ok(operand),
        Term::Query(_) => Err(at.expected("a query with a single result, or `value(...)`,")),
        Term::Test(_) => Err(at.expected("a value, not a condition,")),
    }
}

fn term(scan: &mut Scan<'_>) -> Result<Term, String> {
    match scan.next() {
        Some('\'' | '"') => Ok(Term::Literal(string(scan)?.into())),
        Some('-' | '0'..='9') => number(scan).map(Term::Literal),
        Some('$' | '@') => query(scan).map(Term::Query),
        _ => word(scan),
    }
}

fn query(scan: &mut Scan<'_>) -> Result<Query, String> {
    let is_absolute = scan.eat("$");
    if !is_absolute && !scan.eat("@") {
        return Err(scan.expected("a query (`@` or `$`)"));
    }
    let segments = segments(scan)?;
    Ok(Query {
        is_absolute,
        segments,
    })
}

/// Parses `true`, `false`, `null` or a function.
fn word(scan: &mut Scan<'_>) -> Result<Term, String> {
    let before = *scan;
    let word = scan.take_while(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !scan.eat("(") {
        let literal = match word {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            "null" => Some(Value::Null),
            _ => None,
        };
        let what = "a query (`@`), a literal or a function";
        return literal
            .map(Term::Literal)
            .ok_or_else(|| before.expected(what));
    }
    scan.skip_space();
    let result = match word {
        "length" => {
            let operand = Box::new(argument(scan)?);
            Term::Computed(Operand::Length(operand))
        }
        "count" => Term::Computed(Operand::Count(query(scan)?)),
        "value" => Term::Computed(Operand::ValueOf(query(scan)?)),
        "match" | "search" => Term::Test(matched(scan, word == "match")?),
        _ => {
            let functions = "`length`, `count`, `value`, `match` or `search`";
            return Err(before.expected(functions));
        }
    };
    scan.skip_space();
    if !scan.eat(")") {
        return Err(scan.expected("`)`"));
    }
    Ok(result)
}

fn argument(scan: &mut Scan<'_>) -> Result<Operand, String> {
    let before = *scan;
    single(term(scan)?, &before)
}

/// Parses the arguments of `match` (`whole`) or `search`. The expression must be a literal, which is compiled
/// once.
fn matched(scan: &mut Scan<'_>, whole: bool) -> Result<Condition, String> {
    let operand = argument(scan)?;
    let before = *scan;
    let quote = |scan: &Scan<'_>| matches!(scan.next(), Some('\'' | '"'));
    if !scan.eat_spaced(",") || !quote(scan) {
        return Err(before.expected("a comma and a quoted expression"));
    }
    let pattern = string(scan)?;
    let invalid = || format!("`{pattern:.60}` is not {}", expected(&pattern));
    // First compiled as written: an expression must not become valid through the added parentheses.
    text_regex(&pattern).ok_or_else(invalid)?;
    // A dot matches neither CR nor LF (RFC 9485).
    let compiled = if whole {
        text_regex(&format!("(?R)\\A(?:{pattern})\\z"))
    } else {
        text_regex(&format!("(?R){pattern}"))
    };
    Ok(Condition::Matches(operand, compiled.ok_or_else(invalid)?))
}
