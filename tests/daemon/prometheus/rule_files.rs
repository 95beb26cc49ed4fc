//! Files of generated rules, for Prometheus and for its operator.

use super::burn::read;
use super::rules::{CONFIG, generated, hidden, rules};
use slod::rules::Format;
use std::fs;

#[test]
fn names_are_quoted_for_both_languages() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = "services:\n  - name: 'we\"b {{ x }} \\d'\n    labels: { team: '{{ .Foo }}' }\n    probes: [ { name: p, http: { url: \"http://127.0.0.1:1/\" } } ]\n    depends_on: [ 'd.b' ]\n    objectives: [ { name: '{{ $x }} 99.9%', sli: success, target: 99.9% }, { name: slow, sli: latency, below: 1s, target: 99% } ]\n  - { name: d.b, probes: [ { name: p, tcp: { address: \"127.0.0.1:1\" } } ] }\n";
    let path = rules(folder.path(), config);
    let text = fs::read_to_string(path).expect("written");
    assert!(text.contains(r#"service="we\"b {{ x }} \\d""#), "{text}");
    assert!(text.contains("d\\\\.b"), "{text}");
}

/// Characters that a terminal would replace are not in the output.
#[test]
fn generated_files_are_printed_unchanged() {
    let config = read(&hidden());
    let operator = Format::Operator {
        prefix: "slod".to_owned(),
    };
    for text in [
        generated(&config, &Format::Prometheus),
        generated(&config, &operator),
        slod::rules::openslo::write(&config, None)
            .expect("written")
            .yaml,
    ] {
        assert_eq!(slod::text::printable_lines(&text), text);
        assert!(text.contains("\\u200c"), "{text}");
    }
}

/// Services with objectives whose names join to the same text.
const ALIKE: &str = "
services:
  - { name: web, probes: [ { name: p, tcp: { address: \"127.0.0.1:1\" } } ], objectives: [ { name: api-latency, sli: latency, below: 1s, target: 99% } ] }
  - { name: web-api, probes: [ { name: p, tcp: { address: \"127.0.0.1:1\" } } ], objectives: [ { name: latency, sli: latency, below: 1s, target: 99% } ] }
  - { name: web.api, probes: [ { name: p, tcp: { address: \"127.0.0.1:1\" } } ], objectives: [ { name: latency, sli: latency, below: 1s, target: 99% } ] }
  - { name: idle, probes: [ { name: p, tcp: { address: \"127.0.0.1:1\" } } ] }
";

#[test]
fn names_that_join_to_the_same_text_stay_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = rules(folder.path(), ALIKE);
    let text = fs::read_to_string(path).expect("written");
    for id in ["web/api-latency", "web-api/latency", "web.api/latency"] {
        assert!(text.contains(&format!("sloth_id: {id}\n")), "{text}");
    }
}

#[test]
fn the_file_documents_the_required_prometheus_retention() {
    let head = |config: &str| -> String {
        let text = generated(&read(config), &Format::Prometheus);
        let head = text.lines().take_while(|line| line.starts_with('#'));
        head.collect()
    };
    assert!(head(CONFIG).contains("The longest window is 30d: "));
    let calendar = CONFIG.replace("30d", "month");
    assert!(head(&calendar).contains("The longest window is 3d: "));
}

/// The operator's objects, parsed.
fn objects(config: &str, prefix: &str) -> Vec<serde_json::Value> {
    let format = Format::Operator {
        prefix: prefix.to_owned(),
    };
    let text = generated(&read(config), &format);
    let documents = text.split("---\n");
    documents
        .map(|text| serde_yaml::from_str(text).expect("YAML"))
        .collect()
}

#[test]
fn the_operator_gets_the_same_rules_as_one_object_per_service() {
    let named = |config: &str, prefix: &str| -> Vec<String> {
        let all = objects(config, prefix);
        let names = all.iter().map(|one| &one["metadata"]["name"]);
        names
            .map(|name| name.as_str().expect("a name").to_owned())
            .collect()
    };
    let text = generated(&read(CONFIG), &Format::Prometheus);
    let file: serde_json::Value = serde_yaml::from_str(&text).expect("YAML");
    let all = objects(CONFIG, "slod");
    assert_eq!(all.len(), 1);
    assert_eq!(all[0]["kind"], "PrometheusRule");
    assert_eq!(all[0]["apiVersion"], "monitoring.coreos.com/v1");
    assert_eq!(
        all[0]["metadata"]["labels"]["app.kubernetes.io/instance"],
        "slod"
    );
    assert_eq!(all[0]["spec"], file);
    assert_eq!(file["groups"].as_array().map(Vec::len), Some(6));
    assert_eq!(
        named(ALIKE, "eu-1"),
        ["eu-1-web", "eu-1-web-api", "eu-1-web-api-2"]
    );
}

#[test]
fn objects_of_a_service_with_many_objectives_fit_into_kubernetes() {
    let objective = |number| {
        format!("      - {{ name: errors{number}, sli: success, target: 99.9%, window: 30d }}\n")
    };
    let objectives = (0..25).map(objective).collect::<Vec<_>>().concat();
    let config = format!(
        "services:\n  - name: web\n    probes: [ {{ name: p, http: {{ url: \"http://127.0.0.1:1/\" }} }} ]\n    objectives:\n{objectives}"
    );
    let all = objects(&config, "slod");
    let names: Vec<_> = all.iter().map(|one| &one["metadata"]["name"]).collect();
    assert_eq!(names, ["slod-web", "slod-web-2", "slod-web-3"]);
    let groups = all
        .iter()
        .map(|one| one["spec"]["groups"].as_array().map_or(0, Vec::len));
    assert_eq!(groups.sum::<usize>(), 50);
    // With the default tiers, even the annotation of `kubectl apply` for an object is small enough.
    for one in &all {
        assert!(one.to_string().len() < 262_144, "{}", one.to_string().len());
    }
}
