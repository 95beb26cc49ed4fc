//! Commands that connect to a daemon with TLS and authentication.

use super::fixture::{Files, TLS, user};
use crate::support::Daemon;

fn files() -> Files {
    let files = Files::new();
    let verify = "  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: ca.crt\n";
    let users = user("ada", "ada-password");
    files.write(
        "web.yml",
        &format!("{TLS}{verify}basic_auth_users:\n{users}"),
    );
    for (name, text) in [
        ("token", "ci-token\n"),
        ("wrong", "not-a-token\n"),
        ("password", "ada-password"),
        ("empty", "\n"),
    ] {
        files.write(name, text);
    }
    files
}

fn daemon(files: &Files) -> Daemon {
    let web = "{ config_file: web.yml, tokens: [ { name: ci, token_file: token, role: read } ] }";
    files.start("127.0.0.1:0", web)
}

/// The exit code and the output, for arguments in which `@` stands for the directory.
fn slod(files: &Files, arguments: &str, variables: &[(&str, &str)]) -> (i32, String) {
    let folder = files.text("");
    let full = |text: &str| text.replace('@', &folder);
    let mut slod = assert_cmd::Command::cargo_bin("slod").expect("built");
    slod.envs(variables.iter().map(|(name, value)| (name, full(value))));
    let arguments = arguments.split_whitespace().map(full);
    let output = slod.args(arguments).output().expect("it ends");
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8(text).expect("text");
    for secret in ["ci-token", "not-a-token", "ada-password"] {
        assert!(!text.contains(secret), "{text}");
    }
    (output.status.code().expect("a code"), text)
}

#[test]
fn commands_log_in_with_secrets_from_files() {
    let files = files();
    let daemon = daemon(&files);
    let at = format!("--address https://localhost:{}", daemon.address.port());
    let ca = "--ca-file @ca.crt";
    for more in [
        "--token-file @token",
        "--username ada --password-file @password",
        "--token-file @token --cert-file @client.crt --key-file @client.key",
    ] {
        let (code, text) = slod(&files, &format!("status {at} {ca} {more}"), &[]);
        assert!(code <= 1 && text.contains("web/home"), "{more}: {text}");
    }
    let plain = format!("status --address http://{}", daemon.address);
    let (_, text) = slod(&files, &plain, &[]);
    assert!(text.contains("400: This is an HTTPS server"), "{text}");
    for (more, code, reason) in [
        (ca, 64, "requires authentication"),
        (
            "--ca-file @ca.crt --token-file @wrong",
            64,
            "requires authentication",
        ),
        ("--token-file @empty", 2, "must contain a secret"),
        ("--token-file @gone", 2, "cannot read"),
        ("--username ada", 2, "--password-file"),
        ("--cert-file @client.crt", 2, "--key-file"),
        (
            "--ca-file @ca.crt --token-file @token --cert-file @stranger.crt --key-file @stranger.key",
            64,
            "cannot query",
        ),
        (
            "--cert-file @token --key-file @token",
            2,
            "not a PEM certificate",
        ),
        ("--token-file @token", 64, "cannot query"),
        ("--ca-file @token", 2, "contains no valid certificate"),
    ] {
        let (found, text) = slod(&files, &format!("status {at} {more}"), &[]);
        assert_eq!(found, code, "{more}: {text}");
        assert!(text.contains(reason), "{more}: {text}");
    }
    assert_eq!(slod(&files, &format!("healthcheck {at} {ca}"), &[]).0, 0);
    assert_eq!(slod(&files, &format!("healthcheck {at}"), &[]).0, 1);
}

#[test]
fn a_self_signed_certificate_is_trusted_if_it_is_configured() {
    let files = files();
    let web = std::fs::read_to_string(files.path("web.yml")).expect("text");
    files.write("web.yml", &web.replace("server.", "self."));
    let daemon = daemon(&files);
    let at = format!(
        "--address https://localhost:{} --token-file @token",
        daemon.address.port()
    );
    let (code, text) = slod(&files, &format!("status {at} --ca-file @self.crt"), &[]);
    assert!(code <= 1 && text.contains("web/home"), "{text}");
    let (code, text) = slod(&files, &format!("status {at} --ca-file @ca.crt"), &[]);
    let reason = "the certificate is not trusted: its issuer is unknown";
    assert!(code == 64 && text.contains(reason), "{text}");
}

#[test]
fn the_author_is_the_user_of_the_process_or_the_name_of_the_login() {
    let files = files();
    let start = |web| {
        let daemon = files.start("127.0.0.1:0", web);
        let address = daemon.address.to_string();
        (
            daemon,
            format!("marker add --service web --version v1 --address {address}"),
        )
    };
    let without_user = |arguments: &str| slod(&files, arguments, &[("USER", "")]);
    let (daemon, add) = start("{}");
    let user = std::process::Command::new("whoami").output();
    let user = String::from_utf8(user.expect("it runs").stdout).expect("text");
    let (code, text) = without_user(&add);
    assert!(
        code == 0 && text.trim_end().ends_with(user.trim()),
        "{text}"
    );
    drop(daemon);
    let (_daemon, add) = start("{ tokens: [ { name: ci, token_file: token, role: write } ] }");
    let (code, text) = without_user(&format!("{add} --token-file @token"));
    assert!(code == 0 && text.trim_end().ends_with(" ci"), "{text}");
}

#[test]
fn commands_find_the_daemon_and_its_tls_by_the_config() {
    let files = files();
    let daemon = daemon(&files);
    let text = std::fs::read_to_string(files.path("slod.yaml")).expect("text");
    let real = format!("127.0.0.1:{}", daemon.address.port());
    files.write("slod.yaml", &text.replace("127.0.0.1:0", &real));
    let variables = [("SLOD_TOKEN_FILE", "@token"), ("SLOD_CA_FILE", "@ca.crt")];
    // The address from the config is used, not the default one.
    for more in ["", "--ready ", "--address 127.0.0.1:1 "] {
        let command = format!("healthcheck {more}-c @slod.yaml");
        assert_eq!(slod(&files, &command, &variables).0, 0, "{command}");
    }
    let stranger = [("SLOD_CA_FILE", "@stranger.crt")];
    assert_eq!(slod(&files, "healthcheck -c @slod.yaml", &stranger).0, 1);
    let (_, text) = slod(&files, "status --config @slod.yaml", &variables);
    assert!(text.contains("web/home"), "{text}");
    assert!(!text.contains("counted from"), "{text}");
}
