//! Opsgenie's Alert API: one alert per group.

use super::importance::Importance;
use super::login::header_secret;
use super::reply::{confirmed, json as read_json};
use super::request::{non_empty, shortened_key, truncated};
use super::{BASE, Channel, HttpRequest, Kind, Message, Parsed, Reply, Request, Texts};
use crate::outcome::Timestamp;
use crate::yaml::{Key, Keys, Mapping, Secret, SecretText};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;
use std::sync::Arc;

const KEYS: Keys = &[&API_KEY, &URL];

/// Maximum length; Opsgenie truncates longer messages.
const MESSAGE_MAX: usize = 130;
const TEXT_MAX: usize = 15_000;
const ALIAS_MAX: usize = 512;
/// The status of an invalid request.
const UNPROCESSABLE: u16 = 422;

const API_KEY: Key<SecretText> =
    Key::required("api_key", SecretText, "The key of an API integration.");

const URL: Key<Parsed<String>> = Key::with_default(
    "url",
    BASE,
    "https://api.opsgenie.com",
    "The address of the API; `https://api.eu.opsgenie.com` in Europe, `https://api.atlassian.com/jsm/ops/integration` for Jira Service Management.",
);

pub const KIND: Kind = Kind {
    key: Key::optional(
        "opsgenie",
        Mapping(KEYS),
        "Opsgenie's Alert API. All messages about a group are one alert, which is closed when none of its alerts fires. Maintenance is not announced and silences are not reminded of, since that would notify people as alerts do.",
    ),
    example: "{ api_key: example-key }",
    has_texts: true,
    escape: None,
    is_web: true,
    read: |section| {
        let (key, url) = (header_secret(section, &API_KEY), section.get(&URL));
        Some(Arc::new(Opsgenie {
            api_key: key?,
            url: url?,
        }))
    },
};

#[derive(Debug)]
struct Opsgenie {
    api_key: Secret,
    url: String,
}

impl Channel for Opsgenie {
    fn has_incidents(&self) -> bool {
        true
    }

    /// It knows only alerts.
    fn takes_announcements(&self) -> bool {
        false
    }

    fn requests(&self, message: &Message, texts: &Texts, _: Timestamp) -> Vec<Request> {
        let alias = shortened_key(&message.incident, ALIAS_MAX);
        let (url, body) = if message.is_resolved() {
            let alias = utf8_percent_encode(&alias, NON_ALPHANUMERIC);
            let url = format!("{}/v2/alerts/{alias}/close?identifierType=alias", self.url);
            (
                url,
                json!({ "source": "slod", "note": truncated(&texts.title, TEXT_MAX) }),
            )
        } else {
            let body = json!({
                "message": non_empty(&truncated(&texts.title, MESSAGE_MAX)),
                "alias": alias,
                "description": truncated(&texts.text, TEXT_MAX),
                "priority": if message.importance() == Importance::Page { "P1" } else { "P3" },
                "source": "slod",
            });
            (format!("{}/v2/alerts", self.url), body)
        };
        let key = format!("GenieKey {}", self.api_key.reveal());
        let request = HttpRequest::json(&url, &message.key, &body);
        vec![request.with("authorization", key).into()]
    }

    /// <https://docs.opsgenie.com/docs/alert-api>: 202 with a `result` and a `requestId`.
    fn reply(&self, status: u16, body: &[u8]) -> Option<Reply> {
        let body = read_json(body);
        let why = body["message"].as_str().unwrap_or_default();
        // A wrong key has status 422, as an invalid alert does.
        if status == UNPROCESSABLE && why.to_lowercase().contains("key") {
            return Some(Reply::Failed(format!("Opsgenie responded with {why}")));
        }
        let is_confirmed = body["result"].is_string();
        confirmed(status, is_confirmed, "a `result`")
    }
}
