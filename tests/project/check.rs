//! What `slod check` says: each file in `fixtures/check` beside the text that it must produce.
//!
//! `UPDATE_EXPECT=1 cargo test --test project` rewrites the expected texts and the docs.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use async_trait::async_trait;
use expect_test::expect_file;
use slod::cli::check;
use slod::config::{self, Config, FileError, Loaded};
use slod::diagnostic::Source;
use slod::outcome::{DurationOf, Measurement, Measures, Outcome, Verdict, VoidReason};
use slod::probe::{Attempt, Kind, Probe};
use slod::slo::Threshold;
use slod::yaml::{Key, Keys, Need, Secret, SecretText, Section, Structure, Text};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// An http kind with the least that messages need.
struct Fake {
    name: &'static str,
    keys: Keys,
    example: &'static str,
}

/// Every kind there is, with the http kind replaced.
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
    let source = Source {
        name: "slod.yaml".to_owned(),
        text: text.to_owned(),
    };
    Config::load(&source, Path::new("/etc/slod"), &env, &KINDS)
}

fn fixtures() -> Vec<PathBuf> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Some checkouts take rights away.
        let token = root().join("tests/fixtures/check/files/token");
        fs::set_permissions(token, fs::Permissions::from_mode(0o644)).unwrap();
    }
    let folder = fs::read_dir(root().join("tests/fixtures/check")).unwrap();
    let mut files: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "yaml"));
    files.sort();
    files
}

/// Loads a fixture under its bare name, so that messages do not depend on where it lies.
fn load_fixture(path: &Path) -> (Source, Loaded) {
    let mut source = config::read_file(path).unwrap();
    source.name = path.file_name().unwrap().to_string_lossy().into_owned();
    let base = PathBuf::from("tests/fixtures/check");
    let loaded = Config::load(&source, &base, &env, &KINDS);
    (source, loaded)
}

#[test]
fn lists_of_requests_are_bounded() {
    let faults = |requests: &str| {
        let text = format!(
            "services: [ {{ name: web, objectives: [], probes: [ {{ name: p, tcp: {{ address: '127.0.0.1:1' }} }} ], load: {{ url: 'http://127.0.0.1:1', requests: {requests} }} }} ]\n"
        );
        load(&text).diagnostics.len()
    };
    let list = |item: &str, count: usize| format!("[{}]", vec![item; count].join(","));
    let steps = |count| format!("[ {{ steps: {} }} ]", list("{path: /}", count));
    let captures = |count: usize| {
        let each = (0..count).map(|n| format!("{{name: n{n}, header: X}}"));
        let each: Vec<_> = each.collect();
        let each = each.join(",");
        format!("[ {{ steps: [ {{ path: /, capture: [{each}] }} ] }} ]")
    };
    for (fits, too_many) in [
        (list("{path: /}", 1000), list("{path: /}", 1001)),
        (steps(1000), steps(1001)),
        (captures(50), captures(51)),
    ] {
        assert_eq!((faults(&fits), faults(&too_many)), (0, 1), "{fits:.60}");
    }
}

#[test]
fn every_fixture_says_what_is_expected() {
    for path in fixtures() {
        let (source, loaded) = load_fixture(&path);
        let text = check::text(&source, &loaded, false);
        assert!(!text.contains("hunter2"), "a secret is shown:\n{text}");
        expect_file![path.with_extension("txt")].assert_eq(&text);
        let json = check::json(&source, &loaded.diagnostics);
        let list: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
        assert_eq!(list.len(), loaded.diagnostics.len());
        assert!(!json.contains("hunter2"), "a secret is shown:\n{json}");
    }
}

#[test]
fn every_code_has_a_fixture_and_a_meaning() {
    let declared: BTreeSet<_> = config::codes().map(|code| code.code).collect();
    let seen: BTreeSet<_> = fixtures()
        .iter()
        .flat_map(|path| load_fixture(path).1.diagnostics)
        .map(|diagnostic| diagnostic.code)
        .collect();
    assert_eq!(declared, seen);
    assert_eq!(declared.len(), config::codes().count(), "codes are unique");
}

