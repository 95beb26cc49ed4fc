use super::*;
use crate::diagnostic::{Diagnostic, Severity, Source};
use crate::units::HOUR;
use crate::yaml::tree::parse;
use crate::yaml::{Bool, Choice, Integer, Ratio, SecretMap, SecretText, Size, Span};
use std::path::Path;
use std::time::Duration;

const INNER: Keys = &[&SIZE];
const SIZE: Key<Size> = Key::required("size", Size { max_mib: 1 }, "How large.");
const KEYS: Keys = &[
    &TEXT, &SPAN, &SHARE, &FLAG, &COUNT, &WORD, &TOKEN, &NESTED, &ITEMS, &NAMES, &MAP, &SECRETS,
];
const TEXT: Key<Text> = Key::optional("text", Text, "");
const SPAN: Key<Span> = Key::optional("span", Span::within(SECOND, HOUR.saturating_mul(2)), "");
const SECOND: Duration = Duration::from_secs(1);
const SHARE: Key<Ratio> = Key::optional("share", Ratio, "");
const FLAG: Key<Bool> = Key::with_default("flag", Bool, "true", "");
const COUNT: Key<Integer> = Key::optional("count", Integer(1, 9), "");
const WORD: Key<Choice<i32>> = Key::optional("word", Choice(&[("a", 1), ("b", 2)]), "");
const TOKEN: Key<SecretText> = Key::optional("token", SecretText, "");
const NESTED: Key<Mapping> = Key::optional("inner", Mapping(INNER), "");
const ITEMS: Key<List<Mapping>> = Key::optional("items", List::up_to(4, Mapping(INNER)), "");
const NAMES: Key<List<Text>> = Key::with_default("names", List::of(Text), "nobody", "");
const MAP: Key<Map<Text>> = Key::optional("map", Map::of(Text), "");
const SECRETS: Key<SecretMap> = Key::optional(
    "secrets",
    SecretMap {
        expected: "names with secrets",
    },
    "",
);

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
    let source = Source::new("", text);
    let document = parse(&source).expect("valid YAML");
    let env = |name: &str| match name {
        "HOST" => Some("example.org".to_owned()),
        "TOKEN" => Some("s3cret".to_owned()),
        "STORED_BY_ECHO" => Some("s3cret\n".to_owned()),
        "LATIN1" => Some("t\u{fffd}st".to_owned()),
        _ => None,
    };
    let reader = Reader::new(&source, base, &env);
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
fn values_of_every_form_are_read() {
    let text = "{ text: 5, span: 1h30m, share: 5%, flag: false, count: 9, word: b }";
    let (values, found) = read(text, |s| {
        assert_eq!(s.get(&TEXT).as_deref(), Some("5"));
        assert_eq!(s.get(&SPAN), Some(Duration::from_mins(90)));
        assert_eq!(s.get(&SHARE), Some(0.05));
        assert_eq!(s.get(&FLAG), Some(false));
        (s.get(&COUNT), s.get(&WORD))
    });
    assert_eq!(values, (Some(9), Some(2)));
    assert_eq!(found, []);
}

#[test]
fn omitted_keys_have_their_defaults() {
    let ((), found) = read("{}", |s| {
        assert_eq!((s.get(&FLAG), s.get(&COUNT)), (Some(true), None));
        assert_eq!(s.get_or(&COUNT, Some(3)), Some(3));
        assert_eq!(s.all(&NAMES), ["nobody"]);
    });
    assert_eq!(found, []);
    let (names, _) = read("names: []", |s| s.all(&NAMES));
    assert_eq!(names, ["nobody"]);
    let (flag, found) = read("flag: maybe", |s| s.get(&FLAG));
    assert_eq!((flag, found.len()), (None, 1), "an invalid value has none");
}

