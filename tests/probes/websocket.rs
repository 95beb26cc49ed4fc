//! The `websocket` probe against real servers, well-behaved and hostile.

use crate::probing::{SHORT, TIMEOUT, assert_faults, attempt_kind, cause, message, probe};
use crate::server::{Authority, Leaf, Seen, read_request, tcp};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::{SinkExt, StreamExt};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use slod::outcome::{Cause, Measurement, Outcome, Verdict};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

/// Probes a server with these additional keys.
async fn ask(address: SocketAddr, keys: &str, timeout: Duration) -> (Outcome, String) {
    let yaml = format!("{{ url: \"ws://{address}/chat?room=1\" {keys} }}");
    attempt_kind("websocket", &yaml, timeout, Path::new("")).await
}

/// The answer to a request that opens a WebSocket.
fn accept(request: &str, more: &str) -> String {
    let lower = request.to_ascii_lowercase();
    let at = lower.find("sec-websocket-key: ").expect("a key") + "sec-websocket-key: ".len();
    let key = request[at..].lines().next().expect("its value");
    let text = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let hash = STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()));
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {hash}\r\n{more}\r\n"
    )
}

/// Opens a WebSocket as its server, with more header lines.
async fn open<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    more: &str,
) -> (WebSocketStream<S>, String) {
    let request = read_request(&mut stream).await;
    let answer = accept(&request, more);
    stream.write_all(answer.as_bytes()).await.expect("written");
    let socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
    (socket, request)
}

/// Greets, sends a ping, and repeats every message; records what it receives, including how it ends.
async fn echo(socket: &mut WebSocketStream<impl AsyncRead + AsyncWrite + Unpin>, seen: &Seen) {
    let greeting = Message::text("{\"type\":\"welcome\"}");
    let _ = socket.send(greeting).await;
    let _ = socket.send(Message::Ping("are you there".into())).await;
    while let Some(Ok(received)) = socket.next().await {
        seen.lock().expect("no panic").push(format!("{received:?}"));
        if received.is_text() {
            let _ = socket.send(received).await;
        }
    }
}

async fn echo_server(more: &'static str) -> (SocketAddr, Seen) {
    let seen = Seen::default();
    let log = seen.clone();
    let address = tcp(move |stream| {
        let log = log.clone();
        async move {
            let (mut socket, request) = open(stream, more).await;
            log.lock().expect("no panic").push(request);
            echo(&mut socket, &log).await;
        }
    })
    .await;
    (address, seen)
}

#[tokio::test]
async fn a_websocket_is_opened_and_closed() {
    let (address, seen) = echo_server("").await;
    let (outcome, story) = ask(
        address,
        ", bearer: hush, headers: { Origin: \"https://chat.test\" }",
        TIMEOUT,
    )
    .await;
    assert_eq!(outcome.verdict, Verdict::Good, "{story}");
    assert_eq!(outcome.code, Some(101));
    let reached = |phase: &Measurement| outcome.measured.get(*phase).is_some();
    let phases: Vec<bool> = Measurement::PHASES.iter().map(reached).collect();
    assert_eq!(phases, [false, true, false, true, false], "{story}");
    let seen = seen.lock().expect("no panic");
    let request = seen[0].to_ascii_lowercase();
    for part in [
        "get /chat?room=1 http/1.1\r\n",
        "\r\nconnection: upgrade\r\n",
        "\r\nupgrade: websocket\r\n",
        "\r\nsec-websocket-version: 13\r\n",
        "\r\nauthorization: bearer hush\r\n",
        "\r\norigin: https://chat.test\r\n",
    ] {
        assert!(request.contains(part), "{part} in {request}");
    }
    assert!(
        seen.iter()
            .any(|one| one.contains("Close") && one.contains("Normal")),
        "{seen:?}"
    );
    assert!(
        !story.contains("room=1") && !story.contains("hush"),
        "{story}"
    );
}

