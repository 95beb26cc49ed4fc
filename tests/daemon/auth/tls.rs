//! TLS with real clients, and its files replaced while the daemon runs.

use super::fixture::{Files, TLS, status, user};
use crate::support::has_all;
use std::process::Command;

const FILE: &str = "{ config_file: web.yml }";

#[tokio::test(flavor = "multi_thread")]
async fn certificates_and_users_are_replaced_without_losing_a_connection() {
    let files = Files::new();
    files.write(
        "web.yml",
        &format!("{TLS}basic_auth_users:\n{}", user("ada", "one")),
    );
    let daemon = files.start("127.0.0.1:0", FILE);
    let url = format!("https://{}/metrics", daemon.address);
    let old = files.client(None);
    let get =
        |client: &reqwest::Client, password| client.get(&url).basic_auth("ada", Some(password));
    assert_eq!(status(get(&old, "one")).await, 200);

    files.renew();
    daemon.wait_for_log("web configuration loaded", 2);
    let new = files.client(None);
    assert_eq!(status(get(&new, "one")).await, 200);
    assert_eq!(
        status(get(&old, "one")).await,
        200,
        "the open connection goes on"
    );
    let fresh = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    assert!(
        fresh.get(&url).send().await.is_err(),
        "nobody trusts it by default"
    );

    files.write(
        "web.yml",
        &format!("{TLS}basic_auth_userz:\n{}", user("ada", "two")),
    );
    daemon.wait_for_log("was not reloaded", 1);
    let log = daemon.log();
    assert!(
        log.contains("did you mean `basic_auth_users`?") && !log.contains("$2b$"),
        "{log}"
    );
    assert_eq!(
        status(get(&new, "one")).await,
        200,
        "the old file stays active"
    );
    let reload = new
        .post(url.replace("metrics", "-/reload"))
        .basic_auth("ada", Some("one"));
    let refused = reload.send().await.expect("an answer");
    assert_eq!(refused.status(), 422);
    let reason = refused.text().await.expect("text");
    assert!(
        reason.contains("basic_auth_userz") && !reason.contains("$2b$"),
        "{reason}"
    );

    files.write("server.crt", "half a file");
    files.write(
        "web.yml",
        &format!("{TLS}basic_auth_users:\n{}", user("ada", "two")),
    );
    daemon.wait_for_log("was not reloaded", 3);
    assert_eq!(status(get(&new, "one")).await, 200);
    files.renew();
    daemon.wait_for_log("web configuration loaded", 3);
    let newest = files.client(None);
    assert_eq!(status(get(&newest, "two")).await, 200);
    assert_eq!(status(get(&newest, "one")).await, 401);

    // As a file is while a program writes it, or permanently if that fails.
    files.write("web.yml", "");
    daemon.wait_for_log("has become empty", 1);
    assert_eq!(status(newest.get(&url)).await, 401);
    files.write("web.yml", "{}");
    daemon.wait_for_log("web configuration loaded", 4);
    let plain = daemon.request("GET", "/metrics");
    assert!(plain.starts_with("HTTP/1.1 200"), "{plain}");
}

#[tokio::test(flavor = "multi_thread")]
async fn client_certificates_are_verified_as_configured() {
    let files = Files::new();
    let ca = "  client_ca_file: ca.crt\n";
    let required = format!("RequireAndVerifyClientCert\n{ca}");
    let given = format!("VerifyClientCertIfGiven\n{ca}");
    let names = |names: &str| format!("{required}  client_allowed_sans: [ {names} ]\n");
    // No certificate, a valid one, one from another authority, and a self-signed one.
    let cases: [(&str, [bool; 4]); 9] = [
        ("NoClientCert\n", [true, true, true, true]),
        ("RequestClientCert\n", [true, true, true, true]),
        ("RequireAnyClientCert\n", [false, true, true, true]),
        (&given, [true, true, false, false]),
        (&required, [false, true, false, false]),
        (&names("a.test, client.test"), [false, true, false, false]),
        (&names("a.test, scraper"), [false, false, false, false]),
        (
            &required.replace("ca.crt", "self.crt"),
            [false, false, false, true],
        ),
        (
            &format!("{required}  max_version: TLS12\n"),
            [false, true, false, false],
        ),
    ];
    let clients = [None, Some("client"), Some("stranger"), Some("self")];
    files.write("web.yml", TLS);
    let daemon = files.start("127.0.0.1:0", FILE);
    let url = format!("https://{}/metrics", daemon.address);
    for (at, (auth, expected)) in cases.iter().enumerate() {
        files.write("web.yml", &format!("{TLS}  client_auth_type: {auth}"));
        daemon.wait_for_log("web configuration loaded", at + 2);
        let mut found = Vec::new();
        for name in clients {
            found.push(files.client(name).get(&url).send().await.is_ok());
        }
        assert_eq!(found, expected, "{auth}");
    }
}

