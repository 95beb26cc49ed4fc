//! A hanging daemon is detected, and killed by the health check of its container.

use crate::support::{Daemon, has_all, write_config};
use std::process::{Command, Output};

fn healthcheck(address: &str, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slod"));
    let command = command.args(["healthcheck", "--address", address]);
    command.args(more).output().expect("the binary runs")
}

#[test]
fn a_daemon_that_hangs_is_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let config =
        "services: [ { name: a, probes: [ { name: p, tcp: { address: '127.0.0.1:1' } } ] } ]
";
    let path = write_config(folder.path(), config);
    let daemon = Daemon::start(&path);
    let address = daemon.address.to_string();
    assert!(healthcheck(&address, &[]).status.success());
    assert!(healthcheck(&address, &["--ready"]).status.success());
    // A busy machine may delay a response.
    let killing = ["--kill-after", "5s"];
    assert!(healthcheck(&address, &killing).status.success(), "it works");
    let elsewhere = healthcheck(&format!("http://{address}/elsewhere"), &killing);
    let message = String::from_utf8_lossy(&elsewhere.stderr).into_owned();
    assert!(!elsewhere.status.success());
    assert!(message.contains("was not killed: it answers"), "{message}");
    assert!(healthcheck(&address, &[]).status.success(), "it lives");

    daemon.pause();
    let output = healthcheck(&address, &killing);
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(message.contains("killed the daemon"), "{message}");
    assert!(!daemon.ended().0.success());

    let output = healthcheck(&address, &killing);
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    has_all(&message, &["no slod of this user listens"]);
}
