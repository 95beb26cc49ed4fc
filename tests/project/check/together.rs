//! All errors are reported at once: no invalid value hides the error of another one, or causes further errors.

use super::root;
use slod::config::Config;
use slod::diagnostic::{Place, Severity, Source};
use slod::yaml::{Node, Value};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Valid configs with nearly all keys, each scalar in a line of its own.
const FILES: [&str; 2] = ["monitoring.yaml", "delivery.yaml"];

/// Is invalid for every key.
const BROKEN: &str = "[[1]]";

fn source(file: &str) -> Source {
    let path = root().join("tests/fixtures/every-section").join(file);
    Source {
        name: file.to_owned(),
        text: fs::read_to_string(path).unwrap(),
    }
}

/// The places of all scalars except keys, and whether each is a name that other parts may refer to.
fn scalars(node: &Node, is_name: bool, found: &mut Vec<(Place, bool)>) {
    match &node.value {
        Value::Null => {}
        Value::Text(_) => found.push((node.place, is_name)),
        Value::List(items) => items.iter().for_each(|item| scalars(item, false, found)),
        Value::Map(entries) => entries.iter().for_each(|(key, value)| {
            let key = key.value.scalar();
            scalars(value, key.as_deref() == Some("name"), found);
        }),
    }
}

/// The text with the scalars at these places replaced.
fn broken(text: &str, places: &[Place]) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for place in places {
        let line = &mut lines[place.line - 1];
        *line = line.chars().take(place.column - 1).collect::<String>() + BROKEN;
    }
    lines.join("\n")
}

/// The lines with errors.
fn faulty(text: String) -> BTreeSet<usize> {
    let source = Source {
        name: String::new(),
        text,
    };
    let loaded = Config::load(&source, Path::new(""), &|_| None);
    let errors = loaded.diagnostics.iter();
    let errors = errors.filter(|one| one.severity == Severity::Error);
    errors.map(|one| one.place.unwrap().line).collect()
}

#[test]
fn no_error_hides_or_causes_another() {
    for file in FILES {
        let source = source(file);
        assert_eq!(faulty(source.text.clone()), BTreeSet::new(), "{file}");
        let mut all = Vec::new();
        scalars(&slod::yaml::parse(&source).unwrap(), false, &mut all);
        let places: Vec<Place> = all.iter().map(|(place, _)| *place).collect();
        let lines: BTreeSet<usize> = places.iter().map(|place| place.line).collect();
        assert!(lines.len() == places.len() && lines.len() > 150, "{file}");
        let found = faulty(broken(&source.text, &places));
        let hidden: Vec<_> = lines.difference(&found).collect();
        assert!(hidden.is_empty(), "{file}: hidden in lines {hidden:?}");
        // References to an invalid name are errors as well.
        let others = all.iter().filter(|(_, is_name)| !is_name);
        let others: Vec<Place> = others.map(|(place, _)| *place).collect();
        for (groups, group) in [7, 8].into_iter().flat_map(|n| (0..n).map(move |k| (n, k))) {
            let some: Vec<Place> = others.iter().copied().skip(group).step_by(groups).collect();
            let lines: BTreeSet<usize> = some.iter().map(|place| place.line).collect();
            let found = faulty(broken(&source.text, &some));
            assert_eq!(found, lines, "{file}: each {groups}th from {group} on");
        }
    }
}

#[test]
fn a_value_out_of_range_is_reported_next_to_an_invalid_one() {
    let text = "alerts:
  tiers:
    - long: 1
      short: 5m
      budget: 0
      urgency: page
services:
  - name: web
    objectives: []
    probes: [ { name: p, tcp: { address: \"h:1\" } } ]
    load:
      url: http://h/
      requests:
        - name: \"\"
          path: \"\"
";
    assert_eq!(faulty(text.to_owned()), BTreeSet::from([3, 5, 14, 15]));
}
