//! Discord's webhooks.

use super::request::{or_name, short};
use super::{Kind, chat};
use crate::yaml::{Key, Mapping};
use serde_json::json;

/// Discord refuses longer ones.
const TITLE_MAX: usize = 256;
const TEXT_MAX: usize = 4096;
const RED: u32 = 0x00e0_1e5a;
const GREEN: u32 = 0x002e_b67d;

pub const KIND: Kind = Kind {
    key: Key::optional("discord", Mapping(chat::KEYS), "A webhook of Discord."),
    example: "{ url: \"https://discord.com/api/webhooks/1/example\" }",
    read: |section| {
        chat::read(section, |message, texts| {
            json!({
                "embeds": [{
                    "title": or_name(&short(&texts.title, TITLE_MAX)),
                    "description": short(&texts.text, TEXT_MAX),
                    "color": if message.is_resolved() { GREEN } else { RED },
                }],
                // No label can notify everybody.
                "allowed_mentions": { "parse": [] },
            })
        })
    },
};
