//! The dead man's switch: a request at regular intervals that stops when slod does.

use super::reply::{is_page, json};
use super::{HttpRequest, Method, proxy, url};
use crate::yaml::{Key, Keys, Redactions, Secret, SecretText, Section, Span};
use std::time::Duration;

pub const HEARTBEAT_KEYS: Keys = &[&URL, &EVERY, &super::PROXY];

pub const URL: Key<SecretText> = super::url_key(
    "An address that expects regular requests and notifies you when they stop, such as one of healthchecks.io, Uptime Kuma or another slod.",
);

const EVERY: Key<Span> = Key::with_default(
    "every",
    Span::within(Duration::from_secs(10), Duration::from_hours(1)),
    "1m",
    "How often it is requested.",
);

#[derive(Clone, Debug, PartialEq)]
pub struct HeartbeatSpec {
    pub url: Secret,
    pub every: Duration,
    pub proxy: Option<Secret>,
}

impl HeartbeatSpec {
    pub fn read(section: &Section<'_>) -> Option<Self> {
        let (url, every) = (url(section, &URL), section.get(&EVERY));
        let proxy = proxy(section)?;
        Some(Self {
            url: Secret::new(url?),
            every: every?,
            proxy,
        })
    }

    pub fn request(&self, method: Method) -> HttpRequest {
        HttpRequest {
            method,
            proxy: self.proxy.clone(),
            ..HttpRequest::get(self.url.reveal())
        }
    }

    /// Whether a service rejects a request by the body of a response with a success status: Healthchecks answers
    /// `OK (not found)` for an unknown check and `OK (rate limited)`, and Uptime Kuma has `ok`. A web page is from
    /// an intermediary. <https://healthchecks.io/docs/http_api/>
    pub fn is_rejection(body: &[u8]) -> bool {
        body.trim_ascii_start().starts_with(b"OK (") || json(body)["ok"] == false || is_page(body)
    }

    /// The values to remove from messages about it.
    pub fn redactions(&self) -> Redactions {
        let mut redactions = Redactions::default();
        for secret in [Some(&self.url), self.proxy.as_ref()].into_iter().flatten() {
            redactions.add(secret.reveal(), "<secret>");
        }
        redactions
    }
}
