//! Commands that ask a daemon with TLS and authentication.

use super::fixture::{Files, TLS, user};

#[test]
fn commands_log_in_with_secrets_from_files() {
    let files = Files::new();
    let verify = "  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: ca.crt\n";
    let users = user("ada", "ada-password");
    files.write(
        "web.yml",
        &format!("{TLS}{verify}basic_auth_users:\n{users}"),
    );
    files.write("token", "ci-token\n");
    files.write("wrong", "not-a-token\n");
    files.write("password", "ada-password");
    files.write("empty", "\n");
    let web = "{ config_file: web.yml, tokens: [ { name: ci, token_file: token, role: read } ] }";
    let daemon = files.start("127.0.0.1:0", web);
    let address = format!("https://localhost:{}", daemon.address.port());
    let run = |command: &str, args: &[&str]| {
        let args: Vec<_> = args
            .iter()
            .map(|arg| arg.replace('@', &format!("{}/", files.text(""))))
            .collect();
        let mut slod = assert_cmd::Command::cargo_bin("slod").expect("built");
        let output = slod
            .args([command, "--address", &address])
            .args(&args)
            .output();
        let output = output.expect("it ends");
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8(text).expect("text");
        for secret in ["ci-token", "not-a-token", "ada-password"] {
            assert!(!text.contains(secret), "{text}");
        }
        (output.status.code().expect("a code"), text)
    };
    let ca = ["--ca-file", "@ca.crt"];
    let with = |more: &[&'static str]| [&ca[..], more].concat();
    for args in [
        with(&["--token-file", "@token"]),
        with(&["--username", "ada", "--password-file", "@password"]),
        with(&[
            "--token-file",
            "@token",
            "--cert-file",
            "@client.crt",
            "--key-file",
            "@client.key",
        ]),
    ] {
        let (code, text) = run("status", &args);
        assert!(code <= 1 && text.contains("web/home"), "{args:?}: {text}");
    }
    for (args, code, reason) in [
        (with(&[]), 64, "it needs authentication"),
        (
            with(&["--token-file", "@wrong"]),
            64,
            "it needs authentication",
        ),
        (with(&["--token-file", "@empty"]), 64, "holds no secret"),
        (with(&["--token-file", "@gone"]), 64, "cannot read"),
        (with(&["--username", "ada"]), 2, "--password-file"),
        (with(&["--cert-file", "@client.crt"]), 2, "--key-file"),
        (
            with(&[
                "--token-file",
                "@token",
                "--cert-file",
                "@stranger.crt",
                "--key-file",
                "@stranger.key",
            ]),
            64,
            "cannot be asked",
        ),
        (
            with(&[
                "--token-file",
                "@token",
                "--cert-file",
                "@token",
                "--key-file",
                "@token",
            ]),
            64,
            "no certificate",
        ),
        (vec!["--token-file", "@token"], 64, "cannot be asked"),
        (
            vec!["--ca-file", "@token"],
            64,
            "holds no valid certificate",
        ),
    ] {
        let (found, text) = run("status", &args);
        assert_eq!(found, code, "{args:?}: {text}");
        assert!(text.contains(reason), "{args:?}: {text}");
    }
    assert_eq!(run("healthcheck", &with(&[])).0, 0);
    assert_eq!(run("healthcheck", &[]).0, 1);

    // With the config at hand the address, and that it has TLS, are known.
    let config = files.text("slod.yaml");
    let text = std::fs::read_to_string(&config).expect("text");
    let port = daemon.address.port();
    files.write(
        "slod.yaml",
        &text.replace("127.0.0.1:0", &format!("127.0.0.1:{port}")),
    );
    let mut slod = assert_cmd::Command::cargo_bin("slod").expect("built");
    slod.env("SLOD_TOKEN_FILE", files.text("token"))
        .env("SLOD_CA_FILE", files.text("ca.crt"));
    let output = slod
        .args(["status", "--config", &config])
        .output()
        .expect("it ends");
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8(text).expect("text");
    assert!(
        text.contains("web/home") && !text.contains("counted from"),
        "{text}"
    );
}
