//! The request of a probe, or of a service's `load`, for the load engine: the same address,
//! credentials and TLS, over keep-alive connections.

mod connection;

use super::HttpProbe;
use super::conditions::conditions;
use super::expect::Expect;
use super::keys;
use super::oauth2::{TokenSource, keys::OAUTH2};
use super::read::read_request;
use super::request::Request;
use crate::outcome::Timestamp;
use crate::probe::dial::{Host, Progress, Trusted, options, resolve};
use crate::probe::{Attempt, Probe, Trace, unwrapped};
use crate::yaml::{Declared, Redactions, Section};
use connection::{Connector, LoadToken, UserCookies};
use http::header::{ACCEPT_ENCODING, CONTENT_LENGTH, HOST};
use http::{HeaderName, HeaderValue, Method};
use hyper::body::Bytes;
use slod_load::{Connect, Cookies, Credentials, NewCookies, NewWatch, Templated};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout_at;
use url::Url;

/// The keys of a request for the load engine, except its address.
pub const OPTIONS: [&dyn Declared; 14] = [
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
    &keys::UNIX_SOCKET,
];

/// Whether the value of a header is hidden.
pub fn is_secret_header(name: &HeaderName) -> bool {
    super::headers::is_secret(name)
}

/// A request that can be sent any number of times.
#[derive(Clone, Debug)]
pub struct LoadTarget {
    /// An `http` probe with this request.
    probe: Arc<HttpProbe>,
    /// The values to remove from texts about its requests.
    redactions: Redactions,
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
        let probe = HttpProbe::of(section, request);
        let status = section.all(&keys::EXPECT_STATUS);
        Some(Self::new(probe?, status))
    }

    fn new(probe: HttpProbe, status: Vec<RangeInclusive<u16>>) -> Self {
        let expect = Arc::new(Expect {
            status,
            ..Expect::default()
        });
        Self {
            target: probe.request.shown(),
            probe: Arc::new(HttpProbe { expect, ..probe }),
            redactions: Redactions::default(),
            watch: None,
        }
    }

    /// The request of a probe of another kind, whose answers are read while they arrive. `target` is
    /// its address without secrets.
    pub fn watched(mut probe: HttpProbe, target: String, watch: NewWatch) -> Self {
        // Answers are read without decoding.
        let identity = HeaderValue::from_static("identity");
        probe.request.headers.insert(ACCEPT_ENCODING, identity);
        Self {
            target,
            watch: Some(watch),
            ..Self::new(probe, vec![200..=299])
        }
    }

    /// The same request with these values removed from its texts.
    #[must_use]
    pub fn redacted(self, redactions: Redactions) -> Self {
        Self {
            target: redactions.clean(&self.target).into_owned(),
            redactions,
            ..self
        }
    }

    /// The values to remove from texts about its requests.
    pub fn redactions(&self) -> &Redactions {
        &self.redactions
    }

    /// Whether its address contains a secret, including in the query, which [`LoadTarget::target`] omits.
    pub fn has_secret_address(&self) -> bool {
        let (request, url) = (&self.probe.request, self.probe.request.url.as_str());
        !self.target.starts_with(&request.shown()) || self.redactions.clean(url) != url
    }

    /// The request of an `http` probe; `None` for a probe of another kind.
    pub fn of(probe: &Arc<dyn Probe>) -> Option<Self> {
        let (http, redactions) = unwrapped(probe)?;
        Some(Self {
            probe: http,
            redactions,
            target: probe.target(),
            watch: None,
        })
    }

    /// The address for display.
    pub fn target(&self) -> String {
        self.target.clone()
    }

    /// What its request expects.
    pub fn expect(&self) -> &Expect {
        &self.probe.expect
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> String {
        self.probe.request.url.origin().ascii_serialization()
    }

    /// Whether answers are read while they arrive, so that their content is checked in addition to
    /// their status.
    pub const fn is_watched(&self) -> bool {
        self.watch.is_some()
    }

    /// The certificates that a script of another tool must trust. Returns an error message for TLS
    /// options that scripts do not support.
    pub fn trusted(&self) -> Result<Trusted, String> {
        if self.probe.transport.socket.is_some() {
            return Err("scripts do not support `unix_socket`".to_owned());
        }
        let tls = &self.probe.transport.tls;
        if !self.probe.request.is_secure() {
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
        let probe = &self.probe;
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
            credentials: probe.tokens.clone().map(credentials),
            body: Templated::Fixed(request.body.clone()),
            statuses: probe.expect.status.clone(),
            conditions: conditions(&probe.expect, &self.redactions),
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
        self.probe.cleaned(message)
    }

    fn tokens(&self) -> Option<&Arc<TokenSource>> {
        self.probe.tokens.as_ref()
    }

    /// The path without secrets and query: the part of the displayed address after the server, or the
    /// whole displayed address if the name of the server does not matter.
    fn shown_path(&self, request: &Request) -> String {
        let (origin, address) = (self.origin(), request.shown());
        let origin = self.redactions.clean(&origin);
        let address = self.redactions.clean(&address);
        let path = address.strip_prefix(&*origin);
        let path = path.filter(|path| path.starts_with('/'));
        let path = path.unwrap_or(&address);
        path.trim_end_matches('…').trim_end_matches('?').to_owned()
    }

    /// Creates the cookie jars of virtual users, which follow the rules of browsers.
    pub fn cookies(&self) -> NewCookies {
        let url = self.probe.request.cookie_url();
        Arc::new(move || Box::new(UserCookies::new(url.clone())) as Box<dyn Cookies>)
    }

    /// Opens connections to its origin, each within `timeout`.
    pub fn connector(&self, timeout: Duration) -> Arc<dyn Connect> {
        Arc::new(Connector {
            probe: self.probe.clone(),
            timeout,
        })
    }

    /// Resolves the addresses of its host; a socket is on this machine. Returns an error message if there are none.
    pub async fn addresses(&self, timeout: Duration) -> Result<Vec<IpAddr>, String> {
        let probe = &self.probe;
        if probe.transport.socket.is_some() {
            return Ok(vec![Ipv4Addr::LOCALHOST.into()]);
        }
        let host = Host::of(&probe.request.url).ok_or("its address has no host")?;
        let mut attempt = Attempt::new(Timestamp(0), timeout, Trace::silent());
        let deadline = attempt.deadline;
        let mut progress = Progress::new(&mut attempt);
        let found = resolve(&host, probe.transport.family, &mut progress);
        match timeout_at(deadline, found).await {
            Ok(found) => found
                .map(|found| found.iter().map(SocketAddr::ip).collect())
                .map_err(|failure| self.redactions.cleaned(failure.message)),
            Err(_elapsed) => Err("its name did not resolve in time".to_owned()),
        }
    }
}

fn credentials(tokens: Arc<TokenSource>) -> Arc<dyn Credentials> {
    Arc::new(LoadToken(tokens))
}
