//! Start of a connection: TLS if configured, and the identity of the peer.

use super::auth::{Peer, ServerTls, name_of, refusal};
use parking_lot::Mutex;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy, sink};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// Maximum duration of the TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Minimum time between two log messages about rejected client certificates.
const LOGGED_EVERY: Duration = Duration::from_secs(10);
/// The first byte of every TLS connection.
const TLS_HANDSHAKE: u8 = 0x16;
/// Maximum bytes read from a client that does not speak TLS.
const UNREAD_MAX: u64 = 64 * 1024;
const NOT_TLS: &[u8] = b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nThis is an HTTPS server: use https://\n";

pub trait Connection: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Connection for T {}

/// Opens a connection; `None` if the handshake fails.
pub async fn open(
    stream: TcpStream,
    address: SocketAddr,
    tls: Option<&ServerTls>,
) -> Option<(Box<dyn Connection>, Peer)> {
    let Some(tls) = tls else {
        let peer = Peer {
            address,
            is_secure: false,
            certificate: None,
        };
        return Some((Box::new(stream), peer));
    };
    let accepted = secure(stream, address.ip(), tls);
    let stream = timeout(HANDSHAKE, accepted).await.ok()??;
    let verified = stream
        .get_ref()
        .1
        .peer_certificates()
        .filter(|_| tls.client_auth.verifies());
    let leaf = verified.and_then(|chain| chain.first());
    let peer = Peer {
        address,
        is_secure: true,
        certificate: leaf.map(name_of),
    };
    Some((Box::new(stream), peer))
}

async fn secure(
    mut stream: TcpStream,
    client: IpAddr,
    tls: &ServerTls,
) -> Option<tokio_rustls::server::TlsStream<TcpStream>> {
    let mut first = [0];
    if stream.peek(&mut first).await.ok()? == 1 && first[0] != TLS_HANDSHAKE {
        // Helps clients that forgot the `s` of https.
        let _ = stream.write_all(NOT_TLS).await;
        let _ = stream.shutdown().await;
        // Closing with unread bytes resets the connection, and the client may not see the response.
        let _ = copy(&mut stream.take(UNREAD_MAX), &mut sink()).await;
        return None;
    }
    let accepted = TlsAcceptor::from(tls.config.clone()).accept(stream).await;
    accepted
        .inspect_err(|error| {
            let fault = error.get_ref().and_then(|fault| fault.downcast_ref());
            if let Some(rustls::Error::InvalidCertificate(fault)) = fault {
                REFUSED_CLIENTS.log(client, &refusal(fault));
            } else {
                tracing::debug!("a TLS handshake failed: {error}");
            }
        })
        .ok()
}

static REFUSED_CLIENTS: RefusedClients = RefusedClients(Mutex::new(None));

/// Limits log messages about rejected client certificates, however often clients connect.
struct RefusedClients(Mutex<Option<Logged>>);

/// Time of the last message, and the number of suppressed ones since.
struct Logged {
    at: Instant,
    unlogged: u64,
}

impl RefusedClients {
    fn log(&self, client: IpAddr, reason: &str) {
        let mut logged = self.0.lock();
        let more = match &mut *logged {
            Some(last) if last.at.elapsed() < LOGGED_EVERY => {
                last.unlogged += 1;
                return;
            }
            Some(last) if last.unlogged > 0 => {
                format!(" ({} more rejected since the last message)", last.unlogged)
            }
            _ => String::new(),
        };
        *logged = Some(Logged {
            at: Instant::now(),
            unlogged: 0,
        });
        tracing::warn!("rejected the client certificate of {client}: {reason}{more}");
    }
}
