//! What certificates say of what they may issue. webpki takes no notice of key usages, and of a trusted
//! authority it knows only the name, the key and the constraints of names.

use rustls::CertificateError;
use std::borrow::Cow;
use webpki::KeyUsage;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ExtendedKeyUsage;
use x509_parser::x509::X509Version;

/// Whose certificate it is about.
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

/// RFC 5280, sections 4.2.1.3 (key usage), 4.2.1.9 (basic constraints) and 4.2.1.12 (extended key usage).
#[derive(Clone, Copy, Debug)]
pub struct Powers {
    is_authority: bool,
    may_sign: bool,
    /// Servers and clients, in the order of [`Peer`].
    is_for: [bool; 2],
    /// How many authorities there may be between it and the certificate of a peer.
    path_length: Option<u32>,
}

impl Powers {
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
            // Before version 3 there were no constraints.
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

    /// Whether it may issue certificates at all.
    pub fn check_sign(self) -> Result<(), IssuerFault> {
        self.may_sign.then_some(()).ok_or(IssuerFault::KeyUsage)
    }

    /// Whether it may be the authority of a peer with this many authorities between both.
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

/// Why a certificate may not be the issuer of another.
#[derive(Debug)]
pub enum IssuerFault {
    Dates(CertificateError),
    NotAuthority,
    KeyUsage,
    Purpose(Peer),
    PathLength(u32),
    /// The bits of its RSA key.
    ShortKey(usize),
    /// Nobody trusts it, and the server shows it or not.
    Unknown {
        is_shown: bool,
    },
}

/// Why a chain is not valid that is but for what one of its issuers says of itself.
#[derive(Debug, thiserror::Error)]
#[error("{subject}: {fault:?}")]
pub struct IssuerNotValid {
    pub subject: String,
    pub fault: IssuerFault,
}

impl IssuerFault {
    /// What follows "its authority"; `dates` says what is wrong with a date.
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
                "is unknown, and the server does not send it: let it send the whole chain, or set `ca_file` to the \
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

/// A server's RSA key that cannot be verified with.
#[derive(Debug, thiserror::Error)]
#[error("an RSA key of {0} bits")]
pub struct ShortKey(pub usize);

/// What a key of so few bits means.
pub fn short_key(bits: usize) -> String {
    format!("has an RSA key of {bits} bits; slod's TLS library verifies 2048 bits or more")
}

/// The bits of an RSA key that ring does not verify with.
pub fn bits_of_short_key(certificate: &X509Certificate<'_>) -> Option<usize> {
    const LEAST: usize = 2048;
    let x509_parser::public_key::PublicKey::RSA(key) = certificate.public_key().parsed().ok()?
    else {
        return None;
    };
    // Without the zeros in front that make the number positive.
    let significant = key.modulus.iter().skip_while(|byte| **byte == 0);
    let bits = significant.count() * 8;
    (bits < LEAST).then_some(bits)
}
