//! Who is notified of alerts, and how: the contract of a receiver kind, and the registry of all kinds.
//!
//! A new kind is one file in this folder plus a line in [`KINDS`] and in [`KEYS`]. The file has a
//! [`Kind`] (its keys, an example, how to read it from the config) and a [`Channel`], which turns a
//! message into requests. Sending, repeating and waiting are the same for all kinds.

mod alertmanager;
mod chat;
mod discord;
mod email;
mod exec;
mod fields;
mod heartbeat;
mod login;
mod mail;
mod message;
mod ntfy;
mod opsgenie;
mod pagerduty;
mod reply;
mod request;
mod route;
mod slack;
mod teams;
mod telegram;
mod template;
mod webhook;

pub use heartbeat::{HEARTBEAT_KEYS, HeartbeatSpec};
pub use mail::{Envelope, Mail, Security};
pub use message::Message;
pub use reply::is_page;
pub use request::{HttpRequest, Method, Request};
pub use route::{Decision, Escalation, Hours, Matcher, Route, Routing};
pub use template::{Template, TemplateError};

use crate::outcome::Timestamp;
use crate::yaml::{Bool, Key, Keys, Mapping, Parsed, Redactions, SecretText, Section, Span, Text};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Every receiver kind there is. The config reader and the tests walk it.
pub const KINDS: &[&Kind] = &[
    &alertmanager::KIND,
    &webhook::KIND,
    &slack::KIND,
    &teams::KIND,
    &discord::KIND,
    &pagerduty::KIND,
    &opsgenie::KIND,
    &telegram::KIND,
    &ntfy::KIND,
    &email::KIND,
    &exec::KIND,
];

/// The keys of a receiver.
pub const KEYS: Keys = &[
    &NAME,
    &TIMEOUT,
    &TITLE,
    &TEXT,
    &MAINTENANCE,
    &alertmanager::KIND.key,
    &webhook::KIND.key,
    &slack::KIND.key,
    &teams::KIND.key,
    &discord::KIND.key,
    &pagerduty::KIND.key,
    &opsgenie::KIND.key,
    &telegram::KIND.key,
    &ntfy::KIND.key,
    &email::KIND.key,
    &exec::KIND.key,
];

pub const NAME: Key<Text> = Key::required("name", Text, "Name for routes, unique.");

pub const TIMEOUT: Key<Span> = Key::with_default(
    "timeout",
    Span::within(Duration::from_secs(1), Duration::from_mins(2)),
    "10s",
    "How long one attempt to deliver may take.",
);

pub const TITLE: Key<Text> = Key::with_default(
    "title",
    Text,
    "[{{ status }}] {{ summary }}",
    "Title of a message: a template such as `{% if firing > 1 %}{{ firing }} alerts{% else %}{{ summary }}{% endif %}`, see [Texts of messages](#texts-of-messages). The payloads of `alertmanager`, `webhook` and `exec` have no texts.",
);

pub const TEXT: Key<Text> = Key::with_default(
    "text",
    Text,
    "{{ list }}\n{{ description }}\n{% if chart %}{{ chart }}\n{% endif %}{% if page_url %}{{ page_url }}\n{% endif %}{{ runbook_url }}",
    "Text of a message, likewise.",
);

pub const MAINTENANCE: Key<Bool> = Key::with_default(
    "maintenance",
    Bool,
    "false",
    "Whether corrections are announced as well: `SlodMaintenancePlanned` until one begins, `SlodMaintenance` until it ends.",
);

/// An address of a service on the web, which may contain a token.
const fn url_key(doc: &'static str) -> Key<SecretText> {
    Key::required("url", SecretText, doc)
}

/// A way of notifying, as the config names it.
pub struct Kind {
    /// Its name is that of the kind.
    pub key: Key<Mapping>,
    /// A complete value in YAML; a test reads it.
    pub example: &'static str,
    /// Whether its messages have a title and a text.
    pub has_texts: bool,
    /// Builds a channel, or reports every fault to the section and returns `None`.
    pub read: fn(&Section<'_>) -> Option<Arc<dyn Channel>>,
}

/// Turns messages into requests.
pub trait Channel: Send + Sync + fmt::Debug {
    /// What delivers a message. If there are several requests, one that succeeds suffices.
    fn requests(&self, message: &Message, texts: &Texts, now: Timestamp) -> Vec<Request>;

