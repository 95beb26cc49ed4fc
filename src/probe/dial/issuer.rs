//! What certificates may issue. webpki ignores key usages, and knows only the name, the key and the name
//! constraints of a trust anchor.

use rustls::CertificateError;
use std::borrow::Cow;
use webpki::KeyUsage;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ExtendedKeyUsage;
use x509_parser::x509::X509Version;

/// The peer whose certificate is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    Server,
    Client,
}

impl Peer {
    pub fn key_usage(self) -> KeyUsage {
        match self {
            Self::Server => KeyUsage::server_auth(),
            Self::Client => KeyUsage::client_auth(),
        }
    }
}

/// What a certificate may be used for. RFC 5280, sections 4.2.1.3 (key usage), 4.2.1.9 (basic
/// constraints) and 4.2.1.12 (extended key usage).
#[derive(Clone, Copy, Debug)]
pub struct CertificateUsage {
    is_authority: bool,
    may_sign: bool,
    /// Whether it may issue for servers and for clients, in the order of [`Peer`].
    is_for: [bool; 2],
    /// Maximum number of authorities between it and the certificate of a peer.
    path_length: Option<u32>,
}

impl CertificateUsage {
    pub fn of(certificate: &X509Certificate<'_>) -> Self {
        let basic = certificate.basic_constraints().ok().flatten();
        let key_usage = certificate.key_usage();
        let purposes = certificate.extended_key_usage();
        let is_for = |purpose: &dyn Fn(&ExtendedKeyUsage<'_>) -> bool| {
            let purposes = purposes.as_ref().map(Option::as_ref);
            purposes.is_ok_and(|purposes| {
                purposes.is_none_or(|all| all.value.any || purpose(all.value))
            })
        };
        Self {
            // X.509 before version 3 had no constraints.
            is_authority: basic.as_ref().map_or_else(
                || certificate.version() != X509Version::V3,
                |basic| basic.value.ca,
            ),
            may_sign: key_usage
                .is_ok_and(|usage| usage.is_none_or(|usage| usage.value.key_cert_sign())),
            is_for: [
                is_for(&|all| all.server_auth),
                is_for(&|all| all.client_auth),
            ],
            path_length: basic.and_then(|basic| basic.value.path_len_constraint),
        }
    }

    /// Whether it may issue certificates.
    pub fn check_sign(self) -> Result<(), IssuerFault> {
        self.may_sign.then_some(()).ok_or(IssuerFault::KeyUsage)
    }

    /// Whether it may be the authority of a peer with this many intermediate authorities.
    pub fn check(self, peer: Peer, between: usize) -> Result<(), IssuerFault> {
        if !self.is_authority {
            return Err(IssuerFault::NotAuthority);
        }
        self.check_sign()?;
        if !self.is_for[peer as usize] {
            return Err(IssuerFault::Purpose(peer));
        }
        match self.path_length {
            Some(most) if usize::try_from(most).is_ok_and(|most| between > most) => {
                Err(IssuerFault::PathLength(most))
            }
            _ => Ok(()),
        }
    }
}

/// Why a certificate may not issue another one.
#[derive(Debug)]
pub enum IssuerFault {
    Dates(CertificateError),
    NotAuthority,
    KeyUsage,
    Purpose(Peer),
    PathLength(u32),
    /// Its RSA key has this many bits.
    ShortKey(usize),
    /// It is not trusted.
    Unknown {
        is_shown: bool,
    },
}

/// Why a chain is invalid because of one of its issuers.
#[derive(Debug, thiserror::Error)]
#[error("{subject}: {fault:?}")]
pub struct IssuerNotValid {
    pub subject: String,
    pub fault: IssuerFault,
}

impl IssuerFault {
    /// The text after "its authority"; `dates` describes invalid dates.
    pub fn words(&self, dates: impl FnOnce(&CertificateError) -> String) -> Cow<'static, str> {
        let words = match self {
            Self::Dates(fault) => return dates(fault).into(),
            Self::PathLength(0) => "allows no other authority below it",
            Self::PathLength(most) => {
                return format!("allows at most {most} other authorities below it").into();
            }
            Self::ShortKey(bits) => return short_key(*bits).into(),
            Self::Unknown { is_shown: true } => "is unknown; set `ca_file` to it",
            Self::Unknown { is_shown: false } => {
                "is unknown, and the server does not send it: configure it to send the full chain, or set `ca_file` to the \
                 authority or to the certificate itself"
            }
            Self::NotAuthority => "is not a certificate authority (basic constraints)",
            Self::KeyUsage => "may not issue certificates (key usage without keyCertSign)",
            Self::Purpose(Peer::Server) => "may not issue for servers (extended key usage)",
            Self::Purpose(Peer::Client) => "may not issue for clients (extended key usage)",
        };
        words.into()
    }
}

/// A server's RSA key that is too short for verification.
#[derive(Debug, thiserror::Error)]
#[error("an RSA key of {0} bits")]
pub struct ShortKey(pub usize);

/// Describes a key that is too short.
pub fn short_key(bits: usize) -> String {
    format!("has an RSA key of {bits} bits; slod's TLS library verifies 2048 bits or more")
}

/// The length in bits of an RSA key that is too short for ring; `None` for other keys.
pub fn bits_of_short_key(certificate: &X509Certificate<'_>) -> Option<usize> {
    const LEAST: usize = 2048;
    let x509_parser::public_key::PublicKey::RSA(key) = certificate.public_key().parsed().ok()?
    else {
        return None;
    };
    // Without the leading zeros that keep the number positive.
    let significant = key.modulus.iter().skip_while(|byte| **byte == 0);
    let bits = significant.count() * 8;
    (bits < LEAST).then_some(bits)
}
