//! The output of runs and probes contains no secrets, wherever they are configured and whatever a
//! server repeats.

use crate::server::{response, serve};
use crate::support::Daemon;
use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

/// Part of every planted value, in any form in which it is sent.
const MARK: &str = "s3cret";
/// `Basic` credentials of the user `ann`.
const PASSWORD: &str = "s3cret-pass word";
const ENCODED: &str = "YW5uOnMzY3JldC1wYXNzIHdvcmQ=";
const VARIABLE: &str = "s3cret+env-\"1\"/x 2";

/// The place of a secret: the name of the service, and the part of its config.
fn services(address: SocketAddr) -> Vec<(&'static str, String)> {
    let probe = |keys: &str| {
        format!("probes: [ {{ name: home, interval: 1s, timeout: 1s, http: {{ {keys} }} }} ]")
    };
    let load = |keys: &str| {
        format!(
            "{}\n    load: {keys}",
            probe(&format!("url: \"http://{address}/\""))
        )
    };
    let steps = |second: &str| {
        load(&format!(
            "{{ data: data.csv, requests: [ {{ name: both, steps: [ {{ name: login, path: /login, capture: [ {{ name: token, json: $.token }} ] }}, {{ name: use, {second} }} ] }} ] }}"
        ))
    };
    vec![
        (
            "path",
            probe(&format!("url: \"http://{address}/a/${{PLANTED}}/b\"")),
        ),
        (
            "query",
            probe(&format!("url: \"http://{address}/?q=${{PLANTED}}\"")),
        ),
        ("file", probe("url_file: address")),
        (
            "bearer",
            probe(&format!("url: \"http://{address}/\", bearer: s3cret-token")),
        ),
        (
            "basic",
            probe(&format!(
                "url: \"http://{address}/\", basic_auth: {{ username: ann, password: {PASSWORD} }}"
            )),
        ),
        (
            "header",
            probe(&format!(
                "url: \"http://{address}/\", headers: {{ X-Api-Key: s3cret-key }}"
            )),
        ),
        (
            "load",
            load(&format!(
                "{{ url: \"http://{address}/c/${{PLANTED}}\", method: POST, body: '${{PLANTED}}' }}"
            )),
        ),
        (
            "request",
            load("{ requests: [ { path: \"/d/${PLANTED}\" } ] }"),
        ),
        (
            "own",
            load("{ requests: [ { path: /e, headers: { Authorization: Bearer s3cret-own } } ] }"),
        ),
        ("data", steps("path: \"/f/${data.password}?x\"")),
        ("captured", steps("path: \"/g?t=${captured.token}\"")),
        (
            "sent",
            steps("path: /h, headers: { X-Row: \"${data.password}\" }"),
        ),
    ]
}

/// Responds to `/login` with a token, and to all other requests with the line of the request that
/// contains a secret.
fn repeating() -> SocketAddr {
    serve(|mut stream| {
        let mut bytes = [0; 8192];
        while let Ok(count @ 1..) = stream.read(&mut bytes) {
            let request = String::from_utf8_lossy(&bytes[..count]).into_owned();
            if request.starts_with("GET /login") {
                let answer = response("200 OK", "", "{\"token\":\"s3cret/captured 1\"}");
                if stream.write_all(answer.as_bytes()).is_err() {
                    return;
                }
                continue;
            }
            let is_secret = |line: &&str| line.contains(MARK) || line.contains(ENCODED);
            let line = request.lines().find(is_secret).unwrap_or(&request);
            // Short, so that it is not truncated before the secret.
            let line = line.trim_start_matches("authorization: ");
            let _ = write!(stream, "{line}\r\n");
            return;
        }
    })
}