#[test]
fn the_shipped_config_has_nothing_to_complain_about() {
    let source = config::read_file(&root().join("config/slod.yaml")).unwrap();
    let loaded = Config::load(&source, Path::new("config"), &|_| None, &KINDS);
    assert_eq!(loaded.diagnostics, []);
    let config = loaded.config.unwrap();
    let names: Vec<_> = config
        .services
        .iter()
        .map(|service| &*service.name)
        .collect();
    assert_eq!(names, ["concierge", "rag", "guardrails"]);
    assert!(
        config
            .services
            .iter()
            .all(|service| service.objectives.len() == 5)
    );
}

#[test]
fn the_shipped_example_of_an_ai_provider_has_nothing_to_complain_about() {
    let source = config::read_file(&root().join("config/ai-provider.yaml")).unwrap();
    let env = |name: &str| (name == "TOGETHER_API_KEY").then(|| "a-key".to_owned());
    let loaded = Config::load(&source, Path::new("config"), &env, &KINDS);
    assert_eq!(loaded.diagnostics, []);
    let config = loaded.config.unwrap();
    let probe = config.probes().next().unwrap();
    assert_eq!(
        probe.probe.target(),
        "https://api.together.xyz/v1/chat/completions (meta-llama/Llama-3.3-70B-Instruct-Turbo)"
    );
    assert!(!format!("{:?}", probe.probe).contains("a-key"));
}

#[test]
fn defaults_are_those_that_are_declared() {
    let plain = load(
        "services: [{ name: a, objectives: [{ name: o, sli: availability, target: 99% }], probes: [{ name: p, http: { url: x } }] }]",
    );
    let written = load(
        "listen: 127.0.0.1:9771
store: { path: data/slod.db, retention: 400d }
max_concurrent_probes: 256
defaults: { interval: 10s, timeout: 5s }
services:
  - name: a
    objectives: [{ name: o, sli: availability, target: 99%, window: 30d, budgeting: timeslices, slice_target: 50% }]
    probes: [{ name: p, interval: 10s, timeout: 5s, http: { url: x } }]",
    );
    let page = config::markdown(&KINDS);
    for default in [
        "127.0.0.1:9771",
        "data/slod.db",
        "400d",
        "256",
        "10s",
        "5s",
        "30d",
        "50%",
    ] {
        assert!(
            page.contains(&format!("| `{default}` |")),
            "{default} is not in the docs"
        );
    }
    let (plain, written) = (plain.config.unwrap(), written.config.unwrap());
    assert_eq!(
        format!("{plain:?}"),
        format!("{written:?}").replace(&fingerprint(&written), &fingerprint(&plain))
    );
}

fn fingerprint(config: &Config) -> String {
    format!("{}", config.services[0].probes[0].fingerprint)
}

#[test]
fn a_shorter_interval_shortens_the_inherited_timeout() {
    let loaded = load(
        "services: [{ name: a, objectives: [], probes: [{ name: p, interval: 1s, http: { url: x } }] }]",
    );
    let config = loaded.config.unwrap();
    let probe = &config.services[0].probes[0];
    assert_eq!(probe.timeout, probe.interval);
}

#[test]
fn an_empty_list_of_objectives_means_none() {
    let text = |own: &str| {
        format!(
            "defaults: {{ objectives: [{{ name: o, sli: success, target: 99% }}] }}\nservices: [{{ name: a, {own} probes: [{{ name: p, http: {{ url: x }} }}] }}]"
        )
    };
    let objectives = |own: &str| {
        load(&text(own)).config.unwrap().services[0]
            .objectives
            .len()
    };
    assert_eq!(objectives(""), 1);
    assert_eq!(objectives("objectives: ,"), 1);
    assert_eq!(objectives("objectives: [],"), 0);
}

