use super::super::tree::parse;
use super::*;
use crate::diagnostic::{Diagnostic, Severity, Source};
use std::path::Path;

const INNER: &[Key] = &[Key::required("size", Shape::Size, "How large.")];
const KEYS: &[Key] = &[
    Key::optional("text", Shape::Text, "", ""),
    Key::optional("span", Shape::Duration, "", ""),
    Key::optional("share", Shape::Ratio, "", ""),
    Key::optional("rate", Shape::Rate, "", ""),
    Key::optional("flag", Shape::Bool, "", ""),
    Key::optional("count", Shape::Integer(1, 9), "", ""),
    Key::optional("word", Shape::Choice(&["a", "b"]), "", ""),
    Key::optional("file", Shape::File, "", ""),
    Key::optional("token", Shape::Secret, "", ""),
    Key::optional("inner", Shape::Section(INNER), "", ""),
    Key::optional("items", Shape::List(&Shape::Section(INNER)), "", ""),
    Key::optional("names", Shape::List(&Shape::Text), "", ""),
    Key::optional("map", Shape::Map(&Shape::Text), "", ""),
];

/// Reads a document with `take`, and returns what it took and what was reported.
fn read<T>(text: &str, take: impl FnOnce(&Section<'_>) -> T) -> (T, Vec<Diagnostic>) {
    let base = std::env::temp_dir();
    read_at(&base, text, take)
}

fn read_at<T>(
    base: &Path,
    text: &str,
    take: impl FnOnce(&Section<'_>) -> T,
) -> (T, Vec<Diagnostic>) {
    let source = Source {
        name: String::new(),
        text: text.to_owned(),
    };
    let document = parse(&source).expect("valid YAML");
    let env = |name: &str| match name {
        "HOST" => Some("example.org".to_owned()),
        "TOKEN" => Some("s3cret".to_owned()),
        _ => None,
    };
    let reader = Reader::new(base, &env);
    let section = reader.section(&document, "root", KEYS).expect("a mapping");
    let taken = take(&section);
    drop(section);
    (taken, reader.finish())
}

/// Code and path of every diagnostic.
fn shown(found: &[Diagnostic]) -> Vec<String> {
    found
        .iter()
        .map(|d| format!("{} {}", d.code, d.path))
        .collect()
}

#[test]
fn values_of_every_shape_are_read() {
    let text = "{ text: 5, span: 1h30m, share: 5%, rate: 90/min, flag: false, count: 9, word: b }";
    let (values, found) = read(text, |s| {
        assert_eq!(s.text("text").as_deref(), Some("5"));
        assert_eq!(s.duration("span"), Some(Duration::from_secs(5400)));
        assert_eq!(s.ratio("share"), Some(0.05));
        assert_eq!(s.rate("rate"), Some(1.5));
        assert_eq!(s.bool("flag"), Some(false));
        (
            s.integer("count", 1..=9),
            s.choice("word", &[("a", 1), ("b", 2)]),
        )
    });
    assert_eq!(values, (Some(9), Some(2)));
    assert_eq!(found, []);
}

#[test]
fn wrong_values_are_reported_where_they_stand() {
    type Take = fn(&Section<'_>) -> bool;
    let table: [(&str, Take, &str); 9] = [
        (
            "span: 10",
            |s| s.duration("span").is_none(),
            "did you mean `10s`?",
        ),
        (
            "share: 99.9",
            |s| s.ratio("share").is_none(),
            "did you mean `99.9%`?",
        ),
        (
            "share: 101",
            |s| s.ratio("share").is_none(),
            "99.9% or 0.999",
        ),
        ("rate: fast", |s| s.rate("rate").is_none(), "100/s"),
        ("flag: yes", |s| s.bool("flag").is_none(), "true or false"),
        (
            "count: 10",
            |s| s.integer("count", 1..=9).is_none(),
            "from 1 to 9",
        ),
        (
            "word: c",
            |s| s.choice("word", &[("a", 1)]).is_none(),
            "one of a",
        ),
        ("text: [a]", |s| s.text("text").is_none(), "expected text"),
        (
            "inner: 5",
            |s| s.section("inner", INNER).is_none(),
            "keys such as size",
        ),
    ];
    for (text, take, help) in table {
        let (missing, found) = read(text, take);
        assert!(missing, "{text}");
        assert_eq!(found.len(), 1, "{text}");
        assert_eq!(found[0].code, "invalid-value", "{text}");
        assert!(
            found[0].help.as_ref().is_some_and(|h| h.contains(help)),
            "{found:?}"
        );
        let key = text.split(':').next().unwrap_or_default();
        assert_eq!(found[0].path, format!("root.{key}"));
        assert_eq!(found[0].place.map(|p| p.column), Some(key.len() + 3));
    }
}

#[test]
fn null_is_left_out() {
    let ((), found) = read("{ text: , span: ~, inner: , items: , map: null }", |s| {
        assert!(!s.has("text") && !s.has("inner"));
        assert_eq!(s.text("text"), None);
        assert_eq!(s.duration("span"), None);
        assert!(s.section("inner", INNER).is_none());
        assert!(s.list("items").is_empty() && s.text_map("map").is_empty());
    });
    assert_eq!(found, []);
}

#[test]
fn a_missing_key_stands_where_its_section_does() {
    let (_, found) = read("\n\nspan: 5s\ninner: {}\n", |s| {
        assert_eq!(s.spot_of("text").path, "root");
        assert_eq!(s.spot_of("text").place, s.spot().place);
        assert_eq!(s.spot_of("span").path, "root.span");
        assert_eq!(
            s.spot_of("span").place.map(|p| (p.line, p.column)),
            Some((3, 7))
        );
        s.section("inner", INNER).map(|inner| inner.size("size"))
    });
    assert_eq!(shown(&found), ["missing-key root.inner"]);
    assert_eq!(found[0].help.as_deref(), Some("How large."));
}

#[test]
fn lists_have_a_path_per_item_and_one_item_needs_no_brackets() {
    let sizes = |s: &Section<'_>| -> Vec<Option<u64>> {
        s.list("items")
            .into_iter()
            .filter_map(|(at, node)| s.reader().section(node, &at.path, INNER))
            .map(|item| item.size("size"))
            .collect()
    };
    let (taken, found) = read("items: [{ size: 1B }, { siz: 2B }, 5, { size: x }]", sizes);
    assert_eq!(taken, [Some(1), None, None]);
    let expected = [
        "missing-key root.items[1]",
        "unknown-key root.items[1].siz",
        "invalid-value root.items[2]",
        "invalid-value root.items[3].size",
    ];
    assert_eq!(shown(&found), expected);
    let (taken, found) = read("items: { size: 1B }", sizes);
    assert_eq!((taken, found), (vec![Some(1)], vec![]));
}

#[test]
fn texts_and_maps_report_each_fault_once() {
    let (names, found) = read("names: [a, [b], \"${NO}\", \"${HOST}\"]", |s| {
        s.texts("names", "a name", |text| Some(text.to_owned()))
    });
    assert_eq!(names, ["a", "example.org"]);
    assert_eq!(
        shown(&found),
        [
            "invalid-value root.names[1]",
            "unset-variable root.names[2]"
        ]
    );
    let (map, found) = read("map: { a: 1, b: [], c: \"${HOST}\" }", |s| {
        s.text_map("map")
    });
    let map: Vec<_> = map
        .into_iter()
        .map(|(name, text, _)| (name, text))
        .collect();
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(map, [pair("a", "1"), pair("c", "example.org")]);
    assert_eq!(shown(&found), ["invalid-value root.map.b"]);
    let (map, found) = read("map: [a]", |s| s.text_map("map").len());
    assert_eq!(
        (map, shown(&found)),
        (0, vec!["invalid-value root.map".to_owned()])
    );
}

#[test]
fn variables_are_replaced_and_a_doubled_dollar_is_not() {
    let table = [
        ("${HOST}", Some("example.org")),
        (
            "https://${HOST}/${HOST}",
            Some("https://example.org/example.org"),
        ),
        ("$${HOST}", Some("${HOST}")),
        ("$HOST $ {x}", Some("$HOST $ {x}")),
        ("${NO}", None),
        ("${", None),
        ("${}", None),
        ("${A B}", None),
    ];
    for (written, expected) in table {
        let (text, found) = read(&format!("text: \"{written}\""), |s| s.text("text"));
        assert_eq!(text.as_deref(), expected, "{written}");
        assert_eq!(found.is_empty(), expected.is_some(), "{written}");
    }
}

#[test]
fn keys_are_checked_once_and_all_of_them() {
    let ((), found) = read("{ txet: 1, text: 1, text: 2, zzz: 3, 5: 6 }", |_| ());
    let expected = [
        "unknown-key root.txet",
        "duplicate-key root.text",
        "unknown-key root.zzz",
        "unknown-key root.5",
    ];
    assert_eq!(shown(&found), expected);
    assert_eq!(found[0].help.as_deref(), Some("did you mean `text`?"));
}

#[test]
fn a_secret_comes_from_the_text_the_environment_or_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let secret = |text: &str| {
        let (secret, found) = read_at(folder.path(), text, |s| s.secret("token"));
        assert!(
            !format!("{secret:?}{found:?}").contains("s3cret"),
            "a secret is shown"
        );
        (secret.map(|s| s.reveal().to_owned()), shown(&found))
    };
    let expected = || Some("s3cret".to_owned());
    assert_eq!(secret("token: s3cret"), (expected(), vec![]));
    assert_eq!(secret("token: ${TOKEN}"), (expected(), vec![]));
    std::fs::write(folder.path().join("t"), "s3cret\n").expect("written");
    restrict(&folder.path().join("t"), 0o600);
    assert_eq!(secret("token_file: t"), (expected(), vec![]));
    let both = "conflict root.token_file".to_owned();
    assert_eq!(
        secret("{ token: x, token_file: t }"),
        (expected(), vec![both])
    );
    let missing = "unreadable-file root.token_file".to_owned();
    assert_eq!(secret("token_file: gone"), (None, vec![missing.clone()]));
    std::fs::write(folder.path().join("t"), b"\xff").expect("written");
    assert_eq!(secret("token_file: t"), (None, vec![missing.clone()]));
    std::fs::write(folder.path().join("t"), vec![b'x'; 2 << 20]).expect("written");
    assert_eq!(secret("token_file: t"), (None, vec![missing]));
    assert_eq!(secret("{}"), (None, vec![]));
}

#[cfg(unix)]
#[test]
fn a_secret_file_that_everybody_can_read_is_a_warning() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("t"), "x").expect("written");
    restrict(&folder.path().join("t"), 0o644);
    let (secret, found) = read_at(folder.path(), "token_file: t", |s| s.secret("token"));
    assert!(secret.is_some());
    assert_eq!(shown(&found), ["secret-file-readable root.token_file"]);
    assert_eq!(found[0].severity, Severity::Warning);
}

#[cfg(unix)]
fn restrict(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("an own file");
}

#[cfg(not(unix))]
fn restrict(_: &Path, _: u32) {}
