//! Probes of servers on this machine by Unix sockets.

use crate::probing::{TIMEOUT, assert_faults, attempt_kind, cause, message, probe};
use crate::server::{Seen, converse, ok, redirect};
use slod::outcome::{Cause, Measurement, Outcome, Verdict};
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;

/// An HTTP server at a socket, which answers as its path requires; returns the requests.
fn http_at(path: PathBuf, elsewhere: String) -> Seen {
    let seen = Seen::default();
    let log = seen.clone();
    let listener = UnixListener::bind(path).expect("a socket");
    tokio::spawn(async move {
        let answer = move |request: &str| match request.split(' ').nth(1) {
            Some("/moved") => redirect(302, "/here"),
            Some("/away") => redirect(302, &elsewhere),
            _ => ok("{\"status\":\"ok\"}"),
        };
        while let Ok((mut stream, _)) = listener.accept().await {
            converse(&mut stream, &log, &answer).await;
        }
    });
    seen
}

async fn ask(kind: &str, yaml: &str) -> (Outcome, String) {
    attempt_kind(kind, yaml, TIMEOUT, Path::new("")).await
}

#[tokio::test]
async fn http_is_spoken_over_a_socket() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.sock");
    let (network, _) = crate::server::http(|_| ok("")).await;
    let seen = http_at(path.clone(), format!("http://{network}/"));
    let path = path.display();
    for target in ["/health", "/moved", "/away"] {
        let yaml = format!("{{ url: \"http://docker.test{target}\", unix_socket: \"{path}\" }}");
        let (outcome, story) = ask("http", &yaml).await;
        assert_eq!(
            outcome.verdict,
            Verdict::Good,
            "{target}: {outcome:?} {story}"
        );
        assert_eq!(outcome.code, Some(200));
        // A redirect to another origin is followed over the network.
        let is_away = target == "/away";
        assert_eq!(outcome.detail.address.is_some(), is_away, "{story}");
        assert!(outcome.measured.get(Measurement::Resolve).is_none());
        assert!(
            story.contains(&format!("connect unix:{path}: connected")),
            "{story}"
        );
    }
    let seen = seen.lock().expect("no panic");
    assert_eq!(seen.len(), 4);
    assert!(seen[0].contains("Host: docker.test\r\n"), "{seen:?}");
}

#[tokio::test]
async fn bytes_are_exchanged_over_a_socket() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("redis.sock");
    let listener = UnixListener::bind(&path).expect("a socket");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 64]).await;
            let _ = stream.write_all(b"+PONG\r\n").await;
        }
    });
    for address in [
        format!("unix:{}", path.display()),
        format!("unix://{}", path.display()),
    ] {
        let yaml =
            format!("{{ address: \"{address}\", send: \"PING\\r\\n\", expect: '^\\+PONG' }}");
        let (outcome, story) = ask("tcp", &yaml).await;
        assert_eq!(outcome.verdict, Verdict::Good, "{outcome:?} {story}");
        let reached = |phase: &Measurement| outcome.measured.get(*phase).is_some();
        let phases: Vec<bool> = Measurement::PHASES.iter().map(reached).collect();
        assert_eq!(phases, [false, true, false, false, true]);
        let shown = probe("tcp", &yaml, Path::new("")).target();
        assert_eq!(shown, format!("unix:{}", path.display()));
    }
}

/// Whether a socket is missing, not listened at, or of another type, is said in words.
#[tokio::test]
async fn what_is_wrong_with_a_socket_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    drop(UnixListener::bind(path("left")).expect("a socket"));
    let _datagrams = UnixDatagram::bind(path("datagrams")).expect("a socket");
    fs::write(path("file"), "").expect("written");
    let full = full_socket(&path("full"));
    for (name, words) in [
        ("missing", "there is no such socket"),
        ("file/below", "there is no such socket"),
        ("left", "nothing listens on the socket"),
        ("file", "nothing listens on the socket"),
        ("datagrams", "the socket is for datagrams"),
        ("full", "its backlog is full"),
    ] {
        let address = format!("unix:{}", path(name).display());
        let tcp = ask("tcp", &format!("{{ address: \"{address}\" }}")).await.0;
        let grpc = ask("grpc", &format!("{{ address: \"{address}\" }}"))
            .await
            .0;
        let http = format!(
            "{{ url: \"http://x/\", unix_socket: \"{}\" }}",
            path(name).display()
        );
        for outcome in [tcp, grpc, ask("http", &http).await.0] {
            assert_eq!(cause(&outcome), Some(Cause::Refused), "{name}: {outcome:?}");
            assert_eq!(outcome.detail.address, None);
            assert!(message(&outcome).starts_with(&address), "{outcome:?}");
            assert!(message(&outcome).contains(words), "{outcome:?}");
        }
    }
    drop(full);
}

/// A socket whose server accepts no connections, and has no room for more.
fn full_socket(path: &Path) -> Vec<socket2::Socket> {
    use socket2::{Domain, SockAddr, Socket, Type};
    let address = SockAddr::unix(path).expect("a path");
    let listener = Socket::new(Domain::UNIX, Type::STREAM, None).expect("a socket");
    listener.bind(&address).expect("bound");
    listener.listen(0).expect("listening");
    let mut open = vec![listener];
    for _ in 0..16 {
        let client = Socket::new(Domain::UNIX, Type::STREAM, None).expect("a socket");
        client.set_nonblocking(true).expect("an option");
        if client.connect(&address).is_err() {
            return open;
        }
        open.push(client);
    }
    panic!("the socket is never full");
}

/// A server that accepts connections and does not answer is a timeout.
#[tokio::test]
async fn a_silent_server_is_a_timeout() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("silent");
    let _listener = UnixListener::bind(&path).expect("a socket");
    let yaml = format!(
        "{{ url: \"http://x/\", unix_socket: \"{}\" }}",
        path.display()
    );
    let timeout = Duration::from_millis(300);
    let (outcome, _) = attempt_kind("http", &yaml, timeout, Path::new("")).await;
    assert_eq!(cause(&outcome), Some(Cause::Timeout), "{outcome:?}");
}

#[test]
fn wrong_paths_are_refused() {
    let long = format!("{{ address: \"unix:/{}\" }}", "a".repeat(107));
    assert_faults(
        "tcp",
        &[
            (
                "{ address: /run/a.sock }",
                "did you mean `unix:/run/a.sock`",
            ),
            ("{ address: \"unix:run/a.sock\" }", "absolute path"),
            (&long, "at most 107 bytes"),
            (
                "{ address: \"unix:/run/a.sock\", tls: {} }",
                "add `server_name`",
            ),
        ],
    );
    assert_faults(
        "http",
        &[
            (
                "{ url: \"http://x/\", unix_socket: \"unix:/run/a.sock\" }",
                "did you mean `/run/a.sock`",
            ),
            (
                "{ url: \"http://x/\", unix_socket: a.sock }",
                "absolute path",
            ),
            (
                "{ url: \"http://x/\", unix_socket: /run/a, proxy: \"http://p.test\" }",
                "mutually exclusive",
            ),
        ],
    );
    let open = "{ url: \"http://x.test/\", unix_socket: /run/a, bearer: t }";
    let (_, faults) = crate::probing::read(open, Path::new(""));
    assert!(faults.is_empty(), "{faults:?}");
}
