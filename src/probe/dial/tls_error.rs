//! TLS errors as sentences: no error text of a library is shown to users.

use super::dates::OutOfDate;
use super::issuer::{IssuerNotValid, ShortKey, short_key};
use crate::outcome::{Cause, Timestamp};
use crate::text::printable;
use rustls::pki_types::{ServerName, UnixTime};
use rustls::{
    AlertDescription, CertificateError, Error, InvalidMessage, OtherError, PeerIncompatible,
};

/// The cause and a sentence for an error.
pub fn explain(error: &Error) -> (Cause, String) {
    let words: String = match error {
        Error::InvalidCertificate(reason) => {
            let message = short_key_of(reason).unwrap_or_else(|| {
                format!("the certificate is not trusted: {}", certificate(reason))
            });
            return (Cause::Certificate, message);
        }
        Error::NoCertificatesPresented => {
            return (Cause::Certificate, "the server sent no certificate".into());
        }
        Error::AlertReceived(alert) => {
            format!("the server rejected the handshake: {}", refusal(*alert))
        }
        Error::PeerIncompatible(reason) => incompatible(reason).into(),
        Error::InvalidMessage(reason) => invalid(reason).into(),
        Error::PeerMisbehaved(_)
        | Error::InappropriateMessage { .. }
        | Error::InappropriateHandshakeMessage { .. } => {
            "the server violates the TLS protocol".into()
        }
        Error::PeerSentOversizedRecord => "the server sent a record that is too large".into(),
        Error::DecryptError => "a message from the server cannot be decrypted".into(),
        Error::NoApplicationProtocol => "no application protocol (ALPN) in common".into(),
        Error::UnsupportedNameType => "the server's name cannot be verified".into(),
        Error::InconsistentKeys(_) => "the client certificate and its key do not match".into(),
        Error::FailedToGetCurrentTime => "the time on this machine is unknown".into(),
        Error::FailedToGetRandomBytes => "this machine provides no random numbers".into(),
        _ => "the connection could not be secured".into(),
    };
    (Cause::Tls, format!("TLS: {words}"))
}

/// A key that cannot be used for verification is not a question of trust.
fn short_key_of(error: &CertificateError) -> Option<String> {
    let CertificateError::Other(OtherError(inner)) = error else {
        return None;
    };
    let ShortKey(bits) = inner.downcast_ref()?;
    Some(format!("the certificate {}", short_key(*bits)))
}

/// Why a certificate is not valid, as a sentence about `it`.
pub fn certificate(error: &CertificateError) -> String {
    let words = match error {
        CertificateError::ExpiredContext { not_after, .. } => {
            return format!("it expired on {}", date(*not_after));
        }
        CertificateError::NotValidYetContext { not_before, .. } => {
            return format!("it is not valid before {}", date(*not_before));
        }
        CertificateError::NotValidForNameContext {
            expected: expected @ ServerName::DnsName(_),
            presented,
        } if presented.is_empty() => {
            let expected = expected.to_str();
            return format!(
                "it is not valid for {expected}: its subject alternative names contain no host name"
            );
        }
        CertificateError::NotValidForNameContext { expected, .. } => {
            return format!("it is not valid for {}", expected.to_str());
        }
        CertificateError::Expired => "it has expired",
        CertificateError::NotValidYet => "it is not valid yet",
        CertificateError::NotValidForName => "it is not valid for this name",
        CertificateError::UnknownIssuer => {
            "its issuer is unknown; set `ca_file` to the authority or to the certificate itself"
        }
        CertificateError::BadEncoding => "it is not a valid X.509 certificate",
        CertificateError::Revoked => "it was revoked",
        CertificateError::UnhandledCriticalExtension => {
            "it has a critical extension that is not supported"
        }
        CertificateError::UnknownRevocationStatus
        | CertificateError::ExpiredRevocationList
        | CertificateError::ExpiredRevocationListContext { .. }
        | CertificateError::InvalidOcspResponse => "whether it was revoked is unknown",
        CertificateError::BadSignature => "a signature is not valid",
        CertificateError::UnsupportedSignatureAlgorithmContext {
            signature_algorithm_id,
            ..
        } => unsupported(signature_algorithm_id),
        CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext {
            public_key_algorithm_id,
            ..
        } => unsupported(public_key_algorithm_id),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "it is not meant for servers (extended key usage)"
        }
        CertificateError::Other(OtherError(inner)) => {
            if let Some(issuer) = inner.downcast_ref::<IssuerNotValid>() {
                return of_issuer(issuer);
            }
            let inner = inner.downcast_ref::<webpki::Error>();
            inner.map_or("it is not valid", path)
        }
        _ => "it is not valid",
    };
    words.to_owned()
}

