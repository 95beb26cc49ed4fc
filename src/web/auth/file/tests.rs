//! The kinds of files in exporter-toolkit's own tests: what it accepts is accepted, or rejected if rustls
//! does not support it or if it would let everybody in.

use super::*;
use rcgen::{CertificateParams, KeyPair};
use std::fs;

const HASH: &str = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG";

/// A folder with a certificate and its key, another key, and text that is neither.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let write =
        |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("written");
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("names");
    write(
        "server.crt",
        &params.self_signed(&key).expect("signed").pem(),
    );
    write("server.key", &key.serialize_pem());
    write(
        "other.key",
        &KeyPair::generate().expect("a key").serialize_pem(),
    );
    write("text.pem", "no certificate");
    folder
}

fn loaded(folder: &Path, text: &str) -> LoadedFile {
    let source = Source::new("web.yml", text);
    parse(&source, folder)
}

/// With the server's certificate, and additional TLS keys.
fn tls(more: &str) -> String {
    format!("tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n{more}")
}

#[test]
fn files_of_exporters_are_accepted() {
    let folder = folder();
    let inline = |name: &str, file: &str| {
        let text = fs::read_to_string(folder.path().join(file)).expect("text");
        format!(
            "  {name}: |\n    {}\n",
            text.trim_end().replace('\n', "\n    ")
        )
    };
    let accepted = [
        String::new(),
        "# nothing but a comment\n".to_owned(),
        tls(""),
        tls("  client_auth_type: NoClientCert\n"),
        tls("  client_auth_type: RequestClientCert\n"),
        tls("  client_auth_type: RequireAnyClientCert\n"),
        tls("  client_auth_type: RequireClientCert\n"),
        tls("  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: server.crt\n"),
        tls("  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: server.crt\n  client_allowed_sans: [ one, two ]\n"),
        tls("  client_auth_type: RequireAnyClientCert\n  client_allowed_sans: [ one ]\n"),
        tls("  min_version: TLS13\n"),
        tls("  min_version: TLS12\n  max_version: TLS12\n  prefer_server_cipher_suites: false\n  cipher_suites: [ TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 ]\n"),
        tls("  cipher_suites: [ TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384, TLS_CHACHA20_POLY1305_SHA256 ]\n"),
        tls("  curve_preferences: [ X25519, CurveP384, CurveP256 ]\n"),
        format!("tls_server_config:\n{}{}", inline("cert", "server.crt"), inline("key", "server.key")),
        tls(&format!("  client_auth_type: RequireAndVerifyClientCert\n{}", inline("client_ca", "server.crt"))),
        tls("http_server_config: { http2: false }\n"),
        tls(&format!("basic_auth_users:\n  alice: {HASH}\n  bob: \"{}\"\n", HASH.replace("$10$", "$18$"))),
        format!("basic_auth_users: {{ alice: {HASH} }}\n"),
        "rate_limit:\n  interval: \"1s\"\n  burst: 1\n".to_owned(),
        "rate_limit: { interval: 0, burst: 1 }\n".to_owned(),
        "http_server_config:\n  headers:\n    X-Frame-Options: deny\n    X-Content-Type-Options: nosniff\n    X-XSS-Protection: 1\n    Strict-Transport-Security: max-age=31536000; includeSubDomains\n    Content-Security-Policy: \"default-src 'self' *.test.example.net\"\n".to_owned(),
    ];
    for text in accepted {
        let loaded = loaded(folder.path(), &text);
        assert!(loaded.file.is_some(), "{text}\n{}", loaded.errors());
    }
}

