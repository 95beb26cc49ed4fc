//! Telegram's Bot API.

use super::reply::{confirmed, json as read_json};
use super::request::{non_empty, truncated};
use super::{
    BASE, Channel, EDIT, HttpRequest, Kind, Message, Parsed, Reply, Request, Texts, escape,
};
use crate::outcome::Timestamp;
use crate::yaml::{Integer, Key, Keys, Mapping, Secret, SecretText, Text};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

const KEYS: Keys = &[&TOKEN, &CHAT, &TOPIC, &URL, &EDIT];

/// Maximum text length that Telegram accepts.
const TEXT_MAX: usize = 4096;
/// Parts of the errors about a destination, which have the same code as those about a message. The chat, or
/// the bot's membership in it, can be corrected.
const NO_DESTINATION: [&str; 8] = [
    "chat not found",
    "chat_id",
    "rights",
    "thread not found",
    "topic",
    "bot is not",
    "write_forbidden",
    "peer_id_invalid",
];

const TOKEN: Key<SecretText> = Key::required("token", SecretText, "The token of the bot.");
const CHAT: Key<Text> = Key::required(
    "chat_id",
    Text,
    "The ID of the chat, or `@` and the name of a channel.",
);
const TOPIC: Key<Integer> = Key::optional(
    "topic",
    Integer(1, i32::MAX as u32),
    "The ID of a topic in a group with topics: 15 if the link to one of its messages is `https://t.me/c/1234567890/15/111`. Default: the general topic.",
);
const URL: Key<Parsed<String>> = Key::with_default(
    "url",
    BASE,
    "https://api.telegram.org",
    "The address of the Bot API server.",
);

pub const KIND: Kind = Kind {
    key: Key::optional("telegram", Mapping(KEYS), "A Telegram bot."),
    example: "{ token: \"1:example\", chat_id: -100 }",
    has_texts: true,
    escape: Some(escape::mentionless),
    is_web: true,
    read: |section| {
        let (token, chat) = (section.secret(&TOKEN), section.get(&CHAT));
        let (url, edit) = (section.get(&URL), section.get(&EDIT));
        let topic = section.get(&TOPIC);
        Some(Arc::new(Telegram {
            token: token?,
            chat: chat?,
            topic,
            url: url?,
            edit: edit?,
        }))
    },
};

#[derive(Debug)]
struct Telegram {
    token: Secret,
    chat: String,
    topic: Option<u32>,
    url: String,
    edit: bool,
}

impl Telegram {
    /// The message to edit, with its chat if that is known. A group that became a supergroup has none of its
    /// earlier messages.
    fn replaced<'m>(&self, message: &'m Message) -> Option<(Option<&'m str>, i64)> {
        let posted = message.replaces.as_ref().filter(|_| self.edit)?;
        let (chat, id) = match posted.split_once(' ') {
            Some((chat, id)) => (Some(chat), id),
            None => (None, posted.as_str()),
        };
        let has_moved = message
            .moved
            .as_deref()
            .is_some_and(|new| chat != Some(new));
        id.parse().ok().filter(|_| !has_moved).map(|id| (chat, id))
    }
}

impl Channel for Telegram {
    fn destination(&self) -> Option<&str> {
        Some(&self.chat)
    }

    fn requests(&self, message: &Message, texts: &Texts, _: Timestamp) -> Vec<Request> {
        let text = truncated(
            &format!("{}\n{}", non_empty(&texts.title), texts.text),
            TEXT_MAX,
        );
        let mut chat = message.moved.as_ref().unwrap_or(&self.chat).as_str();
        let mut body = json!({ "text": text, "link_preview_options": { "is_disabled": true } });
        let method = if let Some((posted_to, id)) = self.replaced(message) {
            chat = posted_to.unwrap_or(chat);
            body["message_id"] = id.into();
            "editMessageText"
        } else {
            if let Some(topic) = self.topic {
                body["message_thread_id"] = topic.into();
            }
            "sendMessage"
        };
        body["chat_id"] = chat.into();
        let url = format!("{}/bot{}/{method}", self.url, self.token.reveal());
        vec![HttpRequest::json(&url, &message.key, &body).into()]
    }

    /// A message is identified by its chat and its number, since numbers begin again in a supergroup.
    /// <https://core.telegram.org/bots/api#making-requests>: `ok`, and `description` if it is false. The time to
    /// wait is in `parameters`, not in a header, and so is the new ID of a group that became a supergroup.
    fn reply(&self, status: u16, body: &[u8]) -> Option<Reply> {
        let body = read_json(body);
        if body["ok"] == true {
            let posted = &body["result"];
            let id = posted["message_id"].as_i64().filter(|_| self.edit)?;
            let chat = posted["chat"]["id"].as_i64();
            return Some(Reply::Posted(match chat {
                Some(chat) => format!("{chat} {id}"),
                None => id.to_string(),
            }));
        }
        let Some(why) = body["description"].as_str() else {
            return confirmed(status, false, "\"ok\": true");
        };
        if let Some(seconds) = body["parameters"]["retry_after"].as_u64() {
            return Some(Reply::Busy(Duration::from_secs(seconds)));
        }
        if let Some(id) = body["parameters"]["migrate_to_chat_id"].as_i64() {
            return Some(Reply::Moved(id.to_string()));
        }
        let gone = ["message to edit not found", "message can't be edited"];
        if why.contains("message is not modified") {
            Some(Reply::Same)
        } else if gone.iter().any(|one| why.contains(one)) {
            Some(Reply::Gone)
        } else {
            let words = why.to_lowercase();
            let is_lost = NO_DESTINATION.iter().any(|one| words.contains(one));
            // The same as for the HTTP status 400.
            let is_unfit = body["error_code"] == 400 && !is_lost;
            let reply = if is_unfit {
                Reply::Refused
            } else {
                Reply::Failed
            };
            Some(reply(format!("Telegram responded with {why}")))
        }
    }
}
