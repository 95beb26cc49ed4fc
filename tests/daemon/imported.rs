//! What is imported from a collection or a description becomes a part of the config, which is valid.

use std::path::Path;
use std::process::{Command, Output};

fn slod(folder: &Path, args: &[&str], variables: &[&str]) -> (Option<i32>, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(env!("CARGO_BIN_EXE_slod"))
        .args(args)
        .arg("--config")
        .arg(folder.join("slod.yaml"))
        .envs(variables.iter().map(|name| (name, "value")))
        .output()
        .expect("runs");
    let text = [stdout, stderr].concat();
    (status.code(), String::from_utf8_lossy(&text).into_owned())
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
        // Each variable is used: without it, the config is not valid.
        let (code, text) = slod(folder.path(), &["check"], &names[1..]);
        assert!(code != Some(0) && text.contains(names[0]), "{text}");
    }
}