#[test]
fn wrong_values_are_reported_at_their_position() {
    type Take = fn(&Section<'_>) -> bool;
    let (invalid, out_of_range) = ("invalid-value", "out-of-range");
    let span: Take = |s| s.get(&SPAN).is_none();
    let share: Take = |s| s.get(&SHARE).is_none();
    let flag: Take = |s| s.get(&FLAG).is_none();
    let count: Take = |s| s.get(&COUNT).is_none();
    let word: Take = |s| s.get(&WORD).is_none();
    let string: Take = |s| s.get(&TEXT).is_none();
    let inner: Take = |s| s.section(&NESTED).is_none();
    let items: Take = |s| s.sections(&ITEMS).count() == 4;
    let five = "items: [{size: 1},{size: 1},{size: 1},{size: 1},{size: 1}]";
    let table = [
        ("span: 10", span, invalid, "did you mean `10s`?"),
        ("span: 3h", span, out_of_range, "expected 1s to 2h"),
        ("share: 99.9", share, invalid, "did you mean `99.9%`?"),
        ("share: 101", share, invalid, "99.9% or 0.999"),
        ("flag: yes", flag, invalid, "true or false"),
        ("count: 10", count, invalid, "from 1 to 9"),
        ("word: c", word, invalid, "one of a, b"),
        ("text: [a]", string, invalid, "expected a string"),
        ("inner: 5", inner, invalid, "keys such as size"),
        (five, items, out_of_range, "expected at most 4"),
    ];
    for (text, take, code, help) in table {
        let (is_as_expected, found) = read(text, take);
        assert!(is_as_expected, "{text}");
        assert_eq!(found.len(), 1, "{text}");
        assert_eq!(found[0].code, code, "{text}");
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
        assert!(!s.has(&TEXT) && !s.has(&NESTED));
        assert_eq!(s.get(&TEXT), None);
        assert_eq!(s.get(&SPAN), None);
        assert!(s.section(&NESTED).is_none());
        assert!(s.list(&ITEMS).is_empty() && s.map(&MAP).is_empty());
        let at = s.spot_of_null(&NESTED).map(|at| at.path);
        assert_eq!(at.as_deref(), Some("root.inner"));
    });
    assert_eq!(found, []);
}

#[test]
fn a_missing_key_is_reported_at_its_section() {
    let (_, found) = read("\n\nspan: 5s\ninner: {}\n", |s| {
        assert_eq!(s.spot_of(&TEXT).path, "root");
        assert_eq!(s.spot_of(&TEXT).place, s.spot().place);
        assert_eq!(s.spot_of(&SPAN).path, "root.span");
        assert_eq!(
            s.spot_of(&SPAN).place.map(|p| (p.line, p.column)),
            Some((3, 7))
        );
        s.section(&NESTED).map(|inner| inner.get(&SIZE))
    });
    assert_eq!(shown(&found), ["missing-key root.inner"]);
    assert_eq!(found[0].help.as_deref(), Some("How large."));
}

#[test]
fn lists_have_a_path_per_item_and_one_item_needs_no_brackets() {
    let sizes = |s: &Section<'_>| -> Vec<Option<u64>> {
        s.sections(&ITEMS).map(|item| item.get(&SIZE)).collect()
    };
    let (taken, found) = read("items: [{ size: 1B }, { siz: 2B }, 5, { size: x }]", sizes);
    assert_eq!(taken, [Some(1), None, None]);
    let expected = [
        "unknown-key root.items[1].siz",
        "invalid-value root.items[2]",
        "invalid-value root.items[3].size",
    ];
    assert_eq!(shown(&found), expected);
    let (taken, found) = read("items: { size: 1B }", sizes);
    assert_eq!((taken, found), (vec![Some(1)], vec![]));
}

