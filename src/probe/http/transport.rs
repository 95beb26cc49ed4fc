//! How requests reach a server: address family, proxy, TLS and HTTP version.

use super::Version;
use super::exchange::{Receive, Sent, exchange, is_http2};
use super::proxy::{Proxy, by_proxy};
use super::request::Request;
use crate::outcome::Cause;
use crate::probe::dial::{
    Connection, Failure, Family, Host, Progress, SocketPath, Tls, TlsStream, connect, resolve,
};
use tokio_util::either::Either;

/// Only occurs for redirects, since such a configured address is rejected.
const NOT_FORWARDED: &str = "a redirect to an `http://` address cannot be followed over HTTP/2 through a proxy, which only forwards HTTP/1.1";

/// A connection on which a request can be sent, with or without TLS.
pub type Line = Either<Connection, Box<TlsStream>>;

/// Reaches servers with a new connection for each request.
#[derive(Clone, Debug)]
pub struct Transport {
    pub version: Version,
    pub family: Family,
    /// For the configured origin.
    pub tls: Tls,
    /// For every other origin: without the client certificate and the configured name.
    pub foreign_tls: Tls,
    /// Boxed, as few probes have one.
    pub proxy: Option<Box<Proxy>>,
    /// The socket at which the configured origin is; it is reached over the network without one.
    pub socket: Option<SocketPath>,
}

impl Transport {
    /// Sends a request and receives its answer. `own` means that it goes to the configured origin.
    pub async fn ask<R: Receive>(
        &self,
        request: &Request,
        own: bool,
        receive: R,
        progress: &mut Progress<'_>,
    ) -> Result<R::Answer, Failure> {
        let (stream, http2) = self.connect(request, own, progress).await?;
        let sent = Sent {
            http2,
            forwarded_by: self.forwards(request),
        };
        exchange(request, stream, sent, receive, progress).await
    }

    /// Opens a connection for a request: through the proxy and with TLS, if it needs them. Also returns whether the
    /// connection uses HTTP/2.
    pub async fn connect(
        &self,
        request: &Request,
        own: bool,
        progress: &mut Progress<'_>,
    ) -> Result<(Line, bool), Failure> {
        let is_forwarded = self.forwards(request).is_some();
        if is_forwarded && self.version == Version::Http2 {
            return Err(Failure::bad(Cause::Redirect, NOT_FORWARDED));
        }
        let mut stream = self.open(request, own, progress).await?;
        if let Some(proxy) = self.proxy.as_ref().filter(|_| !is_forwarded) {
            proxy.tunnel(&mut stream, request, progress).await?;
        }
        if !request.is_secure() {
            return Ok((Line::Left(stream), self.version == Version::Http2));
        }
        let tls = if own { &self.tls } else { &self.foreign_tls };
        let host = request.url.host_str().unwrap_or_default();
        let name = tls.server_name(host.trim_matches(['[', ']']))?;
        let stream = tls.handshake(stream, name, progress).await?;
        let http2 = is_http2(self.version, stream.alpn())?;
        Ok((Line::Right(Box::new(stream)), http2))
    }

    /// The proxy that forwards the request, if any; it answers the request itself if it rejects it. Other requests go
    /// through a tunnel, including those of a WebSocket without TLS (RFC 6455, section 4.1).
    pub fn forwards(&self, request: &Request) -> Option<&Proxy> {
        let is_plain = request.url.scheme() == "http";
        self.proxy.as_deref().filter(|_| is_plain)
    }

    /// Opens a connection to the server, or to the proxy in front of it.
    async fn open(
        &self,
        request: &Request,
        own: bool,
        progress: &mut Progress<'_>,
    ) -> Result<Connection, Failure> {
        if let Some(socket) = self.socket.as_ref().filter(|_| own) {
            return socket.connect(progress).await;
        }
        if let Some(proxy) = &self.proxy {
            let result = self.reach(&proxy.host, proxy.port, progress).await;
            return result.map_err(by_proxy);
        }
        let host = Host::of(&request.url)
            .ok_or_else(|| Failure::bad(Cause::Redirect, "the address has no host"))?;
        self.reach(&host, request.port(), progress).await
    }

    async fn reach(
        &self,
        host: &Host,
        port: u16,
        progress: &mut Progress<'_>,
    ) -> Result<Connection, Failure> {
        let addresses = resolve(host, self.family, progress).await?;
        connect(&addresses, port, progress).await
    }
}
