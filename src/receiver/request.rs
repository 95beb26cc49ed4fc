//! The requests of a channel, without sending them.

use super::Mail;
use crate::probe::http::oauth2::TokenSource;
use crate::text::hex;
use crate::yaml::Secret;
use ring::digest::{SHA256, digest};
use serde_json::Value;
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
    Patch,
}

impl Method {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Patch => "PATCH",
        }
    }
}

/// One step in the delivery of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    Http(HttpRequest),
    Mail(Mail),
    /// Runs a program that reads the message from its standard input.
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
    /// The address of an HTTP proxy, which may contain a login.
    pub proxy: Option<Secret>,
    /// The source of its OAuth 2.0 token.
    pub tokens: Option<Tokens>,
}

/// A source of tokens. Two are equal if they are the same one.
#[derive(Clone, Debug)]
pub struct Tokens(pub Arc<TokenSource>);

impl PartialEq for Tokens {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Tokens {}

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
            proxy: None,
            tokens: None,
        }
    }

    pub fn get(url: &str) -> Self {
        Self {
            method: Method::Get,
            url: Secret::new(url),
            headers: Vec::new(),
            body: Vec::new(),
            proxy: None,
            tokens: None,
        }
    }

    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), Secret::new(value)));
        self
    }
}

impl Request {
    /// The request through a proxy, if it is sent by HTTP.
    pub(super) fn through(self, proxy: Option<&Secret>) -> Self {
        match self {
            Self::Http(request) => Self::Http(HttpRequest {
                proxy: proxy.cloned(),
                ..request
            }),
            other => other,
        }
    }
}

impl From<HttpRequest> for Request {
    fn from(request: HttpRequest) -> Self {
        Self::Http(request)
    }
}

/// Truncates a text to this number of UTF-16 code units, as many services count them; other units
/// result in smaller counts.
pub(super) fn truncated(text: &str, max: usize) -> String {
    if text.encode_utf16().count() <= max {
        return text.to_owned();
    }
    let mut room = max.saturating_sub(1);
    let fits = |letter: &char| match room.checked_sub(letter.len_utf16()) {
        Some(left) => {
            room = left;
            true
        }
        None => false,
    };
    let mut cut: String = text.chars().take_while(fits).collect();
    cut.push('…');
    cut
}

/// A hash of a text, short enough for keys and message identifiers.
pub(super) fn hash(text: &str) -> String {
    hex(&digest(&SHA256, text.as_bytes()).as_ref()[..16])
}

/// Shortens the key of an incident to this number of characters. Keys with the same start stay
/// different.
pub(super) fn shortened_key(key: &str, max: usize) -> String {
    if key.encode_utf16().count() <= max {
        return key.to_owned();
    }
    let end = hash(key);
    format!(
        "{} {end}",
        truncated(key, max.saturating_sub(end.len() + 1))
    )
}

/// A text, or a replacement if it is empty, which some services reject.
pub(super) fn non_empty(text: &str) -> &str {
    if text.is_empty() { "slod" } else { text }
}
