//! What a TLS handshake shows of the server and asks of the client, recorded even if it fails.

use super::dates::Dates;
use super::trust::{Trust, provider, tls12_signature, tls13_signature};
use parking_lot::Mutex;
use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, SignatureScheme};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Presents the configured client certificate, and records whether the server asked for one.
#[derive(Debug)]
pub struct RecordingResolver {
    inner: Arc<dyn ResolvesClientCert>,
    was_asked: AtomicBool,
}

impl RecordingResolver {
    pub fn new(inner: Arc<dyn ResolvesClientCert>) -> Self {
        Self {
            inner,
            was_asked: AtomicBool::new(false),
        }
    }

    pub fn was_asked(&self) -> bool {
        self.was_asked.load(Ordering::Relaxed)
    }
}

impl ResolvesClientCert for RecordingResolver {
    fn resolve(&self, hints: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.was_asked.store(true, Ordering::Relaxed);
        self.inner.resolve(hints, schemes)
    }

    fn has_certs(&self) -> bool {
        self.inner.has_certs()
    }
}

/// Signature schemes that the library does not verify.
const NOT_VERIFIED: [SignatureScheme; 3] = [
    SignatureScheme::ECDSA_NISTP521_SHA512,
    SignatureScheme::RSA_PKCS1_SHA1,
    SignatureScheme::ECDSA_SHA1_Legacy,
];

/// What a server presented.
#[derive(Debug)]
pub struct PeerCertificate {
    pub leaf: CertificateDer<'static>,
    /// The certificate of its chain that expires first; `None` without a chain.
    pub first: Option<Dates>,
}

/// Verifies a connection and remembers the certificate of the server. If every certificate is trusted, a handshake
/// signature proves nothing, so any is accepted, even by short keys and of schemes that the library does not
/// support; printers and management controllers use such keys.
#[derive(Debug)]
pub struct RecordingVerifier {
    trust: Option<Arc<Trust>>,
    seen: Mutex<Option<PeerCertificate>>,
}

impl RecordingVerifier {
    pub fn new(trust: Option<Arc<Trust>>) -> Self {
        Self {
            trust,
            seen: Mutex::new(None),
        }
    }

    pub fn seen(&self) -> Option<PeerCertificate> {
        self.seen.lock().take()
    }
}

impl ServerCertVerifier for RecordingVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let trust = self.trust.as_ref();
        let chain = trust.map(|trust| trust.check(end_entity, intermediates, server_name, now));
        *self.seen.lock() = Some(PeerCertificate {
            leaf: end_entity.clone().into_owned(),
            first: chain.as_ref().and_then(|chain| chain.first),
        });
        chain.map_or(Ok(()), |chain| chain.verdict)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        match self.trust {
            Some(_) => tls12_signature(message, cert, signature),
            None => Ok(HandshakeSignatureValid::assertion()),
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        match self.trust {
            Some(_) => tls13_signature(message, cert, signature),
            None => Ok(HandshakeSignatureValid::assertion()),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let mut schemes = provider()
            .signature_verification_algorithms
            .supported_schemes();
        if self.trust.is_none() {
            schemes.extend(NOT_VERIFIED);
        }
        schemes
    }
}
