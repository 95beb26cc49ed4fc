//! What the load engine needs per connection and per user: an open stream, cookies and tokens.

use crate::outcome::{Timestamp, Verdict};
use crate::probe::dial::{Failure, Progress};
use crate::probe::http::HttpProbe;
use crate::probe::http::cookies;
use crate::probe::http::oauth2::TokenSource;
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
    let request = &probe.request;
    let (stream, is_http2) = probe.transport.connect(request, true, progress).await?;
    let protocol = match is_http2 {
        true if request.is_secure() => Protocol::Http2(Scheme::HTTPS),
        true => Protocol::Http2(Scheme::HTTP),
        false => Protocol::Http1,
    };
    let stream = Box::new(stream);
    Ok(OpenConnection { stream, protocol })
}
