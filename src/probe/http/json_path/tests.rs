use super::JsonPath;
use serde_json::{Value, json};

fn document() -> Value {
    json!({
        "jobs": [
            { "name": "a", "runs": [{ "state": "ok" }, { "state": "failed" }], "n": 1 },
            { "name": "b", "runs": [{ "state": "ok" }], "n": 1.0, "up": true },
            { "name": "c", "runs": [], "n": 9_007_199_254_740_993_i64, "up": false },
        ],
        "list": [0, 1, 2, 3, 4, 5, 6],
        "one": [1],
        "wanted": { "x": [1.0, "\u{e4}"] },
        "same": [[1.0], [1], [2], { "x": [1, "\u{e4}"] }],
        "id12345678901234567": "digits",
        "\u{1f600}": "face", "it's": "quoted", "a\nb": "line",
        "text": "gr\u{fc}n",
    })
}

/// The results of a query as JSON.
fn results(query: &str) -> String {
    let path = JsonPath::parse(query).unwrap_or_else(|fault| panic!("{query}: {fault}"));
    let document = document();
    let found: Value = path.query(&document).into_iter().cloned().collect();
    found.to_string()
}

#[test]
fn selectors_of_every_kind_select_as_the_standard_says() {
    for (query, wanted) in [
        ("$.list[0]", "[0]"),
        ("$.list[-1]", "[6]"),
        ("$.list[-8]", "[]"),
        ("$.list[7]", "[]"),
        ("$.list[1,1, -1]", "[1,1,6]"),
        ("$.list[2:4]", "[2,3]"),
        ("$.list[ 5 : 1 : -2 ]", "[5,3]"),
        ("$.list[::-3]", "[6,3,0]"),
        ("$.list[-2:]", "[5,6]"),
        ("$.list[:-5]", "[0,1]"),
        ("$.list[-99:99:3]", "[0,3,6]"),
        ("$.list[99:-99:-4]", "[6,2]"),
        ("$.list[1:3:0]", "[]"),
        ("$.list[0:9007199254740991:9007199254740991]", "[0]"),
        ("$.list.name", "[]"),
        ("$.text[0]", "[]"),
        ("$ .jobs [ * ] ['name']", r#"["a","b","c"]"#),
        ("$..state", r#"["ok","failed","ok"]"#),
        (
            "$ ..['state', 'name']",
            r#"["a","ok","failed","b","ok","c"]"#,
        ),
        ("$.jobs..[0].state", r#"["ok","ok"]"#),
        ("$.id12345678901234567", r#"["digits"]"#),
        (r"$['\ud83d\uDE00','it\'s']", r#"["face","quoted"]"#),
        (r#"$["it's","a\nb"]"#, r#"["quoted","line"]"#),
        ("$.\u{1f600}", r#"["face"]"#),
    ] {
        assert_eq!(results(query), wanted, "{query}");
    }
}

#[test]
fn filters_compare_as_the_standard_says() {
    for (filter, wanted) in [
        // Negative indexes, and numbers with all their digits.
        ("@.runs[-1].state == 'failed'", r#"["a"]"#),
        ("@.runs[-2].state == 'ok'", r#"["a"]"#),
        ("@.n == 1", r#"["a","b"]"#),
        ("@.n == 1.0e0", r#"["a","b"]"#),
        ("@.n == 9007199254740993", r#"["c"]"#),
        ("@.n == 9007199254740992", "[]"),
        ("@.n > 9007199254740992", r#"["c"]"#),
        ("@.n < 1e400", r#"["a","b","c"]"#),
        ("@.n > -1e400", r#"["a","b","c"]"#),
        // Only numbers and strings are ordered, and only missing values equal missing ones.
        ("@.up > false", "[]"),
        ("@.up >= true", r#"["b"]"#),
        ("@.runs > @.name", "[]"),
        ("@.runs >= @.runs", r#"["a","b","c"]"#),
        ("@.name >= 'b'", r#"["b","c"]"#),
        ("@.n < '2'", "[]"),
        ("@.up == @.none", r#"["a"]"#),
        ("@.up <= @.none", r#"["a"]"#),
        ("@.up < @.none", "[]"),
        ("@.up != null", r#"["a","b","c"]"#),
        // Conditions.
        ("@.up", r#"["b","c"]"#),
        ("!@.up", r#"["a"]"#),
        ("@.name == 'a' || @.up == true && @.n == 2", r#"["a"]"#),
        (
            "(@.name == 'a' || @.up == true) && @.n == 1",
            r#"["a","b"]"#,
        ),
        ("!(@.name == 'a')&&@.up", r#"["b","c"]"#),
        ("@.runs[?@.state == 'failed']", r#"["a"]"#),
        ("@.name == $.jobs[-1].name", r#"["c"]"#),
        // Functions.
        ("length(@.runs) == 0", r#"["c"]"#),
        ("length(@.name) == 1 && length(@) > 3", r#"["b","c"]"#),
        ("length(@.n) == length(@.up)", r#"["a","b","c"]"#),
        ("count(@.runs[*]) >= 2", r#"["a"]"#),
        ("count( @..state ) == 1", r#"["b"]"#),
        ("value(@.runs[*].state) == 'ok'", r#"["b"]"#),
        ("length(value(@.runs[*].state)) == 2", r#"["b"]"#),
        ("match(@.name, '[ab]')", r#"["a","b"]"#),
        ("match(@.runs[0].state, 'o')", "[]"),
        ("search( @.runs[0].state , \"o\" )", r#"["a","b"]"#),
        ("!search(@.n, '1')", r#"["a","b","c"]"#),
        ("match(@.name, 'a|b')", r#"["a","b"]"#),
    ] {
        let query = format!("$.jobs[?{filter}].name");
        assert_eq!(results(&query), wanted, "{filter}");
    }
    assert_eq!(results("$.same[?@ == $.one]"), "[[1.0],[1]]");
    assert_eq!(
        results("$.same[?@ == $.wanted]"),
        "[{\"x\":[1,\"\u{e4}\"]}]"
    );
    assert_eq!(
        results("$[?length(@) == 4 && search(@, 'r.n')]"),
        "[\"gr\u{fc}n\"]"
    );
    assert_eq!(results("$[?search(@, 'd.t')]"), "[]");
}

#[test]
fn invalid_queries_are_rejected_with_the_position() {
    for (query, wanted) in [
        ("", "`$` at position 1"),
        ("$ ", "`.`, `[` or the end at position 2"),
        ("$.", "a name of letters, digits and `_` at position 3"),
        ("$.1a", "at position 3"),
        ("$.a-b", "`.`, `[` or the end at position 4"),
        ("$..", "at position 4"),
        ("$.[0]", "at position 3"),
        (
            "$[01]",
            "an integer without leading zeros, at most 2^53 - 1 at position 3",
        ),
        ("$[-0]", "an integer"),
        ("$[9007199254740992]", "an integer"),
        ("$[1 2]", "`]` at position 5"),
        ("$[]", "a name in quotes"),
        ("$['a", "the end of the string at position 5"),
        ("$['\\u", "an escape as in JSON"),
        ("$['\\ud83d']", "an escape as in JSON"),
        ("$['\\\"']", "an escape as in JSON"),
        ("$['\t']", "an escaped control character"),
        ("$[?@.a == 01]", "a number as in JSON at position 11"),
        ("$[?@.a == +1]", "a query"),
        ("$[?@.a == 1.]", "a number as in JSON"),
        ("$[?@.a = 1]", "`]`"),
        ("$[?1]", "a comparison"),
        ("$[?!1 == 1]", "a comparison"),
        ("$[?@.* == 1]", "a query with a single result"),
        ("$[?@[0:1] == 1]", "a query with a single result"),
        ("$[?length(@.*) == 1]", "a query with a single result"),
        ("$[?length(@.a)]", "a comparison"),
        ("$[?match(@.a, 'x') == true]", "a value, not a condition"),
        ("$[?count(1) == 1]", "a query (`@` or `$`)"),
        (
            "$[?Length(@) == 1]",
            "a query (`@`), a literal or a function",
        ),
        ("$[?size(@) == 1]", "`length`, `count`"),
        ("$[?(@.a]", "`)`"),
        ("$[?@.a == nil]", "a query (`@`), a literal or a function"),
        ("@.a", "`$` at position 1"),
    ] {
        let fault = JsonPath::parse(query).expect_err(query);
        assert!(fault.contains(wanted), "{query}: {fault}");
    }
}
