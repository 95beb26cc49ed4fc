//! Sends what a receiver's channel made.

use super::program;
use super::smtp::Smtp;
use crate::probe::dial::{Failure, NO_TRUSTED, Trust, source_of, system_client};
use crate::receiver::{HttpRequest, Method, Request};
use crate::text::{beginning, printable};
use chrono::DateTime;
use futures_util::future::join_all;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Bytes of an answer that are read.
pub(super) const ANSWER_MAX: usize = 65_536;
/// How long a body may take after its head.
const BODY_TIME: Duration = Duration::from_secs(5);
/// Header fields of an answer.
const HEADERS_MAX: usize = 1000;
/// Characters of an answer that are kept.
const SHOWN_MAX: usize = 200;

/// What a receiver answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Delivered(String),
    /// It will never take this message.
    Refused(String),
    /// It may take a smaller one.
    TooLarge(String),
    Failed {
        why: String,
        /// When it wants to be asked again.
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

    /// The better one first.
    fn rank(&self) -> u8 {
        match self {
            Self::Delivered(_) => 0,
            Self::TooLarge(_) => 1,
            Self::Failed { .. } => 2,
            Self::Refused(_) => 3,
        }
    }
}

/// The recipients of a mail that need not be sent it again, and why those that were refused were.
pub(super) type Recipients = BTreeMap<String, Option<String>>;

/// An answer with what its service says in the body.
#[derive(Debug)]
pub(super) struct Exchange {
    pub answer: Answer,
    pub status: u16,
    pub body: Vec<u8>,
    /// Whether the body did not come to its end.
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

/// Follows no redirect and uses no proxy of the environment: a message goes where the config says, or
/// nowhere.
#[derive(Clone, Debug)]
pub struct Sender {
    web: Client,
    mail: Smtp,
}

impl Sender {
    pub fn new() -> Result<Self, String> {
        let tls = system_client()?;
        let builder = Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(Duration::from_secs(10))
            .pool_idle_timeout(Duration::from_secs(30))
            // An odd answer is an answer: what was taken must not be sent again.
            .http1_max_headers(HEADERS_MAX)
            .http1_ignore_invalid_headers_in_responses(true)
            .http1_allow_spaces_after_header_name_in_responses(true)
            .http1_allow_obsolete_multiline_headers_in_responses(true);
        let web = builder
            .build()
            .map_err(|_| "the HTTP client cannot be built".to_owned())?;
        Ok(Self {
            web,
            mail: Smtp::new(tls),
        })
    }

    /// Sends all requests at once. One that succeeds suffices.
    pub async fn send(&self, requests: Vec<Request>, within: Duration) -> Answer {
        let nobody = Recipients::new();
        self.exchange(requests, within, &nobody).await.answer
    }

    /// Mails are not sent to recipients that are `done`.
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
                Answer::failed(format!("no answer within {} s", within.as_secs())).into()
            })
        });
        let answers = join_all(answers).await.into_iter();
        answers
            .min_by_key(|one| one.answer.rank())
            .unwrap_or_else(|| Answer::failed("nothing to send").into())
    }

    /// `None` without an answer in time.
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
        let mut builder = self.web.request(method, request.url.reveal());
        for (name, value) in &request.headers {
            builder = builder.header(name, value.reveal());
        }
        let sent = builder.body(request.body.clone()).send();
        match timeout_at(until, sent).await.ok()? {
            Ok(response) => Some(answer(response, until).await),
            // Its text has the address, which may hold a token.
            Err(error) => Some(Answer::failed(reason(&error)).into()),
        }
    }
}

/// The status decides once the head is there: a body that is slow or has no end adds what came of it.
async fn answer(mut response: Response, until: Instant) -> Exchange {
    let (status, retry_after) = (response.status(), retry_after(response.headers()));
    let until = until.min(Instant::now() + BODY_TIME);
    let mut body = Vec::new();
    let read = timeout_at(until, read_body(&mut response, &mut body)).await;
    let said = if status.is_redirection() {
        "redirects are not followed".to_owned()
    } else {
        shown(&body)
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

/// Reads a body to its end, or to the most that is read.
async fn read_body(response: &mut Response, body: &mut Vec<u8>) -> reqwest::Result<()> {
    while body.len() < ANSWER_MAX {
        match response.chunk().await? {
            Some(chunk) => body.extend_from_slice(&chunk),
            None => break,
        }
    }
    Ok(())
}

/// The beginning of what the other side says, fit to be shown.
pub(super) fn shown(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(ANSWER_MAX)]);
    printable(&beginning(text.trim(), SHOWN_MAX)).into_owned()
}

