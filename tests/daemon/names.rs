//! Names with invisible characters, such as the joiners of Persian words and emoji, on the command line.

use crate::support::{Daemon, target};
use serde_json::Value;
use std::fs;
use std::process::Command;

/// A zero-width non-joiner, a zero-width joiner, and a tag.
const NAME: &str = "\u{645}\u{6cc}\u{200c}\u{62e} \u{1f469}\u{200d}\u{1f4bb} \u{e0041}";

/// Standard output and the exit code.
fn slod(arguments: &[&str]) -> (String, Option<i32>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slod"));
    let output = command.args(arguments).output().expect("it starts");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    (text, output.status.code())
}

/// The names of the services in JSON, which has no invisible characters itself.
fn names(arguments: &[&str]) -> Vec<String> {
    let (text, _) = slod(&[arguments, &["--format", "json"]].concat());
    assert!(!slod::text::has_hidden(&text), "{arguments:?}: {text:?}");
    let answer: Value = serde_json::from_str(&text).expect(&text);
    let services = answer["services"].as_array().expect("a list");
    let names = services.iter().map(|one| one["name"].as_str());
    names.map(|name| name.expect("a name").to_owned()).collect()
}

#[test]
fn names_in_json_and_in_arguments_are_exact() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("slod.yaml");
    let text = format!(
        "listen: 127.0.0.1:0\nstore: {{ path: slod.db }}\ndefaults: {{ interval: 200ms, timeout: 100ms }}\nservices: [ {{ name: '{NAME}', probes: [ {{ name: p, http: {{ url: \"http://{}/\" }} }} ], objectives: [ {{ name: up, sli: success, target: 90%, window: 1h }} ] }} ]\n",
        target()
    );
    fs::write(&file, text).expect("written");
    let config = file.to_str().expect("UTF-8");
    let daemon = Daemon::start(&file);
    daemon.wait_for(|daemon| {
        let answer = daemon.json("/api/v1/services");
        answer["services"][0]["probes"][0]["last_at"]
            .is_string()
            .then_some(())
    });
    let address = daemon.address.to_string();
    let of_daemon = ["status", "--address", &address];
    let of_store = ["status", "--config", config];
    assert_eq!(names(&of_daemon), [NAME]);
    assert_eq!(names(&["report", "--config", config]), [NAME]);
    let chosen = [&of_daemon[..], &["--service", NAME]].concat();
    assert_eq!(names(&chosen), [NAME]);
    let (shown, code) = slod(&of_daemon);
    assert_eq!(code, Some(0), "{shown}");
    assert!(!slod::text::has_hidden(&shown), "{shown:?}");
    drop(daemon);
    assert_eq!(names(&of_store), [NAME]);
}
