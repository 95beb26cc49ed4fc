//! Sends the requests of a receiver's channel.

use super::program;
use super::smtp::Smtp;
use crate::probe::dial::{Failure, NO_TRUSTED, Trust, system_client, without_advice};
use crate::probe::http::oauth2::HeldToken;
use crate::receiver::{HttpRequest, Method, Request, Tokens};
use crate::text::{beginning, printable};
use crate::units::show_duration;
use crate::yaml::Secret;
use chrono::DateTime;
use futures_util::future::join_all;
use parking_lot::Mutex;
use reqwest::header::{AUTHORIZATION, DATE, HeaderMap, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Proxy, Response, StatusCode};
use rustls::ClientConfig;
use slod_load::{source_of, sources};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Maximum number of bytes of a response that are read.
pub(super) const ANSWER_MAX: usize = 65_536;
/// Timeout of a response body, after its head.
const BODY_TIME: Duration = Duration::from_secs(5);
/// Maximum number of header fields of a response.
const HEADERS_MAX: usize = 1000;
/// Maximum number of characters of a response that are kept.
const EXCERPT_MAX: usize = 200;
/// Maximum number of proxies whose connections are kept.
const PROXIES_MAX: usize = 64;

/// The answer of a receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Delivered(String),
    /// The receiver permanently rejected the message.
    Refused(String),
    /// The receiver may accept a smaller message.
    TooLarge(String),
    Failed {
        why: String,
        /// The pause that the receiver asked for.
        retry_after: Option<Duration>,
    },
}

impl Answer {
    pub(super) fn failed(why: impl Into<String>) -> Self {
        Self::Failed {
            why: why.into(),
            retry_after: None,
        }
    }

    pub fn text(&self) -> &str {
        match self {
            Self::Delivered(text)
            | Self::Refused(text)
            | Self::TooLarge(text)
            | Self::Failed { why: text, .. } => text,
        }
    }

    fn text_mut(&mut self) -> &mut String {
        match self {
            Self::Delivered(text)
            | Self::Refused(text)
            | Self::TooLarge(text)
            | Self::Failed { why: text, .. } => text,
        }
    }

    /// Sort order of answers, the best one first.
    fn rank(&self) -> u8 {
        match self {
            Self::Delivered(_) => 0,
            Self::TooLarge(_) => 1,
            Self::Failed { .. } => 2,
            Self::Refused(_) => 3,
        }
    }
}

/// The recipients of a mail that must not get it again; for rejected ones, with the reason.
pub(super) type Recipients = BTreeMap<String, Option<String>>;

/// An answer with the response body.
#[derive(Debug)]
pub(super) struct Exchange {
    pub answer: Answer,
    pub status: u16,
    pub body: Vec<u8>,
    /// Whether the body is incomplete.
    pub is_unfinished: bool,
    pub recipients: Recipients,
}

impl From<Answer> for Exchange {
    fn from(answer: Answer) -> Self {
        Self {
            answer,
            status: 0,
            body: Vec::new(),
            is_unfinished: false,
            recipients: Recipients::new(),
        }
    }
}

/// Sends messages. Redirects are not followed and proxies from the environment are not used, so that
/// messages are sent only to configured addresses.
#[derive(Clone, Debug)]
pub struct Sender {
    tls: ClientConfig,
    web: Client,
    /// Clients that use a proxy, by its address.
    proxied: Arc<Mutex<BTreeMap<Secret, Client>>>,
    mail: Smtp,
}

impl Sender {
    pub fn new() -> Result<Self, String> {
        let tls = system_client()?;
        Ok(Self {
            web: web_client(&tls, None).ok_or("the HTTP client cannot be built")?,
            proxied: Arc::default(),
            mail: Smtp::new(tls.clone()),
            tls,
        })
    }

