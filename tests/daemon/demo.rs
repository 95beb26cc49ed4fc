//! `slod demo` as a new user runs it: in a pipe and on a terminal.

use crate::support::Running;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The month is generated first, by an unoptimized binary on a machine that runs other tests.
const PATIENCE: Duration = Duration::from_mins(2);

struct Demo(Running);

impl Demo {
    fn start(command: &mut Command) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        Self(Running(child.expect("it starts")))
    }

    fn ended(&mut self) -> ExitStatus {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.0.try_wait().expect("our child") {
                return status;
            }
            assert!(Instant::now() < end, "it does not end");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

/// The word after `start` in the text.
fn word<'a>(text: &'a str, start: &str) -> &'a str {
    let rest = text.split(start).nth(1).expect("printed");
    rest.split_whitespace().next().expect("a word")
}

fn page(address: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(
        stream,
        "GET / HTTP/1.1\r\nHost: demo\r\nConnection: close\r\n\r\n"
    )
    .expect("sent");
    let mut page = String::new();
    stream.read_to_string(&mut page).expect("an answer");
    page
}

#[test]
fn an_address_in_use_is_reported_with_the_option() {
    let other = TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = other.local_addr().expect("bound").to_string();
    let demo = Command::new(env!("CARGO_BIN_EXE_slod"))
        .args(["demo", "--listen", &address])
        .output()
        .expect("runs");
    assert_eq!(demo.status.code(), Some(64));
    let errors = String::from_utf8_lossy(&demo.stderr);
    assert!(
        errors.contains("--listen chooses another address"),
        "{errors}"
    );
}

#[test]
fn a_month_is_available_at_once_and_a_closed_pipe_ends_the_demo() {
    let slod = env!("CARGO_BIN_EXE_slod");
    let mut command = Command::new(slod);
    let mut demo = Demo::start(
        command
            .args(["demo", "--listen", "127.0.0.1:0"])
            .stderr(Stdio::null()),
    );
    let mut out = BufReader::new(demo.0.stdout.take().expect("piped"));
    let mut text = String::new();
    while !text.contains("guardrails/health") {
        assert!(out.read_line(&mut text).expect("text") > 0, "{text}");
    }
    assert!(!text.contains('\x1b') && !text.contains('\r'), "{text}");
    let objectives = text.lines().filter(|line| line.contains(" 30d "));
    let known = objectives.filter(|line| line.matches('%').count() == 4);
    assert_eq!(
        known.count(),
        12,
        "target, SLI, budget and coverage: {text}"
    );
    let address = word(&text, "http://").trim_end_matches('/');
    assert!(page(address).contains("(simulated, with synthetic history)"));
    let config = word(&text, "slod report --config ");
    let report = Command::new(slod)
        .args(["report", "--config", config])
        .output();
    let report = String::from_utf8(report.expect("it runs").stdout).expect("text");
    assert!(report.contains("index rebuilt (simulated)"), "{report}");
    assert!(report.contains("2 of 12 objectives missed"), "{report}");
    drop(out);
    assert_eq!(demo.ended().code(), Some(0));
    assert!(!Path::new(config).exists(), "the folder is deleted");
}

#[test]
fn a_terminal_is_redrawn_without_log_lines() {
    let demo = format!(
        "{} demo --listen 127.0.0.1:0 --for 5s",
        env!("CARGO_BIN_EXE_slod")
    );
    let terminal = format!("stty cols 60 rows 20; TERM=xterm NO_COLOR=1 exec {demo}");
    let mut command = Command::new("script");
    let mut demo = Demo::start(command.args(["-qec", &terminal, "/dev/null"]));
    let mut text = String::new();
    let mut out = demo.0.stdout.take().expect("piped");
    out.read_to_string(&mut text).expect("text");
    assert_eq!(demo.ended().code(), Some(0), "{text}");
    assert!(!text.contains("WARN") && !text.contains("INFO"), "{text}");
    let mut frames = text.split("\x1b[J");
    let first = frames.next().expect("the first frame").lines().count();
    assert!(first > 12, "{text}");
    let others: Vec<_> = frames.filter(|frame| !frame.trim().is_empty()).collect();
    assert!(others.len() >= 2, "{text}");
    for frame in others {
        let rest = frame
            .strip_prefix("\x1b[19A")
            .unwrap_or_else(|| panic!("{frame:?}"));
        let lines: Vec<_> = rest.trim_start_matches('\r').lines().collect();
        assert_eq!(lines.len(), 19, "one less than the terminal has");
        let plain = lines.iter().map(|line| line.replace("\x1b[K", ""));
        let widest = plain.map(|line| line.trim_end_matches('\r').len()).max();
        assert!(widest < Some(60), "{frame}");
        assert!(
            rest.contains("STATE") && !rest.contains("COVERAGE"),
            "{frame}"
        );
    }
}
