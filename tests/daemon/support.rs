//! The real binary as a child process, stopped on drop.

use crate::server::{CLOSE, http, response};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use std::{fs, thread};

/// Upper bound for everything in these tests.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// Whether a program can be started. If not, its tests are left out, except in CI, which guarantees it.
pub fn is_installed(program: &str) -> bool {
    let started = Command::new(program).arg("--version").output();
    if let Err(error) = &started {
        assert!(std::env::var_os("CI").is_none(), "{program}: {error}");
        eprintln!("not tested, because {program} cannot be started: {error}");
    }
    started.is_ok()
}

/// A process that is killed on drop.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Deref for Running {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.0
    }
}

impl DerefMut for Running {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.0
    }
}

pub struct Daemon {
    child: Running,
    pub address: SocketAddr,
    log: Arc<Mutex<String>>,
    /// Reads the log until its end.
    reader: JoinHandle<()>,
}

impl Daemon {
    /// Starts `slod run`, and waits until it reports its listen address.
    pub fn start(config: &Path) -> Self {
        Self::start_with(config, &[])
    }

    /// Same, with additional arguments.
    pub fn start_with(config: &Path, more: &[&str]) -> Self {
        Self::start_in(config, more, &[])
    }

    /// Same, with additional environment variables.
    pub fn start_in(config: &Path, more: &[&str], environment: &[(&str, &Path)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_slod"))
            .envs(environment.iter().copied())
            .args(["run", "--log-format", "logfmt", "--config"])
            .arg(config)
            .args(more)
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("the binary starts");
        let log = Arc::new(Mutex::new(String::new()));
        let stderr = child.stderr.take().expect("piped");
        let sink = log.clone();
        let reader = thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                sink.lock()
                    .expect("no panic holds it")
                    .push_str(&(line + "\n"));
            }
        });
        let mut daemon = Self {
            child: Running(child),
            address: ([127, 0, 0, 1], 0).into(),
            log,
            reader,
        };
        daemon.address = daemon.wait_for(|daemon| {
            let log = daemon.log();
            let rest = log.split("listening on http").nth(1)?;
            let rest = rest.trim_start_matches('s').strip_prefix("://")?;
            rest.split(['"', '\n', ' ']).next()?.parse().ok()
        });
        daemon
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn log(&self) -> String {
        self.log.lock().expect("no panic holds it").clone()
    }

    /// Polls until there is a response.
    pub fn wait_for<T>(&self, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            assert!(
                Instant::now() < end,
                "waited too long; the log:\n{}",
                self.log()
            );
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until the log has a sentence this often: another thread reads it, which may be later than an effect
    /// that can be seen elsewhere.
    pub fn wait_for_log(&self, sentence: &str, times: usize) {
        self.wait_for(|daemon| (daemon.log().matches(sentence).count() >= times).then_some(()));
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &pid])
            .status();
        assert!(sent.expect("kill runs").success());
    }

    /// Stops all threads. A signal alone takes effect later, so that the daemon could still read what a
    /// server sends after it.
    pub fn pause(&self) {
        self.signal("STOP");
        let threads = format!("/proc/{}/task", self.child.id());
        let is_stopped = || {
            let mut threads = fs::read_dir(&threads).expect("it runs").flatten();
            threads.all(|thread| {
                let status = fs::read_to_string(thread.path().join("status"));
                status.is_ok_and(|status| status.contains("State:\tT"))
            })
        };
        let end = Instant::now() + PATIENCE;
        while !is_stopped() {
            assert!(Instant::now() < end, "it does not stop");
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits for the process, and returns its exit status with the log.
    pub fn ended(mut self) -> (ExitStatus, String) {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("our child") {
                wait_for(|| self.reader.is_finished().then_some(()));
                return (status, self.log());
            }
            assert!(
                Instant::now() < end,
                "it does not end; the log:\n{}",
                self.log()
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends a plain HTTP request; returns the whole response as text.
    pub fn request(&self, method: &str, path: &str) -> String {
        self.send(method, path, "", "")
    }

    /// Sends a request with a body of some content type.
    pub fn post(&self, path: &str, kind: &str, body: &str) -> String {
        self.send("POST", path, &format!("Content-Type: {kind}\r\n"), body)
    }

    /// Sends a request with additional headers.
    pub fn send(&self, method: &str, path: &str, headers: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(self.address).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("valid");
        let length = body.len();
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}").expect("sent");
        let mut answer = String::new();
        stream
            .read_to_string(&mut answer)
            .expect("an answer in UTF-8");
        answer
    }

    /// The response of an API path.
    pub fn json(&self, path: &str) -> Value {
        let answer = self.request("GET", path);
        let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }

    /// The value of one series on /metrics, named in full with its labels.
    pub fn metric(&self, series: &str) -> Option<f64> {
        let page = self.request("GET", "/metrics");
        let line = page.lines().find(|line| {
            line.strip_prefix(series)
                .is_some_and(|rest| rest.starts_with(' '))
        })?;
        line.rsplit(' ').next()?.parse().ok()
    }
}

/// `slod` with its config. Arguments after `--` are for the program that it runs.
pub fn command(config: &Path, args: &[&str]) -> Command {
    let (own, passed) = match args.iter().position(|arg| *arg == "--") {
        Some(at) => args.split_at(at),
        None => (args, &[][..]),
    };
    let mut command = Command::new(env!("CARGO_BIN_EXE_slod"));
    command.args(own).arg("--config").arg(config).args(passed);
    command
}

/// Runs [`command`] to completion.
pub fn slod(config: &Path, args: &[&str]) -> (Option<i32>, String) {
    ended(&command(config, args).output().expect("runs"))
}

/// The result of a program: its exit code, and its output and errors in one text.
pub fn ended(output: &Output) -> (Option<i32>, String) {
    let text = [&output.stdout[..], &output.stderr].concat();
    let code = output.status.code();
    (code, String::from_utf8_lossy(&text).into_owned())
}

/// The address of the next page of a list: the header `Link` is relative to the address of this page, since a proxy may
/// serve slod below a path.
pub fn next_page(path: &str, answer: &str) -> Option<String> {
    let (_, link) = answer.split_once("link: <")?;
    let (query, _) = link.split_once(">; rel=\"next\"")?;
    assert!(query.starts_with('?'), "{query}");
    let base = path.split('?').next().expect("a path");
    Some(format!("{base}{query}"))
}

/// Writes a config with a free port, a store and `text`; returns its path.
pub fn write_config(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("slod.yaml");
    let head = "listen: 127.0.0.1:0\nstore: { path: slod.db }\n";
    fs::write(&path, head.to_owned() + text).expect("written");
    path
}

/// Checks that a text has all these parts.
#[track_caller]
pub fn has_all(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is missing in:\n{text}");
    }
}

/// Polls until there is a response.
pub fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "waited in vain");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A port that a program can listen on later: below those that the kernel assigns to servers and clients without a
/// port, such as those of other tests.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Other test runs on this machine begin elsewhere.
    let own = u16::try_from(std::process::id() % 1000).expect("small");
    let next = || 20_000 + own * 12 + NEXT.fetch_add(1, Ordering::Relaxed);
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    std::iter::repeat_with(next).find(is_free).expect("endless")
}

/// A server that responds with 200 to everything but `/bad`, until the test ends.
pub fn target() -> SocketAddr {
    http(|request| match request.path.as_str() {
        path if path.starts_with("/bad") => response("503 Service Unavailable", CLOSE, "ok"),
        _ => response("200 OK", CLOSE, "ok"),
    })
}
