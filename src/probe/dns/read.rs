//! Builds a probe from the config.

use super::expect::Expect;
use super::keys::{self, Protocol};
use super::message::Question;
use super::name::Asked;
use super::{DnsProbe, Transport};
use crate::probe::dial::{Address, TlsOptions, options};
use crate::probe::evaluate::Evaluator;
use crate::yaml::Section;
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, RecordType};
use std::sync::Arc;

/// The default port (RFC 1035 and RFC 7858).
const PORT: u16 = 53;
const TLS_PORT: u16 = 853;

/// Builds a probe, after reporting every error.
pub fn read(section: &Section<'_>) -> Option<DnsProbe> {
    let expect = read_expect(section);
    let record_type = section.get(&keys::TYPE);
    let name = section.get(&keys::NAME);
    let name = name.and_then(|asked| domain_name(section, asked, record_type));
    let class = section.get(&keys::CLASS);
    let recursion = section.get(&keys::RECURSION);
    let edns = section.get(&keys::EDNS);
    let protocol = section.get(&keys::TRANSPORT);
    let server = section.get(&keys::SERVER);
    let family = options::read_family(section, server.as_ref().map(|server| &server.host));
    let tls = section.section_or_empty(&keys::TLS);
    let tls = tls.map(|tls| TlsOptions {
        alpn: &[b"dot"],
        ..TlsOptions::read(&tls)
    });
    let protocol = protocol?;
    if protocol != Protocol::Tls && section.has(&keys::TLS) {
        let help = "`transport: tls`, or remove the key";
        section.error("invalid-value", &keys::TLS, "`tls` has no effect", help);
    }
    let port = if protocol == Protocol::Tls {
        TLS_PORT
    } else {
        PORT
    };
    let server = server?.or_port(port);
    let transport = match protocol {
        Protocol::Udp => Transport::Udp,
        Protocol::Tcp => Transport::Tcp,
        Protocol::Tls => over_tls(section, tls?, &server)?,
    };
    let question = Question {
        name: name?,
        record_type: record_type?,
        class: class?,
        recursion: recursion?,
        edns: edns?,
        asks_authenticated: expect.authenticated.is_some(),
    };
    Some(DnsProbe {
        server,
        family: family?,
        transport,
        question,
        expect: Arc::new(expect),
        evaluator: Evaluator::default(),
    })
}

fn over_tls(section: &Section<'_>, options: TlsOptions, server: &Address) -> Option<Transport> {
    let tls = options.build(section, &keys::TLS)?;
    options::refuse_untrusting(section, &keys::TLS, &tls)?;
    let name = options::server_name(section, &tls, &keys::SERVER, server.name())?;
    Some(Transport::Tls(Box::new(tls), name))
}

/// The name to query. An IP address has only PTR records; as a name it would be unknown to every server.
fn domain_name(
    section: &Section<'_>,
    asked: Asked,
    record_type: Option<RecordType>,
) -> Option<Name> {
    let Asked { name, is_address } = asked;
    let fits = record_type.is_none_or(|one| matches!(one, RecordType::PTR | RecordType::ANY));
    if is_address && !fits {
        let help = "expected a domain name, or `type: PTR` to query the name of the address";
        let problem = "an IP address is not a domain name";
        section.error("invalid-value", &keys::NAME, problem, help);
        return None;
    }
    Some(name)
}

fn read_expect(section: &Section<'_>) -> Expect {
    let Some(expect) = section.section_or_empty(&keys::EXPECT) else {
        return Expect::default();
    };
    let read = Expect {
        rcodes: expect.all(&keys::RCODE),
        min_answers: expect.get(&keys::MIN_ANSWERS).unwrap_or_default() as usize,
        answers: expect.all(&keys::ANSWERS),
        answers_each: expect.all(&keys::ANSWERS_EACH),
        answers_not: expect.all(&keys::ANSWERS_NOT),
        authoritative: expect.get(&keys::AUTHORITATIVE),
        authenticated: expect.get(&keys::AUTHENTICATED),
    };
    if !read.rcodes.is_empty() && !read.rcodes.contains(&ResponseCode::NoError) {
        refuse_records(&expect);
    }
    read
}

/// Reports expectations about records if no expected answer can have records.
fn refuse_records(expect: &Section<'_>) {
    let answers = [&keys::ANSWERS, &keys::ANSWERS_EACH];
    let mut useless = answers.into_iter().filter(|key| expect.has(*key));
    if let Some(key) = useless.next() {
        let message = "only answers with the code NOERROR have records";
        let help = "add NOERROR to `rcode`, or remove the key";
        expect.error("invalid-value", key, message, help);
    }
}
