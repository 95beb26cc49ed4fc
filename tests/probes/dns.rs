//! The dns probe against name servers: dnsmasq, and servers of odd bytes.

use crate::probing::{attempt_kind, cause, read_kind};
use crate::server::{Authority, Leaf, tcp};
use hickory_proto::op::{Edns, Message, ResponseCode};
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_proto::rr::rdata::{A, CNAME, TXT};
use hickory_proto::rr::{DNSClass, Name, RData, Record};
use slod::outcome::{Cause, Measurement, Outcome, Verdict};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

const TIMEOUT: Duration = Duration::from_secs(5);
const SHORT: Duration = Duration::from_millis(300);

async fn probe(server: SocketAddr, keys: &str, timeout: Duration) -> (Outcome, String) {
    let yaml = format!("{{ server: \"{server}\", name: www.example.test {keys} }}");
    attempt_kind("dns", &yaml, timeout, Path::new("")).await
}

fn message(outcome: &Outcome) -> &str {
    outcome.detail.message.as_deref().unwrap_or_default()
}

/// Answers each datagram with all that `answer` makes of it; ends with the test's runtime.
async fn udp(answer: impl Fn(&[u8]) -> Vec<Vec<u8>> + Send + 'static) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
    let address = socket.local_addr().expect("bound");
    tokio::spawn(async move {
        let mut question = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut question).await {
            for reply in answer(&question[..length]) {
                let _ = socket.send_to(&reply, from).await;
            }
        }
    });
    address
}

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

/// The reply to a question with these records.
fn reply(question: &[u8], change: impl FnOnce(&mut Message)) -> Vec<u8> {
    let mut message = Message::from_vec(question).expect("slod's question is valid");
    message.edns = None;
    message.metadata.authentic_data = false;
    let mut message = message.into_response();
    change(&mut message);
    message.to_vec().expect("fits")
}

fn address_of(message: &Message, last: u8) -> Record {
    let name = message.queries[0].name().clone();
    Record::from_rdata(name, 60, RData::A(A::new(192, 0, 2, last)))
}

fn with_addresses(question: &[u8], lasts: &[u8]) -> Vec<u8> {
    reply(question, |message| {
        let records: Vec<_> = lasts
            .iter()
            .map(|last| address_of(message, *last))
            .collect();
        message.add_answers(records);
    })
}

#[tokio::test]
async fn an_answer_is_good_and_is_measured() {
    let server = udp(|question| vec![with_addresses(question, &[1, 2])]).await;
    let expect = ", expect: { min_answers: 2, answers: ['^192\\.0\\.2\\.1$', '2$'], answers_each: '^192\\.', answers_not: '^10\\.' }";
    let (outcome, story) = probe(server, expect, TIMEOUT).await;
    assert_eq!(outcome.verdict, Verdict::Good, "{outcome:?}");
    assert_eq!(outcome.code, Some(0));
    assert_eq!(outcome.detail.address, Some(server.ip()));
    assert!(outcome.measured.get(Measurement::Processing).is_some());
    assert!(story.contains("response NOERROR, 2 records"), "{story}");
    assert!(
        story.contains("expect ok: 2 records of the type"),
        "{story}"
    );
}

#[tokio::test]
async fn what_is_not_as_expected_is_named() {
    let server = udp(|question| vec![with_addresses(question, &[1])]).await;
    for (expect, wanted, reported) in [
        (
            "rcode: NXDOMAIN",
            Cause::Status,
            "NOERROR, expected NXDOMAIN",
        ),
        (
            "min_answers: 2",
            Cause::Answer,
            "1 record of the type, expected at least 2",
        ),
        (
            "answers: '^10\\.'",
            Cause::Answer,
            "no record matches /^10\\./: `192.0.2.1`",
        ),
        (
            "answers_each: '2$'",
            Cause::Answer,
            "`192.0.2.1` does not match /2$/",
        ),
        (
            "answers_not: '1$'",
            Cause::Answer,
            "which it must not match",
        ),
        (
            "authoritative: true",
            Cause::Header,
            "is not authoritative (AA)",
        ),
        (
            "authenticated: true",
            Cause::Header,
            "is not authenticated (AD)",
        ),
    ] {
        let (outcome, _) = probe(server, &format!(", expect: {{ {expect} }}"), TIMEOUT).await;
        assert_eq!(cause(&outcome), Some(wanted), "{expect}: {outcome:?}");
        assert!(message(&outcome).contains(reported), "{outcome:?}");
    }
    for keys in ["authoritative: false", "authenticated: false"] {
        let (outcome, _) = probe(server, &format!(", expect: {{ {keys} }}"), TIMEOUT).await;
        assert_eq!(outcome.verdict, Verdict::Good, "{keys}: {outcome:?}");
    }
}

