//! Files with certificates and keys.

use super::version1;
use crate::probing::read;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::fs;

#[test]
fn pem_formats_are_read_or_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    let certificate = version1().certificate;
    let labelled = |label: &str| certificate.replace(" CERTIFICATE", label);
    let yaml = "{ url: \"https://a.test/\", tls: { ca_file: ca.pem } }";
    let none = Some("no valid trusted certificate");
    let with = |uses: [&[u8]; 2]| trusted(&certificate, &uses.concat());
    for (pem, fault) in [
        (format!("\u{feff}{certificate}"), None),
        (labelled(" X509 CERTIFICATE"), None),
        (labelled(" TRUSTED CERTIFICATE"), None),
        (trusted(&certificate, &[0x30, 0]), None),
        (with([SEQUENCE_OF, FOR_SERVERS]), None),
        (with([SEQUENCE_OF, FOR_CLIENTS]), none),
        (with([REFUSED, FOR_SERVERS]), none),
        (with([REFUSED, FOR_CLIENTS]), None),
        (trusted(&certificate, b"no DER"), none),
        (labelled(" REQUEST"), none),
        (String::new(), none),
    ] {
        fs::write(folder.path().join("ca.pem"), pem).expect("written");
        let (_, faults) = read(yaml, folder.path());
        assert_eq!(faults.is_empty(), fault.is_none(), "{faults:?}");
        let found = format!("{faults:?}");
        assert!(found.contains(fault.unwrap_or_default()), "{found}");
    }
}

/// What `openssl x509 -addtrust` and `-addreject` append to a certificate: a sequence of a list of
/// purposes.
const SEQUENCE_OF: &[u8] = &[0x30, 12, 0x30, 10];
const REFUSED: &[u8] = &[0x30, 12, 0xa0, 10];
const FOR_SERVERS: &[u8] = &[6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 1];
const FOR_CLIENTS: &[u8] = &[6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 2];

fn trusted(certificate: &str, additions: &[u8]) -> String {
    let der = CertificateDer::from_pem_slice(certificate.as_bytes()).expect("PEM");
    let text = STANDARD.encode([der.as_ref(), additions].concat());
    format!("-----BEGIN TRUSTED CERTIFICATE-----\n{text}\n-----END TRUSTED CERTIFICATE-----\n")
}

#[test]
fn an_encrypted_key_is_recognized() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        fs::write(folder.path().join(name), text).expect("written");
    };
    write("cert.pem", &version1().certificate);
    let yaml = "{ url: \"https://a.test/\", tls: { cert_file: cert.pem, key_file: key.pem } }";
    for (key, message) in [
        (
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIGjMF8G\n-----END ENCRYPTED PRIVATE KEY-----\n",
            "the private key is encrypted",
        ),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nMIGjMF8G\n-----END RSA PRIVATE KEY-----\n",
            "the private key is encrypted",
        ),
        ("no key", "the file holds no private key"),
    ] {
        write("key.pem", key);
        let (_, faults) = read(yaml, folder.path());
        let found: Vec<_> = faults.iter().map(|fault| &*fault.message).collect();
        assert!(found.contains(&message), "{found:?}");
    }
}