/// rustls accepts an authority regardless of its dates.
#[tokio::test(flavor = "multi_thread")]
async fn an_expired_authority_admits_no_client() {
    let files = Files::new();
    files.issue_by_dated("dated", &[(2020, 2021), (2021, 2095), (2089, 2090)]);
    let file = |names: &[&str], more: &str| {
        let read = |name: &&str| std::fs::read_to_string(files.path(name)).expect("text");
        files.write("ca.pem", &names.iter().map(read).collect::<String>());
        let verify = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n";
        files.write("web.yml", &format!("{TLS}{verify}{more}"));
    };
    let expired = "`CN=authority` expired on 2021-01-01 00:00 UTC";
    let cases: [(&[&str], &str); 4] = [
        (&["dated.2020.crt"], expired),
        (
            &["dated.2089.crt"],
            "`CN=authority` is not valid before 2089-01-01 00:00 UTC",
        ),
        (&["dated.2021.crt"], ""),
        // As during a renewal, until all clients have the renewed one.
        (&["dated.2020.crt", "dated.2021.crt"], ""),
    ];
    for version in ["", "  max_version: TLS12\n"] {
        for (names, reason) in cases {
            file(names, version);
            let daemon = files.start("127.0.0.1:0", FILE);
            let url = format!("https://{}/metrics", daemon.address);
            for _ in 0..3 {
                let answer = files.client(Some("dated")).get(&url).send().await;
                assert_eq!(answer.is_ok(), reason.is_empty(), "{names:?} {version}");
            }
            let refused = "rejected the client certificate of 127.0.0.1: its authority ";
            daemon.wait_for_log(refused, usize::from(!reason.is_empty()));
            let log = daemon.log();
            let wanted = format!("{refused}{reason}");
            assert_eq!(
                log.matches(refused).count(),
                usize::from(!reason.is_empty()),
                "{log}"
            );
            assert!(reason.is_empty() || log.contains(&wanted), "{log}");
            let text = files.check();
            let warned = text.contains("warning[certificate-out-of-date]") && text.contains(reason);
            assert_eq!(warned, !reason.is_empty(), "{text}");
        }
    }
}

