//! TLS clients other than probes: connections to receivers, to the dead man's switch, and from commands to the
//! daemon.

use super::tls::{Identity, config};
use super::trust::{Trust, provider, tls12_signature, tls13_signature};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use std::sync::Arc;

/// A client that trusts, at each handshake, the system's current certificates.
pub fn system_client() -> Result<ClientConfig, String> {
    client_of(None, None)
}

/// A client that trusts these certificates instead of the system's, and presents its own on request. Returns an
/// error message if its certificate and key do not match.
pub fn client_of(
    trust: Option<Arc<Trust>>,
    identity: Option<Identity>,
) -> Result<ClientConfig, String> {
    let trust = trust.map_or(Source::System(Trust::system), Source::These);
    config(Arc::new(TrustVerifier { trust }), identity)
}

#[derive(Debug)]
struct TrustVerifier {
    trust: Source,
}

#[derive(Debug)]
enum Source {
    These(Arc<Trust>),
    /// The system's current certificates.
    System(fn() -> Result<Arc<Trust>, String>),
}

impl Source {
    fn now(&self) -> Result<Arc<Trust>, String> {
        match self {
            Self::These(trust) => Ok(trust.clone()),
            Self::System(read) => read(),
        }
    }
}

impl ServerCertVerifier for TrustVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let trust = self.trust.now().map_err(Error::General)?;
        let chain = trust.check(end_entity, intermediates, server_name, now);
        chain.verdict?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        tls12_signature(message, cert, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        tls13_signature(message, cert, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::Mutex;

    static TRUSTED: Mutex<Option<Arc<Trust>>> = Mutex::new(None);

    #[test]
    fn newly_trusted_certificates_apply_to_the_next_handshake() {
        let made = rcgen::generate_simple_self_signed(["hooks.test".to_owned()]);
        let shown = made.expect("a certificate").cert.der().clone();
        let client = TrustVerifier {
            trust: Source::System(|| TRUSTED.lock().clone().ok_or_else(|| "none yet".to_owned())),
        };
        let name = ServerName::try_from("hooks.test").expect("a name");
        let verified = || client.verify_server_cert(&shown, &[], &name, &[], UnixTime::now());
        assert_eq!(
            verified().err(),
            Some(Error::General("none yet".to_owned()))
        );
        let other = rcgen::generate_simple_self_signed(["other.test".to_owned()]);
        let other = other.expect("a certificate").cert.der().clone();
        *TRUSTED.lock() = Trust::new(std::slice::from_ref(&other)).ok();
        assert!(matches!(verified(), Err(Error::InvalidCertificate(_))));
        *TRUSTED.lock() = Trust::new(&[other, shown.clone()]).ok();
        assert!(verified().is_ok());
    }
}
