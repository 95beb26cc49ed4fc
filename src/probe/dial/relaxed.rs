//! Certificate chains in a form that webpki accepts. webpki rejects certificates that curl, Go and the RFC
//! accept: a server certificate that is also an authority's, critical policy extensions, and dates before 1970.
//! For such a certificate, it gets a copy with single bytes replaced; signatures are verified over the
//! original.

use rustls::crypto::CryptoProvider;
use rustls::pki_types::{
    AlgorithmIdentifier, CertificateDer, InvalidSignature, SignatureVerificationAlgorithm,
};
use std::ops::Range;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::X509Extension;
use x509_parser::oid_registry::{
    OID_X509_EXT_BASIC_CONSTRAINTS, OID_X509_EXT_CERTIFICATE_POLICIES,
    OID_X509_EXT_INHIBIT_ANY_POLICY, OID_X509_EXT_POLICY_CONSTRAINTS, OID_X509_EXT_POLICY_MAPPINGS,
    Oid,
};
use x509_parser::parse_x509_certificate;

/// Policy extensions, which only restrict verifiers that require policies; TLS clients do not.
const ABOUT_POLICIES: [Oid<'static>; 4] = [
    OID_X509_EXT_CERTIFICATE_POLICIES,
    OID_X509_EXT_POLICY_MAPPINGS,
    OID_X509_EXT_POLICY_CONSTRAINTS,
    OID_X509_EXT_INHIBIT_ANY_POLICY,
];
/// BOOLEAN TRUE in DER.
const TRUE: [u8; 3] = [1, 1, 0xff];
const FALSE: u8 = 0;

/// A server's chain in a form that webpki accepts.
pub struct Relaxed<'a> {
    pub leaf: CertificateDer<'a>,
    pub intermediates: Vec<CertificateDer<'a>>,
    replaced: Vec<Replaced>,
}

/// The signed part of a certificate: as webpki sees it, and the original.
#[derive(Debug)]
struct Replaced {
    shown: Vec<u8>,
    signed: Vec<u8>,
}

impl<'a> Relaxed<'a> {
    pub fn new(leaf: &'a CertificateDer<'_>, intermediates: &'a [CertificateDer<'_>]) -> Self {
        let mut replaced = Vec::new();
        let mut relax = |der: &'a CertificateDer<'_>, is_leaf| {
            let Some((copy, change)) = relaxed(der, is_leaf) else {
                return CertificateDer::from(der.as_ref());
            };
            replaced.push(change);
            CertificateDer::from(copy)
        };
        Self {
            leaf: relax(leaf, true),
            intermediates: intermediates.iter().map(|der| relax(der, false)).collect(),
            replaced,
        }
    }

    /// A provider's algorithms, wrapped to verify the signatures of this chain.
    pub fn algorithms(&self, provider: &CryptoProvider) -> Vec<AsSigned<'_>> {
        let all = provider.signature_verification_algorithms.all.iter();
        all.map(|algorithm| AsSigned {
            algorithm: *algorithm,
            replaced: &self.replaced,
        })
        .collect()
    }
}

/// Verifies signatures over the originals of replaced certificates.
#[derive(Debug)]
pub struct AsSigned<'a> {
    algorithm: &'static dyn SignatureVerificationAlgorithm,
    replaced: &'a [Replaced],
}

impl SignatureVerificationAlgorithm for AsSigned<'_> {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let mut replaced = self.replaced.iter();
        let original = replaced.find(|one| one.shown == message);
        let message = original.map_or(message, |one| &one.signed);
        self.algorithm
            .verify_signature(public_key, message, signature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.algorithm.public_key_alg_id()
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.algorithm.signature_alg_id()
    }
}

/// A copy that webpki accepts; `None` if it accepts the certificate unchanged.
fn relaxed(der: &CertificateDer<'_>, is_leaf: bool) -> Option<(Vec<u8>, Replaced)> {
    let (_, certificate) = parse_x509_certificate(der).ok()?;
    let mut copy = der.to_vec();
    for extension in certificate.extensions() {
        let value = range_in(der, extension.value)?;
        if is_leaf && extension.oid == OID_X509_EXT_BASIC_CONSTRAINTS {
            // SEQUENCE { cA BOOLEAN, ... }
            set_false(&mut copy, value.start + 2);
        } else if is_about_policies(extension) {
            // SEQUENCE { extnID, critical BOOLEAN, extnValue OCTET STRING }
            let critical = value
                .start
                .checked_sub(header_of(value.len()) + TRUE.len())?;
            set_false(&mut copy, critical);
        }
    }
    begin_in_1970(&mut copy, &certificate, der);
    let signed = range_in(der, certificate.tbs_certificate.as_ref())?;
    let is_changed = copy != der.as_ref();
    is_changed.then(|| {
        let change = Replaced {
            shown: copy[signed.clone()].to_vec(),
            signed: der[signed].to_vec(),
        };
        (copy, change)
    })
}

fn is_about_policies(extension: &X509Extension<'_>) -> bool {
    extension.critical && ABOUT_POLICIES.contains(&extension.oid)
}

fn set_false(der: &mut [u8], at: usize) {
    if let Some(bytes) = der.get_mut(at..at + TRUE.len())
        && bytes == TRUE
    {
        bytes[2] = FALSE;
    }
}

/// Replaces the year of a start date before 1970, which webpki cannot read; the date is in the past either way.
fn begin_in_1970(copy: &mut [u8], certificate: &X509Certificate<'_>, der: &[u8]) {
    // The headers of the validity and of its first date.
    const HEADERS: usize = 4;
    if certificate.validity().not_before.timestamp() >= 0 {
        return;
    }
    let Some(issuer) = range_in(der, certificate.issuer().as_raw()) else {
        return;
    };
    let is_utc = certificate.validity().not_before.is_utctime();
    let year: &[u8] = if is_utc { b"70" } else { b"1970" };
    let at = issuer.end + HEADERS;
    if let Some(bytes) = copy.get_mut(at..at + year.len()) {
        bytes.copy_from_slice(year);
    }
}

/// Number of header bytes of a DER value with this many bytes of content.
const fn header_of(length: usize) -> usize {
    match length {
        0..0x80 => 2,
        0x80..0x100 => 3,
        _ => 4,
    }
}

/// The range of a part that was parsed from these bytes.
fn range_in(whole: &[u8], part: &[u8]) -> Option<Range<usize>> {
    let start = part.as_ptr().addr().checked_sub(whole.as_ptr().addr())?;
    let end = start + part.len();
    (end <= whole.len()).then_some(start..end)
}
