//! Trusted authorities, and the validity periods of every certificate in a chain. rustls and webpki ignore the
//! dates of trust anchors: to them, a trusted authority is always valid.

use super::dates::{Dates, OutOfDate, out_of_date};
use super::issuer::{CertificateUsage, IssuerFault, IssuerNotValid, Peer, bits_of_short_key};
use super::relaxed::Relaxed;
use super::trust::provider;
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::pki_types::{
    CertificateDer, ServerName, SignatureVerificationAlgorithm, TrustAnchor, UnixTime,
};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error, OtherError, RootCertStore};
use std::cell::RefCell;
use std::slice;
use std::sync::Arc;
use webpki::Error::UnknownIssuer;
use webpki::{EndEntityCert, VerifiedPath};
use x509_parser::parse_x509_certificate;

#[derive(Debug)]
struct Authority {
    anchor: TrustAnchor<'static>,
    subject: String,
    dates: Dates,
    usage: CertificateUsage,
    short_key: Option<usize>,
}

impl Authority {
    /// Why this authority may not be the end of an otherwise valid path.
    fn fault(&self, path: &VerifiedPath<'_>, peer: Peer, now: UnixTime) -> Option<IssuerNotValid> {
        let own = self.dates.check(now).map_err(IssuerFault::Dates);
        let own = own.and_then(|()| self.usage.check(peer, between(path)));
        let own = own.err().map(|fault| IssuerNotValid {
            subject: self.subject.clone(),
            fault,
        });
        own.or_else(|| fault_between(path))
    }

    fn has_key_of(&self, anchor: &TrustAnchor<'_>) -> bool {
        self.anchor.subject == anchor.subject
            && self.anchor.subject_public_key_info == anchor.subject_public_key_info
    }
}

#[derive(Debug)]
pub struct Authorities {
    pub roots: Arc<RootCertStore>,
    known: Vec<Authority>,
}

/// The result of checking a server's chain.
pub struct Chain {
    pub verdict: Result<(), Error>,
    /// The certificate that expires first, of all in the chain including the authority; `None` without a chain.
    pub first: Option<Dates>,
}

