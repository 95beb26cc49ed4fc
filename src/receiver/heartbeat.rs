//! The dead man's switch: a request at regular intervals that stops when slod does.

use super::url;
use crate::yaml::{Key, Keys, Redactions, Secret, SecretText, Section, Span};
use std::time::Duration;

pub const HEARTBEAT_KEYS: Keys = &[&URL, &EVERY];

const URL: Key<SecretText> = super::url_key(
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
}

impl HeartbeatSpec {
    pub fn read(section: &Section<'_>) -> Option<Self> {
        let (url, every) = (url(section, &URL), section.get(&EVERY));
        Some(Self {
            url: Secret::new(url?),
            every: every?,
        })
    }

    /// The values to remove from messages about it.
    pub fn redactions(&self) -> Redactions {
        let mut redactions = Redactions::default();
        redactions.add(self.url.reveal(), "<secret>");
        redactions
    }
}
