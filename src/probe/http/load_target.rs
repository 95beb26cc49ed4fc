//! The request of a probe, or of a service's `load`, for the load engine: the same address,
//! credentials and TLS, over keep-alive connections.

use super::conditions::conditions;
use super::exchange::is_http2;
use super::expect::Expect;
use super::keys;
use super::oauth2::{self, TokenSource, keys::OAUTH2};
use super::read::{read_request, read_transport, warn_of_open_secrets};
use super::request::Request;
use super::transport::Transport;
use super::{HttpProbe, Version};
use crate::outcome::{Timestamp, Verdict};
use crate::probe::dial::{Failure, Host, Progress, Trusted, options, resolve};
use crate::probe::evaluate::Evaluator;
use crate::probe::{Attempt, Probe, Trace, of_type, redacted, redactions};
use crate::yaml::{Declared, Redactions, Section};
use async_trait::async_trait;
use http::header::{ACCEPT_ENCODING, CONTENT_LENGTH, HOST};
use http::uri::Scheme;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use hyper::body::Bytes;
use slod_load::{
    Connect, ConnectError, Cookies, Credentials, NewCookies, NewWatch, OpenConnection, Protocol,
    Templated,
};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout_at;
use url::Url;

/// The keys of a request for the load engine, except its address.
pub const OPTIONS: [&dyn Declared; 13] = [
    &keys::METHOD,
    &keys::HEADERS,
    &keys::BODY,
    &keys::EXPECT_STATUS,
    &keys::BEARER,
    &keys::BASIC_AUTH,
    &OAUTH2,
    &keys::TLS,
    &options::IP_VERSION,
    &keys::HTTP_VERSION,
    &keys::COMPRESSION,
    &keys::PROXY,
    &keys::PROXY_AUTH,
];

/// Whether the value of a header is hidden.
pub fn is_secret_header(name: &HeaderName) -> bool {
    super::headers::is_secret(name)
}

/// A request that can be sent any number of times.
#[derive(Clone, Debug)]
pub struct LoadTarget {
    /// An `http` probe with this request.
    probe: Arc<dyn Probe>,
    /// The address for display, without secrets.
    target: String,
    watch: Option<NewWatch>,
}

impl LoadTarget {
    /// Reads the request to an address from a section, reporting every error. `None` on errors, or
    /// without an address.
    pub fn read(section: &Section<'_>, url: Option<Url>) -> Option<Self> {
        let method = section.get(&keys::METHOD);
        let body = section.secret_bytes(&keys::BODY);
        let body = body.map(Bytes::from).unwrap_or_default();
        let request = read_request(section, url, method, body);
        let transport = read_transport(section, request.as_ref());
        let tokens = oauth2::read(section, request.as_ref());
        let status = section.all(&keys::EXPECT_STATUS);
        let request = request?;
        warn_of_open_secrets(section, &keys::URL, &request, tokens.is_some());
        let expect = Expect {
            status: if status.is_empty() {
                vec![200..=299]
            } else {
                status
            },
            ..Expect::nothing()
        };
        Some(Self::new(request, expect, transport?, tokens))
    }

    fn new(
        request: Request,
        expect: Expect,
        transport: Transport,
        tokens: Option<Arc<TokenSource>>,
    ) -> Self {
        let target = request.shown();
        let probe = HttpProbe {
            request,
            expect: Arc::new(expect),
            evaluator: Evaluator::default(),
            redirects: None,
            body_limit: u64::MAX,
            transport,
            tokens,
        };
        Self {
            probe: Arc::new(probe),
            target,
            watch: None,
        }
    }

    /// The request of a probe of another kind, whose answers are read while they arrive. `target` is
    /// its address without secrets.
    pub fn watched(
        mut request: Request,
        transport: Transport,
        tokens: Option<Arc<TokenSource>>,
        target: String,
        watch: NewWatch,
    ) -> Self {
        // Answers are read without decoding.
        let identity = HeaderValue::from_static("identity");
        request.headers.insert(ACCEPT_ENCODING, identity);
        let expect = Expect {
            status: vec![200..=299],
            ..Expect::nothing()
        };
        Self {
            target,
            watch: Some(watch),
            ..Self::new(request, expect, transport, tokens)
        }
    }

