//! ntfy: messages are published as JSON to the address of the server.

use super::importance::Importance;
use super::login::{PASSWORD, USERNAME, authorization};
use super::reply::{confirmed, json as read_json};
use super::request::truncated;
use super::{BASE, Channel, HttpRequest, Kind, Message, Parsed, Reply, Request, Texts};
use crate::outcome::Timestamp;
use crate::yaml::{Key, Keys, Mapping, Secret, SecretText};
use serde_json::json;
use std::sync::Arc;

const KEYS: Keys = &[&TOPIC, &URL, &TOKEN, &USERNAME, &PASSWORD];

/// Maximum length of a text: a message of more than 4,096 bytes becomes an attachment.
const TEXT_MAX: usize = 1000;
const TITLE_MAX: usize = 250;

const TOPIC: Key<SecretText> = Key::required(
    "topic",
    SecretText,
    "The topic. On a public server, anyone who knows its name can read it.",
);
const URL: Key<Parsed<String>> =
    Key::with_default("url", BASE, "https://ntfy.sh", "The address of the server.");
const TOKEN: Key<SecretText> = Key::optional(
    "token",
    SecretText,
    "An access token, instead of `username` and `password`.",
);

pub const KIND: Kind = Kind {
    key: Key::optional("ntfy", Mapping(KEYS), "An ntfy topic."),
    example: "{ topic: example-topic }",
    has_texts: true,
    escape: None,
    is_web: true,
    read: |section| {
        let (topic, url) = (section.secret(&TOPIC), section.get(&URL));
        let authorization = authorization(section, &TOKEN)?;
        Some(Arc::new(Ntfy {
            topic: topic?,
            url: url?,
            authorization,
        }))
    },
};

#[derive(Debug)]
struct Ntfy {
    topic: Secret,
    url: String,
    authorization: Option<Secret>,
}

impl Channel for Ntfy {
    fn requests(&self, message: &Message, texts: &Texts, _: Timestamp) -> Vec<Request> {
        let priority = if message.call() == Some(Importance::Page) {
            5
        } else {
            3
        };
        let tag = match message.importance() {
            Importance::Page => "rotating_light",
            Importance::Ticket => "warning",
            Importance::Info => "information_source",
            Importance::Resolved => "white_check_mark",
        };
        let body = json!({
            "topic": self.topic.reveal(),
            "title": truncated(&texts.title, TITLE_MAX),
            "message": truncated(&texts.text, TEXT_MAX),
            "priority": priority,
            "tags": [tag],
        });
        let mut request = HttpRequest::json(&self.url, &message.key, &body);
        if let Some(authorization) = &self.authorization {
            request = request.with("authorization", authorization.reveal());
        }
        vec![request.into()]
    }

    /// The message as stored by the server: <https://docs.ntfy.sh/publish/#publish-as-json>
    fn reply(&self, status: u16, body: &[u8]) -> Option<Reply> {
        let body = read_json(body);
        // An invalid topic has status 400, as an invalid message does. <https://docs.ntfy.sh/publish/>
        let why = body["error"].as_str().unwrap_or_default();
        if status == 400 && why.contains("topic") {
            return Some(Reply::Failed(format!("ntfy responded with {why}")));
        }
        let is_confirmed = body["id"].is_string();
        confirmed(status, is_confirmed, "a message with its `id`")
    }
}
