//! Requests to the daemon: their heads, paths, queries and bodies, heartbeats among them.

use super::Run;
use slod::app::{App, Origin};
use slod::clock::Clock;
use slod::config::Config;
use slod::diagnostic::Source;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const CONFIG: &str = "
listen: 127.0.0.1:0
store: { path: slod.db }
services:
  - name: a
    probes:
      - { name: job, heartbeat: { every: 1h } }
      - { name: secret, heartbeat: { every: 1h, token: 0123456789abcdef0123 } }
    objectives: [ { name: sli, sli: success, target: 99%, window: 30d, probes: [ job ] } ]
";
/// Keys of a daemon that nobody can read or change without a token. Its service has this name.
const PROTECTED: &str =
    "web: { tokens: [ { name: t, token: 9f86d081884c7d659a2feaa0c55ad015, role: read } ] }";
const HIDDEN: &str = "c0nc3aled";
/// Bytes of an answer that are read.
const ANSWER_MAX: u64 = 1 << 20;

/// A running daemon with heartbeats.
struct Daemon {
    _folder: tempfile::TempDir,
    _runtime: tokio::runtime::Runtime,
    stop: CancellationToken,
    address: SocketAddr,
}

impl Daemon {
    fn start(config: &str) -> Self {
        // As the program does at its start; another target may have done it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("slod.yaml");
        std::fs::write(&path, config).expect("written");
        let source = Source::new("", config);
        let loaded = Config::load(&source, folder.path(), &|_| None);
        let config = loaded
            .config
            .unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let app = App::build(config, None, Origin::File(path), Clock::system());
        let app = runtime
            .block_on(app)
            .unwrap_or_else(|error| panic!("{error}"));
        let address = app.address().expect("bound");
        let stop = CancellationToken::new();
        runtime.spawn(app.run(stop.clone()));
        Self {
            _folder: folder,
            _runtime: runtime,
            stop,
            address,
        }
    }

    /// Sends bytes, and reads what comes back.
    fn send(&self, request: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(self.address).expect("it accepts");
        let patience = Some(Duration::from_secs(10));
        stream.set_read_timeout(patience).expect("a socket");
        stream.set_write_timeout(patience).expect("a socket");
        let _ = stream.write_all(request);
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.take(ANSWER_MAX).read_to_end(&mut answer);
        answer
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The bytes are a request, or several. A panic would be answered with 500, and nothing is shown without a token.
pub fn requests() -> Run {
    let daemon = Daemon::start(CONFIG);
    let hidden = format!(
        "{PROTECTED}\n{}",
        CONFIG.replace("name: a", &format!("name: {HIDDEN}"))
    );
    let protected = Daemon::start(&hidden);
    Box::new(move |data| {
        for daemon in [&daemon, &protected] {
            let answer = daemon.send(data);
            let shown = String::from_utf8_lossy(&answer);
            assert!(!contains(&answer, b"HTTP/1.1 500 "), "{shown}");
            assert!(
                contains(data, HIDDEN.as_bytes()) || !contains(&answer, HIDDEN.as_bytes()),
                "{shown}"
            );
        }
    })
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|one| one == part)
}
