//! TLS with the certificate's facts known whatever becomes of the handshake. Sessions are never
//! resumed: a probe pays the full handshake that a new user pays.

use super::{Failure, Progress};
use crate::outcome::Phase;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// What a user may say about TLS.
#[derive(Debug, Default)]
pub struct TlsOptions {
    /// Trusted instead of the system's certificates.
    pub roots: Option<RootCertStore>,
    /// Certificate chain and key to show on request.
    pub identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    pub insecure: bool,
    pub alpn: Vec<Vec<u8>>,
}

/// Ready to shake hands, any number of times.
#[derive(Clone, Debug)]
pub struct Tls {
    config: ClientConfig,
    /// `None` trusts everybody.
    verifier: Option<Arc<WebPkiServerVerifier>>,
}

impl Tls {
    /// Fails with a sentence if the certificates make no sense together.
    pub fn new(options: TlsOptions) -> Result<Self, String> {
        let provider = provider();
        let verifier = if options.insecure {
            None
        } else {
            let roots = options.roots.map_or_else(system_roots, Arc::new);
            let built =
                WebPkiServerVerifier::builder_with_provider(roots, provider.clone()).build();
            Some(built.map_err(|error| format!("no trusted certificates: {error}"))?)
        };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Recorder::new(verifier.clone())));
        let mut config = match options.identity {
            Some((chain, key)) => builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| format!("the client certificate cannot be used: {error}"))?,
            None => builder.with_no_client_auth(),
        };
        config.resumption = Resumption::disabled();
        config.alpn_protocols = options.alpn;
        Ok(Self { config, verifier })
    }

    /// Shakes hands; the end of the certificate's time is noted even if it is not trusted.
    pub async fn handshake(
        &self,
        stream: TcpStream,
        name: ServerName<'static>,
        progress: &mut Progress<'_>,
    ) -> Result<TlsStream<TcpStream>, Failure> {
        progress.enter(Phase::Tls);
        let recorder = Arc::new(Recorder::new(self.verifier.clone()));
        let mut config = self.config.clone();
        config
            .dangerous()
            .set_certificate_verifier(recorder.clone());
        let shown = name.to_str().into_owned();
        let result = TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await;
        if let Some(leaf) = recorder.seen() {
            note_certificate(&leaf, progress);
        }
        let stream = result.map_err(|error| {
            let failure = Failure::tls(&error);
            progress.tell("tls", || format!("{shown}: {}", failure.message));
            failure
        })?;
        progress.tell("tls", || {
            let (_, connection) = stream.get_ref();
            let version = connection
                .protocol_version()
                .and_then(|version| version.as_str())
                .unwrap_or("?");
            let suite = connection
                .negotiated_cipher_suite()
                .map_or(String::new(), |suite| format!("{:?}", suite.suite()));
            let alpn = connection
                .alpn_protocol()
                .map_or_else(|| "none".into(), String::from_utf8_lossy);
            format!("{shown}: {version}, {suite}, ALPN {alpn}")
        });
        Ok(stream)
    }
}

fn note_certificate(leaf: &CertificateDer<'_>, progress: &mut Progress<'_>) {
    let Ok((_, certificate)) = x509_parser::parse_x509_certificate(leaf) else {
        progress.tell("tls", || "the certificate cannot be read".to_owned());
        return;
    };
    let until = certificate.validity().not_after;
    progress.detail.tls_not_after = Some(until.timestamp());
    progress.tell("tls", || {
        format!(
            "certificate of {}, issued by {}, valid until {until}",
            certificate.subject(),
            certificate.issuer()
        )
    });
}

fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER
        .get_or_init(|| Arc::new(ring::default_provider()))
        .clone()
}

/// The certificates that the system trusts, read once.
fn system_roots() -> Arc<RootCertStore> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let load = || {
        let mut roots = RootCertStore::empty();
        let loaded = rustls_native_certs::load_native_certs();
        for error in &loaded.errors {
            tracing::warn!("a trusted certificate of the system cannot be read: {error}");
        }
        roots.add_parsable_certificates(loaded.certs);
        Arc::new(roots)
    };
    ROOTS.get_or_init(load).clone()
}

/// Verifies as usual and remembers the server's certificate for one connection.
#[derive(Debug)]
struct Recorder {
    inner: Option<Arc<WebPkiServerVerifier>>,
    leaf: Mutex<Option<CertificateDer<'static>>>,
}

impl Recorder {
    fn new(inner: Option<Arc<WebPkiServerVerifier>>) -> Self {
        Self {
            inner,
            leaf: Mutex::new(None),
        }
    }

    fn seen(&self) -> Option<CertificateDer<'static>> {
        self.leaf
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        *self.leaf.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(end_entity.clone().into_owned());
        match &self.inner {
            Some(inner) => {
                inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            }
            None => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            cert,
            signature,
            &provider().signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            cert,
            signature,
            &provider().signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}
