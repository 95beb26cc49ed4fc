//! Slack: incoming webhooks, which Mattermost and Rocket.Chat also support, and the Web API, which supports
//! editing messages.

use super::escape;
use super::login::header_secret;
use super::reply::{confirmed, is_page, is_success, json as read_json};
use super::request::{non_empty, truncated};
use super::{BASE, Channel, EDIT, HttpRequest, Kind, Message, Parsed, Reply, Request, Texts, url};
use crate::outcome::Timestamp;
use crate::text::beginning;
use crate::yaml::{Declared, Key, Keys, Mapping, Secret, SecretText, Section, Text};
use serde_json::{Value, json};
use std::sync::Arc;

const KEYS: Keys = &[&URL, &TOKEN, &CHANNEL, &MENTION, &API, &EDIT];

const URL: Key<SecretText> = Key::optional(
    "url",
    SecretText,
    "The address of the incoming webhook, with its token. Its messages cannot be edited.",
);
const TOKEN: Key<SecretText> = Key::optional(
    "token",
    SecretText,
    "The token of a bot with the scope `chat:write` (`xoxb-...`), instead of `url`.",
);
const CHANNEL: Key<Text> = Key::optional(
    "channel",
    Text,
    "The ID of the channel to post to; the bot must be a member of it.",
);
const MENTION: Key<Text> = Key::optional(
    "mention",
    Text,
    "Who is mentioned when alerts fire, so that they are notified: `<!here>`, `<!channel>`, `<@U0123456789>` (a member), `<!subteam^S0123456789>` (a group); `@here` in Mattermost and Rocket.Chat.",
);
const API: Key<Parsed<String>> = Key::with_default(
    "api",
    BASE,
    "https://slack.com/api",
    "The address of the Web API, for the bot.",
);

/// Maximum number of characters shown of an unknown answer.
const SHOWN_MAX: usize = 100;
/// Maximum text length; Slack truncates longer texts.
const TEXT_MAX: usize = 3000;
/// Errors of Slack for a message that cannot be edited.
const GONE: [&str; 3] = [
    "message_not_found",
    "cant_update_message",
    "edit_window_closed",
];

/// Errors for a message that Slack permanently rejects.
const UNFIT: [&str; 5] = [
    "invalid_attachments",
    "invalid_blocks",
    "msg_too_long",
    "no_text",
    "too_many_attachments",
];

pub const KIND: Kind = Kind {
    key: Key::optional(
        "slack",
        Mapping(KEYS),
        "An incoming webhook of Slack, Mattermost or Rocket.Chat (`url`), or a Slack bot (`token` and `channel`).",
    ),
    example: "{ url: \"https://hooks.slack.com/services/T0/B0/example\" }",
    has_texts: true,
    escape: Some(escape::slack),
    is_web: true,
    read,
};

#[derive(Debug)]
struct Slack {
    mention: Option<String>,
    way: Way,
}

#[derive(Debug)]
enum Way {
    Webhook(Secret),
    Bot {
        token: Secret,
        channel: String,
        api: String,
        edit: bool,
    },
}

fn read(section: &Section<'_>) -> Option<Arc<dyn Channel>> {
    let (api, edit) = (section.get(&API), section.get(&EDIT));
    let (token, channel) = (header_secret(section, &TOKEN), section.get(&CHANNEL));
    let help = "set either `url`, or both `token` and `channel`";
    let mention = section.get(&MENTION);
    let webhook = section.has(&URL);
    let bot = (section.has(&TOKEN), section.has(&CHANNEL));
    match (webhook, bot) {
        (true, (false, false)) => {
            let url = url(section, &URL);
            let is_clear = has_no_key_of_bots(section);
            let url = Secret::new(url.filter(|_| is_clear)?);
            let way = Way::Webhook(url);
            Some(Arc::new(Slack { mention, way }))
        }
        (false, (true, true)) => {
            let way = Way::Bot {
                token: token?,
                channel: channel?,
                api: api?,
                edit: edit?,
            };
            Some(Arc::new(Slack { mention, way }))
        }
        (false, _) => {
            section.error("missing-key", &URL, "the destination is missing", help);
            None
        }
        (true, _) => {
            let message = "an incoming webhook already determines token and channel";
            section.error("invalid-value", &URL, message, help);
            None
        }
    }
}

