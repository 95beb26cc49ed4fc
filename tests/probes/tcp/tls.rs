//! TLS of the `tcp` probe, from the start or after a command.

use super::{probe, server};
use crate::probing::{SHORT, TIMEOUT, attempt_kind, cause, message, read_kind};
use crate::server::{Authority, Leaf, tcp};
use slod::outcome::{Cause, Measurement, Verdict};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::timeout;

#[tokio::test]
async fn tls_is_verified() {
    let (authority, folder) = Authority::in_folder();
    let other = Authority::new();
    fs::write(folder.path().join("other.pem"), other.pem()).expect("written");
    let plain = server(b"220 ready\r\n", b"", true).await;
    let good = authority.tls(Leaf::Good, b"220 ready\r\n").await;
    let expired = authority.tls(Leaf::Expired, b"").await;
    let elsewhere = authority.tls(Leaf::Elsewhere, b"220 ready\r\n").await;
    let cases = [
        (good.0, "ca_file: ca.pem", None),
        (good.0, "insecure: true", None),
        (good.0, "ca_file: other.pem", Some(Cause::Certificate)),
        (expired.0, "ca_file: ca.pem", Some(Cause::Certificate)),
        (elsewhere.0, "ca_file: ca.pem", Some(Cause::Certificate)),
        (
            elsewhere.0,
            "ca_file: ca.pem, server_name: elsewhere.test",
            None,
        ),
        (plain, "insecure: true", Some(Cause::Tls)),
    ];
    for (address, tls, wanted) in cases {
        let yaml = format!("{{ address: \"{address}\", tls: {{ {tls} }}, expect: '^220 ' }}");
        let (outcome, _) = attempt_kind("tcp", &yaml, TIMEOUT, folder.path()).await;
        assert_eq!(cause(&outcome), wanted, "{tls}: {outcome:?}");
        assert!(outcome.measured.get(Measurement::Tls).is_some());
        assert_eq!(outcome.detail.tls_not_after.is_some(), address != plain);
    }
}

/// With TLS 1.3, the rejection arrives after the handshake.
#[tokio::test]
async fn a_missing_client_certificate_is_noticed_without_an_exchange() {
    let (authority, folder) = Authority::in_folder();
    authority.issue_client(folder.path());
    let (address, _) = authority.https(Leaf::Good, true, |_| Vec::new()).await;
    for (keys, wanted) in [
        ("", Some(Cause::Tls)),
        (", cert_file: me.pem, key_file: me.key", None),
    ] {
        let yaml = format!("{{ address: \"{address}\", tls: {{ ca_file: ca.pem{keys} }} }}");
        let (outcome, story) = attempt_kind("tcp", &yaml, TIMEOUT, folder.path()).await;
        assert_eq!(cause(&outcome), wanted, "{yaml}: {outcome:?}\n{story}");
    }
}

/// Servers log a connection that just ends as an error, and some then block the client.
#[tokio::test]
async fn the_end_is_announced_to_the_server() {
    let (authority, folder) = Authority::in_folder();
    let smtp = &["220 ready\r\n", "250 STARTTLS\r\n", "220 go\r\n"];
    let cases: [(&str, &'static [&'static str], &str); 2] =
        [("", &[], ""), ("starttls: smtp, ", smtp, "QUIT\r\n")];
    for (start, replies, wanted) in cases {
        let acceptor = authority.acceptor(Leaf::Good);
        let (ends, mut end) = mpsc::channel(1);
        let address = tcp(move |mut stream| {
            let (acceptor, ends) = (acceptor.clone(), ends.clone());
            async move {
                for (turn, reply) in replies.iter().enumerate() {
                    if turn > 0 {
                        let read = stream.read(&mut [0; 64]).await;
                        assert!(matches!(read, Ok(1..)), "a command");
                    }
                    stream.write_all(reply.as_bytes()).await.expect("open");
                }
                let mut stream = acceptor.accept(stream).await.expect("TLS");
                let mut text = String::new();
                let read = stream.read_to_string(&mut text).await;
                let read = read.map(|_| text).map_err(|error| error.kind());
                ends.send(read).await.expect("wanted");
            }
        })
        .await;
        let yaml = format!("{{ address: \"{address}\", {start}tls: {{ ca_file: ca.pem }} }}");
        let (outcome, _) = attempt_kind("tcp", &yaml, TIMEOUT, folder.path()).await;
        assert_eq!(cause(&outcome), None, "{outcome:?}");
        let end = timeout(TIMEOUT, end.recv()).await.expect("it ends");
        assert_eq!(end, Some(Ok(wanted.to_owned())), "{start}");
    }
}

/// Replies in turn to each line, or to the whole message of `PostgreSQL`, then accepts TLS.
async fn start_tls(
    authority: &Authority,
    leaf: Leaf,
    replies: &'static [&'static str],
) -> SocketAddr {
    let acceptor = authority.acceptor(leaf);
    tcp(move |mut stream| {
        let acceptor = acceptor.clone();
        async move {
            for (turn, reply) in replies.iter().enumerate() {
                let mut line = [0; 64];
                if (turn > 0 || reply.len() == 1)
                    && !matches!(stream.read(&mut line).await, Ok(1..))
                {
                    return;
                }
                let _ = stream.write_all(reply.as_bytes()).await;
            }
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let _ = stream.write_all(b"250 secure\r\n").await;
                let _ = stream.flush().await;
                std::future::pending::<()>().await;
            }
        }
    })
    .await
}

