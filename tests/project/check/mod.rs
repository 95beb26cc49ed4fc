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

use async_trait::async_trait;
use slod::config::{self, Config, Loaded};
use slod::diagnostic::Source;
use slod::outcome::{DurationOf, Measurement, Measures, Outcome, Verdict, VoidReason};
use slod::probe::{Attempt, Kind, Probe};
use slod::yaml::{Key, Keys, Secret, SecretText, Section, Text};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// An `http` kind with only the keys that the messages need.
struct Fake {
    name: &'static str,
    keys: Keys,
    example: &'static str,
}

/// All kinds, with the `http` kind replaced.
static KINDS: LazyLock<Vec<&dyn Kind>> = LazyLock::new(|| {
    let kinds = slod::probe::KINDS.iter().copied();
    let replaced = kinds.map(|kind| if kind.name() == HTTP.name { HTTP } else { kind });
    replaced.collect()
});

const FAKE_URL: Key<Text> = Key::required("url", Text, "Where to.");
const FAKE_TOKEN: Key<SecretText> = Key::optional("bearer_token", SecretText, "Sent along.");

const HTTP: &Fake = &Fake {
    name: "http",
    keys: &[&FAKE_URL, &FAKE_TOKEN],
    example: "{ url: \"http://127.0.0.1:8000/health\" }",
};

#[derive(Debug)]
struct Nothing(
    String,
    #[expect(dead_code, reason = "a secret is kept, not shown")] Option<Secret>,
);

const MEASURES: Measures = Measures {
    duration: DurationOf::Attempt,
    measurements: Measurement::PHASES,
    code: None,
};

impl Kind for Fake {
    fn name(&self) -> &'static str {
        self.name
    }

    fn summary(&self) -> &'static str {
        "Does nothing."
    }

    fn keys(&self) -> Keys {
        self.keys
    }

    fn example(&self) -> &'static str {
        self.example
    }

    fn measures(&self) -> &'static Measures {
        &MEASURES
    }

    fn read(&self, section: &Section<'_>) -> Option<Arc<dyn Probe>> {
        let token = section.secret(&FAKE_TOKEN);
        Some(Arc::new(Nothing(section.get(&FAKE_URL)?, token)))
    }
}

#[async_trait]
impl Probe for Nothing {
    async fn run(&self, _: &mut Attempt) -> Outcome {
        Outcome::new(Verdict::Void(VoidReason::Internal), Duration::ZERO)
    }

    fn target(&self) -> String {
        self.0.clone()
    }
}

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
    Config::load(&source, Path::new("/etc/slod"), &env, &KINDS)
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

/// Loads a fixture under its bare name, so that messages do not depend on its directory. One is about slod's own
/// probe kinds, the others are about those of these tests.
fn load_fixture(path: &Path) -> (Source, Loaded) {
    let mut source = config::read_file(path).unwrap();
    source.name = path.file_name().unwrap().to_string_lossy().into_owned();
    let base = PathBuf::from("tests/fixtures/check");
    let kinds = if source.name == "redirects.yaml" {
        slod::probe::KINDS
    } else {
        &KINDS
    };
    let loaded = Config::load(&source, &base, &env, kinds);
    (source, loaded)
}
