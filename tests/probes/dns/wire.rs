//! What is accepted as the answer to a question, over UDP, TCP and TLS.

use super::{probe, reply, udp, with_addresses};
use crate::probing::{SHORT, TIMEOUT, attempt_kind, cause, message};
use crate::server::{Authority, Leaf, tcp};
use hickory_proto::rr::Name;
use slod::outcome::{Cause, Measurement, Verdict};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

/// Answers one question over TCP, then closes the connection.
async fn stream(answer: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static) -> SocketAddr {
    let answer = std::sync::Arc::new(answer);
    tcp(move |mut stream| {
        let answer = answer.clone();
        async move {
            let length = stream.read_u16().await.unwrap_or(0);
            let mut question = vec![0; length.into()];
            let _ = stream.read_exact(&mut question).await;
            let _ = stream.write_all(&answer(&question)).await;
        }
    })
    .await
}

fn framed(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len()).expect("short");
    [&length.to_be_bytes()[..], message].concat()
}

#[tokio::test]
async fn a_stray_datagram_does_not_affect_the_next_question() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let server = listener.local_addr().expect("bound");
    let socket = UdpSocket::bind(server).await.expect("the same port");
    tokio::spawn(async move {
        let mut question = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut question).await {
            let mut truncated = with_addresses(&question[..length], &[1]);
            truncated[2] |= 0x02;
            for datagram in [b"stray".to_vec(), truncated] {
                let _ = socket.send_to(&datagram, from).await;
            }
        }
    });
    // The connection is accepted, but nobody answers.
    let (outcome, story) = probe(server, "", SHORT).await;
    assert_eq!(cause(&outcome), Some(Cause::Timeout), "{outcome:?}");
    assert!(story.contains("repeating the question over TCP"), "{story}");
    drop(listener);
}

#[tokio::test]
async fn replies_to_other_questions_are_skipped() {
    let other_id = |question: &[u8]| {
        let mut bytes = with_addresses(question, &[66]);
        bytes[0] ^= 0xff;
        bytes
    };
    let other_name = |question: &[u8]| {
        reply(question, |message| {
            let name = Name::from_ascii("evil.test.").expect("a name");
            message.queries[0].set_name(name);
        })
    };
    let server = udp(move |question| {
        vec![
            other_id(question),
            other_name(question),
            b"garbage".to_vec(),
            Vec::new(),
            question.to_vec(),
            with_addresses(question, &[1]),
        ]
    })
    .await;
    let (outcome, _) = probe(server, ", expect: { answers: '\\.1$' }", TIMEOUT).await;
    assert_eq!(outcome.verdict, Verdict::Good, "{outcome:?}");
    let only = |bytes: fn(&[u8]) -> Vec<u8>| udp(move |question| vec![bytes(question)]);
    for (server, why) in [
        (only(|_| b"garbage".to_vec()).await, "7 bytes"),
        (only(<[u8]>::to_vec).await, "a query itself"),
        (
            only(|question| [&question[..2], &[0x80, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0]].concat())
                .await,
            "several questions",
        ),
        (
            only(|question| [&question[..2], &[0x80, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0]].concat())
                .await,
            "cannot be read",
        ),
    ] {
        let (outcome, _) = probe(server, "", SHORT).await;
        assert_eq!(cause(&outcome), Some(Cause::Protocol), "{why}: {outcome:?}");
        let of = format!("asking {server}: the reply does not match");
        assert!(message(&outcome).starts_with(&of), "{outcome:?}");
        assert!(message(&outcome).contains(why), "{outcome:?}");
    }
    let flood = udp(|_| vec![b"garbage".to_vec(); 200]).await;
    let (outcome, _) = probe(flood, "", TIMEOUT).await;
    assert_eq!(cause(&outcome), Some(Cause::Protocol), "{outcome:?}");
    assert!(message(&outcome).contains("100 replies"), "{outcome:?}");
    assert!(outcome.latency < TIMEOUT, "{outcome:?}");
}

#[tokio::test]
async fn only_replies_of_the_server_are_accepted() {
    let (sender, from) = (UdpSocket::bind("127.0.0.1:0").await, "127.0.0.1:0");
    let sender = std::sync::Arc::new(sender.expect("a free port"));
    let asked = UdpSocket::bind(from).await.expect("a free port");
    let server = asked.local_addr().expect("bound");
    tokio::spawn(async move {
        let mut question = [0; 2048];
        while let Ok((length, from)) = asked.recv_from(&mut question).await {
            let reply = with_addresses(&question[..length], &[1]);
            let _ = sender.send_to(&reply, from).await;
        }
    });
    let (outcome, _) = probe(server, "", SHORT).await;
    assert_eq!(cause(&outcome), Some(Cause::Timeout), "{outcome:?}");
}