    /// The same request with these values removed from its texts.
    #[must_use]
    pub fn redacted(self, redactions: Redactions) -> Self {
        Self {
            target: redactions.clean(&self.target).into_owned(),
            probe: redacted(self.probe, redactions),
            watch: self.watch,
        }
    }

    /// The values to remove from texts about its requests.
    pub fn redactions(&self) -> Redactions {
        redactions(&*self.probe)
    }

    /// Whether its address contains a secret, including in the query, which [`LoadTarget::target`] omits.
    pub fn has_secret_address(&self) -> bool {
        let redactions = self.redactions();
        let is_secret = |text: &str| redactions.clean(text) != text;
        let probe = self.http();
        probe.is_some_and(|probe| {
            let request = &probe.request;
            !self.target.starts_with(&request.shown()) || is_secret(request.url.as_str())
        })
    }

    /// The request of an `http` probe; `None` for a probe of another kind.
    pub fn of(probe: &Arc<dyn Probe>) -> Option<Self> {
        of_type::<HttpProbe>(&**probe).map(|_| Self {
            target: probe.target(),
            probe: probe.clone(),
            watch: None,
        })
    }

    /// The address for display.
    pub fn target(&self) -> String {
        self.target.clone()
    }

    /// What its request expects.
    pub fn expect(&self) -> Result<&Expect, String> {
        let probe = self.http().ok_or("it is not an http probe")?;
        Ok(&probe.expect)
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> Result<String, String> {
        let probe = self.http().ok_or("it is not an http probe")?;
        Ok(probe.request.url.origin().ascii_serialization())
    }

    /// Whether answers are read while they arrive, so that their content is checked in addition to
    /// their status.
    pub const fn is_watched(&self) -> bool {
        self.watch.is_some()
    }

    /// The certificates that a script of another tool must trust. Returns an error message for TLS
    /// options that scripts do not support.
    pub fn trusted(&self) -> Result<Trusted, String> {
        let probe = self.http().ok_or("it is not an http probe")?;
        let tls = &probe.transport.tls;
        if !probe.request.is_https() {
            return Ok(Trusted::System);
        }
        let only_slod = |key: &str| Err(format!("scripts do not support `{key}` of `tls`"));
        if tls.has_identity() {
            return only_slod("cert_file");
        }
        if tls.has_other_name() {
            return only_slod("server_name");
        }
        Ok(tls.trusted())
    }

    /// The request for the load engine. Returns an error message if the load engine cannot send it.
    pub fn request(&self) -> Result<slod_load::Request, String> {
        let probe = self.http().ok_or("it is not an http probe")?;
        if probe.transport.proxy.is_some() {
            return Err("load through a proxy is not supported".to_owned());
        }
        let request = &probe.request;
        let mut headers = request.headers.clone();
        let host = HeaderValue::try_from(request.authority());
        let host = host.map_err(|_| "its host is not valid in a request".to_owned())?;
        headers.entry(HOST).or_insert(host);
        if request.body.is_empty()
            && [Method::POST, Method::PUT, Method::PATCH].contains(&request.method)
        {
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        let uri = request.path().parse();
        Ok(slod_load::Request {
            name: format!("{} {}", request.method, self.shown_path(request)),
            think: None,
            method: request.method.clone(),
            uri: Templated::Fixed(
                uri.map_err(|_| "its path is not valid in a request".to_owned())?,
            ),
            headers,
            templated_headers: Vec::new(),
            credentials: probe.tokens.clone().map(load_token),
            body: Templated::Fixed(request.body.clone()),
            statuses: probe.expect.status.clone(),
            conditions: conditions(&probe.expect, &self.redactions()),
            captures: Vec::new(),
            watch: self.watch.clone(),
        })
    }

    /// Waits for the token of its requests, for at most `wait`. Returns an error message if there is none.
    pub async fn prepare(&self, wait: Duration) -> Result<(), String> {
        let Some(tokens) = self.tokens() else {
            return Ok(());
        };
        tokens.clone().prepare(wait).await;
        tokens.held().map(drop).map_err(|failure| failure.message)
    }

    /// Whether its requests are sent with OAuth 2.0 tokens.
    pub fn needs_token(&self) -> bool {
        self.tokens().is_some()
    }

    /// Removes the current token from a message.
    pub fn cleaned(&self, message: String) -> String {
        match self.tokens() {
            Some(tokens) => tokens.cleaned(message),
            None => message,
        }
    }

    fn tokens(&self) -> Option<&Arc<TokenSource>> {
        self.http()?.tokens.as_ref()
    }

    /// The path without secrets and query: the part of the displayed address after the server, or the
    /// whole displayed address if the name of the server does not matter.
    fn shown_path(&self, request: &Request) -> String {
        let redactions = self.redactions();
        let origin = request.url.origin().ascii_serialization();
        let origin = redactions.clean(&origin);
        let address = request.shown();
        let address = redactions.clean(&address);
        let path = address.strip_prefix(&*origin);
        let path = path.filter(|path| path.starts_with('/'));
        let path = path.unwrap_or(&address);
        path.trim_end_matches('…').trim_end_matches('?').to_owned()
    }

    /// Creates the cookie jars of virtual users, which follow the rules of browsers.
    pub fn cookies(&self) -> Result<NewCookies, String> {
        let probe = self.http().ok_or("it is not an http probe")?;
        let url = probe.request.cookie_url();
        Ok(Arc::new(move || {
            let cookies = super::cookies::Cookies::default();
            let url = url.clone();
            Box::new(UserCookies { url, cookies }) as Box<dyn Cookies>
        }))
    }

    /// Opens connections to its origin, each within `timeout`.
    pub fn connector(&self, timeout: Duration) -> Arc<dyn Connect> {
        Arc::new(Connector {
            load_target: self.clone(),
            timeout,
        })
    }

    /// Resolves the addresses of its host. Returns an error message if there are none.
    pub async fn addresses(&self, timeout: Duration) -> Result<Vec<IpAddr>, String> {
        let probe = self.http().ok_or("it is not an http probe")?;
        let host = Host::of(&probe.request.url).ok_or("its address has no host")?;
        let mut attempt = Attempt::new(Timestamp(0), timeout, Trace::silent());
        let deadline = attempt.deadline;
        let mut progress = Progress::new(&mut attempt);
        let found = resolve(&host, probe.transport.family, &mut progress);
        match timeout_at(deadline, found).await {
            Ok(found) => found.map_err(|failure| self.redactions().cleaned(failure.message)),
            Err(_elapsed) => Err("its name did not resolve in time".to_owned()),
        }
    }

    fn http(&self) -> Option<&HttpProbe> {
        of_type::<HttpProbe>(&*self.probe)
    }
}

/// The cookies of one virtual user.
struct UserCookies {
    /// The address of the service; its path is not that of any request.
    url: Url,
    cookies: super::cookies::Cookies,
}

impl UserCookies {
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
struct LoadToken(Arc<TokenSource>);

fn load_token(tokens: Arc<TokenSource>) -> Arc<dyn Credentials> {
    Arc::new(LoadToken(tokens))
}

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

struct Connector {
    load_target: LoadTarget,
    timeout: Duration,
}

#[async_trait]
impl Connect for Connector {
    async fn connect(&self) -> Result<OpenConnection, ConnectError> {
        let Some(probe) = self.load_target.http() else {
            return Err(ConnectError::NoResources(
                "it is not an http probe".to_owned(),
            ));
        };
        let mut attempt = Attempt::new(Timestamp(0), self.timeout, Trace::silent());
        let mut progress = Progress::new(&mut attempt);
        open(probe, &mut progress)
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
