//! `PagerDuty`'s Events API v2: one incident per group.

use super::importance::Importance;
use super::reply::{confirmed, is_success, json as read_json};
use super::request::{non_empty, shortened_key, truncated};
use super::{BASE, Channel, HttpRequest, Kind, Message, Parsed, Reply, Request, Texts};
use crate::outcome::Timestamp;
use crate::yaml::{Key, Keys, Mapping, Secret, SecretText};
use serde_json::json;
use std::sync::Arc;

const KEYS: Keys = &[&ROUTING_KEY, &URL];

/// Maximum length of a summary that the API accepts.
const SUMMARY_MAX: usize = 1024;
const DEDUP_MAX: usize = 255;
/// Maximum length of the text; an event may have 512 KB.
const TEXT_MAX: usize = 20_000;

const ROUTING_KEY: Key<SecretText> = Key::required(
    "routing_key",
    SecretText,
    "The integration key of the service.",
);

const URL: Key<Parsed<String>> = Key::with_default(
    "url",
    BASE,
    "https://events.pagerduty.com",
    "The address of the API; `https://events.eu.pagerduty.com` in Europe.",
);

pub const KIND: Kind = Kind {
    key: Key::optional(
        "pagerduty",
        Mapping(KEYS),
        "PagerDuty's Events API v2. All messages about a group are one incident, which resolves when none of its alerts fires. Announcements of maintenance and reminders of silences are change events, which notify nobody.",
    ),
    example: "{ routing_key: example-key }",
    has_texts: true,
    escape: None,
    is_web: true,
    read: |section| {
        let (key, url) = (section.secret(&ROUTING_KEY), section.get(&URL));
        Some(Arc::new(PagerDuty {
            routing_key: key?,
            url: url?,
        }))
    },
};

#[derive(Debug)]
struct PagerDuty {
    routing_key: Secret,
    url: String,
}

impl Channel for PagerDuty {
    fn has_incidents(&self) -> bool {
        true
    }

    fn requests(&self, message: &Message, texts: &Texts, _: Timestamp) -> Vec<Request> {
        let source = message.common(|notice| notice.label("service"));
        let mut body = json!({
            "routing_key": self.routing_key.reveal(),
            "payload": {
                "summary": non_empty(&truncated(&texts.title, SUMMARY_MAX)),
                "source": source.unwrap_or("slod"),
                "timestamp": message.at.to_rfc3339(),
                "custom_details": { "text": truncated(&texts.text, TEXT_MAX), "group": message.group },
            },
        });
        let (path, action, severity) = match message.importance() {
            // Shown beside the incidents of the service; notifies nobody.
            // <https://developer.pagerduty.com/docs/send-change-event>
            Importance::Info => ("change/enqueue", None, None),
            Importance::Page => ("enqueue", Some("trigger"), Some("critical")),
            Importance::Ticket => ("enqueue", Some("trigger"), Some("warning")),
            Importance::Resolved => ("enqueue", Some("resolve"), Some("warning")),
        };
        if let Some((action, severity)) = action.zip(severity) {
            body["event_action"] = action.into();
            body["dedup_key"] = shortened_key(&message.incident, DEDUP_MAX).into();
            body["payload"]["severity"] = severity.into();
        }
        let url = format!("{}/v2/{path}", self.url);
        vec![HttpRequest::json(&url, &message.key, &body).into()]
    }

    /// `"status": "success"`; for other statuses, the reasons are in `errors`.
    /// <https://developer.pagerduty.com/docs/send-alert-event>
    fn reply(&self, status: u16, body: &[u8]) -> Option<Reply> {
        let body = read_json(body);
        if body["status"] == "invalid event" {
            let errors = body["errors"].to_string();
            let why = format!("PagerDuty responded with \"invalid event\": {errors}");
            // `Invalid routing key`, `Length of 'routing_key' is incorrect (should be 32 characters)`.
            let is_about_key = errors
                .to_lowercase()
                .replace('_', " ")
                .contains("routing key");
            if is_about_key {
                return Some(Reply::Failed(why));
            }
            return is_success(status).then_some(Reply::Refused(why));
        }
        confirmed(
            status,
            body["status"] == "success",
            "\"status\": \"success\"",
        )
    }
}
