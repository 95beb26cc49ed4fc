//! The authorities that a certificate's chain may end at, and the dates of all that the chain consists of.
//! rustls and webpki keep no dates of an authority: to them, a trusted one is always valid.

use super::trust::provider;
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use rustls::{CertificateError, OtherError, RootCertStore};
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

/// A certificate whose time is over or still to come.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{subject}: {fault}")]
pub struct OutOfDate {
    pub subject: String,
    pub fault: CertificateError,
}

impl From<OutOfDate> for CertificateError {
    fn from(authority: OutOfDate) -> Self {
        Self::Other(OtherError(Arc::new(authority)))
    }
}

/// Those of some certificates that are not valid now.
pub fn out_of_date(certificates: &[CertificateDer<'_>], now: UnixTime) -> Vec<OutOfDate> {
    let parsed = certificates
        .iter()
        .filter_map(|one| Some(parse_x509_certificate(one).ok()?.1));
    let faults = parsed.filter_map(|one| {
        Some(OutOfDate {
            fault: Dates::of(&one).check(now).err()?,
            subject: one.subject().to_string(),
        })
    });
    faults.collect()
}

#[derive(Debug)]
struct Authority {
    anchor: TrustAnchor<'static>,
    subject: String,
    dates: Dates,
}

#[derive(Debug)]
pub struct Authorities {
    pub roots: Arc<RootCertStore>,
    known: Vec<Authority>,
}

/// A chain that is valid but for the dates of its authority.
pub struct Chain {
    /// The earliest end of its certificates, the authority's included.
    pub ends: UnixTime,
    /// Its authority, if that is not valid now.
    pub fault: Option<OutOfDate>,
}

impl Authorities {
    /// Certificates that cannot be used are left out.
    pub fn new(certificates: &[CertificateDer<'static>]) -> Self {
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
        Self { roots, known }
    }

    /// Those that no certificate may end at now. One that was renewed with the same key is valid.
    pub fn out_of_date(&self, now: UnixTime) -> Vec<OutOfDate> {
        let mut found: Vec<OutOfDate> = Vec::new();
        for fault in self
            .known
            .iter()
            .filter_map(|one| self.fault(&one.anchor, now))
        {
            if found.iter().all(|known| known.subject != fault.subject) {
                found.push(fault);
            }
        }
        found
    }

    fn fault(&self, anchor: &TrustAnchor<'_>, now: UnixTime) -> Option<OutOfDate> {
        let authority = self.of(anchor, now)?;
        let fault = authority.dates.check(now).err()?;
        let subject = authority.subject.clone();
        Some(OutOfDate { subject, fault })
    }

    /// The chain of a certificate to an authority that is valid now, or else to one that is not.
    pub fn chain(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        usage: KeyUsage,
        now: UnixTime,
    ) -> Option<Chain> {
        let leaf = EndEntityCert::try_from(leaf).ok()?;
        let found = RefCell::new(None);
        let is_valid = |path: &VerifiedPath<'_>| {
            let authority = self.of(path.anchor(), now).ok_or(UnknownIssuer)?;
            let fault = self.fault(path.anchor(), now);
            let is_valid = fault.is_none();
            *found.borrow_mut() = Some(Chain {
                ends: earliest(path, authority.dates.not_after),
                fault,
            });
            // Another chain may end at an authority that is valid.
            is_valid.then_some(()).ok_or(UnknownIssuer)
        };
        let _ = leaf.verify_for_usage(
            provider().signature_verification_algorithms.all,
            &self.roots.roots,
            intermediates,
            now,
            usage,
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
