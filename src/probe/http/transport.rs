//! How requests reach a server: address family, proxy, TLS and HTTP version.

use super::Version;
use super::exchange::{Line, Receive, exchange, is_http2};
use super::proxy::{Proxy, by_proxy};
use super::request::Request;
use crate::outcome::Cause;
use crate::probe::dial::{Failure, Family, Host, Progress, Tls, connect, resolve};
use tokio::net::TcpStream;

/// Only occurs for redirects, since such a configured address is rejected.
const NOT_FORWARDED: &str = "a redirect to an `http://` address cannot be followed over HTTP/2 through a proxy, which only forwards HTTP/1.1";

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
        let mut stream = self.open(request, progress).await?;
        if !request.is_https() {
            if self.version == Version::Http2 && self.proxy.is_some() {
                return Err(Failure::bad(Cause::Redirect, NOT_FORWARDED));
            }
            let line = Line {
                http2: self.version == Version::Http2,
                forwarded_by: self.forwards(request),
            };
            return exchange(request, stream, line, receive, progress).await;
        }
        if let Some(proxy) = &self.proxy {
            proxy.tunnel(&mut stream, request, progress).await?;
        }
        let tls = if own { &self.tls } else { &self.foreign_tls };
        let host = request.url.host_str().unwrap_or_default();
        let name = tls.server_name(host.trim_matches(['[', ']']))?;
        let stream = tls.handshake(stream, name, progress).await?;
        let line = Line {
            http2: is_http2(self.version, stream.alpn())?,
            forwarded_by: None,
        };
        exchange(request, stream, line, receive, progress).await
    }

    /// The proxy that forwards the request, if any; it answers the request itself if it rejects it.
    pub fn forwards(&self, request: &Request) -> Option<&Proxy> {
        self.proxy.as_deref().filter(|_| !request.is_https())
    }

    /// Opens a connection to the server, or to the proxy in front of it.
    pub(super) async fn open(
        &self,
        request: &Request,
        progress: &mut Progress<'_>,
    ) -> Result<TcpStream, Failure> {
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
    ) -> Result<TcpStream, Failure> {
        let addresses = resolve(host, self.family, progress).await?;
        connect(&addresses, port, progress).await
    }
}
