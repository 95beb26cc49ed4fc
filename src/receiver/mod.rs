//! Alert receivers: the interface of receiver kinds, and the registry of all kinds.
//!
//! A new kind is a file in this folder and a line in [`KINDS`] and in [`KEYS`]. The file contains a
//! [`Kind`] (keys, example, config reader) and a [`Channel`], which converts a message to requests.
//! Sending, retries and waiting are the same for all kinds.

mod alertmanager;
mod chat;
mod discord;
mod email;
mod escape;
mod exec;
mod fields;
mod headers;
mod heartbeat;
mod hours;
mod importance;
mod list;
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

pub use heartbeat::{HEARTBEAT_KEYS, HeartbeatSpec, URL as HEARTBEAT_URL};
pub use hours::Hours;
pub use mail::{Envelope, Mail, Security, is_domain};
pub use message::Message;
pub use reply::is_page;
pub use request::{HttpRequest, Method, Request, Tokens};
pub use route::{Decision, Escalation, Matcher, Route, Routing, group_of};
pub use template::{Template, TemplateError};

use crate::outcome::Timestamp;
use crate::probe::dial::web_address;
use crate::yaml::{
    Bool, Key, Keys, Mapping, Parsed, Redactions, Secret, SecretText, Section, Span, Text,
};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// All receiver kinds, used by the config reader and the tests.
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
    &PROXY,
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
    "Timeout of one delivery attempt.",
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
    "{{ list }}\n{% if description not in list %}{{ description }}\n{% endif %}{% if chart %}{{ chart }}\n{% endif %}{% if page_url %}{{ page_url }}\n{% endif %}{{ runbook_url }}",
    "Text of a message, also a template.",
);

pub const MAINTENANCE: Key<Bool> = Key::with_default(
    "maintenance",
    Bool,
    "false",
    "Whether maintenance is announced as well: `SlodMaintenancePlanned` until it begins, `SlodMaintenance` until it ends. A silence mutes announcements only if it selects them by name, such as `alertname=SlodMaintenance`.",
);

pub const PROXY: Key<SecretText> = Key::optional(
    "proxy",
    SecretText,
    "An `http` proxy, such as `http://proxy.example:3128`, also with a user and password. `https` is tunneled through it.",
);

/// The key of a web address, which may contain a token.
const fn url_key(doc: &'static str) -> Key<SecretText> {
    Key::required("url", SecretText, doc)
}

/// A kind of receiver that can be configured.
pub struct Kind {
    /// The config key, whose name is that of the kind.
    pub key: Key<Mapping>,
    /// A complete value in YAML, read by a test.
    pub example: &'static str,
    /// Whether its messages have a title and a text.
    pub has_texts: bool,
    /// How values in its texts are escaped; `None` for plain text.
    escape: Option<escape::Escape>,
    /// Whether its messages are sent by HTTP.
    pub is_web: bool,
    /// Builds a channel. Returns `None` after reporting every error to the section.
    pub read: fn(&Section<'_>) -> Option<Arc<dyn Channel>>,
}

impl Kind {
    /// Compiles a title or a text.
    pub fn template(&self, text: &str) -> Result<Template, TemplateError> {
        Template::with_escape(text, self.escape)
    }
}

/// Converts messages to requests.
pub trait Channel: Send + Sync + fmt::Debug {
    /// The requests that deliver a message. If there are several, one success is enough.
    fn requests(&self, message: &Message, texts: &Texts, now: Timestamp) -> Vec<Request>;

    /// Interprets the body of an answer; `None` if the status is sufficient. An answer with a success
    /// status that does not match the documentation of the service is [`Reply::Unconfirmed`], since the
    /// login page of a network also has such a status.
    fn reply(&self, _status: u16, _body: &[u8]) -> Option<Reply> {
        None
    }

    /// The configured destination, if its service may give it a new ID ([`Reply::Moved`]).
    fn destination(&self) -> Option<&str> {
        None
    }

    /// How often the service expects firing alerts again, if that does not depend on routes. All alerts
    /// are then one group.
    fn resend_every(&self) -> Option<Duration> {
        None
    }

    /// Whether it can be sent announcements of maintenance and reminders of silences without notifying
    /// people as about an alert.
    fn takes_announcements(&self) -> bool {
        true
    }

