//! Trusted certificates: those issued by a trusted authority, and those that are listed as trusted,
//! whatever their key usage.

use super::authorities::{Authorities, Chain};
use super::dates::{Dates, OutOfDate};
use super::issuer::{ShortKey, bits_of_short_key};
use super::system_trust::SystemTrust;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::client::verify_server_name;
use rustls::crypto::{
    CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature,
    verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError};
use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, OnceLock};
use std::time::Instant;
use webpki::RawPublicKeyEntity;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

/// Why no server can be verified by the system's certificates, and how to fix it.
pub const NO_TRUSTED: &str = "this system has no trusted certificates";
pub const NO_TRUSTED_HELP: &str = "install ca-certificates, or set `ca_file`";

/// Certificates to trust. A server whose certificate is itself one of them is trusted as long as
/// its dates and its name are valid, as with curl and Go. rustls alone rejects it if it is an
/// authority's, as `openssl req -x509` creates them, or X.509 version 1.
#[derive(Debug)]
pub struct Trust {
    authorities: Authorities,
    certificates: HashSet<Box<[u8]>>,
}

impl Trust {
    /// Returns an error message if none of them is usable.
    pub fn new(certificates: &[CertificateDer<'static>]) -> Result<Arc<Self>, String> {
        let authorities = Authorities::new(certificates)
            .ok_or_else(|| "no valid trusted certificate was found".to_owned())?;
        Ok(Arc::new(Self {
            authorities,
            certificates: certificates.iter().map(|one| one.as_ref().into()).collect(),
        }))
    }

    /// The certificates that the system trusts, at most a minute old.
    pub fn system() -> Result<Arc<Self>, String> {
        static SYSTEM: SystemTrust = SystemTrust::new(Trust::load);
        SYSTEM.at(Instant::now())
    }

    fn load() -> Result<Arc<Self>, String> {
        // Each error is logged once, although the certificates are loaded every minute.
        static LOGGED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
        let loaded = rustls_native_certs::load_native_certs();
        for error in &loaded.errors {
            if LOGGED.lock().insert(error.to_string()) {
                tracing::warn!("cannot read a trusted certificate of the system: {error}");
            }
        }
        Self::new(&loaded.certs).map_err(|_| format!("{NO_TRUSTED}: {NO_TRUSTED_HELP}"))
    }

    /// All certificates in DER.
    pub fn certificates(&self) -> &HashSet<Box<[u8]>> {
        &self.certificates
    }

    /// All certificates as PEM.
    pub fn to_pem(&self) -> String {
        let mut pem = String::new();
        for certificate in &self.certificates {
            let text = STANDARD.encode(certificate);
            pem += "-----BEGIN CERTIFICATE-----\n";
            // Base64 is ASCII, so each chunk is one line.
            for line in text.as_bytes().chunks(64) {
                pem += &String::from_utf8_lossy(line);
                pem.push('\n');
            }
            pem += "-----END CERTIFICATE-----\n";
        }
        pem
    }

    /// Whether a server's certificate is trusted now for this name.
    pub fn check(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Chain {
        if self.certificates.contains(leaf.as_ref()) {
            return Chain {
                verdict: check_named(leaf, name, now).map_err(Error::InvalidCertificate),
                first: None,
            };
        }
        self.authorities.check(leaf, intermediates, name, now)
    }

    /// The authorities whose validity dates currently exclude them.
    pub fn out_of_date(&self, now: UnixTime) -> Vec<OutOfDate> {
        self.authorities.out_of_date(now)
    }
}

/// Checks the dates and the name of a certificate that is trusted directly.
fn check_named(
    leaf: &CertificateDer<'_>,
    name: &ServerName<'_>,
    now: UnixTime,
) -> Result<(), CertificateError> {
    let (_, certificate) =
        parse_x509_certificate(leaf).map_err(|_| CertificateError::BadEncoding)?;
    Dates::of(&certificate).check(now)?;
    let parsed = ParsedCertificate::try_from(leaf);
    let fits = match parsed {
        Ok(parsed) if has_names(&certificate) => verify_server_name(&parsed, name).is_ok(),
        _ => !has_names(&certificate) && is_subject(&certificate, name),
    };
    fits.then_some(())
        .ok_or_else(|| CertificateError::NotValidForNameContext {
            expected: name.to_owned(),
            presented: presented(&certificate),
        })
}

/// Whether it has subject alternative names; if so, its common name is ignored.
fn has_names(certificate: &X509Certificate<'_>) -> bool {
    !matches!(certificate.subject_alternative_name(), Ok(None))
}

/// The host names that it is valid for.
fn presented(certificate: &X509Certificate<'_>) -> Vec<String> {
    let names = certificate.subject_alternative_name().ok().flatten();
    let names = names.map_or(&[][..], |names| &names.value.general_names);
    let host_names = names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        _ => None,
    });
    host_names.collect()
}

