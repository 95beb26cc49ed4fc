use super::*;

fn parsed(text: &str) -> Result<Node, Box<Diagnostic>> {
    parse(&Source::new("", text))
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// A scalar of every kind that some YAML reader takes for something else.
const SPELLINGS: &[&str] = &[
    "on",
    "no",
    "y",
    "007",
    "-007",
    "1_000",
    "2001:db8::1",
    "12:30",
    "true",
    "True",
    "FALSE",
    "7",
    "12345678901234567890",
    "123456789012345678901234567890",
    "-9223372036854775809",
    "1e10",
    "1E-3",
    "1.10",
    "1.",
    ".5",
    "+49301234",
    "0x1F",
    "0o17",
    "0b11",
    "-0",
    "-0.0",
    ".inf",
    "-.Inf",
    ".nan",
    "2026-11-27",
    "2026-11-27T10:00:00Z",
    "<<",
    "=",
    "1.2.3",
    "9007199254740993",
    "0.1000000000000000055",
];

#[test]
fn scalars_keep_their_spelling_everywhere() {
    for name in SPELLINGS {
        assert_eq!(parsed(name).expect(name).value, text(name), "{name}");
        for document in [
            format!("- {name}\n"),
            format!("- {name}   # a comment\n"),
            format!("[{name}]"),
            format!("[ \u{e9}\u{1f600}, {name} ]"),
            format!("\u{feff}# \u{fc}\r\n- {name}\r\n"),
            format!("- &a {name}\n- *a\n"),
        ] {
            let Value::List(items) = parsed(&document).expect(name).value else {
                panic!("a list: {document}")
            };
            let last = &items.last().expect("an item").value;
            assert_eq!(last, &text(name), "{document:?}");
        }
        let document = format!("a: {name}\nb: &b {{ x: {name} }}\nc: {{ <<: *b, y: 1 }}\n");
        let Value::Map(entries) = parsed(&document).expect(name).value else {
            panic!("a mapping: {document}")
        };
        assert_eq!(entries[0].1.value, text(name), "{document}");
        let Value::Map(merged) = &entries[2].1.value else {
            panic!("a mapping: {document}")
        };
        assert!(
            merged.iter().any(|(_, value)| value.value == text(name)),
            "{document}"
        );
    }
}

#[test]
fn tags_and_quotes_do_not_change_the_spelling() {
    for (document, expected) in [
        ("'1.10'", text("1.10")),
        ("\"1.10\"", text("1.10")),
        ("!!str 1.10", text("1.10")),
        ("!!str null", text("null")),
        ("!!float 1.10", text("1.10")),
        ("!!int 0x1F", text("0x1F")),
        ("!!int \"7\"", text("7")),
        ("!!bool True", text("True")),
        ("! 7", text("7")),
        ("!!null ''", Value::Null),
        ("'!env TOKEN'", text("!env TOKEN")),
        ("'~'", text("~")),
        ("~", Value::Null),
        ("null", Value::Null),
        ("", Value::Null),
    ] {
        assert_eq!(
            parsed(document).expect(document).value,
            expected,
            "{document}"
        );
    }
}

#[test]
fn tags_of_other_programs_are_rejected() {
    for (document, message) in [
        ("a:\n  b: !env TOKEN\n", "unknown tag `!env`"),
        ("a:\n  b: !ENV ${TOKEN}\n", "unknown tag `!ENV`"),
        ("a:\n  b: !vault |\n    x\n", "unknown tag `!vault`"),
        ("a:\n  b: !include f.yaml\n", "unknown tag `!include`"),
        ("a:\n  b: !reference [x, y]\n", "unknown tag `!reference`"),
        ("a:\n  b: !secret {x: y}\n", "unknown tag `!secret`"),
        ("a:\n  b: !hunter2\n", "unknown tag"),
        ("a:\n  b: !!python/name:os.system x\n", "unknown tag"),
    ] {
        let refused = parsed(document).expect_err(document);
        assert_eq!((refused.code, &*refused.message), ("syntax", message));
        let place = refused.place.expect("a place");
        assert_eq!((place.line, place.column), (2, 6), "{document}");
    }
}

#[test]
fn keys_keep_their_spelling_too() {
    for name in ["1.10", "0x1F", "true", "null", "~", "12345678901234567890"] {
        for document in [format!("{name}: x\n"), format!("{{ {name}: x }}")] {
            let Value::Map(entries) = parsed(&document).expect(name).value else {
                panic!("a mapping: {document}")
            };
            assert_eq!(entries[0].0.value, text(name), "{document}");
        }
    }
}

#[test]
fn nesting_and_repeating_are_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parsed(&nested(20)).is_ok());
    let blocks = "- ".repeat(5000);
    for text in [nested(5000), blocks, "{a: ".repeat(5000)] {
        assert_eq!(parsed(&text).expect_err("too deep").code, "syntax");
    }
}

#[test]
fn an_anchor_can_be_used_often_and_overridden() {
    let mut document = "- &a { x: 1, y: 2 }\n".to_owned();
    document += &"- { <<: *a, y: 3 }\n".repeat(500);
    let Value::List(items) = parsed(&document).expect("merged").value else {
        panic!("a list")
    };
    let Value::Map(entries) = &items[500].value else {
        panic!("a mapping")
    };
    let pairs: Vec<_> = entries
        .iter()
        .map(|(key, value)| (key.value.scalar(), value.value.clone()))
        .collect();
    assert_eq!(pairs.len(), 2, "{pairs:?}");
    assert!(pairs.contains(&(Some("x".to_owned()), text("1"))));
    assert!(pairs.contains(&(Some("y".to_owned()), text("3"))));
}

#[test]
fn an_alias_has_the_place_where_it_is_used() {
    let node = parsed("a: &x [1]\nb: *x\n").expect("an alias");
    let Value::Map(entries) = node.value else {
        panic!("a mapping")
    };
    assert_eq!(entries[1].1.place.line, 2);
    assert!(matches!(&entries[1].1.value, Value::List(items) if items.len() == 1));
}

#[test]
fn a_character_that_is_not_text_is_named() {
    let refused = parsed("a: 1\0\n").expect_err("NUL");
    let wanted = "invalid YAML: unexpected character `\\u{0}`";
    assert_eq!((refused.code, &*refused.message), ("syntax", wanted));
    let help = refused.help.expect("what to do");
    assert!(help.contains("without control characters"), "{help}");
}