impl Authorities {
    /// `None` if none of the certificates is usable.
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
                usage: CertificateUsage::of(&parsed),
                short_key: bits_of_short_key(&parsed),
            }));
        }
        let roots = Arc::new(roots);
        (!known.is_empty()).then_some(Self { roots, known })
    }

    /// The authorities that are not valid now, except those that were renewed with the same key.
    pub fn out_of_date(&self, now: UnixTime) -> Vec<OutOfDate> {
        let mut found: Vec<OutOfDate> = Vec::new();
        for one in &self.known {
            let same = self
                .known
                .iter()
                .filter(|same| same.has_key_of(&one.anchor));
            let mut checked = same.map(|same| same.dates.check(now));
            if checked.any(|valid| valid.is_ok())
                || found.iter().any(|two| two.subject == one.subject)
            {
                continue;
            }
            found.extend(one.dates.check(now).err().map(|fault| OutOfDate {
                subject: one.subject.clone(),
                fault,
            }));
        }
        found
    }

    /// Whether a client's certificate is trusted now; `None` if no chain leads to an authority.
    pub fn check_client(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Option<Result<(), Error>> {
        let chain = Relaxed::new(leaf, intermediates);
        let algorithms = chain.algorithms(&provider());
        let algorithms: Vec<_> = algorithms.iter().map(|one| one as _).collect();
        let found = self.follow(&chain, &algorithms, Peer::Client, now)?;
        Some(found.fault.map_or(Ok(()), |fault| Err(refusal(fault))))
    }

    /// Whether a server's certificate is trusted now for this name.
    pub fn check(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Chain {
        let chain = Relaxed::new(leaf, intermediates);
        let algorithms = chain.algorithms(&provider());
        let algorithms: Vec<_> = algorithms.iter().map(|one| one as _).collect();
        let Some(PathEnd { first, fault }) = self.follow(&chain, &algorithms, Peer::Server, now)
        else {
            return Chain {
                verdict: self.refused(&chain, &algorithms, now),
                first: None,
            };
        };
        let verdict = match fault {
            Some(fault) => Err(refusal(fault)),
            None => ParsedCertificate::try_from(&chain.leaf)
                .and_then(|leaf| verify_server_name(&leaf, name)),
        };
        let first = Some(first);
        Chain { verdict, first }
    }

    /// Why no chain leads to an authority, as an error of rustls.
    fn refused(
        &self,
        chain: &Relaxed<'_>,
        algorithms: &[&dyn SignatureVerificationAlgorithm],
        now: UnixTime,
    ) -> Result<(), Error> {
        let leaf = ParsedCertificate::try_from(&chain.leaf)?;
        let refused = verify_server_cert_signed_by_trust_anchor(
            &leaf,
            &self.roots,
            &chain.intermediates,
            now,
            algorithms,
        );
        let Err(Error::InvalidCertificate(reason)) = refused else {
            return refused;
        };
        let of_issuer = match reason {
            CertificateError::BadSignature => self.short_key(chain),
            CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYetContext { .. } => authority_out_of_date(chain, now),
            CertificateError::UnknownIssuer => unknown_authority(chain),
            _ => None,
        };
        Err(match of_issuer {
            Some(fault) => refusal(fault),
            // A self-issued server certificate with an authority's name is not issued by that authority.
            None if reason == CertificateError::BadSignature && is_self_issued(&chain.leaf) => {
                Error::InvalidCertificate(CertificateError::UnknownIssuer)
            }
            None => Error::InvalidCertificate(reason),
        })
    }

    /// An issuer in the chain whose key is too short to verify its signatures.
    fn short_key(&self, chain: &Relaxed<'_>) -> Option<IssuerNotValid> {
        let issuers: Vec<_> = [&chain.leaf]
            .into_iter()
            .chain(&chain.intermediates)
            .filter_map(|der| Some(parse_x509_certificate(der).ok()?.1.issuer().to_string()))
            .collect();
        let intermediates = chain.intermediates.iter().filter_map(|der| {
            let (_, certificate) = parse_x509_certificate(der).ok()?;
            let bits = bits_of_short_key(&certificate)?;
            Some((certificate.subject().to_string(), bits))
        });
        let known = self.known.iter();
        let authorities = known.filter_map(|one| Some((one.subject.clone(), one.short_key?)));
        let mut short = intermediates.chain(authorities);
        let (subject, bits) = short.find(|(subject, _)| issuers.contains(subject))?;
        let fault = IssuerFault::ShortKey(bits);
        Some(IssuerNotValid { subject, fault })
    }

    /// Finds a chain to an authority that is valid now, or else to one that is not.
    fn follow(
        &self,
        chain: &Relaxed<'_>,
        algorithms: &[&dyn SignatureVerificationAlgorithm],
        peer: Peer,
        now: UnixTime,
    ) -> Option<PathEnd> {
        let leaf = EndEntityCert::try_from(&chain.leaf).ok()?;
        let found = RefCell::new(None);
        let is_valid = |path: &VerifiedPath<'_>| {
            let one = self.end(path, peer, now).ok_or(UnknownIssuer)?;
            let is_valid = one.fault.is_none();
            *found.borrow_mut() = Some(one);
            // If not, another chain may end at a valid authority.
            is_valid.then_some(()).ok_or(UnknownIssuer)
        };
        let _ = leaf.verify_for_usage(
            algorithms,
            &self.roots.roots,
            &chain.intermediates,
            now,
            peer.key_usage(),
            None,
            Some(&is_valid),
        );
        found.into_inner()
    }

    /// The end of a path at its authority. Of several authorities with the same key, as after a renewal, the one
    /// that is valid longest is used.
    fn end(&self, path: &VerifiedPath<'_>, peer: Peer, now: UnixTime) -> Option<PathEnd> {
        let known = self.known.iter();
        let same = known.filter(|known| known.has_key_of(path.anchor()));
        let ends = same.map(|known| (known.fault(path, peer, now), known.dates));
        let (fault, dates) = ends.max_by_key(|(fault, dates)| (fault.is_none(), dates.ends()))?;
        let first = earliest(path, dates);
        Some(PathEnd { first, fault })
    }
}

