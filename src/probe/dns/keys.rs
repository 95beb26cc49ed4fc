//! The keys of the `dns` kind.

use super::name;
use crate::probe::dial::{HostMaybePort, options};
use crate::probe::pattern::{Pattern, text_regex};
use crate::yaml::{Bool, Choice, Integer, Key, Keys, List, Mapping, Parsed};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{DNSClass, Name, RecordType};
use regex::Regex;

pub const KEYS: Keys = &[
    &SERVER,
    &NAME,
    &TYPE,
    &CLASS,
    &TRANSPORT,
    &RECURSION,
    &EDNS,
    &EXPECT,
    &TLS,
    &options::IP_VERSION,
];

/// The protocol under the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Udp,
    Tcp,
    Tls,
}

/// Record types, by their names. `AXFR` and `IXFR` have many messages and are no questions of clients.
const TYPES: &[(&str, RecordType)] = &[
    ("A", RecordType::A),
    ("AAAA", RecordType::AAAA),
    ("ANY", RecordType::ANY),
    ("CAA", RecordType::CAA),
    ("CNAME", RecordType::CNAME),
    ("DNSKEY", RecordType::DNSKEY),
    ("DS", RecordType::DS),
    ("HTTPS", RecordType::HTTPS),
    ("MX", RecordType::MX),
    ("NAPTR", RecordType::NAPTR),
    ("NS", RecordType::NS),
    ("PTR", RecordType::PTR),
    ("SOA", RecordType::SOA),
    ("SRV", RecordType::SRV),
    ("SSHFP", RecordType::SSHFP),
    ("SVCB", RecordType::SVCB),
    ("TLSA", RecordType::TLSA),
    ("TXT", RecordType::TXT),
];

/// Response codes, as IANA names them.
pub const RCODES: &[(&str, ResponseCode)] = &[
    ("NOERROR", ResponseCode::NoError),
    ("FORMERR", ResponseCode::FormErr),
    ("SERVFAIL", ResponseCode::ServFail),
    ("NXDOMAIN", ResponseCode::NXDomain),
    ("NOTIMP", ResponseCode::NotImp),
    ("REFUSED", ResponseCode::Refused),
    ("YXDOMAIN", ResponseCode::YXDomain),
    ("YXRRSET", ResponseCode::YXRRSet),
    ("NXRRSET", ResponseCode::NXRRSet),
    ("NOTAUTH", ResponseCode::NotAuth),
    ("NOTZONE", ResponseCode::NotZone),
    // The number of BADSIG as well, which only answers to signed messages have.
    ("BADVERS", ResponseCode::BADSIG),
    ("BADCOOKIE", ResponseCode::BADCOOKIE),
];

pub const SERVER: Key<HostMaybePort> = Key::required(
    "server",
    HostMaybePort,
    "The name server, such as `192.0.2.53` or `[2001:db8::53]:5353`. Without a port it is 53, or 853 with `transport: tls`. If it is a name, the system resolves it; use an IP address for a probe that depends on no other name server.",
);

pub const NAME: Key<Parsed<Name>> = Key::required(
    "name",
    Parsed {
        label: "domain name",
        expected: "a domain name such as www.example.org, `.` for the root, or 4.2.0.192.in-addr.arpa for a PTR record; other characters than letters, digits, `-`, `_`, `*` and `/` are escaped, such as `\\032` for a space",
        parse: name::parse,
    },
    "The name to ask for. It is always complete: no search list is applied. Letters beyond ASCII are sent in their ASCII form (IDNA); `\\032` is a space, as in zone files.",
);

pub const TYPE: Key<Choice<RecordType>> = Key::with_default(
    "type",
    Choice(TYPES),
    "A",
    "The type of the records to ask for.",
);

pub const CLASS: Key<Choice<DNSClass>> = Key::with_default(
    "class",
    Choice(&[("IN", DNSClass::IN), ("CH", DNSClass::CH)]),
    "IN",
    "The class; `CH` for names such as `version.bind`.",
);

pub const TRANSPORT: Key<Choice<Protocol>> = Key::with_default(
    "transport",
    Choice(&[
        ("udp", Protocol::Udp),
        ("tcp", Protocol::Tcp),
        ("tls", Protocol::Tls),
    ]),
    "udp",
    "`udp` repeats the question over TCP if the answer is truncated; `tls` is DNS over TLS (RFC 7858).",
);

pub const RECURSION: Key<Bool> = Key::with_default(
    "recursion",
    Bool,
    "true",
    "Whether the server is asked to resolve the name itself. An authoritative server answers for its zones without it.",
);

pub const EDNS: Key<Bool> = Key::with_default(
    "edns",
    Bool,
    "true",
    "Whether the question announces 1,232 bytes for answers over UDP (EDNS). Without it they have at most 512 bytes.",
);

pub const EXPECT: Key<Mapping> = Key::optional(
    "expect",
    Mapping(&[
        &RCODE,
        &MIN_ANSWERS,
        &ANSWERS,
        &ANSWERS_EACH,
        &ANSWERS_NOT,
        &AUTHORITATIVE,
        &AUTHENTICATED,
    ]),
    "The expected answer.",
);

pub const TLS: Key<Mapping> = Key::optional(
    "tls",
    options::TLS,
    "TLS options for `transport: tls`. The certificate must be valid for `server`, unless `server_name` is set.",
);

pub const RCODE: Key<List<Choice<ResponseCode>>> = Key::with_default(
    "rcode",
    List::of(Choice(RCODES)),
    "NOERROR",
    "Good response codes.",
);

pub const MIN_ANSWERS: Key<Integer> = Key::with_default(
    "min_answers",
    Integer(0, 10_000),
    "1",
    "How many records of the type are expected at least in an answer with the code NOERROR; those of aliases (CNAME) on the way do not count, nor those of names that no alias leads to, or of another class.",
);

const REGEX: Pattern<Regex> = Pattern(text_regex);

pub const ANSWERS: Key<List<Pattern<Regex>>> = Key::optional(
    "answers",
    List::of(REGEX),
    "Regular expressions of which each must match the data of at least one record of the type. The data is as in zone files, with names complete, such as `192.0.2.1`, `10 mail.example.org.` or the text of TXT without quotes.",
);

pub const ANSWERS_EACH: Key<List<Pattern<Regex>>> = Key::optional(
    "answers_each",
    List::of(REGEX),
    "Regular expressions that must all match every record of the type.",
);

pub const ANSWERS_NOT: Key<List<Pattern<Regex>>> = Key::optional(
    "answers_not",
    List::of(REGEX),
    "Regular expressions that must match no record of the type.",
);

pub const AUTHORITATIVE: Key<Bool> = Key::optional(
    "authoritative",
    Bool,
    "Whether the answer must come from the zone's own server (the flag AA), or must not. Without this key it may.",
);

pub const AUTHENTICATED: Key<Bool> = Key::optional(
    "authenticated",
    Bool,
    "Whether the server must state that it has verified the answer by DNSSEC (the flag AD, for which the question then asks), or must not. slod verifies no signatures itself.",
);
