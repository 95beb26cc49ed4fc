//! Certificates in files, in every PEM form that OpenSSL writes, and their names.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::net::IpAddr;
use x509_parser::asn1_rs::{Any, FromDer, Tag};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

/// An older label, and the label of `openssl x509 -trustout`, which appends trust settings to the
/// certificate.
const LABELS: [&[u8]; 2] = [b" X509 CERTIFICATE-----", b" TRUSTED CERTIFICATE-----"];
const LABEL: &[u8] = b" CERTIFICATE-----";
/// `id-kp-serverAuth` and `anyExtendedKeyUsage` in DER.
const FOR_SERVERS: [&[u8]; 2] = [
    &[6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 1],
    &[6, 4, 0x55, 0x1d, 0x25, 0],
];

/// Reads all certificates of a PEM text that may be used for servers.
pub fn read_certificates(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    let mut text = pem.to_vec();
    for label in LABELS {
        text = replaced(&text, label);
    }
    let all = CertificateDer::pem_slice_iter(&text).flatten();
    all.filter_map(without_additions).collect()
}

/// The alternative names of a certificate's subject: hosts, addresses, mail addresses and URIs.
pub fn alternative_names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(names)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let names = names.value.general_names.iter();
    let text = names.filter_map(|name| match name {
        GeneralName::DNSName(name) | GeneralName::RFC822Name(name) | GeneralName::URI(name) => {
            Some((*name).to_owned())
        }
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            let address = v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from));
            address.ok().map(|address| address.to_string())
        }
        _ => None,
    });
    text.collect()
}

fn replaced(text: &[u8], label: &[u8]) -> Vec<u8> {
    let mut result = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memmem::find(rest, label) {
        result.extend_from_slice(&rest[..at]);
        result.extend_from_slice(LABEL);
        rest = &rest[at + label.len()..];
    }
    result.extend_from_slice(rest);
    result
}

/// Removes what OpenSSL appends to a certificate; `None` if the appended trust settings exclude
/// servers.
fn without_additions(der: CertificateDer<'static>) -> Option<CertificateDer<'static>> {
    let Ok((additions, _)) = parse_x509_certificate(&der) else {
        return Some(der);
    };
    if additions.is_empty() {
        return Some(der);
    }
    let length = der.len() - additions.len();
    is_for_servers(additions).then(|| CertificateDer::from(der[..length].to_vec()))
}

/// `SEQUENCE { trust SEQUENCE OF OID OPTIONAL, reject [0] SEQUENCE OF OID OPTIONAL, ... }`
fn is_for_servers(additions: &[u8]) -> bool {
    let has = |uses: &[u8]| {
        FOR_SERVERS
            .iter()
            .any(|one| memchr::memmem::find(uses, one).is_some())
    };
    let Ok((_, sequence)) = Any::from_der(additions) else {
        return false;
    };
    let mut rest = sequence.data;
    while let Ok((next, part)) = Any::from_der(rest) {
        let is_refused = match part.tag() {
            Tag::Sequence => !has(part.data),
            Tag(0) => has(part.data),
            _ => false,
        };
        if is_refused {
            return false;
        }
        rest = next;
    }
    true
}