/// Checks that a webhook has no keys that only apply to a bot. Reports those that it has.
fn has_no_key_of_bots(section: &Section<'_>) -> bool {
    let of_bots: [&dyn Declared; 2] = [&API, &EDIT];
    let given = of_bots.into_iter().filter(|key| section.has(*key));
    let report = |key: &dyn Declared| {
        let message = "this has no effect with `url`: it only applies to a bot";
        section.error("conflict", key, message, "remove one of them");
    };
    given.map(report).count() == 0
}

impl Channel for Slack {
    fn requests(&self, message: &Message, texts: &Texts, _: Timestamp) -> Vec<Request> {
        let mut body = payload(message, texts, self.mention.as_deref());
        match &self.way {
            Way::Webhook(url) => {
                vec![HttpRequest::json(url.reveal(), &message.key, &body).into()]
            }
            Way::Bot {
                token,
                channel,
                api,
                edit,
            } => {
                let replaces = message.replaces.as_deref().filter(|_| *edit);
                let (method, channel) = match replaces.and_then(|id| id.split_once(' ')) {
                    Some((channel, at)) => {
                        body["ts"] = at.into();
                        ("chat.update", channel)
                    }
                    None => ("chat.postMessage", channel.as_str()),
                };
                body["channel"] = channel.into();
                let url = format!("{api}/{method}");
                let request = HttpRequest::json(&url, &message.key, &body);
                let bearer = format!("Bearer {}", token.reveal());
                vec![request.with("authorization", bearer).into()]
            }
        }
    }

    /// The Web API returns errors with status 200. A message is identified by its channel and timestamp.
    fn reply(&self, status: u16, body: &[u8]) -> Option<Reply> {
        if matches!(self.way, Way::Webhook(_)) {
            return webhook_reply(status, body);
        }
        let body = read_json(body);
        let (channel, at) = (body["channel"].as_str(), body["ts"].as_str());
        match body["ok"].as_bool() {
            Some(true) => Some(Reply::Posted(format!("{} {}", channel?, at?))),
            Some(false) => Some(refusal(body["error"].as_str().unwrap_or("unknown error"))),
            None => confirmed(status, false, "\"ok\": true"),
        }
    }
}

/// Slack and Mattermost answer `ok`, Rocket.Chat `{"success":true}`. An HTML page is from an intermediary, and
/// the message is sent again. After any other text it is not, since a compatible service may have accepted it.
/// <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>
fn webhook_reply(status: u16, body: &[u8]) -> Option<Reply> {
    let text = body.trim_ascii();
    let body = read_json(body);
    let is_confirmed =
        text.eq_ignore_ascii_case(b"ok") || body["ok"] == true || body["success"] == true;
    if !is_success(status) || is_confirmed {
        return None;
    }
    match body["error"].as_str() {
        Some(why) => Some(refusal(why)),
        None if is_page(text) => confirmed(status, false, "`ok`"),
        None => {
            let text = String::from_utf8_lossy(text);
            let text = beginning(&text, SHOWN_MAX);
            Some(Reply::Refused(format!(
                "Slack responded with `{text}` instead of `ok`"
            )))
        }
    }
}

fn refusal(why: &str) -> Reply {
    if GONE.contains(&why) {
        return Reply::Gone;
    }
    let text = format!("Slack responded with {why}");
    if UNFIT.contains(&why) {
        Reply::Refused(text)
    } else {
        Reply::Failed(text)
    }
}

fn payload(message: &Message, texts: &Texts, mention: Option<&str>) -> Value {
    let title = truncated(non_empty(&texts.title), TEXT_MAX);
    let mention = mention.filter(|_| message.call().is_some());
    json!({
        "text": mention.map_or_else(|| title.clone(), |mention| format!("{mention} {title}")),
        "attachments": [{
            "color": format!("#{:06x}", message.importance().color()),
            "fallback": title,
            "text": truncated(&texts.text, TEXT_MAX),
        }],
    })
}
