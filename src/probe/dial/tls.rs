//! TLS handshakes that record the server's certificate even if they fail. Sessions are never resumed, so that a
//! probe measures the full handshake of a new user.

use super::certificates::alternative_names;
use super::dates::Dates;
use super::recording::{PeerCertificate, RecordingResolver, RecordingVerifier};
use super::trust::{Trust, provider};
use super::{Connection, Failure, Progress};
use crate::outcome::{Cause, Measurement, Timestamp, VoidReason};
use rustls::client::Resumption;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ProtocolVersion};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::{TlsConnector, client};
use x509_parser::certificate::X509Certificate;

/// A certificate chain and its key.
pub type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// The configurable TLS options.
#[derive(Debug, Default)]
pub struct TlsOptions {
    /// Certificates to trust instead of the system's.
    pub trust: Option<Arc<Trust>>,
    /// The client certificate and its key, presented on request.
    pub identity: Option<Identity>,
    /// The name to send and verify instead of the host.
    pub server_name: Option<ServerName<'static>>,
    pub insecure: bool,
    /// The protocols to offer, in order of preference.
    pub alpn: &'static [&'static [u8]],
}

impl TlsOptions {
    /// The options for servers other than the configured one: without its name and without the client certificate.
    #[must_use]
    pub fn for_others(&self) -> Self {
        Self {
            trust: self.trust.clone(),
            identity: None,
            server_name: None,
            insecure: self.insecure,
            alpn: self.alpn,
        }
    }
}

/// TLS that is ready for any number of handshakes.
#[derive(Clone, Debug)]
pub struct Tls {
    /// Shared by all that present no client certificate.
    config: Arc<ClientConfig>,
    alpn: &'static [&'static [u8]],
    trust: TrustSource,
    server_name: Option<ServerName<'static>>,
    has_identity: bool,
}

#[derive(Clone, Debug)]
enum TrustSource {
    /// The system's certificates, which may change over time.
    System,
    These(Arc<Trust>),
    Everybody,
}

/// Which certificates are trusted.
pub enum Trusted {
    /// The system's.
    System,
    /// These instead, as PEM.
    These(String),
    All,
}

impl Tls {
    /// Returns an error message if the certificates cannot be used together.
    pub fn new(options: TlsOptions) -> Result<Self, String> {
        let trust = match options.trust {
            _ if options.insecure => TrustSource::Everybody,
            Some(trust) => TrustSource::These(trust),
            None => TrustSource::System,
        };
        let has_identity = options.identity.is_some();
        let config = match options.identity {
            Some(identity) => Arc::new(config(recording(), Some(identity))?),
            None => without_identity()?,
        };
        Ok(Self {
            config,
            alpn: options.alpn,
            trust,
            server_name: options.server_name,
            has_identity,
        })
    }

    /// The trusted certificates, for another client of the same server.
    pub fn trusted(&self) -> Trusted {
        match &self.trust {
            TrustSource::Everybody => Trusted::All,
            TrustSource::System => Trusted::System,
            TrustSource::These(trust) => Trusted::These(trust.to_pem()),
        }
    }

    /// What servers are verified by now; `None` trusts every server. Returns an error message if the system has no
    /// trusted certificates.
    pub fn trusted_now(&self) -> Result<Option<Arc<Trust>>, String> {
        match &self.trust {
            TrustSource::Everybody => Ok(None),
            TrustSource::These(trust) => Ok(Some(trust.clone())),
            TrustSource::System => Trust::system().map(Some),
        }
    }

    /// Whether a client certificate is presented on request.
    pub const fn has_identity(&self) -> bool {
        self.has_identity
    }

    /// Whether a name other than the host is sent and verified.
    pub const fn has_other_name(&self) -> bool {
        self.server_name.is_some()
    }

    /// The name to send and verify: the configured one, or else the host.
    pub fn server_name(&self, host: &str) -> Result<ServerName<'static>, Failure> {
        if let Some(name) = &self.server_name {
            return Ok(name.clone());
        }
        ServerName::try_from(host.to_owned()).map_err(|_| {
            let message = format!("{host} is not valid as a TLS server name; set `server_name`");
            Failure::bad(Cause::Tls, message)
        })
    }

    /// Performs the handshake; records when the certificate expires even if it is not trusted.
    pub async fn handshake(
        &self,
        stream: Connection,
        name: ServerName<'static>,
        progress: &mut Progress<'_>,
    ) -> Result<TlsStream, Failure> {
        progress.enter(Measurement::Tls);
        let trust = self.trusted_now();
        // Without trusted certificates, the service cannot be verified.
        let trust = trust.map_err(|fault| Failure::void(VoidReason::Resources, fault))?;
        let recorder = Arc::new(RecordingVerifier::new(trust));
        let mut config = ClientConfig::clone(&self.config);
        config.alpn_protocols = self.alpn.iter().map(|one| one.to_vec()).collect();
        config
            .dangerous()
            .set_certificate_verifier(recorder.clone());
        let resolver = Arc::new(RecordingResolver::new(config.client_auth_cert_resolver));
        config.client_auth_cert_resolver = resolver.clone();
        let shown = name.to_str().into_owned();
        let result = TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await;
        if let Some(seen) = recorder.seen() {
            note_certificate(&seen, progress);
        }
        let stream = result.map_err(|error| {
            let failure = Failure::tls(&error);
            progress.record("tls", || format!("{shown}: {}", failure.message));
            failure
        })?;
        progress.record("tls", || format!("{shown}: {}", negotiated(&stream)));
        let version = stream.get_ref().1.protocol_version();
        let verifies_later = resolver.was_asked() && version == Some(ProtocolVersion::TLSv1_3);
        Ok(TlsStream {
            stream,
            verifies_later,
        })
    }
}

