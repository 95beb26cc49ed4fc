//! Telegram's Bot API.

use super::request::{or_name, short};
use super::{BASE, Channel, HttpRequest, Kind, Message, Parsed, Request, Texts};
use crate::outcome::Timestamp;
use crate::yaml::{Key, Keys, Mapping, Secret, SecretText, Text};
use serde_json::json;
use std::sync::Arc;

const KEYS: Keys = &[&TOKEN, &CHAT, &URL];

/// Telegram refuses longer ones.
const TEXT_MAX: usize = 4096;

const TOKEN: Key<SecretText> = Key::required("token", SecretText, "The token of the bot.");
const CHAT: Key<Text> = Key::required(
    "chat_id",
    Text,
    "The number of the chat, or `@` and the name of a channel.",
);
const URL: Key<Parsed<String>> = Key::with_default(
    "url",
    BASE,
    "https://api.telegram.org",
    "The address of the Bot API server.",
);

pub const KIND: Kind = Kind {
    key: Key::optional("telegram", Mapping(KEYS), "A bot of Telegram."),
    example: "{ token: \"1:example\", chat_id: -100 }",
    read: |section| {
        let (token, chat) = (section.secret(&TOKEN), section.get(&CHAT));
        let url = section.get(&URL)?;
        Some(Arc::new(Telegram {
            token: token?,
            chat: chat?,
            url,
        }))
    },
};

#[derive(Debug)]
struct Telegram {
    token: Secret,
    chat: String,
    url: String,
}

impl Channel for Telegram {
    fn requests(&self, message: &Message, texts: &Texts, _: Timestamp) -> Vec<Request> {
        let text = short(
            &format!("{}\n{}", or_name(&texts.title), texts.text),
            TEXT_MAX,
        );
        let body = json!({ "chat_id": self.chat, "text": text, "link_preview_options": { "is_disabled": true } });
        let url = format!("{}/bot{}/sendMessage", self.url, self.token.reveal());
        vec![HttpRequest::json(&url, &message.key, &body).into()]
    }
}
