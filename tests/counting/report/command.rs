//! `slod report` as people call it.

use super::month::{CONFIG, store};
use assert_cmd::Command;
use std::fs;
use std::path::Path;

struct Printed {
    code: i32,
    out: String,
    err: String,
}

/// Runs the command with a store that `fill` creates, or without a store.
fn run(fill: impl Fn(&Path), args: &[&str]) -> Printed {
    let folder = tempfile::tempdir().expect("a folder");
    let text = format!("store: {{ path: slod.db }}\n{CONFIG}");
    fs::write(folder.path().join("slod.yaml"), text).expect("written");
    fill(folder.path());
    let mut command = Command::new(env!("CARGO_BIN_EXE_slod"));
    // Its probes run once a minute, about which lints warn.
    command.args(["--log-level", "error", "report"]);
    command.args(args).current_dir(folder.path());
    let output = command.output().expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    Printed {
        code: output.status.code().expect("not killed"),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

fn month(folder: &Path) {
    fs::copy(store(), folder.join("slod.db")).expect("copied");
}

fn empty(folder: &Path) {
    drop(slod::store::Store::open(&folder.join("slod.db")).expect("a new store"));
}

/// Past days according to the machine's clock, because outcomes in the future are not counted.
const NOVEMBER: [&str; 4] = ["--from", "2026-11-01", "--to", "2026-11-27"];

#[test]
fn every_format_and_the_answer_as_a_code() {
    for (format, begins) in [
        (
            "text",
            "2026-11-01 00:00 UTC to 2026-11-27 00:00 UTC (26d), ",
        ),
        ("markdown", "# SLO report\n"),
        ("json", "{\n"),
        ("html", "<!DOCTYPE html>"),
    ] {
        let args = [&NOVEMBER[..], &["--format", format]].concat();
        let reported = run(month, &args);
        assert!(reported.out.starts_with(begins), "{}", reported.out);
        assert_eq!(
            (reported.code, reported.err.as_str()),
            (1, ""),
            "one was missed"
        );
    }
    let reported = run(month, &[&NOVEMBER[..], &["--service", "rag"]].concat());
    assert!(
        reported.code == 0 && !reported.out.contains("concierge"),
        "{}",
        reported.out
    );
    // It has no probes of its own.
    let reported = run(month, &[&NOVEMBER[..], &["--service", "journey"]].concat());
    assert!(reported.out.contains("(26d), "), "{}", reported.out);
    assert!(
        reported.out.contains("\nThe objective "),
        "{}",
        reported.out
    );
}

#[test]
fn an_impossible_report_is_an_error_with_an_exit_code() {
    let none = |_: &Path| {};
    let refused = |args: &[&str], code: i32, sentence: &str| {
        let reported = run(none, args);
        assert_eq!(
            (reported.code, reported.out.as_str()),
            (code, ""),
            "{}",
            reported.err
        );
        assert!(reported.err.contains(sentence), "{}", reported.err);
    };
    refused(&[], 64, "cannot read slod.db: the store does not exist yet");
    refused(
        &["--service", "concirge"],
        2,
        "no service is named concirge; did you mean concierge?",
    );
    refused(&["--from", "1d", "--to", "2d"], 2, "is not before --to");
    refused(
        &["--from", "2999-01-01", "--to", "2999-02-01"],
        2,
        "is in the future",
    );
    refused(&["--from", "2y"], 2, "expected a date such as 2026-11-01");
    refused(&["--from", "367d"], 2, "a report covers at most 366d");
    refused(&["--config", "other.yaml"], 2, "other.yaml");
    let reported = run(empty, &[]);
    assert_eq!((reported.code, reported.err.as_str()), (0, ""));
    assert!(
        reported
            .out
            .contains("The store has no outcomes for this time range"),
        "{}",
        reported.out
    );
}
