//! Requests through an `http` proxy.

use super::request::Request;
use crate::outcome::{Cause, Measurement, Verdict};
use crate::probe::dial::{Failure, Host, Progress};
use http::HeaderValue;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use url::Url;

/// Maximum size of a proxy's answer to CONNECT in bytes.
const ANSWER_MAX: usize = 8 * 1024;

#[derive(Clone, Debug)]
pub struct Proxy {
    pub host: Host,
    pub port: u16,
    pub authorization: Option<HeaderValue>,
}

impl Proxy {
    pub fn new(url: &Url, authorization: Option<HeaderValue>) -> Option<Self> {
        Some(Self {
            host: Host::of(url)?,
            port: url.port_or_known_default()?,
            authorization,
        })
    }

    /// Asks the proxy for a tunnel to the request's host. The duration counts toward the `tls`
    /// phase, as in curl's `appconnect`: it is part of the cost of a secure connection, not of the
    /// connection to the proxy.
    pub async fn tunnel(
        &self,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
        request: &Request,
        progress: &mut Progress<'_>,
    ) -> Result<(), Failure> {
        progress.enter_for(Measurement::Tls, "the proxy's response to CONNECT");
        let failed = |error: io::Error| by_proxy(Failure::io(&error, "asking for a tunnel"));
        let target = format!(
            "{}:{}",
            request.url.host_str().unwrap_or_default(),
            request.port()
        );
        let mut ask = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n").into_bytes();
        if let Some(value) = &self.authorization {
            ask.extend_from_slice(b"Proxy-Authorization: ");
            ask.extend_from_slice(value.as_bytes());
            ask.extend_from_slice(b"\r\n");
        }
        ask.extend_from_slice(b"\r\n");
        stream.write_all(&ask).await.map_err(failed)?;
        let mut answer = Vec::new();
        // Byte by byte, since the bytes after the answer belong to the tunnel.
        while !is_head(&answer) {
            if answer.len() >= ANSWER_MAX {
                return Err(Failure::bad(
                    Cause::Proxy,
                    "the head of the proxy's response has no end",
                ));
            }
            answer.push(stream.read_u8().await.map_err(failed)?);
        }
        match status(&answer) {
            Some(status @ 200..=299) => {
                progress.record("proxy", || format!("tunnel to {target}: status {status}"));
                Ok(())
            }
            Some(407) => Err(self.unauthorized()),
            Some(status) => Err(Failure::bad(
                Cause::Proxy,
                format!("the proxy refuses the tunnel with status {status}"),
            )),
            None => Err(Failure::bad(
                Cause::Proxy,
                "the proxy's response is not HTTP",
            )),
        }
    }

    /// The failure for status 407, which only a proxy sends (RFC 9110, section 15.5.8).
    pub fn unauthorized(&self) -> Failure {
        let message = match self.authorization {
            Some(_) => "the proxy rejects the login of `proxy_auth` (status 407)",
            None => "the proxy requires a login (status 407): set `proxy_auth`",
        };
        Failure::bad(Cause::Proxy, message)
    }
}

/// Attributes a failure to the proxy instead of the service; void failures stay void.
pub fn by_proxy(failure: Failure) -> Failure {
    match failure.verdict {
        Verdict::Bad(_) => Failure::bad(Cause::Proxy, format!("the proxy: {}", failure.message)),
        _ => failure,
    }
}

/// Whether the head ends with an empty line. Lines may end with LF alone (RFC 9112, section 2.2).
fn is_head(answer: &[u8]) -> bool {
    answer.ends_with(b"\n\r\n") || answer.ends_with(b"\n\n")
}

fn status(answer: &[u8]) -> Option<u16> {
    let line = answer.split(|byte| *byte == b'\n').next()?;
    let line = std::str::from_utf8(line).ok()?.trim_end();
    let rest = line.strip_prefix("HTTP/1.")?;
    rest.split(' ').nth(1)?.parse().ok()
}
