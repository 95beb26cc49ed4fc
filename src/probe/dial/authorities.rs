//! The authorities that a certificate's chain may end at, and the dates of all that the chain consists of.
//! rustls and webpki keep no dates of an authority: to them, a trusted one is always valid.

use super::trust::provider;
use rustls::client::danger::ServerCertVerifier;
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error, OtherError, RootCertStore};
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;
use webpki::Error::UnknownIssuer;
use webpki::{EndEntityCert, KeyUsage, VerifiedPath};
use x509_parser::certificate::X509Certificate;
use x509_parser::parse_x509_certificate;

/// From when until when a certificate is valid.
#[derive(Clone, Copy, Debug)]
pub struct Dates {
    not_before: UnixTime,
    pub not_after: UnixTime,
}

impl Dates {
    pub fn of(certificate: &X509Certificate<'_>) -> Self {
        let moment = |secs: i64| {
            UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(secs).unwrap_or_default()))
        };
        let validity = certificate.validity();
        Self {
            not_before: moment(validity.not_before.timestamp()),
            not_after: moment(validity.not_after.timestamp()),
        }
    }

    pub fn check(self, now: UnixTime) -> Result<(), CertificateError> {
        let Self {
            not_before,
            not_after,
        } = self;
        if now > not_after {
            return Err(CertificateError::ExpiredContext {
                time: now,
                not_after,
            });
        }
        if now < not_before {
            return Err(CertificateError::NotValidYetContext {
                time: now,
                not_before,
            });
        }
        Ok(())
    }
}

/// Why a chain is not valid now that is but for the dates of its authority.
#[derive(Debug, thiserror::Error)]
#[error("{subject}: {fault}")]
pub struct AuthorityNotValid {
    pub subject: String,
    pub fault: CertificateError,
}

#[derive(Debug)]
struct Authority {
    anchor: TrustAnchor<'static>,
    subject: String,
    dates: Dates,
}

#[derive(Debug)]
pub struct Authorities {
    /// Knows why a chain is not valid, in the errors of rustls.
    usual: Arc<WebPkiServerVerifier>,
    roots: Arc<RootCertStore>,
    known: Vec<Authority>,
}

/// What is known of a server's chain.
pub struct Chain {
    pub verdict: Result<(), Error>,
    /// The earliest end of its certificates, the authority's included, where there is a chain.
    pub ends: Option<UnixTime>,
}

impl Authorities {
    /// `None` if none of the certificates can be used.
    pub fn new(certificates: &[CertificateDer<'static>]) -> Option<Self> {
        let mut roots = RootCertStore::empty();
        let mut known = Vec::new();
        for certificate in certificates {
            let Ok((_, parsed)) = parse_x509_certificate(certificate) else {
                continue;
            };
            if roots.add(certificate.clone()).is_err() {
                continue;
            }
            known.extend(roots.roots.last().map(|anchor| Authority {
                anchor: anchor.clone(),
                subject: parsed.subject().to_string(),
                dates: Dates::of(&parsed),
            }));
        }
        let roots = Arc::new(roots);
        let usual = WebPkiServerVerifier::builder_with_provider(roots.clone(), provider());
        Some(Self {
            usual: usual.build().ok()?,
            roots,
            known,
        })
    }

    /// Whether a server's certificate is trusted now, for this name.
    pub fn check(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Chain {
        let Some(Found { ends, fault }) = self.follow(leaf, intermediates, now) else {
            let refused = self
                .usual
                .verify_server_cert(leaf, intermediates, name, &[], now);
            return Chain {
                verdict: refused.map(|_| ()),
                ends: None,
            };
        };
        let verdict = match fault {
            Some(fault) => {
                let fault = CertificateError::Other(OtherError(Arc::new(fault)));
                Err(Error::InvalidCertificate(fault))
            }
            None => {
                ParsedCertificate::try_from(leaf).and_then(|leaf| verify_server_name(&leaf, name))
            }
        };
        let ends = Some(ends);
        Chain { verdict, ends }
    }

    /// The chain to an authority that is valid now, or else to one that is not.
    fn follow(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Option<Found> {
        let leaf = EndEntityCert::try_from(leaf).ok()?;
        let found = RefCell::new(None);
        let is_valid = |path: &VerifiedPath<'_>| {
            let authority = self.of(path.anchor(), now).ok_or(UnknownIssuer)?;
            let fault = authority.dates.check(now).err();
            let is_valid = fault.is_none();
            *found.borrow_mut() = Some(Found {
                ends: earliest(path, authority.dates.not_after),
                fault: fault.map(|fault| AuthorityNotValid {
                    subject: authority.subject.clone(),
                    fault,
                }),
            });
            // Another chain may end at an authority that is valid.
            is_valid.then_some(()).ok_or(UnknownIssuer)
        };
        let _ = leaf.verify_for_usage(
            provider().signature_verification_algorithms.all,
            &self.roots.roots,
            intermediates,
            now,
            KeyUsage::server_auth(),
            None,
            Some(&is_valid),
        );
        found.into_inner()
    }

    /// The certificate of an authority; of several with the same key, as after its renewal, the one that is
    /// valid longest.
    fn of(&self, anchor: &TrustAnchor<'_>, now: UnixTime) -> Option<&Authority> {
        let is_same = |known: &&Authority| {
            known.anchor.subject == anchor.subject
                && known.anchor.subject_public_key_info == anchor.subject_public_key_info
        };
        let same = self.known.iter().filter(is_same);
        same.max_by_key(|known| (known.dates.check(now).is_ok(), known.dates.not_after))
    }
}

struct Found {
    ends: UnixTime,
    fault: Option<AuthorityNotValid>,
}

/// The earliest end of the certificates that lead to an authority, and of its own.
fn earliest(path: &VerifiedPath<'_>, authority: UnixTime) -> UnixTime {
    let leaf = path.end_entity().der();
    let intermediates = path.intermediate_certificates().map(webpki::Cert::der);
    let end = |der: CertificateDer<'_>| {
        let (_, certificate) = parse_x509_certificate(&der).ok()?;
        Some(Dates::of(&certificate).not_after)
    };
    let ends = intermediates.chain([leaf]).filter_map(end);
    ends.fold(authority, UnixTime::min)
}