/// `` `CN=Root` expired on 2021-01-01 00:00 UTC ``
pub fn dated(one: &OutOfDate) -> String {
    let fault = certificate(&one.fault);
    let fault = fault.strip_prefix("it ").unwrap_or(&fault);
    format!("`{}` {fault}", printable(&one.subject))
}

/// The signature algorithm or curve that ring does not support, by its DER identifier.
fn unsupported(algorithm: &[u8]) -> &'static str {
    const ECDSA_SHA512: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4];
    const P521: &[u8] = &[6, 5, 0x2b, 0x81, 4, 0, 0x23];
    let has = |oid| memchr::memmem::find(algorithm, oid).is_some();
    if has(P521) {
        "a key is on the curve P-521, which slod's TLS library does not support"
    } else if has(ECDSA_SHA512) {
        "a signature is ECDSA with SHA-512, which slod's TLS library does not support"
    } else {
        "a signature or a key is of a kind that is not supported, or no longer secure"
    }
}

/// Why an issuer in the chain is not valid.
fn of_issuer(IssuerNotValid { subject, fault }: &IssuerNotValid) -> String {
    let words = fault.words(|dates| {
        let words = certificate(dates);
        words.strip_prefix("it ").unwrap_or(&words).to_owned()
    });
    format!("its authority `{subject}` {words}")
}

/// Errors of a certificate, or of the path to its authority, that rustls only passes on from
/// webpki.
fn path(error: &webpki::Error) -> &'static str {
    use webpki::Error as E;
    match error {
        E::CaUsedAsEndEntity => "it is a CA certificate (CA:TRUE)",
        E::UnsupportedCertVersion => {
            "it uses an old version of X.509; add this certificate to `ca_file` to trust it"
        }
        E::EndEntityUsedAsCa => "an issuer in its chain is not a certificate authority",
        E::NameConstraintViolation => "an authority in its chain may not issue for this name",
        // Its names are compared only with constraints.
        E::MalformedDnsIdentifier => {
            "it has a name that cannot be compared with the name constraints of its authority, such as a wildcard with a single label"
        }
        E::PathLenConstraintViolated => "its chain has more authorities than allowed",
        E::InvalidCertValidity => "its validity ends before it begins",
        E::SignatureAlgorithmMismatch => "it specifies two signature algorithms",
        E::EmptyEkuExtension => "its extended key usage is empty",
        E::UnsupportedCriticalExtension => "it has a critical extension that is not supported",
        E::MaximumNameConstraintComparisonsExceeded
        | E::MaximumPathBuildCallsExceeded
        | E::MaximumPathDepthExceeded
        | E::MaximumSignatureChecksExceeded => "its certificate chain is too long",
        E::BadDer
        | E::BadDerTime
        | E::ExtensionValueInvalid
        | E::InvalidNetworkMaskConstraint
        | E::InvalidSerialNumber
        | E::MalformedExtensions
        | E::MalformedNameConstraint
        | E::TrailingData(_)
        | E::UnsupportedNameType => "it is not a valid X.509 certificate",
        _ => "it is not valid",
    }
}

