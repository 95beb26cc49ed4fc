//! Requests a token.

use super::answer::{Granted, Refused, granted};
use super::keys as key;
use super::signed::Signed;
use crate::outcome::Timestamp;
use crate::probe::deadline::within;
use crate::probe::dial::{Failure, Progress};
use crate::probe::evaluate::Evaluator;
use crate::probe::http::HttpProbe;
use crate::probe::http::body::BodySink;
use crate::probe::http::fetch::finish;
use crate::probe::http::read::{
    AGENT, names_a_secret, read_transport, read_url, read_version, warn_of_open_secrets,
};
use crate::probe::http::request::Request;
use crate::probe::http::run::follow;
use crate::probe::{Attempt, Trace};
use crate::yaml::{Secret, Section};
use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, StatusCode, response};
use hyper::body::Bytes;
use parking_lot::Mutex;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use url::Url;
use url::form_urlencoded::{Serializer, byte_serialize};

/// The time for one request.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum size of an answer.
const BODY_MAX: u64 = 64 << 10;
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// Parameters with keys of their own.
const OWN: [&str; 3] = ["client_id", "client_secret", "scope"];

/// Where a client sends its credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Header,
    Body,
}

/// The requests for tokens of one configuration.
pub(super) struct TokenEndpoint {
    pub(super) client_id: String,
    by_header: HttpProbe,
    by_body: HttpProbe,
    /// The style that the server accepted.
    style: Mutex<Option<Style>>,
}

/// Omits the requests, whose bodies contain secrets.
impl fmt::Debug for TokenEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenEndpoint")
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

impl TokenEndpoint {
    /// Reads the keys of `oauth2`; `None` after reporting every error.
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let url = read_url(section, &key::TOKEN_URL);
        let (client_id, secret) = (
            section.get(&key::CLIENT_ID),
            section.secret(&key::CLIENT_SECRET),
        );
        let parameters = parameters(section);
        let credentials = client_id.zip(secret);
        let requests = url.zip(credentials.as_ref()).map(|(url, credentials)| {
            let (id, secret) = (&credentials.0, credentials.1.reveal());
            [
                by_header(section, &url, (id, secret), &parameters),
                by_body(&url, (id, secret), &parameters),
            ]
        });
        let first = requests.as_ref().map(|[one, _]| one);
        let version = read_version(section, first);
        let transport = read_transport(section, first, version, None);
        let [by_header, by_body] = requests?;
        warn_of_open_secrets(section, &key::TOKEN_URL, &by_header, true);
        let transport = transport?;
        let probe = |request| HttpProbe {
            request,
            expect: Arc::default(),
            evaluator: Evaluator::default(),
            redirects: None,
            body_limit: BODY_MAX,
            transport: transport.clone(),
            tokens: None,
        };
        Some(Self {
            client_id: credentials?.0,
            by_header: probe(by_header),
            by_body: probe(by_body),
            style: Mutex::new(None),
        })
    }

    /// The address for display.
    pub(super) fn target(&self) -> String {
        self.by_header.request.shown()
    }

    /// Requests a token. Until the server has accepted one style, both are tried, as by Prometheus.
    pub(super) async fn request(&self) -> Result<Granted, String> {
        let known = *self.style.lock();
        let first = self.attempt(known.unwrap_or(Style::Header)).await;
        let refused = match first {
            Ok(granted) => {
                self.style.lock().get_or_insert(Style::Header);
                return Ok(granted);
            }
            Err(refused) if known.is_some() || !refused.is_client_error => {
                return Err(refused.message);
            }
            Err(refused) => refused,
        };
        match self.attempt(Style::Body).await {
            Ok(granted) => {
                self.style.lock().get_or_insert(Style::Body);
                Ok(granted)
            }
            Err(second) if second.is_about_the_client() && !refused.is_about_the_client() => {
                Err(second.message)
            }
            Err(_) => Err(refused.message),
        }
    }

    async fn attempt(&self, style: Style) -> Result<Granted, Refused> {
        let probe = match style {
            Style::Header => &self.by_header,
            Style::Body => &self.by_body,
        };
        let mut attempt = Attempt::new(Timestamp(0), TIMEOUT, Trace::silent());
        let deadline = attempt.deadline;
        let mut answer = Answer::default();
        let mut progress = Progress::new(&mut attempt);
        let request = Signed::unsigned(&probe.request);
        let followed = follow(probe, &request, &mut answer, &mut progress);
        let followed = within(deadline, followed).await;
        finish(progress, followed).map_err(Refused::new)?;
        granted(answer.status, &answer.body)
    }
}

/// The parameters of the body, except credentials. `endpoint_params` can replace the grant type, for
/// servers that do not follow the standard.
fn parameters(section: &Section<'_>) -> Vec<(String, String)> {
    let mut all = vec![("grant_type".to_owned(), "client_credentials".to_owned())];
    let scopes = section.all(&key::SCOPES);
    if !scopes.is_empty() {
        all.push(("scope".to_owned(), scopes.join(" ")));
    }
    for (name, value, at) in section.map(&key::ENDPOINT_PARAMS) {
        let value: &Secret = &value;
        if OWN.contains(&&*name) {
            let message = format!("`{name}` cannot be set here");
            let help = "use `client_id`, `client_secret` and `scopes`";
            section.reader().error("conflict", &at, message, help);
        }
        if names_a_secret(&name) {
            section.reader().redact(value.reveal(), "<secret>");
        }
        all.retain(|(known, _)| *known != name);
        all.push((name, value.reveal().to_owned()));
    }
    all
}

fn by_header(
    section: &Section<'_>,
    url: &Url,
    (id, secret): (&str, &str),
    parameters: &[(String, String)],
) -> Request {
    // RFC 6749, section 2.3.1.
    let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let mut request = request(url, body(parameters.iter()));
    if let Some(value) = Request::basic(&encoded(id), &encoded(secret)) {
        // Servers may echo the header without decoding it.
        if let Some((_, pair)) = value.to_str().ok().and_then(|text| text.split_once(' ')) {
            section.reader().redact(pair, "<secret>");
        }
        request.authorize(value);
    }
    request
}

fn by_body(url: &Url, (id, secret): (&str, &str), parameters: &[(String, String)]) -> Request {
    let credentials = [("client_id", id), ("client_secret", secret)];
    let credentials = credentials.map(|(name, value)| (name.to_owned(), value.to_owned()));
    request(url, body(parameters.iter().chain(&credentials)))
}

fn body<'a>(parameters: impl Iterator<Item = &'a (String, String)>) -> Bytes {
    let mut form = Serializer::new(String::new());
    form.extend_pairs(parameters.map(|(name, value)| (name, value)));
    form.finish().into()
}

fn request(url: &Url, body: Bytes) -> Request {
    let headers = [
        (USER_AGENT, HeaderValue::from_static(AGENT)),
        (ACCEPT, JSON),
        (CONTENT_TYPE, FORM),
    ];
    Request {
        url: url.clone(),
        method: Method::POST,
        headers: HeaderMap::from_iter(headers),
        body,
        cookies: None,
        redirect_auth: None,
    }
}

/// Collects an answer with any status.
#[derive(Default)]
struct Answer {
    status: StatusCode,
    body: Vec<u8>,
}

impl BodySink for Answer {
    fn begin(&mut self, head: &response::Parts) -> Result<(), Failure> {
        self.status = head.status;
        Ok(())
    }

    fn wants_body(&self) -> bool {
        true
    }

    fn take(&mut self, part: &[u8]) -> Result<(), Failure> {
        self.body.extend_from_slice(part);
        Ok(())
    }
}
