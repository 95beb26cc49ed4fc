//! The `tcp` probe against real servers.

mod tls;

use crate::probing::{SHORT, TIMEOUT, attempt_kind, cause, message, read_kind};
use crate::server::tcp;
use slod::outcome::{Cause, Measurement, Outcome, Verdict};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Probes an address with these additional keys.
async fn probe(address: SocketAddr, keys: &str, timeout: Duration) -> (Outcome, String) {
    let yaml = format!("{{ address: \"{address}\" {keys} }}");
    attempt_kind("tcp", &yaml, timeout, Path::new("")).await
}

/// A server that sends `greeting`, then replies to the first bytes that it reads, and closes the
/// connection unless it `stays`.
async fn server(greeting: &'static [u8], answer: &'static [u8], stays: bool) -> SocketAddr {
    tcp(move |mut stream| async move {
        let _ = stream.write_all(greeting).await;
        if !answer.is_empty() {
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer).await;
        }
        let _ = stream.flush().await;
        if stays {
            std::future::pending::<()>().await;
        }
    })
    .await
}

/// What a server sends at once, what it replies, and whether it keeps the connection open.
type Server = (&'static [u8], &'static [u8], bool);

#[tokio::test]
async fn a_bare_connection_is_good() {
    let address = server(b"", b"", true).await;
    let (outcome, story) = probe(address, "", TIMEOUT).await;
    assert_eq!(outcome.verdict, Verdict::Good, "{outcome:?}");
    assert_eq!(outcome.detail.address, Some(address.ip()));
    let reached = |phase: &Measurement| outcome.measured.get(*phase).is_some();
    let phases: Vec<bool> = Measurement::PHASES.iter().map(reached).collect();
    assert_eq!(phases, [false, true, false, false, false]);
    assert!(story.contains(": connected"), "{story}");
}

#[tokio::test]
async fn a_name_and_the_ip_version_are_used() {
    let address = server(b"", b"", true).await;
    let by_name = |version: &str| {
        let port = address.port();
        format!("{{ address: \"localhost:{port}\", ip_version: {version} }}")
    };
    let (outcome, _) = attempt_kind("tcp", &by_name("4"), TIMEOUT, Path::new("")).await;
    assert_eq!(outcome.verdict, Verdict::Good, "{outcome:?}");
    assert!(outcome.measured.get(Measurement::Resolve).is_some());
}

#[tokio::test]
async fn an_ipv6_literal_stands_in_brackets() {
    let Ok(listener) = TcpListener::bind("[::1]:0").await else {
        return; // This machine has no IPv6.
    };
    let address = listener.local_addr().expect("bound");
    let (outcome, _) = probe(address, "", TIMEOUT).await;
    assert_eq!(outcome.verdict, Verdict::Good, "{outcome:?}");
    let yaml = format!("{{ address: \"{address}\", tls: {{ insecure: true }} }}");
    let (read, _) = read_kind("tcp", &yaml, Path::new(""));
    let target = read.expect("valid").target();
    assert_eq!(target, format!("{address} (TLS)"));
}

#[tokio::test]
async fn a_closed_port_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    drop(listener);
    let (outcome, _) = probe(address, "", TIMEOUT).await;
    assert_eq!(cause(&outcome), Some(Cause::Refused), "{outcome:?}");
}

#[tokio::test]
async fn received_bytes_are_compared() {
    let send = r#", send: "PING\r\n", expect: '^\+PONG\r\n'"#;
    let greeted = ", expect: '^220 '";
    let both = r#", send: "PING\r\n", expect: '(?s)^220 .*\+PONG'"#;
    let hello: &'static [u8] = b"220 ready\r\n";
    let cases: [(Server, &str, Option<Cause>, &str); 9] = [
        ((b"", b"+PONG\r\n", true), send, None, ""),
        ((b"", b"+PONG\r\n", false), send, None, ""),
        ((hello, b"", true), greeted, None, ""),
        ((hello, b"+PONG", true), both, None, ""),
        (
            (b"", b"-NOAUTH\r\n", false),
            send,
            Some(Cause::Body),
            "received `-NOAUTH\\r\\n`, then the server closed the connection; expected /^\\+PONG\\r\\n/",
        ),
        (
            (b"", b"-NOAUTH\r\n", true),
            send,
            Some(Cause::Body),
            "received `-NOAUTH\\r\\n` until the timeout; expected",
        ),
        (
            (b"421 busy\r\n", b"", true),
            greeted,
            Some(Cause::Body),
            "received `421 busy",
        ),
        (
            (b"", b"", false),
            greeted,
            Some(Cause::Closed),
            "received nothing, then the server closed",
        ),
        (
            (b"", b"", true),
            greeted,
            Some(Cause::Timeout),
            "timeout in transfer",
        ),
    ];
    for ((greeting, answer, stays), keys, wanted, reported) in cases {
        let address = server(greeting, answer, stays).await;
        let waits = stays && wanted.is_some();
        let (outcome, story) = probe(address, keys, if waits { SHORT } else { TIMEOUT }).await;
        assert_eq!(cause(&outcome), wanted, "{keys}: {outcome:?}");
        assert!(message(&outcome).contains(reported), "{outcome:?}");
        assert!(outcome.measured.get(Measurement::Transfer).is_some());
        if wanted.is_none() {
            assert_eq!(outcome.verdict, Verdict::Good);
            assert!(story.contains("expect ok: received"), "{story}");
            assert!(outcome.latency < TIMEOUT, "{:?}", outcome.latency);
        }
        assert_eq!(waits, outcome.latency >= SHORT, "{outcome:?}");
    }
}

