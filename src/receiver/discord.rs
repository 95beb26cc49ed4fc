//! Discord webhooks.

use super::reply::{confirmed, is_success, json as read_json};
use super::request::{non_empty, truncated};
use super::{
    Channel, EDIT, HttpRequest, Kind, Message, Method, Reply, Request, Texts, escape, url,
};
use crate::outcome::Timestamp;
use crate::yaml::{Key, Keys, Mapping, Secret, SecretText, Text};
use serde_json::{Value, json};
use std::sync::Arc;

const KEYS: Keys = &[&URL, &MENTION, &EDIT];

const URL: Key<SecretText> = super::url_key("The address of the webhook, with its token.");

const MENTION: Key<Text> = Key::optional(
    "mention",
    Text,
    "Who is mentioned when alerts fire, so that they are notified: `@here`, `@everyone`, `<@80351110224678912>` (a user), `<@&165511591545143296>` (a role).",
);

/// Maximum title length that Discord accepts.
const TITLE_MAX: usize = 256;
const TEXT_MAX: usize = 4096;
/// Codes of errors about a channel, which have the same status as those about a message: it requires a tag, the
/// thread is archived or locked, or a forum requires a thread (`?thread_id=` in the address).
const NO_DESTINATION: [u64; 4] = [40_067, 50_083, 160_005, 220_001];
const CONTENT_MAX: usize = 2000;

pub const KIND: Kind = Kind {
    key: Key::optional("discord", Mapping(KEYS), "A Discord webhook."),
    example: "{ url: \"https://discord.com/api/webhooks/1/example\" }",
    has_texts: true,
    escape: Some(escape::markdown),
    is_web: true,
    read: |section| {
        let (edit, mention) = (section.get(&EDIT), section.get(&MENTION));
        let url = Secret::new(url(section, &URL)?);
        let edit = edit?;
        Some(Arc::new(Discord { url, mention, edit }))
    },
};

#[derive(Debug)]
struct Discord {
    url: Secret,
    mention: Option<String>,
    edit: bool,
}

impl Discord {
    /// The address for a new message, or for an existing one; the response contains the message.
    fn address(&self, message: Option<&str>) -> String {
        let Ok(mut url) = url::Url::parse(self.url.reveal()) else {
            return self.url.reveal().to_owned();
        };
        match message {
            Some(id) => {
                if let Ok(mut path) = url.path_segments_mut() {
                    path.pop_if_empty().extend(["messages", id]);
                }
            }
            None if self.edit => {
                url.query_pairs_mut().append_pair("wait", "true");
            }
            None => {}
        }
        url.into()
    }
}

impl Channel for Discord {
    fn requests(&self, message: &Message, texts: &Texts, _: Timestamp) -> Vec<Request> {
        let replaces = message.replaces.as_deref().filter(|_| self.edit);
        let url = self.address(replaces);
        let mut body = payload(message, texts);
        let calls = message.call().is_some();
        if let Some(mention) = self.mention.as_deref().filter(|_| calls) {
            body["content"] = truncated(mention, CONTENT_MAX).into();
            body["allowed_mentions"] = json!({ "parse": ["everyone", "roles", "users"] });
        }
        let mut request = HttpRequest::json(&url, &message.key, &body);
        if replaces.is_some() {
            request.method = Method::Patch;
        }
        vec![request.into()]
    }

    /// With `wait`, Discord answers with the message, otherwise with an empty body.
    /// <https://docs.discord.com/developers/resources/webhook#execute-webhook>
    fn reply(&self, status: u16, body: &[u8]) -> Option<Reply> {
        if status == 404 && self.edit {
            return Some(Reply::Gone);
        }
        let message = read_json(body);
        let is_lost = message["code"]
            .as_u64()
            .is_some_and(|code| NO_DESTINATION.contains(&code));
        if status == 400 && is_lost {
            let why = message["message"].as_str().unwrap_or_default();
            return Some(Reply::Failed(format!("Discord responded with {why}")));
        }
        match message["id"].as_str() {
            Some(id) if is_success(status) && self.edit => Some(Reply::Posted(id.to_owned())),
            id => {
                let is_confirmed = id.is_some() || body.trim_ascii().is_empty();
                confirmed(status, is_confirmed, "a message with its `id`")
            }
        }
    }
}

fn payload(message: &Message, texts: &Texts) -> Value {
    json!({
        "embeds": [{
            "title": non_empty(&truncated(&texts.title, TITLE_MAX)),
            "description": truncated(&texts.text, TEXT_MAX),
            "color": message.importance().color(),
        }],
        // Labels must not mention anybody; in an embed, they notify nobody.
        "allowed_mentions": { "parse": [] },
    })
}
