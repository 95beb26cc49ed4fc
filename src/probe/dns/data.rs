//! The data of records as it is written in zone files. Pure.

use crate::text::hex;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hickory_proto::rr::rdata::svcb::{SVCB, SvcParamKey, SvcParamValue};
use hickory_proto::rr::{Name, RData, RecordType};
use std::fmt::Display;

/// Formats record data (RFC 1035, section 5.1), with hexadecimal digits in lower case. The strings of TXT are
/// joined, without quotes and escapes. Types without a form of their own have that of RFC 3597.
pub fn text(data: &RData) -> String {
    match data {
        RData::CNAME(name) => domain(&name.0),
        RData::NS(name) => domain(&name.0),
        RData::PTR(name) => domain(&name.0),
        RData::MX(mx) => format!("{} {}", mx.preference, domain(&mx.exchange)),
        RData::SRV(srv) => {
            let target = domain(&srv.target);
            format!("{} {} {} {target}", srv.priority, srv.weight, srv.port)
        }
        RData::SOA(soa) => {
            let times = [soa.refresh, soa.retry, soa.expire].map(i32::cast_unsigned);
            let [refresh, retry, expire] = times;
            let (primary, mailbox) = (domain(&soa.mname), domain(&soa.rname));
            let (serial, minimum) = (soa.serial, soa.minimum);
            format!("{primary} {mailbox} {serial} {refresh} {retry} {expire} {minimum}")
        }
        RData::NAPTR(naptr) => format!(
            "{} {} {} {} {} {}",
            naptr.order,
            naptr.preference,
            string(&naptr.flags),
            string(&naptr.services),
            string(&naptr.regexp),
            domain(&naptr.replacement)
        ),
        RData::CAA(caa) => format!("{} {} {}", caa.flags(), caa.tag, string(&caa.value)),
        // Joined before decoding, since a character may be split between two strings.
        RData::TXT(txt) => String::from_utf8_lossy(&txt.txt_data.concat()).into_owned(),
        RData::HINFO(info) => format!("{} {}", string(&info.cpu), string(&info.os)),
        RData::SVCB(service) => service_binding(service),
        RData::HTTPS(https) => service_binding(&https.0),
        RData::Unknown { code, rdata } => undecoded(*code, &rdata.anything),
        other => other.to_string(),
    }
}

/// Formats data that the library does not decode.
fn undecoded(code: RecordType, data: &[u8]) -> String {
    match (code, data) {
        // RFC 4034, section 5.3.
        (RecordType::DS | RecordType::CDS, [a, b, algorithm, digest, rest @ ..]) => {
            let tag = u16::from_be_bytes([*a, *b]);
            format!("{tag} {algorithm} {digest} {}", hex(rest))
        }
        // RFC 4034, section 2.2.
        (RecordType::DNSKEY | RecordType::CDNSKEY, [a, b, protocol, algorithm, key @ ..]) => {
            let flags = u16::from_be_bytes([*a, *b]);
            format!("{flags} {protocol} {algorithm} {}", STANDARD.encode(key))
        }
        _ => format!("\\# {} {}", data.len(), hex(data)),
    }
}

fn domain(name: &Name) -> String {
    if name.is_root() {
        return ".".to_owned();
    }
    let labels = name.iter();
    labels
        .map(|label| escaped(label, b".\"$();@\\") + ".")
        .collect()
}

/// A character string in quotes.
fn string(bytes: &[u8]) -> String {
    let text: String = bytes
        .split_inclusive(|byte| *byte == b' ')
        .map(|part| match part {
            [word @ .., b' '] => escaped(word, b"\"\\") + " ",
            word => escaped(word, b"\"\\"),
        })
        .collect();
    format!("\"{text}\"")
}

/// Escapes `special` characters, and bytes that are not graphic ASCII characters.
fn escaped(bytes: &[u8], special: &[u8]) -> String {
    let escape = |byte: &u8| match byte {
        byte if special.contains(byte) => format!("\\{}", char::from(*byte)),
        byte if byte.is_ascii_graphic() => char::from(*byte).to_string(),
        byte => format!("\\{byte:03}"),
    };
    bytes.iter().map(escape).collect()
}

/// Formats a service binding (RFC 9460, section 2.1).
fn service_binding(service: &SVCB) -> String {
    let parameters = service.svc_params.iter();
    let parameters: String = parameters
        .map(|(key, value)| {
            let key = parameter_key(*key);
            match parameter(value) {
                value if value.is_empty() => format!(" {key}"),
                value => format!(" {key}={value}"),
            }
        })
        .collect();
    let target = domain(&service.target_name);
    format!("{} {target}{parameters}", service.svc_priority)
}

fn parameter_key(key: SvcParamKey) -> String {
    match key {
        SvcParamKey::Unknown(number) => format!("key{number}"),
        known => known.to_string(),
    }
}