/// Other clients reject it, which is not visible here.
#[test]
fn an_expired_certificate_of_the_server_is_a_warning() {
    let files = Files::new();
    files.issue_by_dated("dated", &[(2020, 2021)]);
    let old = TLS.replace("server.crt", "dated.2020.crt");
    files.write("web.yml", &old.replace("server.key", "dated.ca.key"));
    files.write("slod.yaml", "web: { config_file: web.yml }\nservices: [ { name: web, probes: [ { name: a, tcp: { address: \"127.0.0.1:1\" } } ] } ]\n");
    let text = files.check();
    assert!(text.contains("expired on 2021-01-01 00:00 UTC"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verified_certificate_identifies_the_client() {
    let files = Files::new();
    let verify = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n";
    files.write("web.yml", &format!("{TLS}{verify}"));
    let daemon = files.start("0.0.0.0:0", FILE);
    let base = format!("https://{}", daemon.address);
    let client = files.client(Some("client"));
    assert_eq!(status(client.post(format!("{base}/-/reload"))).await, 200);
    let audit = client.get(format!("{base}/api/v1/audit")).send().await;
    let audit = audit.expect("an answer").text().await.expect("text");
    assert!(audit.contains("\"name\":\"CN=scraper\""), "{audit}");
    drop(daemon);
    let daemon = files.start(
        "0.0.0.0:0",
        "{ config_file: web.yml, client_certificate_role: read }",
    );
    let base = format!("https://{}", daemon.address);
    assert_eq!(status(client.get(format!("{base}/metrics"))).await, 200);
    assert_eq!(status(client.post(format!("{base}/-/reload"))).await, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_protocols_and_headers_match_the_file() {
    let files = Files::new();
    files.write("web.yml", TLS);
    let daemon = files.start("127.0.0.1:0", FILE);
    let url = format!("https://{}/", daemon.address);
    let client = files.client(None);
    let curl = |more: &[&str]| {
        let ca = files.text("ca.crt");
        let fixed = [
            "-sS",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code} %{http_version}",
            "--noproxy",
            "*",
            "--cacert",
            &ca,
        ];
        let output = Command::new("curl")
            .args(fixed)
            .args(more)
            .arg(&url)
            .output();
        let output = output.expect("curl is installed");
        String::from_utf8(output.stdout).expect("text")
    };
    assert_eq!(curl(&[]), "200 2");
    assert_eq!(curl(&["--tls-max", "1.2"]), "200 2");
    let answer = client.get(&url).send().await.expect("an answer");
    assert_eq!(answer.headers()["x-frame-options"], "DENY");
    let http = "http_server_config:\n  http2: false\n  headers: { X-Frame-Options: sameorigin, X-XSS-Protection: \"0\", Strict-Transport-Security: \"\" }\n";
    files.write("web.yml", &format!("{TLS}  min_version: TLS13\n{http}"));
    daemon.wait_for_log("web configuration loaded", 2);
    let answer = files
        .client(None)
        .get(&url)
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.headers()["x-frame-options"], "sameorigin");
    assert_eq!(answer.headers()["x-xss-protection"], "0");
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    assert!(!answer.headers().contains_key("strict-transport-security"));
    let plain = daemon.request("GET", "/");
    has_all(&plain, &["400", "use https://"]);

    assert_eq!(curl(&[]), "200 1.1");
    assert_eq!(curl(&["--tls-max", "1.2"]), "000 0");
}

#[test]
fn an_invalid_file_keeps_the_daemon_from_starting() {
    let files = Files::new();
    files.write(
        "slod.yaml",
        "services: [ { name: web, probes: [ { name: a, tcp: { address: \"127.0.0.1:1\" } } ] } ]\n",
    );
    files.write("bad.yml", "basic_auth_users: { ada: hunter2 }\n");
    let slod = |args: &[&str]| {
        let mut command = assert_cmd::Command::cargo_bin("slod").expect("built");
        let output = command.args(args).output().expect("it ends");
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).expect("text"))
    };
    let config = files.text("slod.yaml");
    for (file, reason) in [
        ("bad.yml", "the password is not a bcrypt hash"),
        ("gone.yml", "gone.yml"),
    ] {
        let file = files.text(file);
        let (code, text) = slod(&["run", "--config", &config, "--web.config.file", &file]);
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains(reason) && !text.contains("hunter2"), "{text}");
    }
    files.write("slod.yaml", "web: { config_file: bad.yml }\nservices: [ { name: web, probes: [ { name: a, tcp: { address: \"127.0.0.1:1\" } } ] } ]\n");
    for format in ["text", "json"] {
        let (code, text) = slod(&["check", "--config", &config, "--format", format]);
        assert_eq!(code, Some(1), "{text}");
        assert!(
            text.contains("the password is not a bcrypt hash") && !text.contains("hunter2"),
            "{text}"
        );
    }
    files.write("slod.yaml", "listen: 0.0.0.0:1\nweb: { config_file: web.yml }\nservices: [ { name: web, probes: [ { name: a, tcp: { address: \"127.0.0.1:1\" } } ] } ]\n");
    files.write("web.yml", TLS);
    let (code, text) = slod(&["check", "--config", &config]);
    assert_eq!(code, Some(0), "{text}");
    has_all(
        &text,
        &["note[open-listen]", "everyone who can reach 0.0.0.0:1"],
    );
    files.write(
        "web.yml",
        &format!("{TLS}basic_auth_users:\n{}", user("ada", "one")),
    );
    let (code, text) = slod(&["check", "--config", &config]);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        !text.contains("open-listen") && text.contains("web.yml: ok"),
        "{text}"
    );
    let text = std::fs::read_to_string(&config).expect("text");
    let text = text.replace("web.yml }", "web.yml, user_roles: { adda: read } }");
    files.write("slod.yaml", &text);
    let (code, text) = slod(&["check", "--strict", "--config", &config]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("did you mean `ada`?"), "{text}");
}