/// Whether the common name of its subject is this name.
fn is_subject(certificate: &X509Certificate<'_>, name: &ServerName<'_>) -> bool {
    let common = certificate.subject().iter_common_name().last();
    let Some(common) = common.and_then(|common| common.as_str().ok()) else {
        return false;
    };
    let wanted = name.to_str();
    let below = |parent: &str| {
        matches!(name, ServerName::DnsName(_))
            && parent.contains('.')
            && wanted
                .split_once('.')
                .is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(parent))
    };
    common.eq_ignore_ascii_case(&wanted) || common.strip_prefix("*.").is_some_and(below)
}

/// Verifies that the server has the certificate's key, even if rustls cannot parse the certificate
/// itself.
pub fn tls12_signature(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    let algorithms = &provider().signature_verification_algorithms;
    let usual = verify_tls12_signature(message, certificate, signed, algorithms);
    usual.or_else(|refused| {
        refuse_short(certificate)?;
        let key = key_of(certificate).ok_or_else(|| refused.clone())?;
        let key = RawPublicKeyEntity::try_from(&key).map_err(|_| refused.clone())?;
        let mut fitting = algorithms
            .mapping
            .iter()
            .filter(|(scheme, _)| *scheme == signed.scheme)
            .flat_map(|(_, algorithms)| algorithms.iter());
        let verify =
            |algorithm: &&_| key.verify_signature(**algorithm, message, signed.signature());
        if fitting.any(|algorithm| verify(&algorithm).is_ok()) {
            return Ok(HandshakeSignatureValid::assertion());
        }
        Err(refused)
    })
}

/// The same for TLS 1.3.
pub fn tls13_signature(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    let algorithms = &provider().signature_verification_algorithms;
    let usual = verify_tls13_signature(message, certificate, signed, algorithms);
    usual.or_else(|refused| {
        refuse_short(certificate)?;
        let key = key_of(certificate).ok_or(refused)?;
        verify_tls13_signature_with_raw_key(message, &key, signed, algorithms)
    })
}

/// Reports that a key is too short, which would otherwise be reported as invalid signatures.
fn refuse_short(certificate: &CertificateDer<'_>) -> Result<(), Error> {
    let parsed = parse_x509_certificate(certificate).ok();
    let bits = parsed.and_then(|(_, certificate)| bits_of_short_key(&certificate));
    let refused = |bits| CertificateError::Other(OtherError(Arc::new(ShortKey(bits))));
    bits.map_or(Ok(()), |bits| Err(Error::InvalidCertificate(refused(bits))))
}

fn key_of<'a>(certificate: &'a CertificateDer<'_>) -> Option<SubjectPublicKeyInfoDer<'a>> {
    let (_, certificate) = parse_x509_certificate(certificate).ok()?;
    Some(certificate.tbs_certificate.subject_pki.raw.into())
}

pub fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER
        .get_or_init(|| Arc::new(ring::default_provider()))
        .clone()
}