/// A text (after `TLS`: additions to a valid server), and a part of its error after the arrow.
const REFUSED: &[&str] = &[
    "tls_server_config: { cert_filse: server.crt } -> did you mean `cert_file`?",
    "basic_auth_user: {} -> did you mean `basic_auth_users`?",
    "tls_server_config: { cert_file: server.crt } -> `key_file` is missing",
    "tls_server_config: { key_file: server.key } -> `cert_file` is missing",
    "tls_server_config: { min_version: TLS13 } -> `cert_file` is missing",
    "tls_server_config: { cert_file: \"\", key_file: server.key } -> an empty string",
    "tls_server_config: { cert_file: server.crt, key_file: \"\" } -> an empty string",
    "tls_server_config: { cert_file: gone.crt, key_file: server.key } -> gone.crt",
    "tls_server_config: { cert_file: server.crt, key_file: gone.key } -> gone.key",
    "tls_server_config: { cert: \"\", key_file: server.key } -> no valid certificate",
    "tls_server_config: { cert_file: text.pem, key_file: server.key } -> expected PEM with CERTIFICATE blocks",
    "tls_server_config: { cert_file: server.crt, key_file: text.pem } -> PRIVATE KEY block that is not encrypted",
    "tls_server_config: { cert_file: server.crt, key_file: other.key } -> the key does not belong to the certificate",
    "tls_server_config: { cert_file: server.crt, cert: x, key_file: server.key } -> both `cert` and `cert_file` are given",
    "TLS  client_auth_type: RequireBananas -> expected one of NoClientCert, RequestClientCert, RequireAnyClientCert, VerifyClientCertIfGiven, RequireAndVerifyClientCert",
    "TLS  client_auth_type: RequireAndVerifyClientCert -> `client_ca_file` is missing",
    "TLS  client_auth_type: VerifyClientCertIfGiven -> `client_ca_file` is missing",
    "TLS  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: gone.crt -> gone.crt",
    "TLS  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: text.pem -> no valid certificate",
    "TLS  client_auth_type: RequireAndVerifyClientCert\n  client_ca: text -> no valid certificate",
    "TLS  client_ca_file: server.crt -> client certificates are not requested",
    "TLS  client_allowed_sans: [ one ] -> set `client_auth_type: RequireAndVerifyClientCert`",
    "TLS  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: server.crt\n  client_allowed_sans: [ one ] -> without a certificate",
    "TLS  min_version: TLS111 -> expected TLS12 or TLS13",
    "TLS  min_version: TLS10 -> expected TLS12 or TLS13",
    "TLS  min_version: TLS13\n  max_version: TLS12 -> `min_version` is newer",
    "TLS  cipher_suites: [ TLS_ECDHE_MADE_UP ] -> expected one of TLS_AES_256_GCM_SHA384, TLS_AES_128_GCM_SHA256, TLS_CHACHA20_POLY1305_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS  cipher_suites: [ TLS_RSA_WITH_AES_128_CBC_SHA ]\n  max_version: TLS12 -> expected one of TLS_AES_256_GCM_SHA384",
    "TLS  cipher_suites: [ TLS_AES_128_GCM_SHA256 ]\n  max_version: TLS12 -> no suite supports a version",
    "TLS  curve_preferences: [ CurveP521 ] -> expected one of X25519, CurveP256, CurveP384",
    "TLS  curve_preferences: [ CurveP257 ] -> expected one of X25519, CurveP256, CurveP384",
    "basic_auth_users: { john: doe } -> the password is not a bcrypt hash",
    "basic_auth_users: { \"a:b\": doe } -> invalid user name",
    "basic_auth_users: [ john ] -> a mapping of names to bcrypt hashes",
    "http_server_config: { http2: maybe } -> true or false",
    "http_server_config: { headers: { X-Frame-Options: sometimes } } -> one of deny, sameorigin",
    "http_server_config: { headers: { X-Content-Type-Options: sniff } } -> nosniff",
    "http_server_config: { headers: { Server: slod } } -> valid here: Content-Security-Policy, X-Frame-Options",
    "http_server_config: { headers: { Content-Security-Policy: \"a\\nb\" } } -> on one line",
    "rate_limit: { interval: 1s, burst: 0 } -> an integer from 1",
    "rate_limit: { interval: often, burst: 1 } -> a duration",
    "[ a, list ] -> a mapping with keys such as tls_server_config",
    "tls_server_config: { -> invalid YAML",
];

