//! Relabeling rules, as Prometheus applies them.

use super::{assert_remarks, imported, input, probe};
use crate::import::blackbox::relabel::{self, Labels};
use crate::import::document::{Document, Remarks};
use serde_json::{Value, json};

/// The labels after a rule with these keys, or after several, separated by `}, {`.
fn relabeled(rules: &str, labels: &[(&str, &str)]) -> Option<Labels> {
    let document =
        Document::all(&input("r.yml", &format!("rules: [ {{ {rules} }} ]\n"))).expect("YAML");
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
    relabel::apply(&rules, own.collect()).ok()
}

#[test]
fn rules_change_labels_as_those_of_prometheus() {
    let labels = [("a", "x.y"), ("b", "Z")];
    for (rules, name, value) in [
        ("source_labels: [a], target_label: c", "c", "x.y"),
        (
            "source_labels: [a, b], separator: '-', target_label: c",
            "c",
            "x.y-Z",
        ),
        (
            "source_labels: [a], regex: '(.).(.)', target_label: c, replacement: '$2${1}'",
            "c",
            "yx",
        ),
        // The whole value must match.
        (
            "source_labels: [a], regex: x, target_label: a, replacement: q",
            "a",
            "x.y",
        ),
        (
            "source_labels: [a], regex: '(.).*', target_label: 'n_$1', replacement: q",
            "n_x",
            "q",
        ),
        (
            "source_labels: [b], target_label: c, action: lowercase",
            "c",
            "z",
        ),
        (
            "source_labels: [a], target_label: c, action: UPPERCASE",
            "c",
            "X.Y",
        ),
        (
            "regex: '(a)', action: labelmap, replacement: 'my_$1'",
            "my_a",
            "x.y",
        ),
        ("regex: a, action: labeldrop", "a", ""),
        ("regex: a, action: labelkeep", "b", ""),
        ("target_label: a, replacement: ''", "a", ""),
        (
            "source_labels: [a], modulus: 2, target_label: h, action: hashmod }, { source_labels: [h], regex: 0, action: keep",
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
    let kept = [
        "source_labels: [a], regex: 'x.*', action: keep",
        "source_labels: [a], target_label: a, action: keepequal",
    ];
    for rules in kept {
        assert!(relabeled(rules, &labels).is_some(), "{rules}");
    }
    let dropped = [
        "source_labels: [a], regex: 'x', action: keep",
        "source_labels: [a], regex: 'x.*', action: drop",
        "source_labels: [a], target_label: b, action: keepequal",
        "source_labels: [a], target_label: a, action: dropequal",
    ];
    for rules in dropped {
        assert!(relabeled(rules, &labels).is_none(), "{rules}");
    }
}

#[test]
fn labels_of_targets_take_precedence_over_the_scrape_config() {
    let text = "scrape_configs:
- job_name: a
  metrics_path: /probe
  scrape_interval: 30s
  params: { module: [ web ] }
  static_configs:
  - targets: [ 'http://a/' ]
  - targets: [ 'http://b/' ]
    labels: { __param_module: post, __scrape_interval__: 2m, __scrape_timeout__: 5s }
  - targets: [ 'http://c/' ]
    labels: { __scrape_interval__: often }
  relabel_configs:
  - { source_labels: [ __address__ ], target_label: __param_target }
";
    let modules =
        "modules: { web: { prober: http }, post: { prober: http, http: { method: POST } } }\n";
    let (config, imported) = imported(modules, Some(text));
    assert_eq!(config["services"].as_array().map(Vec::len), Some(2));
    let (a, b) = (probe(&config, "a"), probe(&config, "b"));
    assert!(a["http"]["method"].is_null());
    assert_eq!(b["http"]["method"], "POST");
    let pace = |probe: &Value| {
        let of = |key: &str| probe.get(key).unwrap_or(&config["defaults"][key]).clone();
        (of("interval"), of("timeout"))
    };
    assert_eq!(pace(a), (json!("30s"), json!("9s500ms")));
    assert_eq!(pace(b), (json!("2m"), json!("4s500ms")));
    let invalid = "p.yml:10: the target is left out: `__scrape_interval__`";
    assert_remarks(&imported, &[invalid]);
}

#[test]
fn labels_that_rules_multiply_are_bounded() {
    let import = |rule: &str, count: usize| {
        let rules = format!("  - {rule}\n").repeat(count);
        let text = format!(
            "scrape_configs:
- job_name: a
  metrics_path: /probe
  static_configs:
  - targets: [ 'http://a/' ]
  relabel_configs:
{rules}"
        );
        super::import(super::MODULES, Some(&text))
            .err()
            .unwrap_or_default()
    };
    let longer = import(
        "{ source_labels: [ __address__ ], target_label: __address__, replacement: '$1$1' }",
        20,
    );
    assert!(longer.contains("a label is longer than 16 KiB"), "{longer}");
    let more = import("{ action: labelmap, regex: (.*), replacement: 'a$1' }", 150);
    assert!(more.contains("it has more than 500 labels"), "{more}");
    let sources = "__address__, ".repeat(5_000);
    let joined = format!("{{ source_labels: [ {sources} ], target_label: x }}");
    let joined = import(&joined, 1);
    assert!(joined.contains("a label is longer than 16 KiB"), "{joined}");
    let many = import("{ target_label: x }", 201);
    assert!(many.contains("there are more than 200 rules"), "{many}");
}