    /// Whether messages about a group form one incident, for which people are notified once.
    fn has_incidents(&self) -> bool {
        false
    }
}

/// The answer of a service to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The message was accepted and has this ID.
    Posted(String),
    /// The message already has the new content.
    Same,
    /// The message to edit does not exist, or can no longer be edited.
    Gone,
    /// The message was rejected, but may be accepted later, as after a wrong key was replaced. This also
    /// applies to statuses that permanently reject a message.
    Failed(String),
    /// The destination has this new ID.
    Moved(String),
    /// No message is accepted before this time has passed.
    Busy(Duration),
    /// The message is permanently rejected.
    Refused(String),
    /// The answer is not from the service, whose answers contain this: the message was not delivered.
    Unconfirmed(&'static str),
}

/// The title and the text of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Texts {
    pub title: String,
    pub text: String,
}

/// A configured receiver.
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
    pub proxy: Option<Secret>,
    /// The values to remove from messages about it.
    pub redactions: Redactions,
}

impl Receiver {
    /// The title and the text of a message: the default ones if its template cannot be rendered, with
    /// the error.
    pub fn texts(&self, message: &Message) -> (Texts, Option<TemplateError>) {
        let fields = fields::of(message);
        let render = |template: &Template| {
            let text = template.render(&fields)?;
            let text = text.trim();
            Ok(if message.is_short {
                request::truncated(text, message::SHORT_MAX)
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
            Err(error) => (self.default_texts(&fields), Some(error)),
        }
    }

    /// The texts of a receiver without templates.
    fn default_texts(&self, fields: &minijinja::Value) -> Texts {
        let of = |key: &Key<Text>| {
            let template = self.text.sibling(key.default().unwrap_or_default());
            let text = template.and_then(|template| template.render(fields));
            text.unwrap_or_default().trim().to_owned()
        };
        Texts {
            title: of(&TITLE),
            text: of(&TEXT),
        }
    }

    /// The requests that deliver a message with these texts.
    pub fn requests(&self, message: &Message, texts: &Texts, now: Timestamp) -> Vec<Request> {
        let requests = self.channel.requests(message, texts, now).into_iter();
        let requests = requests.map(|request| request.through(self.proxy.as_ref()));
        requests.collect()
    }
}

const EDIT: Key<Bool> = Key::with_default(
    "edit",
    Bool,
    "true",
    "Whether to edit the last message about a group of alerts when one of its alerts is resolved. Editing notifies nobody, so new alerts and repetitions are always new messages. If `false`, resolved alerts are also new messages.",
);

/// The schemes of web services.
const WEB: [&str; 2] = ["http", "https"];

/// Reads the address of a proxy, if any; `None` after a reported error.
pub fn proxy(section: &Section<'_>) -> Option<Option<Secret>> {
    if !section.has(&PROXY) {
        return Some(None);
    }
    let secret = section.secret(&PROXY)?;
    if let Some(url) = web_address(secret.reveal().trim(), &["http"]) {
        return Some(Some(Secret::new(url.to_string())));
    }
    let message = "this is not the address of an HTTP proxy";
    let help = "expected an address such as http://proxy.example:3128";
    section.error("invalid-value", &PROXY, message, help);
    None
}

/// Reads the complete address of a web service. A slash at its end is kept: servers distinguish both.
fn url(section: &Section<'_>, key: &Key<SecretText>) -> Option<String> {
    let text = section.secret(key)?;
    let text = text.reveal().trim();
    if web_address(text, &WEB).is_some() {
        return Some(text.to_owned());
    }
    let help = "expected an address such as https://hooks.example.com/path";
    section.error(
        "invalid-value",
        key,
        "this is not an HTTP or HTTPS address",
        help,
    );
    None
}

/// An address without secrets, for a service that can also be self-hosted. Paths are appended to it.
const BASE: Parsed<String> = Parsed {
    label: "URL",
    expected: "an address without a login, such as https://api.example.com",
    parse: |text| {
        let url = web_address(text, &WEB)?;
        let has_login = !url.username().is_empty() || url.password().is_some();
        (!has_login).then(|| text.trim_end_matches('/').to_owned())
    },
};

#[cfg(test)]
mod tests;