#[tokio::test]
async fn messages_are_exchanged_until_the_expected_one() {
    let (address, seen) = echo_server("Sec-WebSocket-Protocol: chat.v1\r\n").await;
    let keys = ", subprotocols: [chat.v2, chat.v1], send: '{\"type\": \"pong\", \"n\": 7}', expect: { json: { \"$.type\": pong, \"$.n\": \"> 6\" } }";
    let (outcome, story) = ask(address, keys, TIMEOUT).await;
    assert_eq!(outcome.verdict, Verdict::Good, "{outcome:?} {story}");
    assert!(outcome.measured.get(Measurement::Transfer).is_some());
    assert!(story.contains("subprotocol chat.v1"), "{story}");
    let request = seen.lock().expect("no panic")[0].to_ascii_lowercase();
    assert!(
        request.contains("sec-websocket-protocol: chat.v2, chat.v1\r\n"),
        "{request}"
    );

    let (address, _) = echo_server("").await;
    for (keys, wanted) in [
        (", expect: {}", None),
        (", expect: { body: welcome }", None),
        (", send: ping me, expect: { body: '^ping' }", None),
        (
            ", expect: { body: ready }",
            Some(
                "received 1 message until the timeout: the body does not match /ready/; the body is `{\"type\":\"welcome\"}`",
            ),
        ),
        // What was sent is not repeated in a message.
        (
            ", send: s3cret-w0rd, expect: { body: ready }",
            Some(
                "received 2 messages until the timeout, the last one: the body does not match /ready/",
            ),
        ),
    ] {
        let (outcome, story) = ask(
            address,
            keys,
            if wanted.is_some() { SHORT } else { TIMEOUT },
        )
        .await;
        match wanted {
            None => assert_eq!(
                outcome.verdict,
                Verdict::Good,
                "{keys}: {outcome:?} {story}"
            ),
            Some(wanted) => {
                assert_eq!(cause(&outcome), Some(Cause::Body), "{outcome:?}");
                assert_eq!(message(&outcome), wanted);
            }
        }
    }
}

#[tokio::test]
async fn tls_and_proxies_are_used() {
    let (authority, folder) = Authority::in_folder();
    let acceptor = authority.acceptor(Leaf::Good);
    let secure = tcp(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                let (mut socket, _) = open(stream, "").await;
                echo(&mut socket, &Seen::default()).await;
            }
        }
    })
    .await;
    let (plain, _) = echo_server("").await;
    let proxy = tcp(move |mut stream| async move {
        let request = read_request(&mut stream).await;
        let target = request.split(' ').nth(1).expect("a target").to_owned();
        assert!(request.starts_with("CONNECT "), "{request}");
        let mut onward = TcpStream::connect(target).await.expect("there");
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        let _ = tokio::io::copy_bidirectional(&mut stream, &mut onward).await;
    })
    .await;
    let proxy = format!(", proxy: \"http://{proxy}\"");
    for (url, keys, wanted) in [
        (format!("wss://{secure}/"), "tls: { ca_file: ca.pem }", None),
        (format!("wss://{secure}/"), "tls: { insecure: true }", None),
        (
            format!("wss://{secure}/"),
            "ip_version: 4",
            Some(Cause::Certificate),
        ),
        (format!("ws://{plain}/"), "ip_version: 4", None),
    ] {
        for through in ["", &proxy] {
            let yaml =
                format!("{{ url: \"{url}\", expect: {{ body: welcome }}, {keys} {through} }}");
            let (outcome, story) = attempt_kind("websocket", &yaml, TIMEOUT, folder.path()).await;
            assert_eq!(cause(&outcome), wanted, "{yaml}: {outcome:?} {story}");
        }
    }
}

