//! Client certificates: which are requested and accepted, and the identities they stand for.

use super::keys::{self, ClientAuth};
use crate::probe::dial::options::warn_of_authorities;
use crate::probe::dial::{
    Authorities, Dates, alternative_names, certificate_fault, without_advice,
};
use crate::text::printable;
use crate::yaml::{Declared, Section};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::ring::default_provider;
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoClientAuth, WebPkiClientVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use std::collections::HashSet;
use std::sync::Arc;
use x509_parser::parse_x509_certificate;

/// Maximum length of a name in the audit log.
const MAX_NAME: usize = 100;

/// Builds rustls's client verifier. Reports what is invalid.
pub(super) fn verifier(
    section: &Section<'_>,
    auth: ClientAuth,
    trusted: &[CertificateDer<'static>],
) -> Option<Arc<dyn ClientCertVerifier>> {
    let allowed_sans = section.all(&keys::CLIENT_ALLOWED_SANS);
    if section.has(&keys::CLIENT_ALLOWED_SANS) && !auth.is_required() {
        section.error(
            "conflict",
            &keys::CLIENT_ALLOWED_SANS,
            "clients may connect without a certificate, so there may be no name to check",
            "set `client_auth_type: RequireAndVerifyClientCert`",
        );
    }
    if auth == ClientAuth::None {
        return Some(Arc::new(NoClientAuth));
    }
    let trusted = auth.verifies().then(|| Trusted::new(trusted));
    let name = client_ca_key(section);
    match &trusted {
        Some(None) => {
            let message = "no valid certificate to trust";
            section.error(
                "invalid-value",
                name,
                message,
                "expected PEM certificates of certificate authorities",
            );
            return None;
        }
        Some(Some(trusted)) => {
            let found = trusted.authorities.out_of_date(UnixTime::now());
            warn_of_authorities(section, name, &found);
        }
        None => {}
    }
    Some(Arc::new(Verifier {
        trusted: trusted.flatten(),
        is_required: auth.is_required(),
        allowed_sans,
    }))
}

/// The key that holds the trusted authorities.
pub(super) fn client_ca_key(section: &Section<'_>) -> &'static dyn Declared {
    if section.has(&keys::CLIENT_CA) {
        &keys::CLIENT_CA
    } else {
        &keys::CLIENT_CA_FILE
    }
}

/// Trusted certificates.
#[derive(Debug)]
struct Trusted {
    authorities: Authorities,
    /// Used for errors: explains why a chain is invalid.
    usual: Arc<dyn ClientCertVerifier>,
    /// Certificates that are accepted themselves, as in Go. rustls treats self-signed ones as authorities
    /// and rejects them as clients.
    certificates: HashSet<Box<[u8]>>,
}

impl Trusted {
    /// `None` if no certificate can be used.
    fn new(certificates: &[CertificateDer<'static>]) -> Option<Self> {
        let authorities = Authorities::new(certificates)?;
        let provider = Arc::new(default_provider());
        let roots = authorities.roots.clone();
        let usual = WebPkiClientVerifier::builder_with_provider(roots, provider);
        Some(Self {
            authorities,
            usual: usual.build().ok()?,
            certificates: certificates.iter().map(|one| one.as_ref().into()).collect(),
        })
    }

    fn check(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        if self.certificates.contains(leaf.as_ref()) {
            return is_valid_at(leaf, now).map_err(Error::InvalidCertificate);
        }
        let checked = self.authorities.check_client(leaf, intermediates, now);
        checked.unwrap_or_else(|| {
            let refused = self.usual.verify_client_cert(leaf, intermediates, now);
            refused.map(drop)
        })
    }
}

#[derive(Debug)]
struct Verifier {
    /// `None` accepts every certificate, as long as the client has its key.
    trusted: Option<Trusted>,
    is_required: bool,
    /// Empty accepts all names.
    allowed_sans: Vec<String>,
}

impl Verifier {
    fn check_names(&self, leaf: &CertificateDer<'_>) -> Result<(), Error> {
        if self.allowed_sans.is_empty() {
            return Ok(());
        }
        let refused = CertificateError::ApplicationVerificationFailure;
        let (_, certificate) = parse_x509_certificate(leaf)
            .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
        let is_allowed = alternative_names(&certificate)
            .iter()
            .any(|name| self.allowed_sans.contains(name));
        is_allowed.then_some(()).ok_or(refused.into())
    }
}

impl ClientCertVerifier for Verifier {
    fn client_auth_mandatory(&self) -> bool {
        self.is_required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        let trusted = self.trusted.as_ref();
        trusted.map_or(&[], |trusted| trusted.usual.root_hint_subjects())
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if let Some(trusted) = &self.trusted {
            trusted.check(leaf, intermediates, now)?;
        }
        self.check_names(leaf)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = default_provider().signature_verification_algorithms;
        verify_tls12_signature(message, leaf, signed, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = default_provider().signature_verification_algorithms;
        verify_tls13_signature(message, leaf, signed, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

fn is_valid_at(leaf: &CertificateDer<'_>, now: UnixTime) -> Result<(), CertificateError> {
    let (_, certificate) =
        parse_x509_certificate(leaf).map_err(|_| CertificateError::BadEncoding)?;
    Dates::of(&certificate).check(now)
}

/// Why a client's certificate is rejected, in a sentence about `it`.
pub fn refusal(error: &CertificateError) -> String {
    match error {
        CertificateError::ApplicationVerificationFailure => {
            "none of its subject alternative names is in `client_allowed_sans`".to_owned()
        }
        CertificateError::UnknownIssuer => "its issuer is not in `client_ca_file`".to_owned(),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "it is not meant for clients (extended key usage)".to_owned()
        }
        error => without_advice(&certificate_fault(error)).to_owned(),
    }
}

/// Name of a certificate: the common name of its subject, otherwise its first alternative name.
pub fn name_of(leaf: &CertificateDer<'_>) -> Arc<str> {
    let name = parse_x509_certificate(leaf)
        .ok()
        .and_then(|(_, certificate)| {
            let common = certificate.subject().iter_common_name().last();
            let common = common.and_then(|common| common.as_str().ok());
            common
                .filter(|common| !common.is_empty())
                .map(|common| format!("CN={common}"))
                .or_else(|| {
                    let name = alternative_names(&certificate).into_iter().next()?;
                    Some(format!("SAN={name}"))
                })
        });
    let name = name.unwrap_or_else(|| "client certificate".to_owned());
    printable(&name)
        .chars()
        .take(MAX_NAME)
        .collect::<String>()
        .into()
}