#[test]
fn a_probe_changes_with_its_settings_and_with_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    fs::write(&token, "one").unwrap();
    let spec = |text: &str, host: &'static str| {
        let source = Source {
            name: String::new(),
            text: text.to_owned(),
        };
        let env = move |_: &str| Some(host.to_owned());
        let loaded = Config::load(&source, folder.path(), &env, &KINDS);
        loaded.config.unwrap().services[0].probes[0].clone()
    };
    let text = "services: [{ name: a, objectives: [], probes: [{ name: p, http: { url: \"http://${HOST}/\", bearer_token_file: token } }] }]";
    let first = spec(text, "x");
    assert!(first == spec(text, "x"), "nothing changed");
    assert!(
        first == spec(&format!("# moved\n\nlisten: 127.0.0.1:1\n{text}"), "x"),
        "other places"
    );
    assert!(first != spec(text, "y"), "another host");
    assert!(
        first != spec(&text.replace("http://", "https://"), "x"),
        "another url"
    );
    assert!(
        first != spec(&text.replace("name: p,", "name: p, interval: 9s,"), "x"),
        "another pace"
    );
    fs::write(&token, "two").unwrap();
    assert!(first != spec(text, "x"), "another token");
}

#[derive(clap::Parser)]
struct Cli {
    #[command(flatten)]
    args: check::CheckArgs,
}

#[test]
fn the_exit_code_is_the_answer() {
    let answer = |file: &str, more: &[&str]| {
        let file = root().join(file);
        let args = [&["slod", "--config", file.to_str().unwrap()], more].concat();
        let cli = <Cli as clap::Parser>::parse_from(args);
        check::answer(&cli.args, &KINDS)
    };
    let (code, out) = answer("config/slod.yaml", &["--strict"]);
    assert_eq!(code, 0);
    assert!(
        out.ends_with("slod.yaml: ok: 3 services, 3 probes, 15 objectives\n"),
        "{out}"
    );
    assert_eq!(answer("tests/fixtures/check/lint-alerting.yaml", &[]).0, 0);
    assert_eq!(
        answer("tests/fixtures/check/lint-alerting.yaml", &["--strict"]).0,
        1
    );
    assert_eq!(answer("tests/fixtures/check/empty-list.yaml", &[]).0, 1);
    assert_eq!(answer("no/such/file.yaml", &[]), (2, String::new()));
    let (code, out) = answer(
        "tests/fixtures/check/empty-list.yaml",
        &["--format", "json"],
    );
    let found: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(code, 1);
    assert_eq!(found[0]["code"], "empty-list");
    assert_eq!(
        (&found[0]["line"], &found[0]["column"]),
        (&1.into(), &11.into())
    );
    assert_eq!(found[0]["path"], "services");
}

#[test]
fn a_probe_knows_every_latency_threshold_that_it_is_judged_by() {
    let text = r#"
services:
  - name: rag
    probes: [ { name: health, http: { url: "http://127.0.0.1:1/" } }, { name: search, http: { url: "http://127.0.0.1:1/" } } ]
    objectives: [ { name: fast, sli: latency, below: 500ms, target: 99%, probes: [ search ] } ]
  - name: journey
    objectives: [ { name: whole, sli: latency, below: 2s, target: 99%, probes: [ rag/search ] } ]
"#;
    let config = load(text).config.expect("valid");
    let thresholds: Vec<_> = config.probes().map(|spec| &*spec.thresholds).collect();
    let both = [500, 2000].map(|ms| Threshold {
        of: None,
        below: Duration::from_millis(ms),
    });
    assert_eq!(thresholds, [&[][..], &both[..]]);
}

/// How long it takes to read a config of so many services.
fn reading(services: usize) -> Duration {
    let head = "defaults: { objectives: [{ name: o, sli: success, target: 99% }] }\nservices:\n";
    let service = |n| {
        format!(
            "  - {{ name: s{n}, labels: {{ team: t{n} }}, probes: [{{ name: p, http: {{ url: \"http://127.0.0.1/{n}\" }} }}] }}\n"
        )
    };
    let all: Vec<String> = (0..services).map(service).collect();
    let text = format!("{head}{}", all.concat());
    let started = std::time::Instant::now();
    let loaded = load(&text);
    let took = started.elapsed();
    assert_eq!(loaded.config.unwrap().services.len(), services);
    took
}

