//! Accepts `JSONPath` queries whose parsing and evaluation are bounded. Pure.

use crate::probe::pattern::{expected, text_regex};
use serde_json_path::JsonPath;

/// Maximum length of a query in bytes.
const LENGTH_MAX: usize = 1000;
/// Maximum nesting of brackets and parentheses, since the parser is recursive.
const DEPTH_MAX: usize = 32;
/// Maximum nesting of filters; each level doubles the parsing time.
const FILTERS_MAX: usize = 8;
/// Maximum number of `..`, each of which visits all descendants of every result so far.
const DESCENTS_MAX: usize = 1;
/// Maximum number of `$` in filters, each of which is evaluated from the root for every candidate.
const ROOTS_MAX: usize = 1;
/// Maximum number of times a value may be selected: the lengths of lists of selectors multiply.
const SELECTED_MAX: usize = 64;

/// Parses a query. Returns an error message if it is invalid.
pub fn read(query: &str) -> Result<JsonPath, String> {
    if let Some(fault) = fault(query) {
        return Err(format!("the JSONPath `{query:.60}` {fault}"));
    }
    JsonPath::parse(query).map_err(|error| match likely(query) {
        Some(likely) => format!("`{query}` is not a valid JSONPath; did you mean `{likely}`?"),
        None => format!("`{query}` is not a valid JSONPath: {error}"),
    })
}

/// The query that was probably meant by a path of names: without the `$`, as other tools write it, or with
/// a name that needs brackets, such as `$.my-key`.
fn likely(query: &str) -> Option<String> {
    let below_root = ["[BODY]", "$"]
        .iter()
        .find_map(|root| query.strip_prefix(root));
    let path = below_root.unwrap_or(query);
    let mut likely = "$".to_owned();
    for part in path.strip_prefix('.').unwrap_or(path).split('.') {
        let (name, index) = part.split_at(part.find('[').unwrap_or(part.len()));
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | ' ' | '/' | ':');
        if name.is_empty() || !name.chars().all(is_name) {
            return None;
        }
        let short = format!("{likely}.{name}");
        likely = match JsonPath::parse(&short) {
            Ok(_) => short,
            Err(_) => format!("{likely}['{name}']"),
        };
        likely += index;
    }
    JsonPath::parse(&likely).ok()?;
    Some(likely)
}

fn fault(query: &str) -> Option<String> {
    if query.len() > LENGTH_MAX {
        return Some(format!("is longer than {LENGTH_MAX} bytes"));
    }
    let code = without_strings(query);
    if depth(&code) > DEPTH_MAX {
        return Some(format!("is nested more than {DEPTH_MAX} levels deep"));
    }
    if nested_filters(&code) > FILTERS_MAX {
        return Some(format!("has more than {FILTERS_MAX} nested filters"));
    }
    if code.matches("..").count() > DESCENTS_MAX {
        return Some(format!("has more than {DESCENTS_MAX} `..`"));
    }
    if code.matches('$').count() > 1 + ROOTS_MAX {
        return Some(format!("has more than {ROOTS_MAX} `$` in filters"));
    }
    if selected(&code) > SELECTED_MAX {
        return Some(format!("selects values more than {SELECTED_MAX} times"));
    }
    if let Some(number) = inexact_number(&code) {
        return Some(format!(
            "compares with {number}, which is too large for a filter: numbers are 64-bit floats there"
        ));
    }
    pattern_fault(query, &code)
}

/// The query with each character in quotes replaced by a space, so that positions stay the same.
fn without_strings(query: &str) -> String {
    let (mut quote, mut escaped) = (None, false);
    let mut code = String::with_capacity(query.len());
    for c in query.chars() {
        let inside = quote.is_some();
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            None if matches!(c, '\'' | '"') => quote = Some(c),
            _ => {}
        }
        let shown = if inside && quote.is_some() { ' ' } else { c };
        code.extend(std::iter::repeat_n(
            shown,
            if shown == c { 1 } else { c.len_utf8() },
        ));
    }
    code
}

fn depth(code: &str) -> usize {
    let mut deepest = 0;
    code.chars().fold(0_usize, |depth, c| match c {
        '(' | '[' => {
            deepest = deepest.max(depth + 1);
            depth + 1
        }
        ')' | ']' => depth.saturating_sub(1),
        _ => depth,
    });
    deepest
}

/// The maximum nesting depth of filters.
fn nested_filters(code: &str) -> usize {
    let (mut brackets, mut most) = (Vec::new(), 0);
    for c in code.chars() {
        match c {
            '[' => brackets.push(0),
            ']' => drop(brackets.pop()),
            '?' => {
                if let Some(filters) = brackets.last_mut() {
                    *filters = 1;
                }
                most = most.max(brackets.iter().sum());
            }
            _ => {}
        }
    }
    most
}