/// A server that sends these bytes after the handshake, and then waits.
async fn raw(bytes: &'static [u8], more: &'static str) -> SocketAddr {
    tcp(move |mut stream| async move {
        let request = read_request(&mut stream).await;
        let _ = stream.write_all(accept(&request, more).as_bytes()).await;
        let _ = stream.write_all(bytes).await;
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await
}

#[tokio::test]
async fn violations_of_the_protocol_are_named() {
    let cases: [(&[u8], Cause, &str); 11] = [
        (
            b"\x81\x85abcd\x09\x07\x0f\x08\x0e",
            Cause::Protocol,
            "a frame is masked",
        ),
        (b"\x81\x02\xff\xfe", Cause::Protocol, "not valid UTF-8"),
        (b"\xc1\x01a", Cause::Protocol, "has reserved bits"),
        (b"\x83\x00", Cause::Protocol, "unknown type"),
        (
            b"\x80\x01a",
            Cause::Protocol,
            "continues that did not begin",
        ),
        (
            b"\x01\x01a\x01\x01b",
            Cause::Protocol,
            "begins before the last one ended",
        ),
        (
            b"\x09\x00",
            Cause::Protocol,
            "a control frame is fragmented",
        ),
        (
            b"\x81\x7f\0\0\0\0\x7f\xff\xff\xff",
            Cause::BodyTooLarge,
            "the limit is 1048576",
        ),
        (
            b"\x88\x02\x03\xf3",
            Cause::Closed,
            "with the code 1011 (internal error)",
        ),
        (
            b"\x88\x0d\x11\x31unknown key",
            Cause::Closed,
            "with the code 4401: `unknown key`",
        ),
        (
            b"\x88\x01\x03",
            Cause::Protocol,
            "the close frame is invalid",
        ),
    ];
    for (bytes, wanted, words) in cases {
        let address = raw(bytes, "").await;
        let (outcome, story) = ask(address, ", expect: { body: never }", TIMEOUT).await;
        assert_eq!(
            cause(&outcome),
            Some(wanted),
            "{bytes:?}: {outcome:?} {story}"
        );
        assert!(message(&outcome).contains(words), "{bytes:?}: {outcome:?}");
    }
    // Fragments, with a ping between them.
    let address = raw(b"\x01\x02he\x89\x00\x80\x03llo", "").await;
    let (outcome, story) = ask(address, ", expect: { body: '^hello$' }", TIMEOUT).await;
    assert_eq!(outcome.verdict, Verdict::Good, "{outcome:?} {story}");
    for more in [
        "Sec-WebSocket-Extensions: x\r\n",
        "Sec-WebSocket-Protocol: x\r\n",
    ] {
        let (outcome, _) = ask(raw(b"", more).await, "", TIMEOUT).await;
        assert_eq!(cause(&outcome), Some(Cause::Protocol), "{outcome:?}");
        assert!(
            message(&outcome).starts_with("the handshake: "),
            "{outcome:?}"
        );
    }
}

/// A login that is refused after the handshake is noticed even if no message is expected, and a server that never
/// closes the WebSocket does not delay the outcome for long.
#[tokio::test]
async fn how_the_server_ends_the_websocket_counts() {
    for (bytes, wanted) in [
        (&b"\x88\x0e\x03\xf0unauthorized"[..], Some(Cause::Closed)),
        (b"\x88\x02\x03\xe8", None),
        (b"\x88\x00", None),
        (b"", None),
    ] {
        let (outcome, story) = ask(raw(bytes, "").await, "", TIMEOUT).await;
        assert_eq!(cause(&outcome), wanted, "{bytes:?}: {outcome:?} {story}");
        assert!(outcome.latency < Duration::from_millis(900), "{outcome:?}");
    }
    let silent = raw(b"", "").await;
    let (outcome, _) = ask(silent, ", expect: {}", SHORT).await;
    assert_eq!(cause(&outcome), Some(Cause::Timeout), "{outcome:?}");
    assert!(
        message(&outcome).starts_with("timeout in transfer"),
        "{outcome:?}"
    );
    let gone = tcp(|mut stream| async move {
        let request = read_request(&mut stream).await;
        let _ = stream.write_all(accept(&request, "").as_bytes()).await;
        let _ = stream.shutdown().await;
    })
    .await;
    let (outcome, _) = ask(gone, ", expect: {}", TIMEOUT).await;
    assert_eq!(cause(&outcome), Some(Cause::Closed), "{outcome:?}");
}

#[tokio::test]
async fn other_answers_are_explained() {
    let cases = [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            Cause::Status,
            "status 200, expected 101: the server does not open a WebSocket at this address",
        ),
        (
            "HTTP/1.1 401 Unauthorized\r\nContent-Length: 12\r\n\r\ntoken needed",
            Cause::Status,
            "status 401, expected 101; the body is `token needed`",
        ),
        (
            "HTTP/1.1 426 Upgrade Required\r\n\r\n",
            Cause::Status,
            "status 426, expected 101",
        ),
        (
            "HTTP/1.1 301 Moved\r\nLocation: https://user:pw@b.test/ws/?token=x\r\nContent-Length: 0\r\n\r\n",
            Cause::Status,
            "this one leads to https://b.test/ws/",
        ),
        (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n",
            Cause::Protocol,
            "`Sec-WebSocket-Accept` is `x`, which is not derived",
        ),
        ("SSH-2.0-x\r\n", Cause::Protocol, "starts with `SSH-2.0-x`"),
    ];
    for (answer, wanted, words) in cases {
        let address = tcp(move |mut stream| async move {
            read_request(&mut stream).await;
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        })
        .await;
        let (outcome, story) = ask(address, "", TIMEOUT).await;
        assert_eq!(cause(&outcome), Some(wanted), "{outcome:?} {story}");
        assert!(message(&outcome).contains(words), "{outcome:?}");
        assert!(!message(&outcome).contains("pw"), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_body_without_an_end_does_not_hide_the_status() {
    let address = tcp(|mut stream| async move {
        read_request(&mut stream).await;
        let head = b"HTTP/1.1 503 Unavailable\r\nContent-Length: 100\r\n\r\nno upstream";
        let _ = stream.write_all(head).await;
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    let (outcome, _) = ask(address, "", TIMEOUT).await;
    assert_eq!(cause(&outcome), Some(Cause::Status), "{outcome:?}");
    assert!(message(&outcome).contains("`no upstream`"), "{outcome:?}");
    assert!(outcome.latency < TIMEOUT / 2, "{outcome:?}");
}

#[tokio::test]
async fn a_server_that_sends_without_end_is_given_up() {
    for (size, words) in [
        (1, "received 1000 messages, the last one"),
        (1 << 20, "received 16 messages"),
    ] {
        let address = tcp(move |stream| async move {
            let (mut socket, _) = open(stream, "").await;
            let text = "x".repeat(size);
            while socket.send(Message::text(&text)).await.is_ok() {}
        })
        .await;
        let minute = Duration::from_mins(1);
        let (outcome, _) = ask(address, ", expect: { body: never }", minute).await;
        assert_eq!(cause(&outcome), Some(Cause::Body), "{outcome:?}");
        assert!(message(&outcome).starts_with(words), "{outcome:?}");
    }
}

#[test]
fn wrong_options_are_refused() {
    assert_faults(
        "websocket",
        &[
            ("{ url: \"http://a.test/\" }", "did you mean `ws://a.test/`"),
            (
                "{ url: \"https://a.test/ws\" }",
                "did you mean `wss://a.test/ws`",
            ),
            ("{ url: \"wss://u:p@a.test/\" }", "credentials"),
            (
                "{ url: \"ws://a.test/\", bearer: x }",
                "credentials are sent over plain ws",
            ),
            (
                "{ url: \"wss://a.test/\", subprotocols: [\"a b\"] }",
                "subprotocol",
            ),
            ("{ url: \"wss://a.test/\", send: \"\" }", "0 bytes"),
            (
                "{ url: \"wss://a.test/\", headers: { Upgrade: h2c } }",
                "`upgrade` is set by slod itself",
            ),
            (
                "{ url: \"wss://a.test/\", headers: { Sec-WebSocket-Protocol: x } }",
                "use `subprotocols`",
            ),
            (
                "{ url: \"wss://a.test/\", proxy: \"http://p.test\", unix_socket: /run/a }",
                "mutually exclusive",
            ),
        ],
    );
    let probe = probe(
        "websocket",
        "{ url: \"wss://a.test/ws?x=1\" }",
        Path::new(""),
    );
    assert_eq!(probe.target(), "wss://a.test/ws?…");
}
