//! How a config is read, and what `slod check` reports.
//!
//! `UPDATE_EXPECT=1 cargo test --test project` rewrites the expected texts and the docs.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod files;
mod fixtures;
mod keys;
mod secrets;
mod together;
mod values;

use slod::config::{self, Config, Loaded};
use slod::diagnostic::Source;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn env(name: &str) -> Option<String> {
    match name {
        "LISTEN" => Some("127.0.0.1:9771".to_owned()),
        "HOST" => Some("127.0.0.1".to_owned()),
        _ => None,
    }
}

fn load(text: &str) -> Loaded {
    let source = Source::new("slod.yaml", text);
    Config::load(&source, Path::new("/etc/slod"), &env)
}

fn fixtures() -> Vec<PathBuf> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Some checkouts have different permissions.
        let token = root().join("tests/fixtures/check/files/token");
        fs::set_permissions(token, fs::Permissions::from_mode(0o644)).unwrap();
    }
    let folder = fs::read_dir(root().join("tests/fixtures/check")).unwrap();
    let mut files: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "yaml"));
    files.sort();
    files
}

/// Loads a fixture under its bare name, so that messages do not depend on its directory.
fn load_fixture(path: &Path) -> (Source, Loaded) {
    let mut source = config::read_file(path).unwrap();
    source.name = path.file_name().unwrap().to_string_lossy().into_owned();
    let loaded = Config::load(&source, Path::new("tests/fixtures/check"), &env);
    (source, loaded)
}
