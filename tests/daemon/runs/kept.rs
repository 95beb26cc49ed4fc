//! Runs are stored while the daemon writes, compared and reported, without secrets.

use super::{config, quick, result};
use crate::support::{Daemon, has_all, slod};

#[test]
fn runs_are_stored_while_a_daemon_runs_and_compared() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config(folder.path());
    let daemon = Daemon::start(&config);
    for latency in [50.0, 51.0, 80.0] {
        let file = result(folder.path(), latency);
        let file = file.to_str().expect("a path");
        let (_, text) = slod(&config, &["import", "oha", file, "--service", "web"]);
        assert!(text.contains("kept as run"), "{text}");
    }
    let (code, text) = slod(&config, &["runs", "list"]);
    assert_eq!(
        (code, text.matches("imported").count()),
        (Some(0), 3),
        "{text}"
    );
    let (_, text) = slod(&config, &["runs", "show", "1"]);
    assert!(text.contains("2400"), "{text}");
    let (code, text) = slod(&config, &["baseline", "compare", "2"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("has no baseline"), "{text}");
    let (code, text) = slod(&config, &["baseline", "record", "1"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("run 1 is the baseline"), "{text}");
    let (code, text) = slod(&config, &["baseline", "compare", "2"]);
    assert_eq!(code, Some(0), "{text}");
    let (code, text) = slod(&config, &["baseline", "compare", "3"]);
    assert_eq!(code, Some(1), "{text}");
    has_all(&text, &["bad      p95", "worse"]);
    let (_, text) = slod(&config, &["runs", "show", "3"]);
    has_all(
        &text,
        &["COMPARED WITH RUN 1 (BASELINE)\n", "BAD     p95: "],
    );
    assert_eq!(slod(&config, &["runs", "delete", "3"]).0, Some(0));
    let (code, text) = slod(&config, &["runs", "show", "3"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("no readable run 3"), "{text}");
    drop(daemon);
}

#[test]
fn exports_and_runs_contain_no_secret_of_a_request() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("slod.yaml");
    std::fs::write(
        folder.path().join("path"),
        "http://127.0.0.1:1/hooks/s3cretpath",
    )
    .expect("written");
    let text = |address: &str| {
        format!(
            "listen: 127.0.0.1:0
store: {{ path: slod.db }}
services:
  - name: web
    probes: [ {{ name: home, http: {{ url: \"http://127.0.0.1:1/\" }} }} ]
    load:
      {address}
      method: POST
      body: '{{ \"key\": \"s3cretbody\" }}'
      bearer: s3crettoken
      headers: {{ X-Api-Key: s3cretkey, Accept: text/plain }}
"
        )
    };
    std::fs::write(&file, text("url: http://127.0.0.1:1/chat")).expect("written");
    for tool in ["locust", "k6"] {
        for more in [&[][..], &["--kubernetes", "2"]] {
            let args = [&["export", tool, "baseline", "--service", "web"], more].concat();
            let (code, script) = slod(&file, &args);
            assert_eq!(code, Some(0), "{script}");
            has_all(&script, &["/chat", "LOAD_BODY"]);
            let is_in_pods = !more.is_empty();
            assert_eq!(
                script.contains("pods cannot reach http://127.0.0.1:1"),
                is_in_pods
            );
            assert!(!script.contains("s3cret"), "{script}");
        }
    }
    std::fs::write(&file, text("url_file: path")).expect("written");
    let (code, refused) = slod(&file, &["export", "k6", "baseline", "--service", "web"]);
    assert!(code == Some(2) && !refused.contains("s3cret"), "{refused}");
    let (_, shown) = slod(&file, &quick());
    assert!(
        shown.contains("refused") && !shown.contains("s3cret"),
        "{shown}"
    );
}

#[test]
fn a_report_of_a_run_is_written_in_every_format() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config(folder.path());
    let file = result(folder.path(), 50.0);
    let file = file.to_str().expect("a path");
    slod(&config, &["import", "oha", file, "--service", "web"]);
    let show = |format: &str| slod(&config, &["runs", "show", "1", "--format", format]);
    let (code, markdown) = show("markdown");
    assert!(
        code == Some(0) && markdown.starts_with("# Load run: imported of web"),
        "{markdown}"
    );
    let (code, html) = show("html");
    assert!(
        code == Some(0) && html.starts_with("<!DOCTYPE html>"),
        "{html}"
    );
    for outside in ["<script", "<link", " src=", "@import", "url("] {
        assert!(!html.contains(outside), "{outside}");
    }
    let out = folder.path().join("out");
    let target = out.to_str().expect("a path");
    let (_, said) = slod(&config, &[&quick()[..], &["--out", target]].concat());
    for (name, part) in [
        ("run.json", "\"windows\""),
        ("summary.txt", "RESULTS"),
        ("junit.xml", "<testsuite"),
        ("report.md", "## Client view"),
        ("report.html", "Client view"),
    ] {
        let text = std::fs::read_to_string(out.join(name)).unwrap_or_default();
        assert!(text.contains(part), "{name}: {text}: {said}");
    }
}
