//! Which files are read, and which errors are reported for the others.

use super::env;
use slod::config::{self, Config, FileError};
use slod::diagnostic::Source;
use std::fs;
use std::path::Path;

#[test]
fn what_is_no_text_is_refused_with_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("slod.yaml");
    let read = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        config::read_file(&path)
    };
    assert!(matches!(
        read(b"a: 1\nb: \xff"),
        Err(FileError::NotText { line: 2, .. })
    ));
    assert!(matches!(
        read(&vec![b'#'; 10 << 20]),
        Err(FileError::TooLarge(_))
    ));
    assert!(matches!(
        config::read_file(folder.path()),
        Err(FileError::Folder(_))
    ));
    assert!(matches!(
        config::read_file(&folder.path().join("no")),
        Err(FileError::Missing(_))
    ));
    assert_eq!(read("\u{feff}a: 1".as_bytes()).unwrap().text, "a: 1");
}

/// Reading any of these could block or never end.
#[test]
fn only_regular_files_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.unwrap().success());
    let (fifo, folder) = (fifo.to_str().unwrap(), folder.path().to_str().unwrap());
    for (path, what) in [(fifo, "a FIFO"), ("/dev/zero", "a device")] {
        let error = config::read_file(Path::new(path)).unwrap_err().to_string();
        assert!(
            error.contains(&format!("not a regular file, but {what}")),
            "{error}"
        );
    }
    for key in [
        "body_file: PATH",
        "bearer_file: PATH",
        "basic_auth: { username: a, password_file: PATH }",
        "tls: { ca_file: PATH }",
        "tls: { cert_file: PATH, key_file: PATH }",
    ] {
        for path in [fifo, folder, "/dev/zero"] {
            let key = key.replace("PATH", path);
            let source = Source::new(
                "test",
                format!(
                    "services: [{{ name: a, probes: [{{ name: p, http: {{ url: \"http://127.0.0.1/\", {key} }} }}] }}]"
                ),
            );
            let loaded = Config::load(&source, Path::new(""), &env);
            let mut found = loaded.diagnostics.iter();
            assert!(
                found.any(|found| found.code == "unreadable-file"
                    && found.message.contains("not a regular file")),
                "{key}: {:?}",
                loaded.diagnostics
            );
        }
    }
}
