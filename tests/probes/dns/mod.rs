//! The `dns` probe against name servers: dnsmasq, and servers that send malformed or unusual replies.

mod dnsmasq;
mod judging;
mod wire;

use crate::probing::{assert_faults, attempt_kind, read_kind};
use hickory_proto::op::Message;
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{RData, Record};
use slod::outcome::Outcome;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tokio::net::UdpSocket;

async fn probe(server: SocketAddr, keys: &str, timeout: Duration) -> (Outcome, String) {
    let yaml = format!("{{ server: \"{server}\", name: www.example.test {keys} }}");
    attempt_kind("dns", &yaml, timeout, Path::new("")).await
}

/// Replies to each datagram with all that `answer` returns for it; stops with the test's runtime.
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

/// The reply to a question, with these records.
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

#[test]
fn faults_of_the_config_are_reported() {
    let cases = [
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
            "only answers with the code NOERROR",
        ),
        (
            "{ server: 192.0.2.1, name: a, expect: { rcode: 3 } }",
            "one of NOERROR",
        ),
    ];
    assert_faults("dns", &cases);
    let (read, faults) = read_kind(
        "dns",
        "{ server: a.test, name: 'm\u{fc}nchen.test' }",
        Path::new(""),
    );
    assert!(faults.is_empty(), "{faults:?}");
    let target = read.expect("valid").target();
    assert_eq!(target, "m\u{fc}nchen.test. A at a.test:53");
}

#[test]
fn an_address_stands_for_the_name_of_its_ptr_records() {
    for (address, name) in [
        ("192.0.2.1", "1.2.0.192.in-addr.arpa."),
        (
            "'2001:db8::1'",
            "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.",
        ),
        ("192.0.2.1.", "192.0.2.1."),
        ("1.2.0.192.in-addr.arpa", "1.2.0.192.in-addr.arpa."),
    ] {
        let yaml = format!("{{ server: a.test, name: {address}, type: PTR }}");
        let (read, faults) = read_kind("dns", &yaml, Path::new(""));
        assert!(faults.is_empty(), "{faults:?}");
        let target = read.expect("valid").target();
        assert_eq!(target, format!("{name} PTR at a.test:53"));
    }
    let yaml = "{ server: a.test, name: 192.0.2.1 }";
    let (_, faults) = read_kind("dns", yaml, Path::new(""));
    assert!(format!("{faults:?}").contains("`type: PTR`"), "{faults:?}");
}