fn parameter(value: &SvcParamValue) -> String {
    match value {
        SvcParamValue::Mandatory(keys) => list(keys.0.iter().map(|key| parameter_key(*key))),
        SvcParamValue::Alpn(ids) => {
            let escape = |id: &String| id.replace('\\', "\\\\").replace(',', "\\,");
            string(list(ids.0.iter().map(escape)).as_bytes())
        }
        SvcParamValue::NoDefaultAlpn => String::new(),
        SvcParamValue::Port(port) => port.to_string(),
        SvcParamValue::Ipv4Hint(hint) => list(&hint.0),
        SvcParamValue::Ipv6Hint(hint) => list(&hint.0),
        SvcParamValue::EchConfigList(config) => STANDARD.encode(&config.0),
        SvcParamValue::Unknown(value) if value.0.is_empty() => String::new(),
        SvcParamValue::Unknown(value) => string(&value.0),
    }
}

fn list(values: impl IntoIterator<Item = impl Display>) -> String {
    let values: Vec<_> = values.into_iter().map(|value| value.to_string()).collect();
    values.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::rr::rdata::{CAA, MX, NAPTR, NULL, PTR, SOA, TXT};

    /// A type that is decoded by its number alone.
    fn undecoded(code: u16, data: &[u8]) -> RData {
        let rdata = NULL::with(data.to_vec());
        let code = RecordType::from(code);
        RData::Unknown { code, rdata }
    }

    fn name(labels: &[&[u8]]) -> Name {
        let mut name = Name::from_labels(labels.to_vec()).expect("valid");
        name.set_fqdn(true);
        name
    }

    #[test]
    fn data_is_written_as_in_zone_files() {
        let printer = name(&[b"Old Printer (2)", b"_ipp", b"test"]);
        let split = [
            "gr\u{fc}n".as_bytes().split_at(3).0,
            "gr\u{fc}n".as_bytes().split_at(3).1,
        ];
        let soa = SOA::new(
            name(&[b"ns", b"test"]),
            name(&[b"host.master", b"test"]),
            u32::MAX,
            -1,
            600,
            86_400,
            300,
        );
        let naptr = NAPTR::new(
            1,
            2,
            b"u".to_vec().into(),
            b"E2U+sip".to_vec().into(),
            br"!^(.*)$!sip:\1@x!".to_vec().into(),
            Name::root(),
        );
        for (data, wanted) in [
            (
                RData::PTR(PTR(printer)),
                r"Old\032Printer\032\(2\)._ipp.test.",
            ),
            (
                RData::PTR(PTR(name(&[b"xn--mnchen-3ya", b"\xc3\xa4@", b"a.b\\"]))),
                r"xn--mnchen-3ya.\195\164\@.a\.b\\.",
            ),
            (RData::MX(MX::new(0, Name::root())), "0 ."),
            (
                RData::SOA(soa),
                r"ns.test. host\.master.test. 4294967295 4294967295 600 86400 300",
            ),
            (
                RData::NAPTR(naptr),
                r#"1 2 "u" "E2U+sip" "!^(.*)$!sip:\\1@x!" ."#,
            ),
            (
                RData::CAA(CAA::new_issue(true, None, Vec::new())),
                r#"128 issue ";""#,
            ),
            (RData::TXT(TXT::from_bytes(split.to_vec())), "gr\u{fc}n"),
            (
                undecoded(43, &[0x30, 0x39, 13, 2, 0xab, 0x0c]),
                "12345 13 2 ab0c",
            ),
            (undecoded(48, &[1, 1, 3, 13, 0, 1, 2]), "257 3 13 AAEC"),
            (undecoded(43, &[1]), r"\# 1 01"),
            (undecoded(65_280, b"abc"), r"\# 3 616263"),
        ] {
            assert_eq!(text(&data), wanted);
        }
    }

    #[test]
    fn service_bindings_are_written_as_in_zone_files() {
        use hickory_proto::rr::rdata::svcb::{Alpn, IpHint, Mandatory, Unknown};
        let alpn = Alpn(vec!["h3".to_owned(), "a,b".to_owned()]);
        let hint = IpHint(vec![
            "192.0.2.1".parse().expect("valid"),
            "192.0.2.2".parse().expect("valid"),
        ]);
        let parameters = vec![
            (
                SvcParamKey::Mandatory,
                SvcParamValue::Mandatory(Mandatory(vec![SvcParamKey::Alpn, SvcParamKey::Port])),
            ),
            (SvcParamKey::Alpn, SvcParamValue::Alpn(alpn)),
            (SvcParamKey::NoDefaultAlpn, SvcParamValue::NoDefaultAlpn),
            (SvcParamKey::Port, SvcParamValue::Port(8443)),
            (SvcParamKey::Ipv4Hint, SvcParamValue::Ipv4Hint(hint)),
            (
                SvcParamKey::Unknown(7),
                SvcParamValue::Unknown(Unknown(b"/q{?dns}".to_vec())),
            ),
        ];
        let service = SVCB::new(1, Name::root(), parameters);
        assert_eq!(
            text(&RData::SVCB(service)),
            r#"1 . mandatory=alpn,port alpn="h3,a\\,b" no-default-alpn port=8443 ipv4hint=192.0.2.1,192.0.2.2 key7="/q{?dns}""#
        );
    }
}