fn slod(folder: &Path, args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_slod"))
        .args(args)
        .args(["--config", "slod.yaml"])
        .current_dir(folder)
        .env("PLANTED", VARIABLE)
        .output()
        .expect("runs");
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

/// Everything that is shown and written, each with its origin.
#[derive(Default)]
struct Found(Vec<(String, String)>);

impl Found {
    fn add(&mut self, place: &str, text: String) {
        self.0.push((place.to_owned(), text));
    }

    fn files(&mut self, folder: &Path) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("there").path();
            let text = std::fs::read(&path).expect("a file");
            let text = String::from_utf8_lossy(&text).into_owned();
            self.add(&path.display().to_string(), text);
        }
    }

    fn check(&self) {
        let mut leaks = String::new();
        for (place, text) in &self.0 {
            let has = |line: &&str| line.contains(MARK) || line.contains(&ENCODED[..12]);
            for line in text.lines().filter(has) {
                writeln!(leaks, "{place}: {line:.300}").expect("written");
            }
        }
        assert!(leaks.is_empty(), "{leaks}");
    }
}

#[test]
fn planted_secrets_are_neither_shown_nor_stored() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let address = repeating();
    let services = services(address);
    let mut config = "listen: 127.0.0.1:0\nstore: { path: slod.db }\nservices:\n".to_owned();
    for (name, keys) in &services {
        writeln!(config, "  - name: {name}\n    {keys}").expect("written");
    }
    std::fs::write(folder.join("slod.yaml"), config).expect("written");
    std::fs::write(
        folder.join("address"),
        format!("http://{address}/z/s3cret?y=s3cret-y"),
    )
    .expect("written");
    std::fs::write(folder.join("data.csv"), "password\ns3cret-row%1\n").expect("written");
    let mut found = Found::default();
    found.add("check", slod(folder, &["check"]));
    for (number, (name, _)) in (1..).zip(&services) {
        let out = format!("out-{name}");
        let load = ["load", "baseline", "--service", name, "--rate", "4/s"];
        let more = ["--run-time", "1s", "--plain", "--out", &out];
        let shown = slod(folder, &[&load[..], &more[..]].concat());
        // It did receive what the server repeated.
        assert!(shown.contains("it begins with \""), "{name}: {shown}");
        found.add(&format!("load {name}"), shown);
        found.files(&folder.join(&out));
        let id = number.to_string();
        for format in ["text", "json", "junit", "markdown", "html"] {
            let shown = slod(folder, &["runs", "show", &id, "--format", format]);
            assert!(shown.contains(name), "{format}: {shown}");
            found.add(&format!("{name} as {format}"), shown);
        }
        for tool in ["k6", "locust"] {
            let shown = slod(folder, &["export", tool, "baseline", "--service", name]);
            found.add(&format!("export {tool} {name}"), shown);
        }
        found.add(
            &format!("probe {name}"),
            slod(folder, &["probe", &format!("{name}/home")]),
        );
    }
    found.add("list", slod(folder, &["runs", "list"]));
    let planted = [("PLANTED", Path::new(VARIABLE))];
    let daemon = Daemon::start_in(&folder.join("slod.yaml"), &[], &planted);
    for path in ["/", "/runs", "/metrics", "/api/v1/runs", "/api/v1/services"] {
        found.add(path, daemon.request("GET", path));
    }
    for number in 1..=services.len() {
        for path in [format!("/api/v1/runs/{number}"), format!("/runs/{number}")] {
            let shown = daemon.request("GET", &path);
            assert!(shown.starts_with("HTTP/1.1 200"), "{path}: {shown}");
            found.add(&path, shown);
        }
    }
    for (name, _) in &services {
        let outcomes = format!("/api/v1/probes/{name}/home/outcomes");
        let shown = daemon.wait_for(|daemon| {
            let shown = daemon.request("GET", &outcomes);
            shown.contains("\"message\"").then_some(shown)
        });
        found.add(&outcomes, shown);
        for path in [
            format!("/services/{name}"),
            format!("/api/v1/services/{name}"),
        ] {
            found.add(&path, daemon.request("GET", &path));
        }
    }
    found.add("log", daemon.log());
    found.check();
}