fn date(time: UnixTime) -> String {
    let secs = i64::try_from(time.as_secs()).unwrap_or(i64::MAX / 1000);
    let time = Timestamp::from_secs(secs).to_utc();
    time.format("%Y-%m-%d %H:%M UTC").to_string()
}

fn incompatible(reason: &PeerIncompatible) -> &'static str {
    match reason {
        PeerIncompatible::ServerDoesNotSupportTls12Or13
        | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
        | PeerIncompatible::SupportedVersionsExtensionRequired
        | PeerIncompatible::Tls12NotOffered
        | PeerIncompatible::Tls12NotOfferedOrEnabled
        | PeerIncompatible::Tls13RequiredForQuic => {
            "the server supports neither TLS 1.2 nor TLS 1.3"
        }
        PeerIncompatible::NoCipherSuitesInCommon => "no cipher suite in common",
        PeerIncompatible::NoKxGroupsInCommon
        | PeerIncompatible::KeyShareExtensionRequired
        | PeerIncompatible::NamedGroupsExtensionRequired => "no key exchange group in common",
        PeerIncompatible::NoSignatureSchemesInCommon
        | PeerIncompatible::NoCertificateRequestSignatureSchemesInCommon
        | PeerIncompatible::SignatureAlgorithmsExtensionRequired => {
            "no signature algorithm in common"
        }
        PeerIncompatible::EcPointsExtensionRequired
        | PeerIncompatible::NoEcPointFormatsInCommon
        | PeerIncompatible::UncompressedEcPointsRequired => "no elliptic curve format in common",
        PeerIncompatible::IncorrectCertificateTypeExtension
        | PeerIncompatible::UnsolicitedCertificateTypeExtension => {
            "the server offers no certificate of a known type"
        }
        PeerIncompatible::ExtendedMasterSecretExtensionRequired => {
            "the server lacks the extended master secret"
        }
        PeerIncompatible::NullCompressionRequired => "the server requires compression",
        _ => "the server and slod support nothing in common",
    }
}

fn invalid(reason: &InvalidMessage) -> &'static str {
    match reason {
        InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion => {
            "the server does not use TLS on this port"
        }
        InvalidMessage::CertificatePayloadTooLarge
        | InvalidMessage::HandshakePayloadTooLarge
        | InvalidMessage::MessageTooLarge => "a message from the server is too large",
        _ => "a message from the server is not valid TLS",
    }
}