    /// The client for this proxy, if any.
    fn client(&self, proxy: Option<&Secret>) -> Option<Client> {
        let Some(proxy) = proxy else {
            return Some(self.web.clone());
        };
        let mut proxied = self.proxied.lock();
        if let Some(client) = proxied.get(proxy) {
            return Some(client.clone());
        }
        // Configs before a reload may have had other proxies.
        if proxied.len() >= PROXIES_MAX {
            proxied.clear();
        }
        let client = web_client(&self.tls, Some(proxy))?;
        proxied.insert(proxy.clone(), client.clone());
        Some(client)
    }

    /// Sends all requests concurrently, and returns the best answer. Recipients that are `done` get no mail.
    pub(super) async fn exchange(
        &self,
        requests: Vec<Request>,
        within: Duration,
        done: &Recipients,
    ) -> Exchange {
        let until = Instant::now() + within;
        let answers = requests.into_iter().map(|request| async {
            let sent = self.send_one(request, done, until).await;
            sent.unwrap_or_else(|| {
                Answer::failed(format!("no response within {}", show_duration(within))).into()
            })
        });
        let answers = join_all(answers).await.into_iter();
        answers
            .min_by_key(|one| one.answer.rank())
            .unwrap_or_else(|| Answer::failed("nothing to send").into())
    }

    /// Sends a request; `None` on a timeout.
    async fn send_one(
        &self,
        request: Request,
        done: &Recipients,
        until: Instant,
    ) -> Option<Exchange> {
        match request {
            Request::Http(request) => self.post(&request, until).await,
            Request::Mail(mail) => timeout_at(until, self.mail.deliver(&mail, done)).await.ok(),
            Request::Run {
                program,
                arguments,
                key,
                input,
            } => {
                let run = program::run(&program, &arguments, &key, &input);
                timeout_at(until, run).await.ok().map(Exchange::from)
            }
        }
    }

    async fn post(&self, request: &HttpRequest, until: Instant) -> Option<Exchange> {
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Patch => reqwest::Method::PATCH,
        };
        let Some(client) = self.client(request.proxy.as_ref()) else {
            return Some(Answer::failed("the proxy cannot be used").into());
        };
        let token = match &request.tokens {
            Some(Tokens(source)) => {
                let wait = until.saturating_duration_since(Instant::now());
                source.clone().prepare(wait).await;
                match source.held() {
                    Ok(held) => Some(held),
                    Err(failure) => return Some(Answer::failed(failure.message).into()),
                }
            }
            None => None,
        };
        let mut builder = client.request(method, request.url.reveal());
        for (name, value) in &request.headers {
            builder = builder.header(name, value.reveal());
        }
        if let Some(token) = &token {
            builder = builder.header(AUTHORIZATION, token.header().clone());
        }
        let sent = builder.body(request.body.clone()).send();
        match timeout_at(until, sent).await.ok()? {
            Ok(response) => Some(without(token.as_ref(), answer(response, until).await)),
            // The error's own text contains the URL, which may contain a token.
            Err(error) => Some(Answer::failed(reason(&error)).into()),
        }
    }
}

/// Removes a token from the text of an answer, whose status may mean that the token is not valid.
fn without(token: Option<&HeldToken>, mut exchange: Exchange) -> Exchange {
    if let Some(token) = token {
        token.note(exchange.status);
        let text = exchange.answer.text_mut();
        *text = token.cleaned(std::mem::take(text));
    }
    exchange
}

/// A client, with a proxy if one is given; `None` if it cannot be built.
fn web_client(tls: &ClientConfig, proxy: Option<&Secret>) -> Option<Client> {
    let mut builder = Client::builder()
        .tls_backend_preconfigured(tls.clone())
        .redirect(Policy::none())
        .no_proxy()
        .connect_timeout(Duration::from_secs(10))
        .pool_idle_timeout(Duration::from_secs(30))
        // Malformed responses are tolerated, because an accepted message must not be sent again.
        .http1_max_headers(HEADERS_MAX)
        .http1_ignore_invalid_headers_in_responses(true)
        .http1_allow_spaces_after_header_name_in_responses(true)
        .http1_allow_obsolete_multiline_headers_in_responses(true);
    if let Some(proxy) = proxy {
        builder = builder.proxy(Proxy::all(proxy.reveal()).ok()?);
    }
    builder.build().ok()
}

