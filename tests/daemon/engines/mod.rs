//! Load runs by Locust and k6, with the real binary: with the tools themselves, and with a stand-in
//! for what k6 cannot be made to do.

mod service;
mod stand_ins;
mod tools;
mod workers;

use crate::support::{command, ended};
use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Services are named after their behavior; `{{address}}` is their address.
const CONFIG: &str = r#"
listen: 127.0.0.1:0
store: { path: slod.db }
scenarios:
  - name: quick
    think: 50ms
    users: [ { name: low, to: 2, for: 1s }, { name: none, to: 0, from: 0, for: 1s }, { name: high, from: 6, to: 6, for: 2s } ]
  - name: rates
    rate: [ { name: low, to: 20/s, for: 4s }, { name: high, to: 40/s, for: 5s } ]
services:
  - name: web
    probes: [ { name: home, http: { url: "http://{{address}}/" } } ]
    objectives: [ { name: fast, sli: latency, below: 10ms, target: 95%, window: 30d } ]
    load:
      url: http://{{address}}
      headers: { X-Api-Key: s3cretkey }
      requests: [ { name: chat, method: POST, path: /chat, json: { password: s3cretbody } } ]
  - name: limited
    probes: [ { name: home, http: { url: "http://{{address}}/limited" } } ]
  - name: session
    probes: [ { name: home, http: { url: "http://{{address}}/" } } ]
    load:
      url: http://{{address}}
      data: users.csv
      requests:
        - name: session
          steps:
            - { name: login, method: POST, path: /login, json: { user: "${data.user}" }, capture: [ { name: token, json: "$.tokens[0]" } ] }
            - { name: mine, path: "/mine/${data.user}", headers: { X-Token: "${captured.token}" } }
        - { name: moved, path: /moved, expect: { status: [302] } }
        - { name: empty, method: PUT, path: /empty, body: "" }
        - name: redirect
          steps:
            - name: begin
              path: /begin/here
              expect: { status: [302] }
              capture: [ { name: next, header: Location }, { name: code, header: Location, regex: "code=([^&]+)" } ]
            - { name: arrived, path: "${captured.next}", think: 0s }
            - { name: code, path: "/code/${captured.code}", think: 0s }
"#;

fn config(folder: &Path, address: SocketAddr) -> PathBuf {
    let text = CONFIG.replace("{{address}}", &address.to_string());
    let file = folder.join("slod.yaml");
    std::fs::write(&file, text).expect("written");
    std::fs::write(folder.join("users.csv"), "user\nann\n\"o'hara, b\"\nzoë\n").expect("written");
    file
}

/// `slod` in the directory of its config.
fn slod(config: &Path, args: &[&str]) -> Command {
    let folder = config.parent().expect("a folder");
    let mut command = command(config, args);
    command
        // What a killed process leaves behind is removed with the test.
        .env("TMPDIR", folder)
        .current_dir(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn finished(child: Child) -> (Option<i32>, String) {
    ended(&child.wait_with_output().expect("ends"))
}

fn run(config: &Path, args: &[&str]) -> (Option<i32>, String) {
    finished(slod(config, args).spawn().expect("starts"))
}

fn report(config: &Path) -> Value {
    let (_, text) = run(config, &["runs", "show", "1", "--format", "json"]);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The arguments to run a scenario.
fn load<'a>(
    scenario: &'a str,
    service: &'a str,
    engine: &'a str,
    more: &[&'a str],
) -> Vec<&'a str> {
    let mut args = vec!["load", scenario, "--service", service, "--engine", engine];
    args.extend(more);
    args
}
