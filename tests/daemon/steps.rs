//! Load runs with several requests on the real binary: sequences, cookies, data files, exports and
//! imports.

use crate::server::{http, response};
use crate::support::{command, ended, has_all, write_config};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

/// Requests as received by the service: the first line, `cookie`, `authorization` and the body.
type Seen = Arc<Mutex<Vec<(String, String, String, String)>>>;

/// A shop: a login sets a cookie and returns a token, which everything else requires.
fn shop() -> (SocketAddr, Seen) {
    let seen = Seen::default();
    let kept = seen.clone();
    let address = http(move |request| {
        let answer = match request.path.as_str() {
            "/login" => {
                let sent: serde_json::Value = serde_json::from_str(&request.body).expect("JSON");
                let user = sent["user"].as_str().expect("a text");
                let user: String = user.chars().filter(|c| c.is_alphanumeric()).collect();
                let cookie = format!("set-cookie: user={user}; Path=/\r\n");
                response("200 OK", &cookie, &format!("{{\"token\":\"t/{user}\"}}"))
            }
            "/empty" => response("200 OK", "", "{}"),
            _ => response("200 OK", "", "{\"ok\":true}"),
        };
        let one = (
            format!("{} {}", request.method, request.path),
            request.header("cookie").to_owned(),
            request.header("authorization").to_owned(),
            request.body.clone(),
        );
        kept.lock().expect("no panic").push(one);
        answer
    });
    (address, seen)
}

fn slod(config: &Path, args: &[&str]) -> (Option<i32>, String) {
    let mut command = command(config, args);
    ended(&command.env("SHOP_KEY", "s3cretkey").output().expect("runs"))
}