/// However fast the machine is: in proportion it would be 8 times, squared 64 times.
#[test]
fn the_time_for_a_config_grows_with_its_length_only() {
    let (short, long) = (reading(2500), reading(20_000));
    assert!(
        long < 32 * short,
        "{short:?} for 2,500, {long:?} for 20,000"
    );
}

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

/// Whatever is wrong around a secret, and however its key is misspelled.
#[test]
fn no_diagnostic_shows_a_secret() {
    let texts = [
        "http: { url: \"http://h/\", berer: hunter2, X: 1 }",
        "http: { url: \"http://h/\", Bearer: hunter2 }",
        "http: { url: \"http://h/\", passwort: hunter2 }",
        "http: { url: \"http://h/\", bearer: hunter2, typo: 1 }",
        "http: { url: \"http://h/\", bearer: [hunter2, b] }",
        "http: { url: \"http://h/\", bearer: { hunter2: 1 } }",
        "http: { url: \"http://h/\", bearer:hunter2, typo: 1 }",
        "http: { url: \"http://h/\", \"bearer hunter2\": , typo: 1 }",
        "http: { url: \"http://h/\", basic_auth: \"me:hunter2\" }",
        "http: { url: \"http://h/\", basic_auth: { username: a, pasword: hunter2 } }",
        "http: { url: \"http://h/\", headers: { X-Access-Key: hunter2 }, typo: 1 }",
        "http: { url: \"http://h/\", headers: { \"Authorization: hunter2\": x } }",
        "http: { url: \"http://h/\", headers: [ \"X-Access-Key: hunter2\" ] }",
        "http: { url: \"http://h/\", header: { X-Access-Key: hunter2 } }",
        "http: { url: \"http://h/\", body: \"client=hunter2\", typo: 1 }",
        "http: { url: \"http://me:hunter2@h/\" }",
        "http: { url: \"http://h/?key=hunter2\", typo: 1 }",
        "http: { url: \"http://h:99999/?key=hunter2\" }",
        "http: { url: \"http://h:99999/${SECRET}\", timeout: \"${SECRET}\" }",
        "http: { url: \"http://h/\", expect: { json: { \"$.a\": \"> ${SECRET}\" } } }",
        "http: { url: \"http://h/\", expect: { json: { \"$[${SECRET}\": 1 } } }",
        "http: { url: \"http://h/\", expect: { body: \"(${SECRET}\" } }",
        "http: { url: \"http://h/\", headers: { \"a ${SECRET}\": 1 } }",
        "htp: { url: \"http://h/\", bearer: hunter2 }",
        "tcp: { address: \"h:1\", sent: hunter2 }, http: { bearer: hunter2 }",
        "http: { url: \"http://h/\" }, token: hunter2",
        "http: { url: \"http://h/\" }, interval: { token: hunter2 }",
        "http: { url: \"http://h/\", # bearer: hunter2\n typo: 1 }",
        "http: { url: \"http://h/\", bearer: |\n hunter2\n }",
        "http: { url: \"http://h/\", bearer: hunter2",
        "http: { bearer: 'hunter2",
        "http: { bearer: \"hunter2\" \"x\" }",
    ];
    let secret = |name: &str| (name == "SECRET").then(|| "hunter2".to_owned());
    for text in texts {
        let source = Source {
            name: "test".to_owned(),
            text: format!("services: [{{ name: a, probes: [{{ name: p, {text} }}] }}]\n"),
        };
        let loaded = Config::load(&source, Path::new(""), &secret, slod::probe::KINDS);
        assert!(!loaded.diagnostics.is_empty(), "{text}");
        let shown = check::text(&source, &loaded, false);
        let json = check::json(&source, &loaded.diagnostics);
        assert!(!shown.contains("hunter2"), "{text}\n{shown}");
        assert!(!json.contains("hunter2"), "{text}\n{json}");
    }
}