/// Shared, since thousands of probes use the same one.
fn without_identity() -> Result<Arc<ClientConfig>, String> {
    static SHARED: OnceLock<Result<Arc<ClientConfig>, String>> = OnceLock::new();
    let made = || config(recording(), None).map(Arc::new);
    SHARED.get_or_init(made).clone()
}

/// A placeholder: each handshake replaces the verifier and the protocols.
fn recording() -> Arc<dyn ServerCertVerifier> {
    Arc::new(RecordingVerifier::new(None))
}

/// A client that verifies servers by `verifier`, and presents its own certificate on request. Returns an error
/// message if its certificate and key do not match.
pub(super) fn config(
    verifier: Arc<dyn ServerCertVerifier>,
    identity: Option<Identity>,
) -> Result<ClientConfig, String> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|_| "no version of TLS is available".to_owned())?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match identity {
        Some((chain, key)) => builder
            .with_client_auth_cert(chain, key)
            .map_err(|_| "the client certificate and its key do not match".to_owned())?,
        None => builder.with_no_client_auth(),
    };
    // A resumed session would not be verified again.
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// Describes the negotiated parameters.
fn negotiated(stream: &client::TlsStream<Connection>) -> String {
    let (_, connection) = stream.get_ref();
    let version = match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
        Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
        _ => "TLS",
    };
    let suite = connection
        .negotiated_cipher_suite()
        .and_then(|suite| suite.suite().as_str())
        .unwrap_or("unknown cipher suite");
    let alpn = connection
        .alpn_protocol()
        .map_or_else(|| "none".into(), String::from_utf8_lossy);
    format!("{version}, {suite}, ALPN {alpn}")
}

/// A TLS connection. If the server closes TCP without `close_notify`, the data just ends, as with curl and
/// browsers: the protocol above decides whether it is complete.
#[derive(Debug)]
pub struct TlsStream {
    stream: client::TlsStream<Connection>,
    /// Whether the server verifies the client after the handshake, as in TLS 1.3.
    verifies_later: bool,
}

impl TlsStream {
    /// The negotiated protocol.
    pub fn alpn(&self) -> Option<&[u8]> {
        self.stream.get_ref().1.alpn_protocol()
    }

    /// Ends a connection over which nothing is received. If the server verifies the client only now, this returns
    /// its rejection; a server that neither rejects the client nor closes the connection by then has accepted it.
    pub async fn end(mut self, deadline: Instant) -> Result<(), Failure> {
        if !self.verifies_later {
            return Ok(());
        }
        let until = deadline.min(Instant::now() + VERIFIED_WITHIN);
        let closed = async {
            // A rejection may have arrived although the server no longer receives.
            let _ = self.shutdown().await;
            self.read(&mut [0]).await
        };
        match timeout_at(until, closed).await {
            Ok(Err(error)) => Failure::secured(&error).map_or(Ok(()), Err),
            _ => Ok(()),
        }
    }
}

impl Drop for TlsStream {
    /// Announces the end (`close_notify`), unless that has been done. Servers log a connection without it as an
    /// error, and some then block the client. Does not wait: what the kernel has no room for is not sent.
    fn drop(&mut self) {
        let (stream, connection) = self.stream.get_mut();
        connection.send_close_notify();
        let mut last = Vec::new();
        while connection.wants_write() && connection.write_tls(&mut last).is_ok() {}
        let _ = match stream {
            Connection::Left(stream) => stream.try_write(&last),
            Connection::Right(stream) => stream.try_write(&last),
        };
    }
}

/// How long a server may take to verify a client: it already has everything that it needs.
const VERIFIED_WITHIN: Duration = Duration::from_secs(1);

impl AsyncRead for TlsStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match ready!(Pin::new(&mut self.stream).poll_read(cx, buffer)) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
            result => Poll::Ready(result),
        }
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

fn note_certificate(seen: &PeerCertificate, progress: &mut Progress<'_>) {
    let Ok((_, certificate)) = x509_parser::parse_x509_certificate(&seen.leaf) else {
        progress.record("tls", || "the certificate cannot be read".to_owned());
        return;
    };
    let until = certificate.validity().not_after;
    let own = Dates::of(&certificate);
    let first = seen.first.filter(|first| first.ends() < own.ends());
    let ending = first.unwrap_or(own);
    progress
        .detail
        .note_certificate(ending.ends(), ending.length());
    progress.record("tls", || {
        format!(
            "certificate of {}{}, issued by {}, valid until {until}",
            certificate.subject(),
            names(&certificate),
            certificate.issuer()
        )
    });
    if let Some(first) = first {
        progress.record("tls", || {
            let ends = Timestamp::from_secs(first.ends()).to_utc();
            format!(
                "its chain is only valid until {}",
                ends.format("%Y-%m-%d %H:%M UTC")
            )
        });
    }
}

/// The first names that a certificate is valid for.
fn names(certificate: &X509Certificate<'_>) -> String {
    const MAX_NAMES: usize = 5;
    let mut names = alternative_names(certificate);
    names.truncate(MAX_NAMES);
    if names.is_empty() {
        return String::new();
    }
    format!(" for {}", names.join(", "))
}
