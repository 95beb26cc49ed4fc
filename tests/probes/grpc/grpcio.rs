//! The `grpc` probe against grpcio servers.

use crate::probing::{TIMEOUT, attempt_kind, cause, message};
use crate::server::{Authority, Leaf};
use slod::outcome::Cause;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// `tests/tools/grpc_server.py`, stopped on drop.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Server {
    /// Starts it, and returns the addresses of its three servers; `None` if grpcio is not installed.
    fn start(folder: &Path) -> Option<(Self, [SocketAddr; 3])> {
        let tool = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/tools/grpc_server.py");
        let mut command = Command::new("python3");
        command
            .arg(tool)
            .args([folder.join("chain.pem"), folder.join("key.pem")]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().ok()?;
        let stdout = child.stdout.take().expect("piped");
        let server = Self(child);
        let mut ports = String::new();
        BufReader::new(stdout)
            .read_line(&mut ports)
            .expect("a line");
        let ports: Vec<u16> = ports
            .split_whitespace()
            .filter_map(|port| port.parse().ok())
            .collect();
        let ports: [u16; 3] = ports.try_into().ok()?;
        Some((server, ports.map(|port| ([127, 0, 0, 1], port).into())))
    }
}

#[tokio::test]
async fn grpcio_servers_are_probed() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::new();
    let (certificate, key) = authority.issue(Leaf::Good);
    for (name, pem) in [
        ("ca.pem", authority.pem()),
        ("chain.pem", certificate.pem()),
        ("key.pem", key.serialize_pem()),
    ] {
        fs::write(folder.path().join(name), pem).expect("written");
    }
    let Some((_running, [plain, secure, empty])) = Server::start(folder.path()) else {
        assert!(
            std::env::var_os("CI").is_none(),
            "grpcio-health-checking is needed in CI"
        );
        return eprintln!("not tested, because grpcio-health-checking is not installed");
    };
    let guarded = ", metadata: { x-guard: on, authorization: 'Bearer ${TOKEN}' }";
    let wrong = ", metadata: { x-guard: on, authorization: Bearer x, a-bin: AAEC }";
    let tls = ", tls: { ca_file: ca.pem }";
    let status = Some(Cause::Status);
    let not_serving = ", service: down, expect: { serving: NOT_SERVING }";
    let not_found = ", service: other, expect: { code: NOT_FOUND }";
    for (server, keys, wanted, reported) in [
        (plain, "", None, ""),
        (plain, ", service: up", None, ""),
        (plain, ", authority: other.test", None, ""),
        (plain, guarded, None, ""),
        (
            plain,
            wrong,
            status,
            "UNAUTHENTICATED, expected OK: `no token, 100 % sure`",
        ),
        (
            plain,
            ", service: down",
            status,
            "NOT_SERVING, expected SERVING",
        ),
        (plain, not_serving, None, ""),
        (
            plain,
            ", service: other",
            status,
            "(the server does not know `service`)",
        ),
        (plain, not_found, None, ""),
        (empty, "", status, "(the server has no health service)"),
        (secure, tls, None, ""),
        (secure, ", tls: {}", Some(Cause::Certificate), ""),
        (plain, tls, Some(Cause::Tls), ""),
    ] {
        let yaml = format!("{{ address: \"{server}\" {keys} }}");
        let (outcome, story) = attempt_kind("grpc", &yaml, TIMEOUT, folder.path()).await;
        assert_eq!(cause(&outcome), wanted, "{keys}: {outcome:?} {story}");
        assert!(message(&outcome).contains(reported), "{outcome:?}");
        assert!(!story.contains("from-the-environment"), "{story}");
    }
}
