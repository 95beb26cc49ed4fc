//! What the load engine needs per connection and per user: an open stream, cookies and tokens.

use crate::outcome::{Timestamp, Verdict};
use crate::probe::dial::{Failure, Progress};
use crate::probe::http::cookies;
use crate::probe::http::exchange::is_http2;
use crate::probe::http::oauth2::TokenSource;
use crate::probe::http::{HttpProbe, Version};
use crate::probe::{Attempt, Trace};
use async_trait::async_trait;
use http::uri::Scheme;
use http::{HeaderMap, HeaderValue, Uri};
use slod_load::{Connect, ConnectError, Cookies, Credentials, OpenConnection, Protocol};
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// The cookies of one virtual user.
pub(super) struct UserCookies {
    /// The address of the service; its path is not that of any request.
    url: Url,
    cookies: cookies::Cookies,
}

impl UserCookies {
    pub(super) fn new(url: Url) -> Self {
        Self {
            url,
            cookies: cookies::Cookies::default(),
        }
    }

    fn address(&self, uri: &Uri) -> Url {
        let mut url = self.url.clone();
        url.set_path(uri.path());
        url
    }
}

impl Cookies for UserCookies {
    fn keep(&mut self, uri: &Uri, answer: &HeaderMap) {
        self.cookies.keep(answer, &self.address(uri));
    }

    fn header(&self, uri: &Uri, configured: Option<&HeaderValue>) -> Option<HeaderValue> {
        if self.cookies.is_empty() {
            return None;
        }
        self.cookies.header(&self.address(uri), configured)
    }
}

/// The tokens of a run. One that has expired is sent until a new one is granted, since the service decides.
pub(super) struct LoadToken(pub(super) Arc<TokenSource>);

impl Credentials for LoadToken {
    fn authorization(&self) -> Option<HeaderValue> {
        Some(self.0.latest()?.header().clone())
    }

    fn note(&self, status: u16) {
        if (400..500).contains(&status)
            && let Some(held) = self.0.latest()
        {
            held.note(status);
        }
    }
}

/// Opens connections to the server of a probe.
pub(super) struct Connector {
    pub(super) probe: Arc<HttpProbe>,
    pub(super) timeout: Duration,
}

#[async_trait]
impl Connect for Connector {
    async fn connect(&self) -> Result<OpenConnection, ConnectError> {
        let mut attempt = Attempt::new(Timestamp(0), self.timeout, Trace::silent());
        let mut progress = Progress::new(&mut attempt);
        open(&self.probe, &mut progress)
            .await
            .map_err(|failure| match failure.verdict {
                Verdict::Bad(cause) => ConnectError::Failed(cause, failure.message),
                Verdict::Good | Verdict::Void(_) => ConnectError::NoResources(failure.message),
            })
    }
}

async fn open(probe: &HttpProbe, progress: &mut Progress<'_>) -> Result<OpenConnection, Failure> {
    let HttpProbe {
        request, transport, ..
    } = probe;
    let protocol = |scheme, is_http2| {
        if is_http2 {
            Protocol::Http2(scheme)
        } else {
            Protocol::Http1
        }
    };
    let stream = transport.open(request, progress).await?;
    if !request.is_https() {
        let protocol = protocol(Scheme::HTTP, transport.version == Version::Http2);
        let stream = Box::new(stream);
        return Ok(OpenConnection { stream, protocol });
    }
    let host = request.url.host_str().unwrap_or_default();
    let name = transport.tls.server_name(host.trim_matches(['[', ']']))?;
    let stream = transport.tls.handshake(stream, name, progress).await?;
    let is_http2 = is_http2(transport.version, stream.alpn())?;
    let protocol = protocol(Scheme::HTTPS, is_http2);
    let stream = Box::new(stream);
    Ok(OpenConnection { stream, protocol })
}
