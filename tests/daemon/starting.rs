//! A daemon that is still starting, since opening its store takes a while.

use crate::support::{Running, wait_for};
use std::fs::{self, File};
use std::process::{Command, ExitStatus, Stdio};
use tempfile::TempDir;

/// Another process has the lock of the store: the daemon waits for it for a moment, and then ends with exit code 64.
struct Starting {
    child: Running,
    _lock: File,
    _folder: TempDir,
}

impl Starting {
    fn begin() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let config = folder.path().join("slod.yaml");
        let text = "listen: 127.0.0.1:0\nstore: { path: slod.db }\nobserve: { host: false }\n\
            services: [ { name: web, probes: [ { name: get, http: { url: 'http://127.0.0.1:1/' } } ] } ]\n";
        fs::write(&config, text).expect("written");
        let lock = folder.path().join("slod.db.lock");
        let held = File::create(&lock).expect("created");
        held.lock().expect("locked");
        let mut child = Command::new(env!("CARGO_BIN_EXE_slod"))
            .args(["run", "--config"])
            .arg(config)
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let files = format!("/proc/{}/fd", child.id());
        wait_for(|| {
            let has_ended = child.try_wait().expect("our child").is_some();
            let open = fs::read_dir(&files).into_iter().flatten().flatten();
            let mut open = open.filter_map(|file| fs::read_link(file.path()).ok());
            (has_ended || open.any(|path| path == lock)).then_some(())
        });
        Self {
            child: Running(child),
            _lock: held,
            _folder: folder,
        }
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        // It may just have ended.
        let _ = Command::new("kill")
            .args([name, &pid])
            .stderr(Stdio::null())
            .status();
    }

    fn ended(&mut self) -> ExitStatus {
        wait_for(|| self.child.try_wait().expect("our child"))
    }
}

#[test]
fn a_reload_does_not_end_it() {
    let mut starting = Starting::begin();
    starting.signal("-HUP");
    let status = starting.ended();
    assert_eq!(status.code(), Some(64), "{status}");
}

/// As process 1 of a container, it would ignore a signal without a handler.
#[test]
fn a_stop_request_is_handled() {
    let mut starting = Starting::begin();
    starting.signal("-TERM");
    let status = starting.ended();
    assert!(status.code().is_some(), "{status}");
}