fn config(folder: &Path, address: SocketAddr, load: &str) -> PathBuf {
    let text = format!(
        "services:
  - name: web
    probes: [ {{ name: home, http: {{ url: \"http://{address}/\" }} }} ]
{load}"
    );
    write_config(folder, &text)
}

const SESSION: &str = r#"    load:
      url: ADDRESS
      data: users.csv
      headers: { X-Api-Key: "${SHOP_KEY}" }
      requests:
        - name: session
          weight: 3
          steps:
            - { name: login, method: POST, path: /login, json: { user: "${data.user}", n: 5 },
                capture: [ { name: token, json: $.token } ] }
            - { name: chat, path: "/chat/${captured.token}",
                headers: { Authorization: "Bearer ${captured.token}" } }
        - { path: /items }
"#;

fn load(config: &Path, more: &str) -> (Option<i32>, String) {
    let out = config.with_file_name("out");
    let out = out.to_str().expect("a path");
    let args = ["load", "baseline", "--service", "web", "--out", out];
    let args = args.into_iter().chain(more.split(' '));
    slod(config, &args.collect::<Vec<_>>())
}

#[test]
fn each_session_has_its_own_rows_captures_and_cookies() {
    let folder = tempfile::tempdir().expect("a folder");
    let (address, seen) = shop();
    let config = config(
        folder.path(),
        address,
        &SESSION.replace("ADDRESS", &format!("http://{address}")),
    );
    std::fs::write(folder.path().join("users.csv"), "user\nann\n\"b\"\"o\"\n").expect("written");
    let (code, text) = load(&config, "--rate 60/s --run-time 2s");
    assert_eq!(code, Some(0), "{text}");
    has_all(&text, &["session: login", "GET /items"]);

    let seen = seen.lock().expect("no panic").clone();
    let logins: Vec<_> = seen.iter().filter(|one| one.0 == "POST /login").collect();
    let chats: Vec<_> = seen
        .iter()
        .filter(|one| one.0.starts_with("GET /chat/"))
        .collect();
    let items = seen.iter().filter(|one| one.0 == "GET /items").count();
    assert_eq!(logins.len(), chats.len());
    assert_eq!(logins.len() + items, 120);
    assert!((15..=45).contains(&items), "{items} of 120");
    let odd = r#"{"user":"b\"o","n":5}"#;
    let plain = r#"{"user":"ann","n":5}"#;
    for body in [odd, plain] {
        let count = logins.iter().filter(|one| one.3 == body).count();
        assert!(
            count.abs_diff(logins.len() / 2) <= 1,
            "{count} of {logins:?}"
        );
    }
    assert!(
        logins.iter().all(|one| one.1.is_empty()),
        "each start is a new user"
    );
    let own = |one: &&&(String, String, String, String)| {
        one.0 == "GET /chat/t%2Fann" && one.1 == "user=ann" && one.2 == "Bearer t/ann"
    };
    assert_eq!(
        chats.iter().filter(own).count(),
        logins.iter().filter(|one| one.3 == plain).count()
    );

    let run = std::fs::read_to_string(folder.path().join("out/run.json")).expect("written");
    let run: serde_json::Value = serde_json::from_str(&run).expect("JSON");
    let names: Vec<_> = run["requests"].as_array().expect("a list").iter().collect();
    assert_eq!(names.len(), 3);
    assert_eq!(names[0]["name"], "session: login");
    assert_eq!(names[0]["requests"], logins.len());
    assert!(!run.to_string().contains("s3cret") && !text.contains("s3cret"));
    let (_, shown) = slod(&config, &["runs", "show", "1"]);
    assert!(shown.contains("session: login"), "{shown}");
}

#[test]
fn a_response_without_the_value_fails_with_its_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let (address, _) = shop();
    let steps = "    load: { requests: [ { steps: [ { path: /empty, capture: { name: token, json: $.token } }, { path: \"/x/${captured.token}\" } ] } ] }\n";
    let config = config(folder.path(), address, steps);
    let limits = "--users 2 --run-time 1s --threshold errors<1%";
    let (code, text) = load(&config, limits);
    // On a busy machine, the threshold cannot be judged.
    let is_late = text.contains("the generator was the limit");
    assert!(code == Some(99) || is_late, "{text}");
    has_all(&text, &["FAILED CHECKS", "no token: 2", "token: "]);
    assert!(text.contains("body: "), "{text}");
}

#[test]
fn scripts_of_a_session_have_no_secret_and_are_valid() {
    let folder = tempfile::tempdir().expect("a folder");
    let (address, _) = shop();
    let config = config(
        folder.path(),
        address,
        &SESSION.replace("ADDRESS", &format!("http://{address}")),
    );
    std::fs::write(folder.path().join("users.csv"), "user\nann\n").expect("written");
    for (tool, part) in [
        ("k6", "\"/chat/\" + encodeURIComponent(captured[\"token\"])"),
        ("locust", "\"/chat/\" + percent(captured[\"token\"])"),
    ] {
        let (code, script) = slod(&config, &["export", tool, "baseline", "--service", "web"]);
        assert_eq!(code, Some(0), "{script}");
        assert!(
            script.contains(part) && !script.contains("s3cret"),
            "{script}"
        );
        has_all(&script, &["X_API_KEY", "users.csv"]);
    }
}

const RECORDED: &str = r#"{"log":{"entries":[
  {"request":{"method":"GET","url":"HOST/items?page=1","headers":[{"name":"Cookie","value":"sid=hunter2"},{"name":"X-Trace","value":"${a}"}]},"response":{"status":200}},
  {"request":{"method":"GET","url":"https://cdn.example/a.js","headers":[]},"response":{"status":200}},
  {"request":{"method":"POST","url":"HOST/login","headers":[],"postData":{"mimeType":"application/json","text":"{\"user\":\"ann\",\"password\":\"hunter2\"}"}},"response":{"status":201}}]}}"#;

/// The output becomes part of a config, which is valid and can be run.
#[test]
fn imports_are_accepted_by_check() {
    let folder = tempfile::tempdir().expect("a folder");
    let (address, seen) = shop();
    let empty = config(folder.path(), address, "");
    let recorded = folder.path().join("shop.har");
    std::fs::write(
        &recorded,
        RECORDED.replace("HOST", &format!("http://{address}")),
    )
    .expect("written");
    let har = recorded.to_str().expect("a path");
    for service in [&["--service", "web"][..], &[]] {
        let args = [&["import", "har", har], service].concat();
        let (code, section) = slod(&empty, &args);
        assert_eq!(code, Some(0), "{section}");
        assert!(!section.contains("hunter2"), "{section}");
        has_all(
            &section,
            &[
                "#   LOAD_PASSWORD",
                "# Left out: 1 request (sent to https://cdn.example)",
            ],
        );
        assert_eq!(section.contains("url: "), service.is_empty(), "{section}");
        let lines: Vec<&str> = section.lines().collect();
        let indented = format!("    {}\n", lines.join("\n    "));
        let file = config(folder.path(), address, &indented);
        let with = |args: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_slod"));
            let command = command.args(args).arg("--config").arg(&file);
            let names = ["LOAD_COOKIE", "LOAD_PASSWORD"];
            let output = command
                .envs(names.map(|name| (name, "value")))
                .output()
                .expect("runs");
            let text = [output.stdout, output.stderr].concat();
            (
                output.status.code(),
                String::from_utf8_lossy(&text).into_owned(),
            )
        };
        let (code, text) = with(&["check"]);
        assert_eq!(code, Some(0), "{text}\n{section}");
        let (_, text) = with(&[
            "load",
            "baseline",
            "--service",
            "web",
            "--rate",
            "50/s",
            "--run-time",
            "1s",
        ]);
        assert!(text.contains("POST /login"), "{text}");
    }
    let seen = seen.lock().expect("no panic");
    let items = seen
        .iter()
        .find(|one| one.0 == "GET /items?page=1")
        .expect("made");
    assert!(items.1.contains("value"), "{items:?}");
    let login = seen
        .iter()
        .find(|one| one.0 == "POST /login")
        .expect("made");
    assert!(login.3.contains("\"password\":\"value\""), "{login:?}");
}
