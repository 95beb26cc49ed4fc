//! Every declared key is read, documented and part of the schema.

use super::{fixtures, load, root};
use expect_test::expect_file;
use slod::config;
use slod::probe::KINDS;
use slod::yaml::{Keys, Need, Structure};
use std::collections::BTreeSet;
use std::fs;

#[test]
fn the_example_of_every_kind_is_valid_and_its_name_is_free() {
    for kind in KINDS {
        let (name, example) = (kind.name, kind.example);
        let text = format!(
            "services: [{{ name: a, objectives: [], probes: [{{ name: p, {name}: {example} }}] }}]"
        );
        assert_eq!(load(&text).diagnostics, [], "{name}");
        assert!(!["name", "interval", "timeout"].contains(&name));
    }
    let names: BTreeSet<_> = KINDS.iter().map(|kind| kind.name).collect();
    assert_eq!(names.len(), KINDS.len(), "names are unique");
}

/// A document with a value for one key, and the path of that key.
struct Written {
    text: String,
    path: String,
}

/// One document for each key below `keys`, with the value that `value` returns for it. The keys are
/// below `path`, and `around` is the surrounding document.
fn written(
    keys: Keys,
    path: &str,
    around: &dyn Fn(&str) -> String,
    value: &dyn Fn(Need) -> Option<String>,
) -> Vec<Written> {
    let mut found = Vec::new();
    for key in keys {
        let (name, dot) = (key.name(), if path.is_empty() { "" } else { "." });
        let path = format!("{path}{dot}{name}");
        let is_named = name != "name" && keys.iter().any(|key| key.name() == "name");
        let sibling = if is_named { "name: a, " } else { "" };
        let around = |inner: &str| around(&format!("{{ {sibling}{name}: {inner} }}"));
        match key.form().structure() {
            Structure::ProbeKind => continue,
            Structure::Mapping { keys, .. } => found.extend(written(keys, &path, &around, value)),
            Structure::Value
            | Structure::Secret
            | Structure::ValueOrFile
            | Structure::Map { .. } => {}
        }
        let text = value(key.need()).map(|value| around(&value));
        found.extend(text.map(|text| Written { text, path }));
    }
    found
}

/// One such document for each key of the config and of all probe kinds.
fn every_key(value: &dyn Fn(Need) -> Option<String>) -> Vec<Written> {
    let mut all = written(config::KEYS, "", &str::to_owned, value);
    for kind in KINDS {
        let name = kind.name;
        let around = |inner: &str| {
            format!("services: {{ name: a, probes: {{ name: p, {name}: {inner} }} }}")
        };
        let path = format!("services.probes.{name}");
        all.extend(written(kind.keys, &path, &around, value));
    }
    all
}

#[test]
fn every_declared_key_is_read() {
    // No key accepts this value, so reading it reports an error.
    let all = every_key(&|_| Some("{ x: { y: { z: 1 } } }".to_owned()));
    assert!(all.len() > 80, "{} keys", all.len());
    // JSON accepts any mapping.
    let is_json = |path: &str| {
        path.ends_with("load.requests.json") || path.ends_with("load.requests.steps.json")
    };
    for Written { text, path } in all.into_iter().filter(|one| !is_json(&one.path)) {
        let found = load(&text).diagnostics;
        let is_reported = found.iter().any(|one| one.path.starts_with(&path));
        assert!(
            is_reported,
            "`{path}` is declared, but nothing reads it:\n{text}\n{found:#?}"
        );
    }
}

#[test]
fn every_default_is_a_valid_value_of_its_key() {
    let default = |need| match need {
        Need::Default(text) => Some(format!("{text:?}")),
        Need::Required | Need::Optional => None,
    };
    let all = every_key(&default);
    assert!(all.len() > 20, "{} defaults", all.len());
    for Written { text, path } in all {
        let found = load(&text).diagnostics;
        let invalid = ["invalid-value", "out-of-range"];
        let mut faults = found.iter();
        let fault = faults.find(|one| one.path == path && invalid.contains(&one.code));
        assert_eq!(fault, None, "{text}");
    }
}

#[test]
fn the_docs_match_the_declared_keys() {
    let page = config::markdown();
    expect_file![root().join("docs/CONFIGURATION.md")].assert_eq(&page);
}

/// The schema for editors accepts everything that `slod check` accepts.
#[test]
fn valid_configs_conform_to_the_schema() {
    let schema = config::schema();
    let validator = jsonschema::draft7::new(&schema).unwrap();
    let mut files: Vec<_> = fixtures();
    files.retain(|file| {
        file.file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with("ok-")
    });
    files.extend(["config/slod.yaml", "deploy/compose/slod.yaml"].map(|file| root().join(file)));
    assert!(files.len() > 8, "{files:?}");
    let odd = r#"
services:
  - name: web
    probes:
      - name: p
        http: { url: "https://a.test/", http_version: 1.1, bearer: 123, headers: { X-A: 1, X-B: true }, expect: { json: { "$.error": null } } }
      - name: chat
        llm: { url: "https://a.test/v1", model: m, prompt: 1, parameters: { temperature: 0 } }
    objectives:
      - { name: up, sli: availability, target: 99.9%, weights: { p: 3 } }
"#;
    let mut texts: Vec<_> = files
        .iter()
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    texts.push(odd.to_owned());
    for text in texts {
        let config: serde_json::Value = serde_yaml::from_str(&text).unwrap();
        let faults: Vec<_> = validator
            .iter_errors(&config)
            .map(|fault| fault.to_string())
            .collect();
        assert!(faults.is_empty(), "{text}\n{faults:#?}");
    }
}
