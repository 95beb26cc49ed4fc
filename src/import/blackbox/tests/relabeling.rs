//! Relabeling rules, as Prometheus applies them.

use super::super::relabel::{self, Labels};
use super::input;
use crate::import::document::{Document, Remarks};

fn relabeled(rules: &str, labels: &[(&str, &str)]) -> Option<Labels> {
    let document = Document::all(&input("r.yml", &format!("rules: {rules}\n"))).expect("YAML");
    let remarks = Remarks::default();
    let items = document[0]
        .at(&remarks)
        .get(&["rules"])
        .expect("a list")
        .items();
    let rules = relabel::read(&items).expect("valid");
    let own = labels
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    relabel::apply(&rules, own.collect())
}

#[test]
fn rules_change_labels_as_those_of_prometheus() {
    let labels = [("a", "x.y"), ("b", "Z")];
    for (rules, name, value) in [
        ("[ { source_labels: [a], target_label: c } ]", "c", "x.y"),
        (
            "[ { source_labels: [a, b], separator: '-', target_label: c } ]",
            "c",
            "x.y-Z",
        ),
        (
            "[ { source_labels: [a], regex: '(.).(.)', target_label: c, replacement: '$2${1}' } ]",
            "c",
            "yx",
        ),
        // The whole value must match.
        (
            "[ { source_labels: [a], regex: x, target_label: a, replacement: q } ]",
            "a",
            "x.y",
        ),
        (
            "[ { source_labels: [a], regex: '(.).*', target_label: 'n_$1', replacement: q } ]",
            "n_x",
            "q",
        ),
        (
            "[ { source_labels: [b], target_label: c, action: lowercase } ]",
            "c",
            "z",
        ),
        (
            "[ { source_labels: [a], target_label: c, action: UPPERCASE } ]",
            "c",
            "X.Y",
        ),
        (
            "[ { regex: '(a)', action: labelmap, replacement: 'my_$1' } ]",
            "my_a",
            "x.y",
        ),
        ("[ { regex: a, action: labeldrop } ]", "a", ""),
        ("[ { regex: a, action: labelkeep } ]", "b", ""),
        ("[ { target_label: a, replacement: '' } ]", "a", ""),
        (
            "[ { source_labels: [a], modulus: 2, target_label: h, action: hashmod }, { source_labels: [h], regex: 0, action: keep } ]",
            "a",
            "x.y",
        ),
    ] {
        let changed = relabeled(rules, &labels).expect(rules);
        assert_eq!(
            changed.get(name).map_or("", String::as_str),
            value,
            "{rules}"
        );
    }
    for (rules, is_kept) in [
        (
            "[ { source_labels: [a], regex: 'x.*', action: keep } ]",
            true,
        ),
        (
            "[ { source_labels: [a], regex: 'x', action: keep } ]",
            false,
        ),
        (
            "[ { source_labels: [a], regex: 'x.*', action: drop } ]",
            false,
        ),
        (
            "[ { source_labels: [a], target_label: a, action: keepequal } ]",
            true,
        ),
        (
            "[ { source_labels: [a], target_label: b, action: keepequal } ]",
            false,
        ),
        (
            "[ { source_labels: [a], target_label: a, action: dropequal } ]",
            false,
        ),
    ] {
        assert_eq!(relabeled(rules, &labels).is_some(), is_kept, "{rules}");
    }
}
