//! Slack's incoming webhooks, which Mattermost and Rocket.Chat understand as well.

use super::request::{or_name, short};
use super::{Kind, chat};
use crate::yaml::{Key, Mapping};
use serde_json::json;

/// Slack cuts longer texts.
const TEXT_MAX: usize = 3000;

pub const KIND: Kind = Kind {
    key: Key::optional(
        "slack",
        Mapping(chat::KEYS),
        "An incoming webhook of Slack, Mattermost or Rocket.Chat.",
    ),
    example: "{ url: \"https://hooks.slack.com/services/T0/B0/example\" }",
    read: |section| {
        chat::read(section, |message, texts| {
            let color = if message.is_resolved() {
                "#2eb67d"
            } else {
                "#e01e5a"
            };
            json!({
                "text": escaped(or_name(&short(&texts.title, TEXT_MAX))),
                "attachments": [{
                    "color": color,
                    "fallback": escaped(or_name(&short(&texts.title, TEXT_MAX))),
                    "text": escaped(&short(&texts.text, TEXT_MAX)),
                }],
            })
        })
    },
};

/// Slack's control characters, so that no label can notify a channel.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