/// Reads a response. The status decides; a body that is slow or endless is read in part.
async fn answer(mut response: Response, until: Instant) -> Exchange {
    let (status, retry_after) = (response.status(), retry_after(response.headers()));
    let until = until.min(Instant::now() + BODY_TIME);
    let mut body = Vec::new();
    let read = timeout_at(until, read_body(&mut response, &mut body)).await;
    let said = if status.is_redirection() {
        "redirects are not followed".to_owned()
    } else {
        excerpt(&body)
    };
    let text = format!("HTTP {}: {said}", status.as_u16());
    let text = text.trim_end_matches(": ").to_owned();
    let answer = match status {
        status if status.is_success() => Answer::Delivered(text),
        StatusCode::PAYLOAD_TOO_LARGE => Answer::TooLarge(text),
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => Answer::Refused(text),
        _ => Answer::Failed {
            why: text,
            retry_after,
        },
    };
    Exchange {
        answer,
        status: status.as_u16(),
        body,
        is_unfinished: !matches!(read, Ok(Ok(()))),
        recipients: Recipients::new(),
    }
}

/// Reads a body up to the limit.
async fn read_body(response: &mut Response, body: &mut Vec<u8>) -> reqwest::Result<()> {
    while body.len() < ANSWER_MAX {
        match response.chunk().await? {
            Some(chunk) => body.extend_from_slice(&chunk),
            None => break,
        }
    }
    Ok(())
}

/// The printable beginning of a response.
pub(super) fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(ANSWER_MAX)]);
    printable(&beginning(text.trim(), EXCERPT_MAX)).into_owned()
}

/// The `Retry-After` header: seconds, or a date, relative to the `Date` of the response because clocks may differ.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let date = |text| DateTime::parse_from_rfc2822(text).ok();
    let asked = text(RETRY_AFTER)?;
    if let Ok(seconds) = asked.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let wait = date(asked)? - date(text(DATE)?)?;
    Some(wait.to_std().unwrap_or_default())
}

/// Describes an error without the URL, because the path is a secret of many receivers.
fn reason(error: &reqwest::Error) -> Cow<'static, str> {
    let words = if error.is_connect() {
        return cannot_connect(error);
    } else if error.is_timeout() {
        "no response in time"
    } else if error.is_builder() {
        "the URL or a header is invalid"
    } else if is_parse_error(error) {
        "the response is not valid HTTP"
    } else {
        "the connection was closed without a response"
    };
    words.into()
}

/// Describes a connection error with the same messages as probes.
fn cannot_connect(error: &reqwest::Error) -> Cow<'static, str> {
    const DOING: &str = "cannot connect";
    if let Some(cause) = source_of::<io::Error>(error).map(innermost) {
        let inner = cause.get_ref();
        let is_tls = inner.is_some_and(|inner| inner.downcast_ref::<rustls::Error>().is_some());
        if is_tls || cause.raw_os_error().is_some() {
            if is_tls && Trust::system().is_err() {
                return NO_TRUSTED.into();
            }
            let words = Failure::io(cause, DOING).message;
            return without_advice(&words).to_owned().into();
        }
    }
    // The connector has no specific error types for these.
    let known = sources(error).find_map(|one| match one.to_string().as_str() {
        "dns error" => Some("cannot connect: the name does not resolve"),
        "tunnel error: proxy authorization required" => {
            Some("cannot connect: the proxy requires a login, or rejects it (status 407)")
        }
        "tunnel error: unsuccessful" | "tunnel error: unexpected end of file" => {
            Some("cannot connect: the proxy rejects the address")
        }
        _ => None,
    });
    if let Some(words) = known {
        return words.into();
    }
    DOING.into()
}

/// Unwraps an error of the system.
fn innermost(error: &io::Error) -> &io::Error {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    inner.map_or(error, innermost)
}

fn is_parse_error(error: &reqwest::Error) -> bool {
    let mut known = sources(error).filter_map(|error| error.downcast_ref::<hyper::Error>());
    known.any(hyper::Error::is_parse)
}

#[cfg(test)]
mod tests;
