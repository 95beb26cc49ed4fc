//! Accepts `JSONPath` queries whose parsing and evaluation are bounded. Pure.

use super::json_path::JsonPath;

/// Maximum length of a query in bytes.
const LENGTH_MAX: usize = 1000;
/// Maximum nesting of brackets and parentheses, since the parser is recursive.
const DEPTH_MAX: usize = 32;
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
    if code.matches("..").count() > DESCENTS_MAX {
        return Some(format!("has more than {DESCENTS_MAX} `..`"));
    }
    if code.matches('$').count() > 1 + ROOTS_MAX {
        return Some(format!("has more than {ROOTS_MAX} `$` in filters"));
    }
    if selected(&code) > SELECTED_MAX {
        return Some(format!("selects values more than {SELECTED_MAX} times"));
    }
    None
}

/// The query without the characters in quotes.
fn without_strings(query: &str) -> String {
    let (mut quote, mut escaped) = (None, false);
    let is_outside = |c: &char| {
        let was_inside = quote.is_some();
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if *c == '\\' => escaped = true,
            Some(open) if *c == open => quote = None,
            None if matches!(c, '\'' | '"') => quote = Some(*c),
            _ => {}
        }
        !was_inside
    };
    query.chars().filter(is_outside).collect()
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

/// The product of the lengths of all lists of selectors, including lists of function arguments.
fn selected(code: &str) -> usize {
    let mut lists = code
        .split(['[', ']'])
        .map(|part| part.matches(',').count() + 1);
    lists
        .try_fold(1_usize, usize::checked_mul)
        .unwrap_or(usize::MAX)
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
            "$.a[?@.id == 9007199254740993]",
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
        for (query, fault) in [
            (nested.as_str(), "longer than 1000 bytes"),
            (&brackets, "nested more than 32"),
            (&deep, "nested more than 32"),
            ("$..a..b", "more than 1 `..`"),
            ("$[?count($[?count($.*) > 1]) > 1]", "more than 1 `$`"),
            (&format!("${}", "[0,0]".repeat(7)), "more than 64 times"),
            ("$[?match(@.a, @.b)]", "a quoted expression at position 13"),
            ("$[?search(@.a, '\\\\w{1000}')]", "not a regular expression"),
            ("status", "did you mean `$.status`?"),
            (".status[0].name", "did you mean `$.status[0].name`?"),
            ("$status", "did you mean `$.status`?"),
            ("[BODY].status", "did you mean `$.status`?"),
            ("$.my-key.a", "did you mean `$['my-key'].a`?"),
            ("$.a[", "not a valid JSONPath: expected a name in quotes"),
        ] {
            let refused = read(query).expect_err(query);
            assert!(refused.contains(fault), "{query}: {refused}");
        }
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_queries_do_not_panic(query in "\\$(\\[|\\]|\\(|\\)|'|\"|\\\\|,|\\.\\.|\\?|@|match\\(|[a-z0-9]|\\PC){0,40}") {
            let _ = read(&query);
        }
    }
}