#[test]
fn a_secret_that_everybody_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("slod.yaml");
    let found = |probe: &str, mode: u32| {
        let text = format!(
            "services: [{{ name: a, objectives: [], probes: [{{ name: p, http: {{ url: \"https://h/\", {probe} }} }}] }}]\n"
        );
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let source = config::read_file(&path).unwrap();
        let env = |_: &str| Some("from-elsewhere".to_owned());
        let loaded = Config::load(&source, folder.path(), &env, slod::probe::KINDS);
        let mut found = loaded.diagnostics.iter();
        found.any(|found| found.code == "secret-file-readable")
    };
    for probe in [
        "bearer: hunter2",
        "headers: { X-Api-Key: hunter2 }",
        "basic_auth: { username: a, password: b }",
    ] {
        assert!(found(probe, 0o644), "{probe}");
        assert!(!found(probe, 0o640), "{probe}");
    }
    assert!(!found("bearer: \"${TOKEN}\"", 0o644));
    assert!(!found("headers: { Accept: x }", 0o644));
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::default()
        .self_signed(&key)
        .unwrap();
    fs::write(folder.path().join("cert"), certificate.pem()).unwrap();
    fs::write(folder.path().join("key"), key.serialize_pem()).unwrap();
    let rights = |mode| {
        fs::set_permissions(folder.path().join("key"), fs::Permissions::from_mode(mode)).unwrap();
    };
    rights(0o644);
    assert!(found("tls: { cert_file: cert, key_file: key }", 0o600));
    rights(0o600);
    assert!(!found("tls: { cert_file: cert, key_file: key }", 0o600));
}

/// Reading any of them could block for good or never end.
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
            error.contains(&format!("it is {what}, not a regular file")),
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
            let source = Source {
                name: "test".to_owned(),
                text: format!(
                    "services: [{{ name: a, probes: [{{ name: p, http: {{ url: \"http://127.0.0.1/\", {key} }} }}] }}]"
                ),
            };
            let loaded = Config::load(&source, Path::new(""), &env, slod::probe::KINDS);
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

#[test]
fn every_kinds_example_is_right_and_its_name_is_free() {
    let kinds: Vec<&dyn Kind> = [&KINDS, slod::probe::KINDS].concat();
    for kind in kinds {
        let (name, example) = (kind.name(), kind.example());
        let text = format!(
            "services: [{{ name: a, objectives: [], probes: [{{ name: p, {name}: {example} }}] }}]"
        );
        let source = Source {
            name: String::new(),
            text,
        };
        let loaded = Config::load(&source, root(), &env, &[kind]);
        assert_eq!(loaded.diagnostics, [], "{name}");
        assert!(!["name", "interval", "timeout"].contains(&name));
    }
    let names: BTreeSet<_> = slod::probe::KINDS.iter().map(|kind| kind.name()).collect();
    assert_eq!(names.len(), slod::probe::KINDS.len(), "names are unique");
}

/// A document with a value at one key, and the path of that key.
struct Written {
    text: String,
    path: String,
}

/// One document for each key below `keys`, with the value that `value` has for it. The keys stand
/// below `path`, and `around` is the document around them.
fn written(
    keys: Keys,
    path: &str,
    around: &dyn Fn(&str) -> String,
    value: &dyn Fn(Need) -> Option<String>,
) -> Vec<Written> {
    let mut found = Vec::new();
    for key in keys {
        let (name, dot) = (key.name(), if path.is_empty() { "" } else { "." });
        let path = format!("{path}{dot}{name}");
        let is_named = name != "name" && keys.iter().any(|key| key.name() == "name");
        let sibling = if is_named { "name: a, " } else { "" };
        let around = |inner: &str| around(&format!("{{ {sibling}{name}: {inner} }}"));
        match key.form().structure() {
            Structure::ProbeKind => continue,
            Structure::Mapping { keys, .. } => found.extend(written(keys, &path, &around, value)),
            Structure::Value
            | Structure::Secret
            | Structure::ValueOrFile
            | Structure::Map { .. } => {}
        }
        let text = value(key.need()).map(|value| around(&value));
        found.extend(text.map(|text| Written { text, path }));
    }
    found
}

/// Such a document for each key of the config and of all probe kinds.
fn every_key(value: &dyn Fn(Need) -> Option<String>) -> Vec<Written> {
    let mut all = written(config::KEYS, "", &str::to_owned, value);
    for kind in slod::probe::KINDS {
        let name = kind.name();
        let around = |inner: &str| {
            format!("services: {{ name: a, probes: {{ name: p, {name}: {inner} }} }}")
        };
        let path = format!("services.probes.{name}");
        all.extend(written(kind.keys(), &path, &around, value));
    }
    all
}