#[tokio::test]
async fn silence_is_a_timeout_and_nothing_is_sent_twice() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
    let server = socket.local_addr().expect("bound");
    let (outcome, _) = probe(server, "", SHORT).await;
    assert_eq!(cause(&outcome), Some(Cause::Timeout), "{outcome:?}");
    let mut question = [0; 2048];
    let length = socket.try_recv(&mut question).expect("one question");
    assert!(length > 12);
    assert!(socket.try_recv(&mut question).is_err(), "sent twice");
    drop(socket);
    let (outcome, _) = probe(server, "", TIMEOUT).await;
    assert_eq!(cause(&outcome), Some(Cause::Refused), "{outcome:?}");
}

#[tokio::test]
async fn a_truncated_answer_is_repeated_over_tcp() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let server = listener.local_addr().expect("bound");
    let socket = UdpSocket::bind(server).await.expect("the same port");
    tokio::spawn(async move {
        let mut question = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut question).await {
            let mut bytes = with_addresses(&question[..length], &[1]);
            bytes[2] |= 0x02;
            // Ends in the middle of a record.
            bytes.truncate(bytes.len() - 3);
            let _ = socket.send_to(&bytes, from).await;
        }
    });
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let length = stream.read_u16().await.expect("a length");
            let mut question = vec![0; length.into()];
            stream.read_exact(&mut question).await.expect("a question");
            let bytes = framed(&with_addresses(&question, &[1, 2, 3]));
            // Byte by byte: a message can arrive in pieces of any size.
            for byte in bytes {
                stream.write_all(&[byte]).await.expect("sent");
            }
        }
    });
    let (outcome, story) = probe(server, ", expect: { min_answers: 3 }", TIMEOUT).await;
    assert_eq!(outcome.verdict, Verdict::Good, "{outcome:?}");
    assert!(story.contains("repeating the question over TCP"), "{story}");
    assert!(outcome.measured.get(Measurement::Connect).is_some());
}

/// Creates the reply to a question.
type Server = fn(&[u8]) -> Vec<u8>;

#[tokio::test]
async fn odd_replies_over_tcp_fail_with_their_cause() {
    let cases: [(Server, Cause, &str); 5] = [
        (|_| Vec::new(), Cause::Closed, "closed the connection"),
        (
            |_| vec![0, 50, 1, 2],
            Cause::Closed,
            "closed the connection",
        ),
        (|_| vec![0, 0], Cause::Protocol, "0 bytes"),
        (
            |_| framed(b"another message of some bytes"),
            Cause::Protocol,
            "the id of another question",
        ),
        (
            |question| {
                let mut bytes = with_addresses(question, &[1]);
                bytes[2] |= 0x02;
                framed(&bytes)
            },
            Cause::Protocol,
            "truncated",
        ),
    ];
    for (answer, wanted, reported) in cases {
        let server = stream(answer).await;
        let (outcome, _) = probe(server, ", transport: tcp", TIMEOUT).await;
        assert_eq!(cause(&outcome), Some(wanted), "{reported}: {outcome:?}");
        assert!(message(&outcome).contains(reported), "{outcome:?}");
    }
}

#[tokio::test]
async fn dns_over_tls_verifies_the_server() {
    let (authority, folder) = Authority::in_folder();
    let server = authority
        .dns(Leaf::Good, |question| {
            framed(&with_addresses(question, &[1]))
        })
        .await;
    let keys = |tls: &str| {
        format!("{{ server: \"{server}\", name: www.example.test, transport: tls {tls} }}")
    };
    let trusting = keys(", tls: { ca_file: ca.pem }");
    let (outcome, story) = attempt_kind("dns", &trusting, TIMEOUT, folder.path()).await;
    assert_eq!(outcome.verdict, Verdict::Good, "{outcome:?}");
    assert!(story.contains("ALPN dot"), "{story}");
    assert!(outcome.detail.tls_not_after.is_some());
    let (outcome, _) = attempt_kind("dns", &keys(""), TIMEOUT, folder.path()).await;
    assert_eq!(cause(&outcome), Some(Cause::Certificate), "{outcome:?}");
}