#[tokio::test]
async fn errors_of_the_server_are_response_codes() {
    for (code, number, name) in [
        (ResponseCode::NXDomain, 3, "NXDOMAIN, expected NOERROR"),
        (ResponseCode::ServFail, 2, "SERVFAIL, expected NOERROR"),
        (ResponseCode::Refused, 5, "REFUSED, expected NOERROR"),
        (
            ResponseCode::Unknown(12),
            12,
            "response code 12, expected NOERROR",
        ),
    ] {
        let server = udp(move |question| {
            vec![reply(question, |message| {
                message.metadata.response_code = code;
                // As servers do that fail early.
                message.queries.clear();
            })]
        })
        .await;
        let (outcome, _) = probe(server, "", TIMEOUT).await;
        assert_eq!(cause(&outcome), Some(Cause::Status), "{outcome:?}");
        assert_eq!(outcome.code, Some(number));
        assert_eq!(message(&outcome), name);
    }
}

#[tokio::test]
async fn an_answer_without_records_is_bad_and_aliases_do_not_count() {
    let server = udp(|question| {
        vec![reply(question, |message| {
            let name = message.queries[0].name().clone();
            let to = Name::from_ascii("other.test.").expect("a name");
            message.add_answer(Record::from_rdata(name, 60, RData::CNAME(CNAME(to))));
        })]
    })
    .await;
    let (outcome, story) = probe(server, "", TIMEOUT).await;
    assert_eq!(cause(&outcome), Some(Cause::Answer), "{outcome:?}");
    assert!(story.contains("0 records and 1 of other types"), "{story}");
    let (outcome, _) = probe(server, ", expect: { min_answers: 0 }", TIMEOUT).await;
    assert_eq!(outcome.verdict, Verdict::Good, "{outcome:?}");
}