/// Seconds, or a date, which is counted from the date of the answer: the clocks may differ.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let date = |text| DateTime::parse_from_rfc2822(text).ok();
    let asked = text(RETRY_AFTER)?;
    if let Ok(seconds) = asked.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let wait = date(asked)? - date(text(DATE)?)?;
    Some(wait.to_std().unwrap_or_default())
}

/// Never with the address, whose path is a secret of many receivers.
fn reason(error: &reqwest::Error) -> Cow<'static, str> {
    let words = if error.is_connect() {
        return cannot_connect(error);
    } else if error.is_timeout() {
        "no answer in time"
    } else if error.is_builder() {
        "the address or a header is invalid"
    } else if is_parse_error(error) {
        "the answer is not valid HTTP"
    } else {
        "the connection ended without an answer"
    };
    words.into()
}

/// In the words that probes have for it.
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
            // What follows is advice about the keys of a probe.
            let fault = words.split("; ").next().unwrap_or_default();
            return fault.to_owned().into();
        }
    }
    let mut sources = std::iter::successors(error.source(), |error| (*error).source());
    // The error of the connector has no type of its own for this.
    if sources.any(|one| one.to_string() == "dns error") {
        return "cannot connect: the name does not resolve".into();
    }
    DOING.into()
}

/// An error of the system may be wrapped in others.
fn innermost(error: &io::Error) -> &io::Error {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    inner.map_or(error, innermost)
}