/// The product of the lengths of all lists of selectors, including lists of function arguments.
fn selected(code: &str) -> usize {
    let mut lists = code
        .split(['[', ']'])
        .map(|part| part.matches(',').count() + 1);
    lists
        .try_fold(1_usize, usize::checked_mul)
        .unwrap_or(usize::MAX)
}

/// The first integer that a 64-bit float may not represent exactly.
fn inexact_number(code: &str) -> Option<&str> {
    const EXACT_MAX: u64 = (1 << 53) - 1;
    let numbers = code.split(|c: char| !c.is_ascii_digit());
    let mut numbers = numbers.filter(|digits| !digits.is_empty());
    numbers.find(|digits| {
        let number = digits.parse::<u64>();
        number.map_or(true, |number| number > EXACT_MAX)
    })
}

/// An expression is compiled for each value that it is matched against, so it must be a literal that can
/// be checked here.
fn pattern_fault(query: &str, code: &str) -> Option<String> {
    let calls = ["match(", "search("].into_iter();
    let mut calls = calls.flat_map(|name| {
        let places = code.match_indices(name);
        places.map(move |(at, _)| at + name.len())
    });
    calls.find_map(|start| match argument(query, &code[start..], start) {
        Some(pattern) if text_regex(&pattern).is_some() => None,
        Some(pattern) => {
            let expected = expected(&pattern);
            Some(format!("has `{pattern:.60}`, which is not {expected}"))
        }
        None => Some("has `match` or `search` without a quoted expression".to_owned()),
    })
}

/// The second argument of a call, if it is a string literal.
fn argument(query: &str, call: &str, start: usize) -> Option<String> {
    let mut depth = 0_usize;
    let comma = call.char_indices().find(|(_, c)| {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        *c == ',' && depth == 0
    });
    let rest = query[start + comma?.0 + 1..].trim_start();
    let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let (mut escaped, mut text) = (false, String::new());
    for c in rest.chars().skip(1) {
        match c {
            // `\\` and `\'` stand for the second character; other escapes are part of the expression.
            '\\' if !escaped => escaped = true,
            c if c == quote && !escaped => return Some(text),
            c => {
                text.push(c);
                escaped = false;
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_with_bounded_work_are_accepted() {
        for query in [
            "$.status",
            "$['a..b']['$$$']",
            "$..items[?@.up == true].name",
            "$.a[?match(@.b, 'x.*')]",
            r#"$.a[?search(@['b'], "it's|\\d+")]"#,
            "$[?@.a == $.b]",
            "$['9007199254740993']",
            "$[1,2,3]",
            "$['\u{e4}\u{65e5}', 'it\\'s']",
        ] {
            assert!(read(query).is_ok(), "{query}: {:?}", read(query));
        }
    }

    #[test]
    fn others_are_refused_with_their_limit() {
        let nested = format!("$[?{}@.a{}]", "(".repeat(1000), ")".repeat(1000));
        let brackets = format!("${}", "[?@".repeat(200));
        let deep = format!("$[?{}@.a{}]", "(".repeat(33), ")".repeat(33));
        let filters = format!("${}@.b > 1{}", "[?@.a".repeat(9), "]".repeat(9));
        for (query, fault) in [
            (nested.as_str(), "longer than 1000 bytes"),
            (&brackets, "nested more than 32"),
            (&deep, "nested more than 32"),
            (&filters, "more than 8 nested filters"),
            ("$..a..b", "more than 1 `..`"),
            ("$[?count($[?count($.*) > 1]) > 1]", "more than 1 `$`"),
            (&format!("${}", "[0,0]".repeat(7)), "more than 64 times"),
            ("$.a[?@.id == 9007199254740993]", "too large for a filter"),
            ("$[?match(@.a, @.b)]", "without a quoted"),
            ("$[?search(@.a, '\\\\w{1000}')]", "not a regular expression"),
            ("status", "did you mean `$.status`?"),
            (".status[0].name", "did you mean `$.status[0].name`?"),
            ("$status", "did you mean `$.status`?"),
            ("[BODY].status", "did you mean `$.status`?"),
            ("$.my-key.a", "did you mean `$['my-key'].a`?"),
            ("$.a[", "not a valid JSONPath: "),
        ] {
            let refused = read(query).expect_err(query);
            assert!(refused.contains(fault), "{query}: {refused}");
        }
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_queries_do_not_panic(query in "\\$(\\[|\\]|\\(|\\)|'|\"|\\\\|,|\\.\\.|\\?|@|match\\(|[a-z0-9]|\\PC){0,40}") {
            let _ = read(&query);
            proptest::prop_assert_eq!(without_strings(&query).len(), query.len());
        }
    }
}