#[test]
fn strings_and_maps_report_each_error_once() {
    let (names, found) = read("names: [a, [b], \"${NO}\", \"${HOST}\"]", |s| s.all(&NAMES));
    assert_eq!(names, ["a", "example.org"]);
    assert_eq!(
        shown(&found),
        [
            "invalid-value root.names[1]",
            "unset-variable root.names[2]"
        ]
    );
    let (names, found) = read("names: [\"${LATIN1}\"]", |s| s.all(&NAMES));
    assert_eq!(names, Vec::<String>::new());
    assert_eq!(shown(&found), ["invalid-value root.names[0]"]);
    assert_eq!(
        found[0].message,
        "the environment variable LATIN1 is not UTF-8"
    );
    let (map, found) = read("map: { a: 1, b: [], c: \"${HOST}\" }", |s| s.map(&MAP));
    let map: Vec<_> = map
        .into_iter()
        .map(|(name, text, _)| (name, text))
        .collect();
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(map, [pair("a", "1"), pair("c", "example.org")]);
    assert_eq!(shown(&found), ["invalid-value root.map.b"]);
    let (map, found) = read("map: [a]", |s| s.map(&MAP).len());
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
        let (text, found) = read(&format!("text: \"{written}\""), |s| s.get(&TEXT));
        assert_eq!(text.as_deref(), expected, "{written}");
        assert_eq!(found.is_empty(), expected.is_some(), "{written}");
    }
}

#[test]
fn all_keys_are_checked_once() {
    let ((), found) = read("{ txet: 1, text: 1, text: 2, zzz: 3, 5: 6 }", |_| ());
    let expected = [
        "unknown-key root.txet",
        "duplicate-key root.text",
        "unknown-key root.zzz",
        "unknown-key root.5",
    ];
    assert_eq!(shown(&found), expected);
    assert_eq!(found[0].help.as_deref(), Some("did you mean `text`?"));
    let ((), found) = read("{ TEXT: 1 }", |_| ());
    assert_eq!(found[0].help.as_deref(), Some("did you mean `text`?"));
}

#[test]
fn a_secret_comes_from_the_text_the_environment_or_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let secret = |text: &str| {
        let (secret, found) = read_at(folder.path(), text, |s| s.secret(&TOKEN));
        assert!(
            !format!("{secret:?}{found:?}").contains("s3cret"),
            "a secret is shown"
        );
        (secret.map(|s| s.reveal().to_owned()), shown(&found))
    };
    let expected = || Some("s3cret".to_owned());
    assert_eq!(secret("token: s3cret"), (expected(), vec![]));
    assert_eq!(secret("token: ${TOKEN}"), (expected(), vec![]));
    assert_eq!(secret("token: ${STORED_BY_ECHO}"), (expected(), vec![]));
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

#[test]
fn a_map_of_secrets_is_never_quoted() {
    let secrets = |text: &str| {
        let (secrets, found) = read(text, |s| s.secrets(&SECRETS));
        let quotes = format!("{secrets:?}{found:?}").contains("s3cret");
        assert!(!quotes, "a secret is shown: {text}");
        let secrets = secrets.into_iter();
        let named = secrets.map(|(name, secret, _)| format!("{name}={}", secret.reveal()));
        (named.collect::<Vec<_>>(), shown(&found))
    };
    let invalid = |path: &str| vec![format!("invalid-value root.secrets{path}")];
    let both = vec!["a=s3cret".to_owned(), "b=s3cret".to_owned()];
    assert_eq!(
        secrets("secrets: { a: s3cret, b: \"${TOKEN}\" }"),
        (both, vec![])
    );
    assert_eq!(secrets("{}"), (vec![], vec![]));
    for text in ["s3cret", "[ s3cret ]"] {
        assert_eq!(secrets(&format!("secrets: {text}")), (vec![], invalid("")));
    }
    for value in [
        "{ x: s3cret }",
        "[ s3cret ]",
        "~",
        "\"${s3cret!}\"",
        "\"${s3cret\"",
    ] {
        let text = format!("secrets: {{ a: {value}, b: ok }}");
        assert_eq!(secrets(&text), (vec!["b=ok".to_owned()], invalid(".a")));
    }
}

#[cfg(unix)]
#[test]
fn a_world_readable_secret_file_is_a_warning() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("t"), "x").expect("written");
    restrict(&folder.path().join("t"), 0o644);
    let (secret, found) = read_at(folder.path(), "token_file: t", |s| s.secret(&TOKEN));
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