fn is_parse_error(error: &reqwest::Error) -> bool {
    let sources = std::iter::successors(error.source(), |error| (*error).source());
    let mut known = sources.filter_map(|error| error.downcast_ref::<hyper::Error>());
    known.any(hyper::Error::is_parse)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    /// What is made of an answer that a receiver gives.
    async fn answered(head: &'static str) -> Answer {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            let _ = stream.read(&mut [0; 2048]);
            stream.write_all(head.as_bytes()).expect("sent");
        });
        // A second call changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let sender = Sender::new().expect("a client");
        let url = format!("http://{address}/");
        let request = HttpRequest::json(&url, "key", &serde_json::json!({}));
        let answer = sender
            .send(vec![request.into()], Duration::from_secs(20))
            .await;
        server.join().expect("it ends");
        answer
    }

    #[tokio::test]
    async fn what_an_odd_answer_takes_is_delivered() {
        let many: &str = Box::leak("X-A: 1\r\n".repeat(120).into_boxed_str());
        for fields in [
            "X-A: 1\r\n folded\r\n",
            "X-A : 1\r\n",
            "PHP Warning x\r\n",
            many,
        ] {
            let head = format!(
                "HTTP/1.1 200 OK\r\n{fields}Content-Length: 2\r\nConnection: close\r\n\r\nok"
            );
            let answer = answered(Box::leak(head.into_boxed_str())).await;
            assert_eq!(
                answer,
                Answer::Delivered("HTTP 200: ok".to_owned()),
                "{fields}"
            );
        }
    }

    #[tokio::test]
    async fn what_is_no_answer_says_why() {
        let text = |answer: Answer| answer.text().to_owned();
        assert_eq!(
            text(answered("SMTP ready\r\n\r\n").await),
            "the answer is not valid HTTP"
        );
        assert_eq!(
            text(answered("").await),
            "the connection ended without an answer"
        );
        let moved = "HTTP/1.1 307 Temporary Redirect\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(
            text(answered(moved).await),
            "HTTP 307: redirects are not followed"
        );
    }

    #[tokio::test]
    async fn an_answer_without_an_end_is_read_to_a_limit() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            let _ = stream.read(&mut [0; 2048]);
            let mut next = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            while next.is_ok() {
                next = stream.write_all(&[b'x'; 8192]);
            }
        });
        // A second call changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let response = reqwest::get(format!("http://{address}/")).await;
        let until = Instant::now() + Duration::from_secs(20);
        let exchange = answer(response.expect("an answer"), until).await;
        assert!(matches!(exchange.answer, Answer::Delivered(_)));
        let length = exchange.body.len();
        assert!((ANSWER_MAX..4 * ANSWER_MAX).contains(&length), "{length}");
        assert_eq!(shown(&exchange.body).chars().count(), SHOWN_MAX + 1);
    }

    /// What is made of an answer whose head comes at once, and of its body only a part.
    async fn unfinished(head: &'static str) -> Exchange {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (done, is_done) = std::sync::mpsc::channel::<()>();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            let _ = stream.read(&mut [0; 2048]);
            stream.write_all(head.as_bytes()).expect("sent");
            let _ = is_done.recv();
        });
        // A second call changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let sender = Sender::new().expect("a client");
        let url = format!("http://{address}/");
        let request = HttpRequest::json(&url, "key", &serde_json::json!({}));
        let (within, nobody) = (Duration::from_secs(1), Recipients::new());
        let exchange = sender.exchange(vec![request.into()], within, &nobody);
        let exchange = exchange.await;
        drop(done);
        exchange
    }

    #[tokio::test]
    async fn the_status_decides_although_the_body_does_not_end() {
        for (head, expected) in [
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\no",
                Answer::Delivered("HTTP 200: o".to_owned()),
            ),
            (
                "HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
                Answer::Delivered("HTTP 202: ok".to_owned()),
            ),
            (
                "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\n",
                Answer::Failed {
                    why: "HTTP 503".to_owned(),
                    retry_after: Some(Duration::from_secs(7)),
                },
            ),
        ] {
            let exchange = unfinished(head).await;
            assert_eq!(exchange.answer, expected);
            assert!(exchange.is_unfinished);
        }
    }

    async fn failed(url: &str) -> String {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let sender = Sender::new().expect("a client");
        let request = HttpRequest::json(url, "key", &serde_json::json!({}));
        let (within, nobody) = (Duration::from_secs(10), Recipients::new());
        let exchange = sender.exchange(vec![request.into()], within, &nobody).await;
        match exchange.answer {
            Answer::Failed { why, .. } => why,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_connection_that_fails_says_why_and_not_where() {
        let closed = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = closed.local_addr().expect("bound");
        drop(closed);
        let refused = failed(&format!("http://{address}/secretpath")).await;
        assert_eq!(refused, "cannot connect: connection refused");
        let plain = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = plain.local_addr().expect("bound");
        std::thread::spawn(move || {
            let (mut stream, _) = plain.accept().expect("a client");
            let _ = stream.read(&mut [0; 2048]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        });
        let not_tls = failed(&format!("https://{address}/secretpath")).await;
        assert!(not_tls.starts_with("TLS: "), "{not_tls}");
        let unknown = failed("http://nowhere.invalid/secretpath").await;
        assert_eq!(unknown, "cannot connect: the name does not resolve");
    }

    #[test]
    fn a_receiver_says_when_it_wants_to_be_asked_again_in_seconds_or_as_a_date() {
        let asked = |fields: &[(reqwest::header::HeaderName, &'static str)]| {
            let fields = fields.iter().cloned();
            let fields = fields.map(|(name, value)| (name, value.parse().expect("a value")));
            retry_after(&fields.collect()).map(|wait| wait.as_secs())
        };
        let now = (DATE, "Sun, 06 Nov 1994 08:49:37 GMT");
        let later = (RETRY_AFTER, "Sun, 06 Nov 1994 08:50:37 GMT");
        let earlier = (RETRY_AFTER, "Sun, 06 Nov 1994 08:40:37 GMT");
        assert_eq!(asked(&[(RETRY_AFTER, " 120 ")]), Some(120));
        assert_eq!(asked(&[now.clone(), later.clone()]), Some(60));
        assert_eq!(asked(&[now, earlier]), Some(0));
        assert_eq!(asked(&[later]), None);
        assert_eq!(asked(&[(RETRY_AFTER, "soon")]), None);
    }
}