/// Describes an alert of RFC 8446 or its predecessors by its number.
fn refusal(alert: AlertDescription) -> String {
    let number = u8::from(alert);
    let words = match number {
        0 => "it closed the connection",
        10 => "unexpected message",
        20 => "bad record MAC",
        21 => "decryption failed",
        22 => "record overflow",
        30 => "decompression failed",
        40 => {
            "handshake failure: nothing in common (a key on the curve P-521 is supported only with `insecure` and TLS 1.3), or a client certificate is missing"
        }
        41 | 116 => "it requires a client certificate",
        42 => "the client certificate is not valid",
        43 => "the client certificate is of an unsupported type",
        44 => "the client certificate was revoked",
        45 => "the client certificate has expired",
        46 => "the client certificate is not accepted",
        47 => "illegal parameter",
        48 => "the client certificate's authority is unknown to it",
        49 => "access denied",
        50 => "decode error",
        51 => "decrypt error",
        60 => "export restriction",
        70 => "it supports no TLS version that slod supports",
        71 => "insufficient security",
        80 => "internal error in the server",
        86 => "inappropriate fallback",
        90 => "canceled",
        100 => "no renegotiation",
        109 => "missing extension",
        110 => "unsupported extension",
        111 => "it cannot obtain the client certificate",
        112 => "it does not recognize the requested name",
        113 => "bad certificate status",
        114 => "bad certificate hash",
        115 => "unknown key identity",
        120 => "no application protocol (ALPN) in common",
        121 => "it requires an encrypted client hello",
        _ => "unknown alert",
    };
    format!("{words} (alert {number})")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::{CertRevocationListError, InconsistentKeys, PeerMisbehaved};
    use std::sync::Arc;

    fn other(error: webpki::Error) -> Error {
        Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(error))))
    }

    fn errors() -> Vec<Error> {
        let certificates = [
            CertificateError::BadEncoding,
            CertificateError::Expired,
            CertificateError::UnknownIssuer,
            CertificateError::NotValidForNameContext {
                expected: "a.test".try_into().expect("a name"),
                presented: vec!["DnsName(\"b.test\")".to_owned()],
            },
            CertificateError::NotValidForNameContext {
                expected: "a.test".try_into().expect("a name"),
                presented: Vec::new(),
            },
            CertificateError::ExpiredContext {
                time: UnixTime::since_unix_epoch(std::time::Duration::from_secs(2)),
                not_after: UnixTime::since_unix_epoch(std::time::Duration::from_secs(1)),
            },
            CertificateError::UnsupportedSignatureAlgorithmContext {
                signature_algorithm_id: vec![1],
                supported_algorithms: vec![],
            },
            CertificateError::ApplicationVerificationFailure,
            CertificateError::Other(OtherError(Arc::new(std::fmt::Error))),
        ];
        let mut errors: Vec<Error> = certificates.map(Error::InvalidCertificate).into();
        errors.extend((0..=255).map(|alert| Error::AlertReceived(AlertDescription::from(alert))));
        errors.extend([
            other(webpki::Error::CaUsedAsEndEntity),
            other(webpki::Error::UnsupportedCertVersion),
            other(webpki::Error::MaximumPathDepthExceeded),
            other(webpki::Error::UnsupportedDeltaCrl),
            Error::NoCertificatesPresented,
            Error::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon),
            Error::PeerIncompatible(PeerIncompatible::ServerRejectedEncryptedClientHello(None)),
            Error::PeerMisbehaved(PeerMisbehaved::TooMuchEarlyDataReceived),
            Error::InvalidMessage(InvalidMessage::InvalidContentType),
            Error::InvalidMessage(InvalidMessage::MissingData("CertificatePayload")),
            Error::InappropriateMessage {
                expect_types: vec![rustls::ContentType::Handshake],
                got_type: rustls::ContentType::ApplicationData,
            },
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch),
            Error::InvalidCertRevocationList(CertRevocationListError::ParseError),
            Error::General("SomeReason { code: 3 }".to_owned()),
            Error::Other(OtherError(Arc::new(std::fmt::Error))),
            Error::DecryptError,
            Error::HandshakeNotComplete,
        ]);
        errors
    }

    #[test]
    fn library_error_texts_are_not_shown() {
        // CamelCase words, such as `UnknownIssuer`, and the punctuation that `Debug` writes around
        // values.
        let debug = regex::Regex::new("[A-Z][a-z]+[A-Z]|[{}\"\\[\\]]|[a-zA-Z]\\(").expect("valid");
        for error in errors() {
            let (_, sentence) = explain(&error);
            assert!(!debug.is_match(&sentence), "{error:?}: {sentence}");
            assert!(!sentence.contains(&error.to_string()), "{sentence}");
        }
    }

    #[test]
    fn sentences_say_what_to_do() {
        let (cause, sentence) = explain(&other(webpki::Error::UnsupportedCertVersion));
        assert_eq!(cause, Cause::Certificate);
        assert!(sentence.contains("`ca_file`"), "{sentence}");
        let (cause, sentence) = explain(&errors()[5]);
        assert_eq!(cause, Cause::Certificate);
        assert!(
            sentence.ends_with("it expired on 1970-01-01 00:00 UTC"),
            "{sentence}"
        );
        let (cause, sentence) = explain(&Error::AlertReceived(AlertDescription::ProtocolVersion));
        assert_eq!(cause, Cause::Tls);
        assert_eq!(
            sentence,
            "TLS: the server rejected the handshake: it supports no TLS version that slod supports (alert 70)"
        );
    }
}
