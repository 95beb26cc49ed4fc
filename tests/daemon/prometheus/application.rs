//! The `FastAPI` application in `tests/tools` as a child process, with uvicorn and two workers.

use super::server::repository;
use crate::support::PATIENCE;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The libraries that it imports.
const LIBRARIES: [&str; 7] = [
    "uvicorn",
    "fastapi",
    "prometheus_fastapi_instrumentator",
    "sqlalchemy",
    "pybreaker",
    "purgatory",
    "openai",
];

/// Stopped with its workers on drop.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        let group = format!("-{}", self.0.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.0.wait();
    }
}

pub struct App {
    _model: Group,
    _workers: Group,
    pub port: u16,
}

impl App {
    /// Starts it with a language model; `None` if its libraries are not installed, except in CI,
    /// which guarantees them.
    pub fn start(folder: &Path) -> Option<Self> {
        let known =
            "import importlib.util as u, sys; sys.exit(not all(map(u.find_spec, sys.argv[1:])))";
        let mut check = Command::new("python3");
        let check = check.args(["-c", known]).args(LIBRARIES).status();
        if !check.is_ok_and(|status| status.success()) {
            let what = LIBRARIES.join(", ");
            assert!(std::env::var_os("CI").is_none(), "{what} are needed in CI");
            eprintln!("not tested, because not all of {what} are installed");
            return None;
        }
        let tools = repository().join("tests/tools");
        let mut command = Command::new("python3");
        command.arg(tools.join("llm_server.py"));
        let (model, llm) = start(
            command.stdout(Stdio::piped()),
            |child| child.stdout.take(),
            "",
        );
        let metrics = folder.join("multiprocess");
        std::fs::create_dir(&metrics).expect("a folder");
        let mut command = Command::new("python3");
        command
            .args([
                "-m",
                "uvicorn",
                "fastapi_app:app",
                "--workers",
                "2",
                "--port",
                "0",
            ])
            .args(["--no-access-log", "--app-dir"])
            .arg(tools)
            .env("PROMETHEUS_MULTIPROC_DIR", metrics)
            .env("LLM_URL", format!("http://127.0.0.1:{llm}/v1"))
            .stderr(Stdio::piped());
        let (workers, port) = start(&mut command, |child| child.stderr.take(), "127.0.0.1:");
        let app = Self {
            _model: model,
            _workers: workers,
            port,
        };
        app.wait();
        Some(app)
    }

    /// Workers listen after they have loaded the application.
    fn wait(&self) {
        let end = Instant::now() + PATIENCE * 3;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < end, "the application does not listen");
            thread::sleep(Duration::from_millis(100));
        }
        assert!(self.get("/ok"));
    }

    /// Sends a request, and returns whether it succeeded.
    pub fn get(&self, path: &str) -> bool {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        )
        .expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 "), "{answer}");
        answer.starts_with("HTTP/1.1 200")
    }
}

/// Starts a server, and reads the port that follows `before` in its output.
fn start<R: Read + Send + 'static>(
    command: &mut Command,
    output: impl Fn(&mut Child) -> Option<R>,
    before: &str,
) -> (Group, u16) {
    let mut child = command.process_group(0).spawn().expect("it starts");
    let output = output(&mut child).expect("piped");
    let group = Group(child);
    let mut lines = BufReader::new(output).lines().map_while(Result::ok);
    let port = |line: String| {
        let (_, rest) = line.split_once(before)?;
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse().ok()
    };
    let port = lines.find_map(port).expect("a port");
    // It would block on a full pipe.
    thread::spawn(move || lines.for_each(drop));
    (group, port)
}