#[tokio::test]
async fn a_match_may_arrive_byte_by_byte() {
    let address = tcp(|mut stream| async move {
        let _ = stream.set_nodelay(true);
        for byte in b"220 ready" {
            let _ = stream.write_all(&[*byte]).await;
            tokio::task::yield_now().await;
        }
        std::future::pending::<()>().await;
    })
    .await;
    let (outcome, _) = probe(address, ", expect: '^220 ready'", TIMEOUT).await;
    assert_eq!(outcome.verdict, Verdict::Good, "{outcome:?}");
}

#[tokio::test]
async fn endless_bytes_are_read_to_a_limit() {
    let endless = || async {
        tcp(|mut stream| async move { while stream.write_all(&[b'x'; 4096]).await.is_ok() {} })
            .await
    };
    let (outcome, _) = probe(endless().await, ", expect: 'y'", TIMEOUT).await;
    assert_eq!(cause(&outcome), Some(Cause::BodyTooLarge), "{outcome:?}");
    assert!(message(&outcome).contains("16384 bytes"), "{outcome:?}");
    // Nothing is read if nothing is expected.
    let (outcome, _) = probe(endless().await, ", send: x", TIMEOUT).await;
    assert_eq!(outcome.verdict, Verdict::Good, "{outcome:?}");
}

#[tokio::test]
async fn a_file_is_sent_byte_for_byte() {
    let address = tcp(|mut stream| async move {
        let mut request = [0; 64];
        let length = stream.read(&mut request).await.unwrap_or_default();
        let same = request[..length] == *b"\x00\xffhi\r\n";
        let _ = stream.write_all(if same { b"yes" } else { b"no!" }).await;
    })
    .await;
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("sent"), b"\x00\xffhi\r\n").expect("written");
    let yaml = format!("{{ address: \"{address}\", send_file: sent, expect: '^yes$' }}");
    let (outcome, _) = attempt_kind("tcp", &yaml, TIMEOUT, folder.path()).await;
    assert_eq!(outcome.verdict, Verdict::Good, "{outcome:?}");
}

#[tokio::test]
async fn sent_bytes_are_never_shown() {
    let echo: [&'static [u8]; 3] = [
        b"-ERR unknown command 'AUTH', args beginning with: 'hunter2'\r\n",
        b"-ERR HUNTER2 is wrong\r\n",
        b"+OK hunt",
    ];
    for answer in echo {
        let address = server(b"", answer, false).await;
        for expect in [r"^\+PONG", "(?i)hunt"] {
            let keys = format!(", send: \"AUTH hunter2\\r\\n\", expect: '{expect}'");
            let (outcome, story) = probe(address, &keys, TIMEOUT).await;
            let shown = format!("{outcome:?} {story}").replace("/(?i)hunt/", "");
            assert!(!shown.to_lowercase().contains("hunt"), "{shown}");
            assert!(shown.contains("(not shown"), "{shown}");
            let yaml = format!("{{ address: \"{address}\" {keys} }}");
            let (read, _) = read_kind("tcp", &yaml, Path::new(""));
            assert!(!format!("{read:?}").contains("hunter2"));
        }
    }
}

#[tokio::test]
async fn long_messages_are_compared_quickly() {
    let address = tcp(|mut stream| async move {
        let mut request = vec![0; 64 << 10];
        let _ = stream.read_exact(&mut request).await;
        let _ = stream.write_all(&[b'y'; 16_000]).await;
    })
    .await;
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("sent"), b"x".repeat(64 << 10)).expect("written");
    let yaml = format!("{{ address: \"{address}\", send_file: sent, expect: z }}");
    let (outcome, _) = attempt_kind("tcp", &yaml, TIMEOUT, folder.path()).await;
    assert_eq!(cause(&outcome), Some(Cause::Body), "{outcome:?}");
    assert!(
        message(&outcome).starts_with("received `yyy"),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_slow_but_steady_response_is_not_silence() {
    let address = tcp(|mut stream| async move {
        while stream.write_all(b"y").await.is_ok() {
            // No write coincides with the deadline itself.
            tokio::time::sleep(Duration::from_millis(70)).await;
        }
    })
    .await;
    let mut tries = 0;
    let outcome = loop {
        let (outcome, _) = probe(address, ", expect: \"z\\r\\n\"", SHORT).await;
        // Other tests sometimes keep the evaluation threads busy.
        tries += 1;
        if tries == 20 || cause(&outcome).is_some() {
            break outcome;
        }
    };
    assert_eq!(cause(&outcome), Some(Cause::Body), "{outcome:?}");
    let said = message(&outcome);
    assert!(said.starts_with("received `yy"), "{said}");
    // The line break of the expression is shown in escaped form.
    assert!(
        said.ends_with(" until the timeout; expected /z\\r\\n/"),
        "{said}"
    );
}