struct PathEnd {
    first: Dates,
    fault: Option<IssuerNotValid>,
}

/// The authority whose validity dates invalidate the chain; `None` if the cause is the server's own certificate.
fn authority_out_of_date(chain: &Relaxed<'_>, now: UnixTime) -> Option<IssuerNotValid> {
    let is_server = !out_of_date(slice::from_ref(&chain.leaf), now).is_empty();
    let one = out_of_date(&chain.intermediates, now).into_iter().next();
    let one = one.filter(|_| !is_server)?;
    Some(IssuerNotValid {
        subject: one.subject,
        fault: IssuerFault::Dates(one.fault),
    })
}

/// The unknown issuer at the end of the certificates that the server sends; `None` if the server's certificate is
/// self-issued.
fn unknown_authority(chain: &Relaxed<'_>) -> Option<IssuerNotValid> {
    let (_, leaf) = parse_x509_certificate(&chain.leaf).ok()?;
    let shown = chain.intermediates.iter();
    let shown: Vec<_> = shown
        .filter_map(|der| Some(parse_x509_certificate(der).ok()?.1))
        .collect();
    let mut top = &leaf;
    for _ in 0..shown.len() {
        let issuer = shown.iter().find(|one| one.subject() == top.issuer());
        top = issuer
            .filter(|_| top.issuer() != top.subject())
            .unwrap_or(top);
    }
    let is_shown = top.issuer() == top.subject();
    if is_shown && top.subject() == leaf.subject() {
        return None;
    }
    Some(IssuerNotValid {
        subject: top.issuer().to_string(),
        fault: IssuerFault::Unknown { is_shown },
    })
}

fn is_self_issued(der: &CertificateDer<'_>) -> bool {
    let parsed = parse_x509_certificate(der);
    parsed.is_ok_and(|(_, one)| one.issuer().as_raw() == one.subject().as_raw())
}

fn refusal(fault: IssuerNotValid) -> Error {
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(fault))))
}

/// The number of authorities between a server and the end of its path. Self-issued certificates, as used for key
/// rollover, do not count (RFC 5280, section 4.2.1.9).
fn between(path: &VerifiedPath<'_>) -> usize {
    let all = path.intermediate_certificates();
    all.filter(|one| one.subject() != one.issuer()).count()
}

/// The first intermediate authority that may not issue certificates, which webpki does not check.
fn fault_between(path: &VerifiedPath<'_>) -> Option<IssuerNotValid> {
    path.intermediate_certificates().find_map(|one| {
        let der = one.der();
        let (_, certificate) = parse_x509_certificate(&der).ok()?;
        let fault = CertificateUsage::of(&certificate).check_sign().err()?;
        let subject = certificate.subject().to_string();
        Some(IssuerNotValid { subject, fault })
    })
}

/// The certificate of a path that expires first, including the authority.
fn earliest(path: &VerifiedPath<'_>, authority: Dates) -> Dates {
    let leaf = path.end_entity().der();
    let intermediates = path.intermediate_certificates().map(webpki::Cert::der);
    let dates = |der: CertificateDer<'_>| {
        let (_, certificate) = parse_x509_certificate(&der).ok()?;
        Some(Dates::of(&certificate))
    };
    let all = intermediates.chain([leaf]).filter_map(dates);
    all.chain([authority])
        .min_by_key(|dates| dates.ends())
        .unwrap_or(authority)
}