#[tokio::test]
async fn only_records_that_the_question_leads_to_count() {
    let cname = |from: &str, to: &str| {
        let [from, to] = [from, to].map(|name| Name::from_ascii(name).expect("a name"));
        Record::from_rdata(from, 60, RData::CNAME(CNAME(to)))
    };
    let address = |name: &str| {
        let name = Name::from_ascii(name).expect("a name");
        Record::from_rdata(name, 60, RData::A(A::new(192, 0, 2, 1)))
    };
    let chaos = {
        let mut record = address("www.example.test.");
        record.dns_class = DNSClass::CH;
        record
    };
    let (www, b, c) = ("www.example.test.", "B.test.", "c.test.");
    let cases = [
        (vec![address("WWW.example.TEST.")], None),
        // In any order, and in a circle that leads to an address.
        (vec![address(c), cname("b.TEST.", c), cname(www, b)], None),
        (vec![cname(www, b), cname(b, www), address(b)], None),
        (vec![address("other.y.")], Some("`other.y. IN A 192.0.2.1`")),
        (
            vec![cname(www, b), address(c), address(c)],
            Some("`c.test. IN A 192.0.2.1` and 1 more"),
        ),
        (
            vec![cname(b, c), address(c)],
            Some("`B.test. IN CNAME c.test.` and 1 more"),
        ),
        (vec![chaos], Some("`www.example.test. CH A 192.0.2.1`")),
    ];
    for (answers, refused) in cases {
        let records = answers.clone();
        let server = udp(move |question| {
            vec![reply(question, |message| {
                message.answers.clone_from(&records);
            })]
        })
        .await;
        let (outcome, story) = probe(server, "", TIMEOUT).await;
        let wanted = refused.map(|_| Cause::Answer);
        assert_eq!(cause(&outcome), wanted, "{answers:?}: {outcome:?}");
        let message = message(&outcome);
        assert!(message.contains(refused.unwrap_or_default()), "{message}");
        assert!(story.contains(refused.unwrap_or_default()), "{story}");
        let not = ", expect: { min_answers: 0, answers_not: '^192' }";
        let (outcome, _) = probe(server, not, TIMEOUT).await;
        assert_eq!(
            outcome.verdict == Verdict::Good,
            refused.is_some(),
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn what_the_server_reports_is_shown() {
    let extended = |code: u16, words: &str| {
        let data = [&code.to_be_bytes()[..], words.as_bytes()].concat();
        move |message: &mut Message| {
            let mut edns = Edns::new();
            let option = EdnsOption::Unknown(15, data.clone());
            edns.options_mut().insert(option);
            message.set_edns(edns);
        }
    };
    for (rcode, change, wanted) in [
        (
            ResponseCode::ServFail,
            extended(22, "at \u{1b}[1m example"),
            "SERVFAIL, expected NOERROR; the server reports extended error 22 (No Reachable Authority): `at \\u{1b}[1m example`",
        ),
        (
            ResponseCode::NoError,
            extended(15, ""),
            "0 records of the type, expected at least 1; the server reports extended error 15 (Blocked)",
        ),
        (
            ResponseCode::BADVERS,
            extended(4711, ""),
            "BADVERS, expected NOERROR; the server reports extended error 4711",
        ),
    ] {
        let server = udp(move |question| {
            vec![reply(question, |message| {
                change(message);
                message.metadata.response_code = rcode;
            })]
        })
        .await;
        let (outcome, _) = probe(server, "", TIMEOUT).await;
        assert_eq!(message(&outcome), wanted);
    }
}

#[tokio::test]
async fn a_stray_datagram_says_nothing_about_the_next_question() {
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
    // Connects, and then nobody answers.
    let (outcome, story) = probe(server, "", SHORT).await;
    assert_eq!(cause(&outcome), Some(Cause::Timeout), "{outcome:?}");
    assert!(story.contains("repeated over TCP"), "{story}");
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
        (only(<[u8]>::to_vec).await, "a question itself"),
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
        assert!(message(&outcome).contains(why), "{outcome:?}");
    }
    let flood = udp(|_| vec![b"garbage".to_vec(); 200]).await;
    let (outcome, _) = probe(flood, "", TIMEOUT).await;
    assert_eq!(cause(&outcome), Some(Cause::Protocol), "{outcome:?}");
    assert!(message(&outcome).contains("100 replies"), "{outcome:?}");
    assert!(outcome.latency < TIMEOUT, "{outcome:?}");
}

#[tokio::test]
async fn only_the_server_itself_is_heard() {
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
async fn a_truncated_answer_is_asked_for_over_tcp() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let server = listener.local_addr().expect("bound");
    let socket = UdpSocket::bind(server).await.expect("the same port");
    tokio::spawn(async move {
        let mut question = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut question).await {
            let mut bytes = with_addresses(&question[..length], &[1]);
            bytes[2] |= 0x02;
            // In the middle of the record.
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
            // Byte by byte: a message may come in any pieces.
            for byte in bytes {
                stream.write_all(&[byte]).await.expect("sent");
            }
        }
    });
    let (outcome, story) = probe(server, ", expect: { min_answers: 3 }", TIMEOUT).await;
    assert_eq!(outcome.verdict, Verdict::Good, "{outcome:?}");
    assert!(story.contains("repeated over TCP"), "{story}");
    assert!(outcome.measured.get(Measurement::Connect).is_some());
}

/// What a server makes of a question.
type Server = fn(&[u8]) -> Vec<u8>;

#[tokio::test]
async fn odd_replies_over_tcp() {
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
    let authority = Authority::new();
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("ca.pem"), authority.pem()).expect("written");
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

#[tokio::test]
async fn text_and_odd_data_are_shown_safely() {
    let server = udp(|question| {
        vec![reply(question, |message| {
            let name = message.queries[0].name().clone();
            let text = TXT::from_bytes(vec![b"\x1b[31m", b"\xff\xfe", b"v=1"]);
            message.add_answer(Record::from_rdata(name, 60, RData::TXT(text)));
        })]
    })
    .await;
    let (outcome, story) = probe(server, ", type: TXT, expect: { answers: ok }", TIMEOUT).await;
    assert_eq!(cause(&outcome), Some(Cause::Answer), "{outcome:?}");
    assert!(!story.contains('\u{1b}'), "{story}");
    let (outcome, _) = probe(server, ", type: TXT, expect: { answers: 'v=1$' }", TIMEOUT).await;
    assert_eq!(outcome.verdict, Verdict::Good, "{outcome:?}");
}

#[test]
fn faults_of_the_config_are_reported() {
    for (yaml, fault) in [
        ("{ name: a.test }", "server"),
        ("{ server: '::1', name: a.test }", "in brackets"),
        (
            "{ server: 192.0.2.1, name: 'a b' }",
            "a domain name such as",
        ),
        ("{ server: 192.0.2.1, name: '\\' }", "`\\\\032` for a space"),
        ("{ server: 192.0.2.1, name: '' }", "a domain name such as"),
        ("{ server: 192.0.2.1, name: a, type: aaa }", "did you mean"),
        (
            "{ server: 192.0.2.1, name: a, tls: {} }",
            "`tls` has no effect",
        ),
        (
            "{ server: 192.0.2.1, name: a, expect: { rcode: NXDOMAIN, answers: a } }",
            "has no records",
        ),
        (
            "{ server: 192.0.2.1, name: a, expect: { rcode: 3 } }",
            "one of NOERROR",
        ),
    ] {
        let (_, faults) = read_kind("dns", yaml, Path::new(""));
        let shown = format!("{faults:?}");
        assert!(shown.contains(fault), "{yaml}: {shown}");
    }
    let (read, faults) = read_kind(
        "dns",
        "{ server: a.test, name: 'm\u{fc}nchen.test' }",
        Path::new(""),
    );
    assert!(faults.is_empty(), "{faults:?}");
    let target = read.expect("valid").target();
    assert_eq!(target, "m\u{fc}nchen.test. A at a.test:53");
}

/// A server that ends with its test.
struct Dnsmasq(Child);

impl Drop for Dnsmasq {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Dnsmasq {
    /// `None` if it is not installed.
    fn start(port: u16) -> Option<Self> {
        let user = if rustix::process::geteuid().is_root() {
            "--user=root"
        } else {
            "--user="
        };
        let child = Command::new("dnsmasq")
            .args([
                "--keep-in-foreground",
                "--conf-file=/dev/null",
                "--pid-file=",
            ])
            .args(["--listen-address=127.0.0.1", "--bind-interfaces", user])
            .args(["--no-resolv", "--no-hosts", "--log-facility=-"])
            .arg(format!("--port={port}"))
            .args([
                "--local=/example.test/",
                "--cname=alias.example.test,www.example.test",
            ])
            .arg("--host-record=www.example.test,192.0.2.1,2001:db8::1")
            .arg("--mx-host=example.test,mail.example.test,10")
            .arg("--srv-host=_sip._tcp.example.test,sip.example.test,5060,1,2")
            .arg("--txt-record=txt.example.test,v=spf1 -all")
            .arg("--ptr-record=1.2.0.192.in-addr.arpa,www.example.test")
            .arg("--caa-record=example.test,0,issue,ca.test")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        match child {
            Ok(child) => Some(Self(child)),
            Err(error) => {
                assert!(std::env::var_os("CI").is_none(), "dnsmasq is needed in CI");
                eprintln!("not tested, because dnsmasq cannot be started: {error}");
                None
            }
        }
    }
}

#[tokio::test]
async fn dnsmasq_answers_every_type() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let server = listener.local_addr().expect("bound");
    drop(listener);
    let Some(_running) = Dnsmasq::start(server.port()) else {
        return;
    };
    let mut tries = 0;
    while tokio::net::TcpStream::connect(server).await.is_err() {
        tries += 1;
        assert!(tries < 100, "dnsmasq does not listen");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for (name, kind, data) in [
        ("www.example.test", "A", "^192\\.0\\.2\\.1$"),
        ("WWW.Example.Test.", "A", "^192\\.0\\.2\\.1$"),
        ("www.example.test", "AAAA", "^2001:db8::1$"),
        ("alias.example.test", "A", "^192\\.0\\.2\\.1$"),
        ("alias.example.test", "CNAME", "^www\\.example\\.test\\.$"),
        ("example.test", "MX", "^10 mail\\.example\\.test\\.$"),
        (
            "_sip._tcp.example.test",
            "SRV",
            "^1 2 5060 sip\\.example\\.test\\.$",
        ),
        ("txt.example.test", "TXT", "^v=spf1 -all$"),
        ("1.2.0.192.in-addr.arpa", "PTR", "^www\\.example\\.test\\.$"),
        ("example.test", "CAA", "^0 issue \"ca\\.test\"$"),
    ] {
        for transport in ["udp", "tcp"] {
            let yaml = format!(
                "{{ server: \"{server}\", name: {name}, type: {kind}, transport: {transport}, expect: {{ answers: '{data}' }} }}"
            );
            let (outcome, story) = attempt_kind("dns", &yaml, TIMEOUT, Path::new("")).await;
            assert_eq!(
                outcome.verdict,
                Verdict::Good,
                "{yaml}: {outcome:?} {story}"
            );
        }
    }
    let missing = format!("{{ server: \"{server}\", name: no.example.test }}");
    let (outcome, _) = attempt_kind("dns", &missing, TIMEOUT, Path::new("")).await;
    assert_eq!(cause(&outcome), Some(Cause::Status), "{outcome:?}");
    assert_eq!(outcome.code, Some(3));
}
