//! Real servers on 127.0.0.1 for probes: plain bytes, TLS, and proxies.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// Requests that a server received, each with its head as text.
pub type Seen = Arc<Mutex<Vec<String>>>;

/// Serves every connection with `serve`; stops with the test's runtime.
pub async fn tcp<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

/// Reads a request's head, and a body as long as Content-Length says.
pub async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    let mut text = String::from_utf8_lossy(&head).into_owned();
    let length = text.lines().find_map(|line| {
        line.to_ascii_lowercase()
            .strip_prefix("content-length: ")?
            .parse()
            .ok()
    });
    let mut body = vec![0; length.unwrap_or(0)];
    if stream.read_exact(&mut body).await.is_ok() {
        text.push_str(&String::from_utf8_lossy(&body));
    }
    text
}

/// Answers every request with the result of `answer` for its head.
pub async fn http(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> (SocketAddr, Seen) {
    let seen = Seen::default();
    let (log, answer) = (seen.clone(), Arc::new(answer));
    let address = tcp(move |mut stream| {
        let (log, answer) = (log.clone(), answer.clone());
        async move { converse(&mut stream, &log, &*answer).await }
    })
    .await;
    (address, seen)
}

pub async fn converse(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    log: &Seen,
    answer: &(dyn Fn(&str) -> Vec<u8> + Send + Sync),
) {
    let request = read_request(stream).await;
    let bytes = answer(&request);
    log.lock().expect("no panic holds it").push(request);
    let _ = stream.write_all(&bytes).await;
    let _ = stream.shutdown().await;
}

/// A complete response with a body.
pub fn ok(body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nContent-Type: application/json\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

pub fn redirect(status: u16, location: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
        .into_bytes()
}

/// A certificate authority, created for each test.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// Properties of a server's certificate.
#[derive(Clone, Copy)]
pub enum Leaf {
    Good,
    Expired,
    /// Issued for another host.
    Elsewhere,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(vec![]).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("self-signed"))
    }

    /// Creates one, and a folder with its certificate in `ca.pem`.
    pub fn in_folder() -> (Self, tempfile::TempDir) {
        let (authority, folder) = (Self::new(), tempfile::tempdir().expect("a folder"));
        std::fs::write(folder.path().join("ca.pem"), authority.pem()).expect("written");
        (authority, folder)
    }

    /// The authority's own certificate, for `ca_file`.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate and its key as PEM.
    pub fn issue(&self, leaf: Leaf) -> (rcgen::Certificate, KeyPair) {
        let mut params = CertificateParams::new(vec![]).expect("no names");
        params.subject_alt_names = match leaf {
            Leaf::Elsewhere => vec![SanType::DnsName(
                "elsewhere.test".try_into().expect("a name"),
            )],
            Leaf::Good | Leaf::Expired => vec![
                SanType::DnsName("localhost".try_into().expect("a name")),
                SanType::IpAddress([127, 0, 0, 1].into()),
            ],
        };
        if matches!(leaf, Leaf::Expired) {
            params.not_before = rcgen::date_time_ymd(2020, 1, 1);
            params.not_after = rcgen::date_time_ymd(2021, 1, 1);
        }
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.0).expect("signed");
        (certificate, key)
    }

    /// Writes the certificate of a client to `me.pem`, and its key to `me.key`.
    pub fn issue_client(&self, folder: &Path) {
        let (certificate, key) = self.issue(Leaf::Good);
        std::fs::write(folder.join("me.pem"), certificate.pem()).expect("written");
        std::fs::write(folder.join("me.key"), key.serialize_pem()).expect("written");
    }

    fn server(&self, leaf: Leaf, alpn: &[&[u8]], client_auth: bool) -> ServerConfig {
        self.serving(self.issue(leaf), alpn, client_auth)
    }

    fn serving(
        &self,
        (certificate, key): (rcgen::Certificate, KeyPair),
        alpn: &[&[u8]],
        client_auth: bool,
    ) -> ServerConfig {
        let chain = vec![certificate.der().clone()];
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .expect("versions");
        let mut config = if client_auth {
            let mut roots = rustls::RootCertStore::empty();
            roots
                .add(CertificateDer::from(self.0.der().to_vec()))
                .expect("our own");
            let verifier =
                rustls::server::WebPkiClientVerifier::builder_with_provider(roots.into(), provider)
                    .build()
                    .expect("a verifier");
            builder
                .with_client_cert_verifier(verifier)
                .with_single_cert(chain, key)
                .expect("they fit")
        } else {
            builder
                .with_no_client_auth()
                .with_single_cert(chain, key)
                .expect("they fit")
        };
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        config
    }

    /// An HTTPS server that responds according to `answer`.
    pub async fn https(
        &self,
        leaf: Leaf,
        client_auth: bool,
        answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static,
    ) -> (SocketAddr, Seen) {
        let acceptor = TlsAcceptor::from(Arc::new(self.server(leaf, &[b"http/1.1"], client_auth)));
        let seen = Seen::default();
        let (log, answer) = (seen.clone(), Arc::new(answer));
        let address = tcp(move |stream| {
            let (acceptor, log, answer) = (acceptor.clone(), log.clone(), answer.clone());
            async move {
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    converse(&mut stream, &log, &*answer).await;
                }
            }
        })
        .await;
        (address, seen)
    }

    /// Accepts TLS with a certificate that has these properties.
    pub fn acceptor(&self, leaf: Leaf) -> TlsAcceptor {
        Arc::new(self.server(leaf, &[], false)).into()
    }

    /// A TLS server that sends `greeting` and keeps the connection open; and its certificate as PEM.
    pub async fn tls(&self, leaf: Leaf, greeting: &'static [u8]) -> (SocketAddr, String) {
        let issued = self.issue(leaf);
        let pem = issued.0.pem();
        let acceptor = TlsAcceptor::from(Arc::new(self.serving(issued, &[], false)));
        let address = tcp(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    let _ = stream.write_all(greeting).await;
                    let _ = stream.flush().await;
                    std::future::pending::<()>().await;
                }
            }
        })
        .await;
        (address, pem)
    }

    /// A DNS over TLS server that answers one question with the result of `answer`.
    pub async fn dns(&self, leaf: Leaf, answer: fn(&[u8]) -> Vec<u8>) -> SocketAddr {
        let acceptor = TlsAcceptor::from(Arc::new(self.server(leaf, &[b"dot"], false)));
        tcp(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                let mut question = vec![0; stream.read_u16().await.unwrap_or(0).into()];
                let _ = stream.read_exact(&mut question).await;
                let _ = stream.write_all(&answer(&question)).await;
                let _ = stream.shutdown().await;
            }
        })
        .await
    }

    /// An HTTP/2 server over TLS that responds with the version and the URL of the request.
    pub async fn http2(&self) -> SocketAddr {
        self.http2_with(&[b"h2"], false).await
    }

    /// Same, with these ALPN protocols.
    pub async fn http2_with(&self, alpn: &[&[u8]], client_auth: bool) -> SocketAddr {
        let acceptor = TlsAcceptor::from(Arc::new(self.server(Leaf::Good, alpn, client_auth)));
        tcp(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                let Ok(stream) = acceptor.accept(stream).await else {
                    return;
                };
                let service = hyper::service::service_fn(
                    |request: hyper::Request<hyper::body::Incoming>| async move {
                        let reported = format!("{:?} {}", request.version(), request.uri());
                        Ok::<_, std::convert::Infallible>(hyper::Response::new(
                            http_body_util::Full::new(hyper::body::Bytes::from(reported)),
                        ))
                    },
                );
                let builder =
                    hyper::server::conn::http2::Builder::new(hyper_util::rt::TokioExecutor::new());
                let _ = builder
                    .serve_connection(hyper_util::rt::TokioIo::new(stream), service)
                    .await;
            }
        })
        .await
    }
}
