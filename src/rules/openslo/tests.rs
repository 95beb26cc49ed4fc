use super::write;
use crate::config::Config;
use crate::diagnostic::Source;
use crate::import::slo::Format;
use std::path::Path;

const CONFIG: &str = "
alerts:
  budget_exhausted: true
  tiers:
    - { long: 1h, short: 5m, budget: 2%, urgency: page }
    - { long: 6h, short: 1h, budget: 5%, urgency: ticket }
services:
  - name: Web Shop
    description: The shop
    labels: { team: a }
    probes: [ { name: p, http: { url: \"http://127.0.0.1:1/\" } } ]
    metrics: { url: \"http://127.0.0.1:1/metrics\" }
    objectives:
      - { name: errors, sli: success, target: 99.9%, window: 30d }
      - { name: uptime, sli: availability, target: 99.95%, window: month, timezone: Europe/Berlin, slice_target: 90%, on_missing: bad, alerts: [1] }
      - { name: connect, sli: latency, below: 50ms, of: connect, target: 95%, budgeting: ratio_timeslices, window: 30d, alerts: [exhausted] }
      - { name: traffic, sli: throughput, at_least: 100/s, when: always, target: 99%, window: 30d, alerts: false }
      - { name: real, sli: success, source: metrics, target: 99%, window: 30d }
      - { name: every, sli: success, target: 99%, window: 30d, budgeting: ratio_timeslices, combine: all }
  - name: db
    probes: [ { name: p, tcp: { address: \"127.0.0.1:1\" } } ]
    objectives: [ { name: errors, sli: success, target: 99%, window: 30d } ]
";

fn config(text: &str) -> Config {
    loaded(text, Path::new(""))
}

fn loaded(text: &str, base: &Path) -> Config {
    let source = Source::new("config", text);
    let env = |_: &str| Some("http://127.0.0.1/".to_owned());
    let loaded = Config::load(&source, base, &env);
    let found: Vec<_> = loaded.diagnostics.iter().map(|one| &one.message).collect();
    loaded
        .config
        .unwrap_or_else(|| panic!("{found:?} in {text}"))
}

#[test]
fn exports_can_be_imported_unchanged() {
    let before = config(CONFIG);
    let exported = write(&before, None).expect("written");
    assert_eq!(exported.remarks, [] as [&str; 0]);
    let input = Source {
        name: "slo.yaml".to_owned(),
        text: exported.yaml.clone(),
    };
    let imported = Format::OpenSlo
        .read(&[input], &|_| Vec::new())
        .expect("read");
    let after = config(&imported.yaml);
    assert_eq!(before.services.len(), after.services.len());
    for (old, new) in before.services.iter().zip(&after.services) {
        assert_eq!((&old.name, &old.labels), (&new.name, &new.labels));
        assert_eq!(old.objectives, new.objectives, "{}", exported.yaml);
        for objective in &old.objectives {
            let policy = |config: &Config| config.alerts.policy(&old.name, &objective.name).clone();
            assert_eq!(policy(&before), policy(&after), "{}", objective.name);
        }
    }
}

#[test]
fn names_are_valid_and_unique_and_references_exist() {
    let exported = write(&config(CONFIG), None).expect("written");
    let documents = exported.yaml.split("---\n");
    let objects: Vec<serde_json::Value> = documents
        .map(|text| serde_yaml::from_str(text).expect("YAML"))
        .collect();
    let named = |kind: &str| -> Vec<&str> {
        let all = objects.iter().filter(|object| object["kind"] == kind);
        all.map(|object| object["metadata"]["name"].as_str().expect("a name"))
            .collect()
    };
    for kind in [
        "Service",
        "SLI",
        "SLO",
        "AlertPolicy",
        "AlertNotificationTarget",
    ] {
        let all = named(kind);
        assert!(!all.is_empty(), "{kind}");
        for name in &all {
            let is_valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(name.len() <= 63 && name.chars().all(is_valid), "{name}");
            assert_eq!(
                all.iter().filter(|other| *other == name).count(),
                1,
                "{name}"
            );
        }
    }
    for slo in objects.iter().filter(|object| object["kind"] == "SLO") {
        let spec = &slo["spec"];
        let refers =
            |kind, to: &serde_json::Value| named(kind).contains(&to.as_str().unwrap_or(""));
        assert!(refers("Service", &spec["service"]), "{slo}");
        assert!(refers("SLI", &spec["indicatorRef"]), "{slo}");
        let policies = spec["alertPolicies"].as_array();
        for policy in policies.into_iter().flatten() {
            assert!(refers("AlertPolicy", &policy["alertPolicyRef"]), "{slo}");
        }
    }
}

#[test]
fn unsupported_parts_are_reported() {
    let config = config(
        "alerts: { forecast: 2d }\nservices:\n  - { name: db, probes: [ { name: p, tcp: { address: \"127.0.0.1:1\" } } ], objectives: [ { name: e, sli: success, target: 99%, window: 30d, alerts: false } ] }\n  - name: web\n    depends_on: [ db ]\n    probes: [ { name: p, http: { url: \"http://127.0.0.1:1/\" } } ]\n    objectives: [ { name: e, sli: success, target: 99%, window: 30d, further_windows: [ 7d ], probes: [ p ] } ]\n",
    );
    let exported = write(&config, None).expect("written");
    assert_eq!(
        exported.remarks,
        [
            "web: `depends_on` is left out",
            "web/e: the selection of probes is left out",
            "web/e: `further_windows` are left out",
            "web/e: the forecast horizon of 2d is left out",
        ]
    );
}

#[test]
fn equal_names_are_numbered() {
    let services = ["a.b", "a-b"].map(|name| format!("  - {{ name: {name}, probes: [ {{ name: p, tcp: {{ address: \"127.0.0.1:1\" }} }} ], objectives: [ {{ name: e, sli: success, target: 99% }} ] }}\n"));
    let config = config(&format!("services:\n{}", services.concat()));
    let written = |only| write(&config, only).expect("written").yaml;
    let names = |yaml: &str| -> Vec<String> {
        let names = yaml
            .lines()
            .filter_map(|line| line.strip_prefix("  name: "));
        names.map(str::to_owned).collect()
    };
    let all = names(&written(None));
    assert_eq!(
        all[..6],
        ["a-b", "a-b-e", "a-b-e", "a-b-2", "a-b-e-2", "a-b-e-2"]
    );
    // A service exported alone has the same object.
    assert_eq!(names(&written(config.services.get(1)))[..3], all[3..6]);
}

/// For every config of the fixtures, an exported and imported objective is equal to the original, or the export has
/// a remark on the difference.
#[test]
fn losses_in_fixtures_are_reported() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/check");
    let mut compared = 0;
    for file in std::fs::read_dir(folder).expect("exists") {
        let path = file.expect("readable").path();
        let name = path.file_name().and_then(|name| name.to_str());
        let is_config = |name: &str| {
            name.starts_with("ok-") && path.extension().is_some_and(|end| end == "yaml")
        };
        if !name.is_some_and(is_config) {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("text");
        let before = loaded(&text, Path::new(folder));
        let exported = write(&before, None).expect("written");
        let input = Source {
            name: "slo.yaml".to_owned(),
            text: exported.yaml,
        };
        let with_objectives = before.services.iter();
        let mut with_objectives = with_objectives.filter(|one| !one.objectives.is_empty());
        let Ok(imported) = Format::OpenSlo.read(&[input], &|_| Vec::new()) else {
            assert!(with_objectives.next().is_none(), "{}", path.display());
            continue;
        };
        let after = config(&imported.yaml);
        for old in with_objectives {
            let new = after.services.iter().find(|new| new.name == old.name);
            let new = new.unwrap_or_else(|| panic!("{} of {}", old.name, path.display()));
            assert_eq!(
                (&old.labels, &old.description),
                (&new.labels, &new.description)
            );
            for objective in &old.objectives {
                let place = format!("{}/{}: ", old.name, objective.name);
                let is_named = |what: &str| {
                    let mut all = exported.remarks.iter();
                    all.any(|remark| remark.starts_with(&place) && remark.contains(what))
                };
                let again = new.objectives.iter().find(|one| one.name == objective.name);
                let again = again.unwrap_or_else(|| panic!("{place}{}", path.display()));
                let mut expected = slod_core::slo::Objective::clone(objective);
                if is_named("the selection of probes") {
                    expected.probes.clear();
                }
                if is_named("`further_windows`") {
                    expected.additional_windows.clear();
                }
                if is_named("the combination of its probes") {
                    expected.combine = again.combine;
                }
                assert_eq!(expected, **again, "{place}{}", path.display());
                let policy =
                    |config: &Config| config.alerts.policy(&old.name, &objective.name).clone();
                let (old, new) = (policy(&before), policy(&after));
                if !is_named("`min_bad`") && !is_named("forecast") {
                    assert_eq!(old, new, "{place}{}", path.display());
                }
                compared += 1;
            }
        }
    }
    assert!(compared >= 10, "{compared} objectives");
}
