//! Options from environment variables.

use crate::support::ended;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};

/// As set by `NAME: ${NAME:-}` in a compose file, or by `value: ""` in a manifest.
#[test]
fn an_empty_variable_is_unset() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "services: [ { name: web, objectives: [], probes: [ { name: get, http: { url: 'http://127.0.0.1:1/' } } ] } ]\n";
    fs::write(folder.path().join("slod.yaml"), text).expect("written");
    let slod = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_slod"));
        for name in [
            "LOG_FORMAT",
            "LOG_LEVEL",
            "CONFIG",
            "ADDRESS",
            "TOKEN_FILE",
            "USERNAME",
            "CA_FILE",
        ] {
            command.env(format!("SLOD_{name}"), "");
        }
        ended(
            &command
                .args(args)
                .current_dir(&folder)
                .output()
                .expect("runs"),
        )
    };
    let (code, text) = slod(&["check"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("slod.yaml: ok"), "{text}");
    // Another program may listen at the default address, but nothing is wrong with the options.
    let (code, text) = slod(&["healthcheck"]);
    assert_ne!(code, Some(2), "{text}");
}

/// systemd sets `JOURNAL_STREAM` if standard error is the journal.
#[test]
fn lines_have_a_priority_in_the_journal() {
    let folder = tempfile::tempdir().expect("a folder");
    let (config, journal) = (
        folder.path().join("slod.yaml"),
        folder.path().join("journal"),
    );
    let store = folder.path().join("slod.db");
    fs::write(&store, "not a store").expect("written");
    let logged = |text: &str, is_journal: bool| {
        fs::write(&config, text).expect("written");
        let stream = File::create(&journal).expect("created");
        let about = stream.metadata().expect("ours");
        let name = if is_journal {
            format!("{}:{}", about.dev(), about.ino())
        } else {
            "8:1".to_owned()
        };
        let mut command = Command::new(env!("CARGO_BIN_EXE_slod"));
        command.args(["run", "--config"]).arg(&config);
        let status = command
            .env("JOURNAL_STREAM", name)
            .stderr(Stdio::from(stream))
            .status();
        assert!(!status.expect("runs").success());
        fs::read_to_string(&journal).expect("text")
    };
    let services = "services: [ { name: web, probes: [ { name: get, http: { url: 'http://127.0.0.1:1/' } } ] } ]\n";
    let text = logged(
        &format!("listen: 127.0.0.1:0\n{services}store: {{ path: slod.db }}\n"),
        true,
    );
    let priorities = ["<4>", "<6>", "<3>"]
        .map(|start| text.lines().filter(|line| line.starts_with(start)).count());
    assert_eq!(priorities, [1, 1, 1], "{text}");
    let text = logged("services: []\n", true);
    assert!(text.lines().all(|line| line.starts_with("<3>")), "{text}");
    let text = logged("services: []\n", false);
    assert!(!text.contains("<3>"), "{text}");
}
