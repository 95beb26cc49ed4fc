//! Output of `slod check`: each file in `fixtures/check`, next to the expected text.

use super::{env, fixtures, load_fixture, root};
use expect_test::expect_file;
use regex::Regex;
use slod::cli::check;
use slod::config::{self, Config};
use slod::diagnostic::{Severity, Source};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn every_fixture_says_what_is_expected() {
    for path in fixtures() {
        let (source, loaded) = load_fixture(&path);
        let text = check::text(&source, &loaded, false);
        assert!(!text.contains("hunter2"), "a secret is shown:\n{text}");
        expect_file![path.with_extension("txt")].assert_eq(&text);
        let list = check::objects(&source, &loaded.diagnostics);
        assert_eq!(list.len(), loaded.diagnostics.len());
        let json = serde_json::Value::from(list).to_string();
        assert!(!json.contains("hunter2"), "a secret is shown:\n{json}");
    }
}

#[test]
fn every_code_has_a_fixture_and_a_meaning() {
    let declared: BTreeSet<_> = config::codes().map(|code| code.code).collect();
    let seen: BTreeSet<_> = fixtures()
        .iter()
        .flat_map(|path| load_fixture(path).1.diagnostics)
        .map(|diagnostic| diagnostic.code)
        .collect();
    assert_eq!(declared, seen);
    assert_eq!(declared.len(), config::codes().count(), "codes are unique");
}

/// Finds the codes that are written where something is reported.
#[test]
fn every_code_of_the_source_is_documented() {
    let reported =
        Regex::new(r#"(?:\.error\(|Severity::\w+,|\bcode:|\bcode =)\s*"([a-z]+(?:-[a-z]+)*)""#);
    let reported = reported.unwrap();
    let declared: BTreeSet<_> = config::codes().map(|code| code.code).collect();
    let (mut folders, mut found) = (vec![root().join("src")], BTreeSet::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = fs::read_to_string(&path).unwrap();
                let codes = reported.captures_iter(&text);
                found.extend(codes.map(|code| code[1].to_owned()));
            }
        }
    }
    assert!(found.len() > 25, "{found:?}");
    let unknown: Vec<_> = found
        .iter()
        .filter(|code| !declared.contains(code.as_str()))
        .collect();
    assert!(unknown.is_empty(), "undocumented: {unknown:?}");
}

#[test]
fn the_shipped_config_has_no_diagnostics() {
    let source = config::read_file(&root().join("config/slod.yaml")).unwrap();
    let loaded = Config::load(&source, Path::new("config"), &|_| None);
    assert_eq!(loaded.diagnostics, []);
    let config = loaded.config.unwrap();
    let names: Vec<_> = config
        .services
        .iter()
        .map(|service| &*service.name)
        .collect();
    assert_eq!(names, ["concierge", "rag", "guardrails"]);
    assert!(
        config
            .services
            .iter()
            .all(|service| service.objectives.len() == 5)
    );
}

#[test]
fn the_specified_config_is_valid() {
    let folder = root().join("tests/fixtures/specified");
    let source = config::read_file(&folder.join("slod.yaml")).unwrap();
    let loaded = Config::load(&source, &folder, &env);
    let mut errors = loaded.diagnostics;
    errors.retain(|one| one.severity == Severity::Error);
    assert_eq!(errors, []);
    let config = loaded.config.unwrap();
    assert_eq!(config.routing.routes[0].group_by, ["service"]);
}

#[test]
fn the_shipped_ai_provider_example_has_no_diagnostics() {
    let source = config::read_file(&root().join("config/ai-provider.yaml")).unwrap();
    let env = |name: &str| (name == "TOGETHER_API_KEY").then(|| "a-key".to_owned());
    let loaded = Config::load(&source, Path::new("config"), &env);
    assert_eq!(loaded.diagnostics, []);
    let config = loaded.config.unwrap();
    let probe = config.probes().next().unwrap();
    assert_eq!(
        probe.probe.target(),
        "https://api.together.xyz/v1/chat/completions (meta-llama/Llama-3.3-70B-Instruct-Turbo)"
    );
    assert!(!format!("{:?}", probe.probe).contains("a-key"));
}

#[derive(clap::Parser)]
struct Cli {
    #[command(flatten)]
    args: check::CheckArgs,
}

#[test]
fn the_exit_code_gives_the_result() {
    let try_answer = |file: &str, more: &[&str]| {
        let file = root().join(file);
        let args = [&["slod", "--config", file.to_str().unwrap()], more].concat();
        let cli = <Cli as clap::Parser>::parse_from(args);
        check::answer(&cli.args)
    };
    let answer = |file: &str, more: &[&str]| try_answer(file, more).unwrap();
    let (code, out) = answer("config/slod.yaml", &["--strict"]);
    assert_eq!(code, 0);
    assert!(
        out.ends_with("slod.yaml: ok: 3 services, 3 probes, 15 objectives\n"),
        "{out}"
    );
    assert_eq!(answer("tests/fixtures/check/lint-alerting.yaml", &[]).0, 0);
    assert_eq!(
        answer("tests/fixtures/check/lint-alerting.yaml", &["--strict"]).0,
        1
    );
    assert_eq!(answer("tests/fixtures/check/empty-list.yaml", &[]).0, 1);
    assert!(try_answer("no/such/file.yaml", &[]).is_err());
    let (code, out) = answer(
        "tests/fixtures/check/empty-list.yaml",
        &["--format", "json"],
    );
    let found: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(code, 1);
    assert_eq!(found[0]["code"], "empty-list");
    assert_eq!(
        (&found[0]["line"], &found[0]["column"]),
        (&1.into(), &11.into())
    );
    assert_eq!(found[0]["path"], "services");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 256, failure_persistence: None, ..Default::default() })]
    #[test]
    fn no_text_makes_it_panic(text in "(services|listen|defaults|name|probes|http|url|:|,| |\n|\t|-|\\[|\\]|\\{|\\}|\\$|\"|'|&a|\\*a|10s|99%|\\PC|[\u{0}-\u{1f}]){0,60}") {
        let source = Source { name: "x".to_owned(), text };
        let loaded = Config::load(&source, Path::new("."), &env);
        proptest::prop_assert!(loaded.config.is_some() || !loaded.diagnostics.is_empty());
        proptest::prop_assert!(!check::text(&source, &loaded, true).is_empty());
    }
}