    /// What the answer to a message says beyond its status; `None` if the status says all. With a status
    /// of success, what is not as the service documents it is [`Reply::Unconfirmed`]: a login page of
    /// the network has that status as well.
    fn reply(&self, _status: u16, _body: &[u8]) -> Option<Reply> {
        None
    }

    /// How often it expects alerts that fire, if that does not depend on routes. All its alerts
    /// are then one group.
    fn resend_every(&self) -> Option<Duration> {
        None
    }

    /// Whether messages about a group are one incident, of which people are notified once.
    fn has_incidents(&self) -> bool {
        false
    }
}

/// What a service answered to a message that it lets be edited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It took the message, and calls it this.
    Posted(String),
    /// The message is already as it is to become.
    Same,
    /// The message that was to be edited is not there, or cannot be edited any more.
    Gone,
    /// It did not take the message, and may take it later.
    Failed(String),
    /// It takes no message before this time is over.
    Busy(Duration),
    /// It will never take this message.
    Refused(String),
    /// The answer is not the service's, which has this: the message was not taken.
    Unconfirmed(&'static str),
}

/// The title and the text of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Texts {
    pub title: String,
    pub text: String,
}

/// A receiver of the config.
#[derive(Clone, Debug)]
pub struct Receiver {
    pub name: String,
    pub kind: &'static str,
    pub timeout: Duration,
    pub title: Template,
    pub text: Template,
    /// Whether maintenance is announced to it.
    pub maintenance: bool,
    pub channel: Arc<dyn Channel>,
    /// Secrets that no message about it may contain.
    pub redactions: Redactions,
}

impl Receiver {
    /// The title and the text of a message: the default ones if its own cannot be rendered, with
    /// the reason for that.
    pub fn texts(&self, message: &Message) -> (Texts, Option<TemplateError>) {
        let fields = fields::of(message);
        let render = |template: &Template| {
            let text = template.render(&fields)?;
            let text = text.trim();
            Ok(if message.is_short {
                request::short(text, message::SHORT_MAX)
            } else {
                text.to_owned()
            })
        };
        let both = |title: &Template, text: &Template| {
            Ok(Texts {
                title: render(title)?,
                text: render(text)?,
            })
        };
        match both(&self.title, &self.text) {
            Ok(texts) => (texts, None),
            Err(error) => (default_texts(&fields), Some(error)),
        }
    }

    /// What delivers a message with these texts.
    pub fn requests(&self, message: &Message, texts: &Texts, now: Timestamp) -> Vec<Request> {
        self.channel.requests(message, texts, now)
    }
}

/// What a receiver without own templates is sent.
fn default_texts(fields: &minijinja::Value) -> Texts {
    let of = |key: &Key<Text>| {
        let template = Template::parse(key.default().unwrap_or_default());
        let text = template.and_then(|template| template.render(fields));
        text.unwrap_or_default().trim().to_owned()
    };
    Texts {
        title: of(&TITLE),
        text: of(&TEXT),
    }
}

const EDIT: Key<Bool> = Key::with_default(
    "edit",
    Bool,
    "true",
    "Whether the last message about a group of alerts is edited when an alert of it ends. An edited message notifies nobody; so what begins, and a repetition, is a new message. `false`: an end is a new message, too.",
);

/// Reads the address of a service on the web.
fn url(section: &Section<'_>, key: &Key<SecretText>) -> Option<String> {
    let text = section.secret(key)?;
    let text = text.reveal().trim();
    let url = url::Url::parse(text).ok();
    let is_web = |url: &url::Url| matches!(url.scheme(), "http" | "https") && url.has_host();
    if url.as_ref().is_some_and(is_web) {
        return Some(text.trim_end_matches('/').to_owned());
    }
    let help = "expected an address such as https://hooks.example.com/path";
    section.error("invalid-value", key, "this is not an HTTP address", help);
    None
}

/// An address without secrets, as the default of a service that can also be self-hosted.
const BASE: Parsed<String> = Parsed {
    label: "URL",
    expected: "an address such as https://api.example.com",
    parse: |text| {
        let url = url::Url::parse(text).ok()?;
        let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
        is_web.then(|| text.trim_end_matches('/').to_owned())
    },
};

#[cfg(test)]
mod tests;
