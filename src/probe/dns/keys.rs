//! The keys of the `dns` kind.

use super::name::Asked;
use crate::probe::dial::{HostMaybePort, options};
use crate::probe::pattern::{Pattern, text_regex};
use crate::yaml::{Bool, Choice, Integer, Key, Keys, List, Mapping, Parsed};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{DNSClass, RecordType};
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

/// The transport protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Udp,
    Tcp,
    Tls,
}

/// Record types by name. `AXFR` and `IXFR` are excluded: their answers span many messages, and only
/// servers use them.
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

/// Response codes by their IANA names.
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
    // The same number as BADSIG, which only occurs in answers to signed messages.
    ("BADVERS", ResponseCode::BADSIG),
    ("BADCOOKIE", ResponseCode::BADCOOKIE),
];

pub const SERVER: Key<HostMaybePort> = Key::required(
    "server",
    HostMaybePort,
    "The name server, such as `192.0.2.53` or `[2001:db8::53]:5353`. Without a port it is 53, or 853 with `transport: tls`. A name is resolved by the system; use an IP address for a probe that does not depend on another name server.",
);

pub const NAME: Key<Parsed<Asked>> = Key::required(
    "name",
    Parsed {
        label: "domain name",
        expected: "a domain name such as www.example.org, `.` for the root, or an IP address with `type: PTR`; characters other than letters, digits, `-`, `_`, `*` and `/` are escaped, such as `\\032` for a space",
        parse: Asked::parse,
    },
    "The name to query. It is always fully qualified: no search list is applied. With `type: PTR`, an IP address stands for its name in `in-addr.arpa` or `ip6.arpa`. Non-ASCII letters are sent in their ASCII form (IDNA); `\\032` is a space, as in zone files.",
);

pub const TYPE: Key<Choice<RecordType>> =
    Key::with_default("type", Choice(TYPES), "A", "The record type to query.");

pub const CLASS: Key<Choice<DNSClass>> = Key::with_default(
    "class",
    Choice(&[("IN", DNSClass::IN), ("CH", DNSClass::CH)]),
    "IN",
    "The class of the query; `CH` for names such as `version.bind`.",
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
    "Whether the server is asked to resolve the name recursively. An authoritative server answers for its own zones without it.",
);

pub const EDNS: Key<Bool> = Key::with_default(
    "edns",
    Bool,
    "true",
    "Whether to announce support for UDP answers of up to 1,232 bytes (EDNS). Without it, they have at most 512 bytes.",
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
    "Minimum number of records of the type in an answer with the code NOERROR. Aliases (CNAME) do not count, nor do records of another class or of names that no alias leads to.",
);

const REGEX: Pattern<Regex> = Pattern(text_regex);

pub const ANSWERS: Key<List<Pattern<Regex>>> = Key::optional(
    "answers",
    List::of(REGEX),
    "Regular expressions that must each match the data of at least one record of the type. The data is written as in zone files, with fully qualified names, such as `192.0.2.1`, `10 mail.example.org.` or the text of TXT without quotes; hexadecimal digits are in lower case.",
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
    "Whether the answer must or must not be authoritative (the flag AA). Without this key, both are good.",
);

pub const AUTHENTICATED: Key<Bool> = Key::optional(
    "authenticated",
    Bool,
    "Whether the server must or must not report that it validated the answer by DNSSEC (the flag AD, which is then requested). slod does not verify signatures itself.",
);