#[test]
fn rejections_list_what_is_valid() {
    let folder = folder();
    for case in REFUSED {
        let (text, reason) = case.split_once(" -> ").expect("an arrow");
        let text = text
            .strip_prefix("TLS")
            .map_or_else(|| text.to_owned(), tls);
        let loaded = loaded(folder.path(), &text);
        let errors = loaded.errors();
        assert!(loaded.file.is_none(), "{text} is accepted");
        assert!(errors.contains(reason), "{text}\n{errors}");
        assert!(errors.contains("--> web.yml:"), "{errors}");
    }
}

#[test]
fn users_are_bounded() {
    let folder = folder();
    let errors = |count: usize| {
        let users: Vec<String> = (0..count).map(|n| format!("  u{n}: {HASH}\n")).collect();
        let text = format!("basic_auth_users:\n{}", users.concat());
        loaded(folder.path(), &text).errors()
    };
    assert_eq!(errors(MAX_USERS), "");
    let refused = errors(MAX_USERS + 1);
    assert!(refused.contains("too many users: 1001"), "{refused}");
}

#[test]
fn a_key_that_everybody_can_read_is_a_warning() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let path = folder.path().join("server.key");
    for (mode, warnings) in [(0o644, 1), (0o600, 0)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("set");
        let loaded = loaded(folder.path(), &tls(""));
        assert_eq!(loaded.of(Severity::Warning).count(), warnings, "{mode:o}");
    }
    assert_eq!(loaded(folder.path(), &tls("")).files.len(), 2);
}

#[test]
fn passwords_that_everybody_can_read_are_a_warning() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let path = folder.path().join("web.yml");
    let users =
        "basic_auth_users:\n  a: $2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi\n";
    for (text, mode, warnings) in [(users, 0o644, 1), (users, 0o600, 0), ("{}\n", 0o644, 0)] {
        fs::write(&path, text).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("set");
        let loaded = load(&path);
        let found: Vec<_> = loaded.of(Severity::Warning).map(|one| one.code).collect();
        assert_eq!(found, vec!["secret-file-readable"; warnings], "{mode:o}");
        assert!(!loaded.errors().contains("QOauh"));
    }
}

/// Each has an error, and a secret on the line of the error or a line next to it.
const WITH_SECRETS: &[&str] = &[
    "basic_auth_users:\n  john: s3cret\n",
    "basic_auth_users: { john: s3cret }\n",
    "basic_auth_users: s3cret\n",
    "basic_auth_user: { john: s3cret }\n",
    "basic_auth_users: { john: { a: s3cret } }\n",
    "tls_server_config: { keyy: s3cret }\n",
    "basic_auth_users:\n  john: { hash: s3cret }\n",
    "basic_auth_users:\n  john:\n    - s3cret\n",
    "basic_auth_users:\n  john: s3cret\n  john: s3cret\n: [",
    "tls_server_config:\n  cert_file: server.crt\n  key: s3cret\n",
    "tls_server_config:\n  cert_file: server.crt\n  key: |\n    -----BEGIN PRIVATE KEY-----\n    s3cret\n",
    "tls_server_config: { key: [ s3cret ] }\n",
    "tls_server_config:\n  cert_file: server.crt\n  key: -----BEGIN s3cret\n   s3cret\n : {",
    "basic_auth_users:\n  alice: s3cret\nrate_limit: x",
    "basic_auth_users: { a: s3cret }",
    "basic_auth_user: s3cret",
    "basic_auth_users: s3cret",
    "tls_server_config: { key: s3cret, kez: 1 }",
    "tls_server_config:\n  \"key\" : |\n    a s3cret\n  kez: 1",
    "tls_server_config: { kez: s3cret }",
    "http_server_config: { headers: { Authorization: s3cret } }",
    "- s3cret",
    "s3cret",
    "{\nalice: s3cret }",
    "basic_auth_users: { alice: s3cret",
    "basic_auth_users:\n  alice: \"s3cret\n",
    "-----BEGIN X\ns3cret\n-----END X\nhttp2: 1",
    "tls_server_config: { cert_file: a, key: b s3cret: c }",
];

#[test]
fn no_fault_shows_a_secret() {
    let folder = folder();
    for text in WITH_SECRETS {
        let errors = loaded(folder.path(), text).errors();
        assert!(!errors.is_empty(), "{text}");
        assert!(!errors.contains("s3cret"), "{text}\n{errors}");
    }
}
