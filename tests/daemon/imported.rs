//! Imports from a collection, an API description, `blackbox_exporter` or other SLO formats become
//! part of a valid config.

use crate::support::{command, ended, has_all};
use std::path::Path;
use std::process::Command;

fn slod(folder: &Path, args: &[&str], variables: &[&str]) -> (Option<i32>, String) {
    let mut command = command(&folder.join("slod.yaml"), args);
    command.envs(variables.iter().map(|name| (name, "value")));
    ended(&command.output().expect("runs"))
}

fn write_config(folder: &Path, load: &str) {
    let text = format!(
        "listen: 127.0.0.1:0
store: {{ path: slod.db }}
services:
  - name: web
    probes: [ {{ name: home, http: {{ url: \"http://127.0.0.1:1/\" }} }} ]
{load}"
    );
    std::fs::write(folder.join("slod.yaml"), text).expect("written");
}

#[test]
fn collections_and_descriptions_are_accepted_by_check() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/import/requests/tests/fixtures");
    let own: &[&str] = &["--service", "web"];
    for (format, file, request, service) in [
        (
            "postman",
            "chat.postman_collection.json",
            "/v2/chat",
            &[][..],
        ),
        ("openapi", "rag.openapi.yaml", "/api/query", own),
        ("har", "shop.har", "/", &[]),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        write_config(folder.path(), "");
        let file = fixtures.join(file);
        let file = file.to_str().expect("a path");
        let args = [&["import", format, file][..], service].concat();
        let (code, section) = slod(folder.path(), &args, &[]);
        assert_eq!(code, Some(0), "{section}");
        assert!(section.contains(request), "{section}");
        assert_eq!(section.contains("  url: "), format == "har", "{section}");
        let names = section.lines().filter_map(|line| line.strip_prefix("#   "));
        let names = names.filter_map(|line| line.split_whitespace().next());
        let names: Vec<&str> = names.filter(|name| name.starts_with("LOAD_")).collect();
        assert!(!names.is_empty(), "{section}");
        let lines: Vec<&str> = section.lines().collect();
        write_config(folder.path(), &format!("    {}\n", lines.join("\n    ")));
        let (code, text) = slod(folder.path(), &["check"], &names);
        assert_eq!(code, Some(0), "{text}\n{section}");
        // Each variable is used: without it, the config is invalid.
        let (code, text) = slod(folder.path(), &["check"], &names[1..]);
        assert!(code != Some(0) && text.contains(names[0]), "{text}");
    }
}

/// The output of `slod import blackbox` in a directory with the files it refers to, and the variables
/// it needs.
fn import_blackbox(folder: &Path, files: &[&str]) -> (String, Vec<String>) {
    let output = Command::new(env!("CARGO_BIN_EXE_slod"))
        .args(["import", "blackbox"])
        .args(files)
        .current_dir(folder)
        .output()
        .expect("runs");
    let remarks = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{remarks}");
    let config = String::from_utf8(output.stdout).expect("text");
    std::fs::write(folder.join("slod.yaml"), &config).expect("written");
    let names = config
        .lines()
        .filter_map(|line| line.strip_prefix("#   BLACKBOX_"));
    let names = names.filter_map(|line| line.split_once(':'));
    let names = names.map(|(name, _)| format!("BLACKBOX_{name}")).collect();
    (remarks, names)
}

#[test]
fn modules_and_targets_of_blackbox_exporter_are_accepted_by_check() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/import/blackbox/fixtures");
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["blackbox.yml", "prometheus.yml"] {
        std::fs::copy(fixtures.join(name), folder.path().join(name)).expect("copied");
    }
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, text).expect("written");
    };
    write(
        "targets/b.json",
        r#"[{"targets": ["https://found.example/"]}]"#,
    );
    write("targets/a.yml", "- targets: [not.example]\n");
    write("secrets/token", "token");
    write("secrets/body.json", "{}");
    let authority = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls/version1.pem");
    std::fs::copy(authority, folder.path().join("ca.pem")).expect("copied");
    for (files, count, found) in [
        (&["blackbox.yml"][..], "13 services", "token.invalid"),
        (
            &["blackbox.yml", "--targets", "prometheus.yml"],
            "6 services",
            "https://found.example/",
        ),
    ] {
        let (remarks, names) = import_blackbox(folder.path(), files);
        let config = std::fs::read_to_string(folder.path().join("slod.yaml")).expect("there");
        assert!(
            config.contains(found) && !config.contains("not.example"),
            "{config}"
        );
        assert!(
            !config.contains("hunter2") && !remarks.contains("hunter2"),
            "{config}{remarks}"
        );
        // Rust and Go differ in one regular expression, and `severity` is a label of slod's own.
        has_all(&remarks, &["blackbox.yml:14: the expression is left out: "]);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert!(names.len() > 3, "{config}");
        let (code, text) = slod(folder.path(), &["check"], &names);
        assert!(code == Some(0) && text.contains(count), "{text}\n{config}");
        let (code, text) = slod(folder.path(), &["check"], &names[1..]);
        assert!(code != Some(0) && text.contains(names[0]), "{text}");
    }
}

/// What a config cannot express is omitted with a remark: a target of 100%, a window of ten years, a
/// label that is invalid in Prometheus, a duplicate name.
#[test]
fn imported_objectives_are_accepted_by_check() {
    let slo = |name: &str, objective: &str, window: &str| {
        format!(
            "---
apiVersion: openslo/v1
kind: SLO
metadata: {{ name: {name} }}
spec:
  service: shop
  budgetingMethod: Occurrences
  timeWindow: [{{ duration: {window}, isRolling: true }}]
  indicator:
    spec:
      ratioMetric:
        bad: {{ metricSource: {{ type: Prometheus, spec: {{ query: 'sum(rate(h_total{{code=~\"5..\"}}[5m]))' }} }} }}
        total: {{ metricSource: {{ type: Prometheus, spec: {{ query: 'sum(rate(h_total[5m]))' }} }} }}
  objectives: [{{ {objective} }}]
"
        )
    };
    let text = [
        "apiVersion: openslo/v1\nkind: Service\nmetadata: { name: shop, labels: { app.kubernetes.io/name: shop, team: a } }\nspec: {}\n".to_owned(),
        slo("sound", "targetPercent: \"99.95%\"", "30d"),
        slo("certain", "target: 1", "30d"),
        slo("percent", "target: 99.9", "30d"),
        slo("long", "target: 0.99", "10Y"),
        slo("sound", "target: 0.99", "30d"),
        slo("a/b", "target: 0.99", "30d"),
    ];
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("o.yaml"), text.concat()).expect("written");
    let output = Command::new(env!("CARGO_BIN_EXE_slod"))
        .args(["import", "openslo", "o.yaml"])
        .current_dir(folder.path())
        .output()
        .expect("runs");
    let remarks = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{remarks}");
    for left_out in ["certain", "percent", "long", "sound", "a/b"] {
        let expected = format!("`{left_out}` is left out");
        assert!(remarks.contains(&expected), "{expected}: {remarks}");
    }
    has_all(
        &remarks,
        &["the label `app.kubernetes.io/name` is left out"],
    );
    std::fs::write(folder.path().join("slod.yaml"), &output.stdout).expect("written");
    let (code, text) = slod(folder.path(), &["check"], &[]);
    let config = String::from_utf8_lossy(&output.stdout);
    assert_eq!(code, Some(0), "{text}\n{config}");
    has_all(&config, &["team: a", "99.95%"]);
}
