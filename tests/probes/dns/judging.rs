//! Which answers are good, and how bad ones are reported.

use super::{probe, reply, udp, with_addresses};
use crate::probing::{TIMEOUT, cause, message};
use hickory_proto::op::{Edns, Message, ResponseCode};
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_proto::rr::rdata::{A, CNAME, TXT};
use hickory_proto::rr::{DNSClass, Name, RData, Record};
use slod::outcome::{Cause, Measurement, Verdict};

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
async fn unexpected_responses_are_reported() {
    let server = udp(|question| vec![with_addresses(question, &[1])]).await;
    let (status, answer, header) = (Cause::Status, Cause::Answer, Cause::Header);
    let (few, none) = (
        "1 record of the type, expected at least 2",
        "no record matches /^10\\./: `192.0.2.1`",
    );
    for (expect, wanted, reported) in [
        ("rcode: NXDOMAIN", status, "NOERROR, expected NXDOMAIN"),
        ("min_answers: 2", answer, few),
        ("answers: '^10\\.'", answer, none),
        ("answers_each: '2$'", answer, "does not match /2$/"),
        ("answers_not: '1$'", answer, "which it must not match"),
        ("authoritative: true", header, "is not authoritative (AA)"),
        ("authenticated: true", header, "is not authenticated (AD)"),
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
                // Like servers that fail early.
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
async fn a_server_without_edns_is_recognized() {
    for (code, name) in [
        (ResponseCode::FormErr, "FORMERR, expected NOERROR"),
        (ResponseCode::NotImp, "NOTIMP, expected NOERROR"),
    ] {
        let server = udp(move |question| {
            vec![reply(question, |message| {
                message.metadata.response_code = code;
                message.edns = None;
            })]
        })
        .await;
        let (outcome, _) = probe(server, "", TIMEOUT).await;
        let hint = "; the server may not support EDNS: set `edns: false`";
        assert_eq!(message(&outcome), format!("{name}{hint}"));
        let (outcome, _) = probe(server, ", edns: false", TIMEOUT).await;
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
        // In any order, with a loop, and ending at an address.
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
async fn errors_of_the_server_are_shown() {
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
