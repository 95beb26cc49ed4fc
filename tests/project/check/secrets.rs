//! Secrets are never shown, and secret files that others can read are reported.

use slod::cli::check;
use slod::config::{self, Config};
use slod::diagnostic::Source;
use std::fs;
use std::path::Path;

/// Applies to any error around a secret, and any misspelling of its key.
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
        let source = Source::new(
            "test",
            format!("services: [{{ name: a, probes: [{{ name: p, {text} }}] }}]\n"),
        );
        let loaded = Config::load(&source, Path::new(""), &secret);
        assert!(!loaded.diagnostics.is_empty(), "{text}");
        let shown = check::text(&source, &loaded, false);
        let json = check::objects(&source, &loaded.diagnostics);
        let json = serde_json::Value::from(json).to_string();
        assert!(!shown.contains("hunter2"), "{text}\n{shown}");
        assert!(!json.contains("hunter2"), "{text}\n{json}");
    }
}

#[test]
fn a_world_readable_config_with_a_secret_is_a_warning() {
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
        let loaded = Config::load(&source, folder.path(), &env);
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
