//! The command line of users who may not write the store, or not even see it.

use super::*;
use rustix::process::geteuid;
use std::fs::Permissions;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output};

/// `nobody` on most systems.
const OTHER: u32 = 65534;

fn permit(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// A config that names this store.
fn config(folder: &TempDir, store: &Path) -> PathBuf {
    permit(folder.path(), 0o755);
    let path = folder.path().join("slod.yaml");
    let text = format!(
        "listen: 127.0.0.1:0\nstore: {{ path: '{}' }}\n\
         services: [ {{ name: web, probes: [ {{ name: get, http: {{ url: 'http://127.0.0.1:1/' }} }} ] }} ]\n",
        store.display()
    );
    fs::write(&path, text).unwrap();
    path
}

/// Runs slod as a user other than the owner of the files, if that is possible.
fn run(config: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slod"));
    if geteuid().is_root() {
        command.uid(OTHER).gid(OTHER);
    }
    command.args(args).arg("--config").arg(config);
    command.output().unwrap()
}

#[test]
fn a_store_in_the_folder_of_another_user_is_not_called_missing() {
    let folder = TempDir::new().unwrap();
    let store = if geteuid().is_root() {
        let own = folder.path().join("own");
        fs::create_dir(&own).unwrap();
        permit(&own, 0o700);
        own.join("slod.db")
    } else {
        PathBuf::from("/root/slod.db")
    };
    let config = config(&folder, &store);
    for args in [
        &["report"][..],
        &["store", "check"],
        &["run"],
        &["runs", "list"],
    ] {
        let output = run(&config, args);
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(
            text.contains(" belongs to user 0, but slod runs as user "),
            "{args:?}: {text}"
        );
        assert_eq!(output.status.code(), Some(64), "{text}");
    }
}

/// `SQLite` would create files next to it.
#[test]
fn a_store_in_a_folder_that_cannot_be_written_is_read() {
    let folder = TempDir::new().unwrap();
    let own = folder.path().join("own");
    fs::create_dir(&own).unwrap();
    let path = own.join("a?b#c%20 d.db");
    let mut store = Store::open(&path).unwrap();
    store.append(&[record(0, START)]).unwrap();
    drop(store);
    permit(&path, 0o644);
    permit(&own, 0o555);
    let config = config(&folder, &path);
    let output = run(&config, &["store", "check"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("1 outcome,") && text.contains("no errors"),
        "{output:?}"
    );
    let copy = run(&config, &["backup", "-"]);
    permit(&own, 0o755);
    assert_eq!(copy.status.code(), Some(0), "{copy:?}");
    let copied = folder.path().join("copy.db");
    fs::write(&copied, copy.stdout).unwrap();
    let copied = Store::open_read_only(&copied).unwrap();
    assert_eq!(copied.last_seen().unwrap(), Some(Timestamp(START)));
}

#[test]
fn a_backup_to_standard_output_leaves_no_file() {
    let folder = TempDir::new().unwrap();
    drop(Store::open(&file(&folder)).unwrap());
    let config = config(&folder, &file(&folder));
    let files = || fs::read_dir(folder.path()).unwrap().count();
    let before = files();
    let mut command = Command::new(env!("CARGO_BIN_EXE_slod"));
    command.args(["backup", "-", "--config"]).arg(&config);
    let output = command.current_dir(folder.path()).output().unwrap();
    assert!(
        output.stdout.starts_with(b"SQLite format 3\0"),
        "{output:?}"
    );
    assert_eq!(files(), before);
}