#[tokio::test]
async fn tls_starts_after_the_command_of_the_protocol() {
    let (authority, folder) = Authority::in_folder();
    let smtp = &[
        "220-mail\r\n220 ready\r\n",
        "250-mail\r\n250-STARTTLS\r\n250 OK\r\n",
        "220 go\r\n",
    ];
    let cases: [(&str, &'static [&'static str], Result<(), &str>); 11] = [
        ("smtp", smtp, Ok(())),
        (
            "imap",
            &["* OK ready\r\n", "* CAPABILITY\r\na ok begin\r\n"],
            Ok(()),
        ),
        ("pop3", &["+OK ready\r\n", "+OK begin\r\n"], Ok(())),
        (
            "ftp",
            &[
                "220-a\r\n b\r\n2026-01-31: moving\r\n220 ready\r\n",
                "234 begin\r\n",
            ],
            Ok(()),
        ),
        ("postgres", &["S"], Ok(())),
        (
            "smtp",
            &["554 go away\r\n"],
            Err("STARTTLS: the server begins with `554 go away`, expected 220"),
        ),
        (
            "smtp",
            &["220 ready\r\n", "250 OK\r\n", "454 no TLS\r\n"],
            Err("STARTTLS: the server replied `454 no TLS` to STARTTLS, expected 220"),
        ),
        (
            "imap",
            &["* OK ready\r\n", "a BAD unknown\r\n"],
            Err("STARTTLS: the server replied `a BAD unknown` to a STARTTLS, expected a OK"),
        ),
        (
            "postgres",
            &["N"],
            Err("STARTTLS: the server does not offer TLS"),
        ),
        ("postgres", &["E"], Err("STARTTLS: the server replied `E`")),
        (
            "pop3",
            &["+OK ready\r\n", "-ERR no\r\n"],
            Err("`-ERR no` to STLS"),
        ),
    ];
    for (protocol, replies, wanted) in cases {
        let address = start_tls(&authority, Leaf::Good, replies).await;
        let yaml = format!(
            "{{ address: \"{address}\", starttls: {protocol}, tls: {{ ca_file: ca.pem }}, expect: '^250 secure' }}"
        );
        let (outcome, story) = attempt_kind("tcp", &yaml, TIMEOUT, folder.path()).await;
        let cause = cause(&outcome);
        assert_eq!(
            cause,
            wanted.err().map(|_| Cause::Tls),
            "{replies:?}: {outcome:?}\n{story}"
        );
        assert!(
            message(&outcome).contains(wanted.err().unwrap_or("")),
            "{outcome:?}"
        );
        assert!(outcome.measured.get(Measurement::Tls).is_some());
        assert_eq!(outcome.detail.tls_not_after.is_some(), wanted.is_ok());
    }
    let expired = start_tls(&authority, Leaf::Expired, smtp).await;
    let yaml = format!("{{ address: \"{expired}\", starttls: smtp, tls: {{ ca_file: ca.pem }} }}");
    let (outcome, _) = attempt_kind("tcp", &yaml, TIMEOUT, folder.path()).await;
    assert_eq!(cause(&outcome), Some(Cause::Certificate), "{outcome:?}");
    let yaml = "{ address: \"a.test:25\", starttls: smtp }";
    let (_, faults) = read_kind("tcp", yaml, Path::new(""));
    assert!(
        format!("{faults:?}").contains("`tls` is missing"),
        "{faults:?}"
    );
}

#[tokio::test]
async fn the_pinned_certificate_is_trusted() {
    let authority = Authority::new();
    let (address, certificate) = authority.tls(Leaf::Good, b"220 ready\r\n").await;
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("pinned.pem"), certificate).expect("written");
    let yaml =
        format!("{{ address: \"{address}\", tls: {{ ca_file: pinned.pem }}, expect: '^220 ' }}");
    let (outcome, story) = attempt_kind("tcp", &yaml, TIMEOUT, folder.path()).await;
    assert_eq!(outcome.verdict, Verdict::Good, "{outcome:?}\n{story}");
    let pinned = authority.tls(Leaf::Good, b"").await.1;
    fs::write(folder.path().join("pinned.pem"), pinned).expect("written");
    let (outcome, _) = attempt_kind("tcp", &yaml, TIMEOUT, folder.path()).await;
    assert_eq!(cause(&outcome), Some(Cause::Certificate), "{outcome:?}");
}

#[tokio::test]
async fn a_silent_handshake_is_a_timeout() {
    let address = server(b"", b"", true).await;
    let (outcome, _) = probe(address, ", tls: { insecure: true }", SHORT).await;
    assert_eq!(cause(&outcome), Some(Cause::Timeout), "{outcome:?}");
    assert!(
        message(&outcome).starts_with("timeout in tls"),
        "{outcome:?}"
    );
}
