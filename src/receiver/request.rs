//! What a channel sends, without sending it.

use super::Mail;
use crate::yaml::Secret;
use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
}

/// One step of the delivery of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    Http(HttpRequest),
    Mail(Mail),
    /// A program that reads the message from its standard input.
    Run {
        program: String,
        arguments: Vec<String>,
        key: String,
        input: Vec<u8>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpRequest {
    pub method: Method,
    pub url: Secret,
    pub headers: Vec<(String, Secret)>,
    pub body: Vec<u8>,
}

impl HttpRequest {
    /// A JSON document.
    pub fn json(url: &str, key: &str, body: &Value) -> Self {
        Self::post(url, key, body.to_string().into_bytes()).with("content-type", "application/json")
    }

    pub fn post(url: &str, key: &str, body: Vec<u8>) -> Self {
        Self {
            method: Method::Post,
            url: Secret::new(url),
            headers: vec![("idempotency-key".to_owned(), Secret::new(key))],
            body,
        }
    }

    pub fn get(url: &str) -> Self {
        Self {
            method: Method::Get,
            url: Secret::new(url),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), Secret::new(value)));
        self
    }
}

impl From<HttpRequest> for Request {
    fn from(request: HttpRequest) -> Self {
        Self::Http(request)
    }
}

/// A text within so many characters.
pub(super) fn short(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(max - 1).collect();
    cut.push('…');
    cut
}

/// A time as RFC 3339 writes it.
pub(super) fn rfc3339(at: crate::outcome::Timestamp) -> String {
    at.to_utc()
        .to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