fn load_real(text: &str) -> Loaded {
    let source = Source {
        name: String::new(),
        text: text.to_owned(),
    };
    Config::load(&source, root(), &env, slod::probe::KINDS)
}

#[test]
fn every_declared_key_is_read() {
    // No key has such a value, so whoever reads it reports it.
    let all = every_key(&|_| Some("{ x: { y: { z: 1 } } }".to_owned()));
    assert!(all.len() > 80, "{} keys", all.len());
    // JSON may be any mapping.
    let is_json = |path: &str| {
        path.ends_with("load.requests.json") || path.ends_with("load.requests.steps.json")
    };
    for Written { text, path } in all.into_iter().filter(|one| !is_json(&one.path)) {
        let found = load_real(&text).diagnostics;
        let is_reported = found.iter().any(|one| one.path.starts_with(&path));
        assert!(
            is_reported,
            "`{path}` is declared, but nothing reads it:\n{text}\n{found:#?}"
        );
    }
}

#[test]
fn every_default_is_a_valid_value_of_its_key() {
    let default = |need| match need {
        Need::Default(text) => Some(format!("{text:?}")),
        Need::Required | Need::Optional => None,
    };
    let all = every_key(&default);
    assert!(all.len() > 20, "{} defaults", all.len());
    for Written { text, path } in all {
        let found = load_real(&text).diagnostics;
        let invalid = ["invalid-value", "out-of-range"];
        let mut faults = found.iter();
        let fault = faults.find(|one| one.path == path && invalid.contains(&one.code));
        assert_eq!(fault, None, "{text}");
    }
}

#[test]
fn the_docs_are_those_of_the_declared_keys() {
    let page = config::markdown(slod::probe::KINDS);
    expect_file![root().join("docs/CONFIGURATION.md")].assert_eq(&page);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 256, failure_persistence: None, ..Default::default() })]
    #[test]
    fn no_text_makes_it_panic(text in "(services|listen|defaults|name|probes|http|url|:|,| |\n|\t|-|\\[|\\]|\\{|\\}|\\$|\"|'|&a|\\*a|10s|99%|\\PC|[\u{0}-\u{1f}]){0,60}") {
        let source = Source { name: "x".to_owned(), text };
        let loaded = Config::load(&source, Path::new("."), &env, &KINDS);
        proptest::prop_assert!(loaded.config.is_some() || !loaded.diagnostics.is_empty());
        proptest::prop_assert!(!check::text(&source, &loaded, true).is_empty());
    }
}

/// What `slod check` accepts, the schema for editors accepts too.
#[test]
fn valid_configs_fit_the_schema() {
    let schema = config::schema(slod::probe::KINDS);
    let validator = jsonschema::draft7::new(&schema).unwrap();
    let mut files: Vec<_> = fixtures();
    files.retain(|file| {
        file.file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with("ok-")
    });
    files.extend(["config/slod.yaml", "deploy/compose/slod.yaml"].map(|file| root().join(file)));
    assert!(files.len() > 8, "{files:?}");
    let odd = r#"
services:
  - name: web
    probes:
      - name: p
        http: { url: "https://a.test/", http_version: 1.1, bearer: 123, headers: { X-A: 1, X-B: true }, expect: { json: { "$.error": null } } }
      - name: chat
        llm: { url: "https://a.test/v1", model: m, prompt: 1, parameters: { temperature: 0 } }
    objectives:
      - { name: up, sli: availability, target: 99.9%, weights: { p: 3 } }
"#;
    let mut texts: Vec<_> = files
        .iter()
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    texts.push(odd.to_owned());
    for text in texts {
        let config: serde_json::Value = serde_yaml::from_str(&text).unwrap();
        let faults: Vec<_> = validator
            .iter_errors(&config)
            .map(|fault| fault.to_string())
            .collect();
        assert!(faults.is_empty(), "{text}\n{faults:#?}");
    }
}
