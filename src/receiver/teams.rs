//! Microsoft Teams: an adaptive card for a Workflows webhook.

use super::importance::Importance;
use super::request::truncated;
use super::{Kind, chat, escape};
use crate::yaml::{Key, Mapping};
use serde_json::json;

/// Maximum title length: a message may have 28 KB, and a control character takes six bytes in JSON.
const TITLE_MAX: usize = 300;
const TEXT_MAX: usize = 4000;

pub const KIND: Kind = Kind {
    key: Key::optional(
        "teams",
        Mapping(chat::KEYS),
        "Microsoft Teams: the webhook of a workflow (\"Post to a channel when a webhook request is received\").",
    ),
    example: "{ url: \"https://example.logic.azure.com/workflows/example\" }",
    has_texts: true,
    escape: Some(escape::markdown),
    is_web: true,
    read: |section| {
        chat::read(section, |message, texts| {
            let color = match message.importance() {
                Importance::Page => "Attention",
                Importance::Ticket => "Warning",
                Importance::Info => "Accent",
                Importance::Resolved => "Good",
            };
            let title = truncated(&texts.title, TITLE_MAX);
            let text = paragraphs(&truncated(&texts.text, TEXT_MAX));
            json!({
                "type": "message",
                "attachments": [{
                    "contentType": "application/vnd.microsoft.card.adaptive",
                    "contentUrl": null,
                    "content": {
                        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                        "type": "AdaptiveCard",
                        "version": "1.4",
                        "body": [
                            { "type": "TextBlock", "text": title, "weight": "Bolder", "color": color, "wrap": true },
                            { "type": "TextBlock", "text": text, "wrap": true },
                        ],
                    },
                }],
            })
        })
    },
};

/// Each line as a paragraph, because in Markdown a single line break is a space.
/// <https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-format>
fn paragraphs(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.collect::<Vec<_>>().join("\n\n")
}
