//! A webhook with Alertmanager's payload, version 4.

use super::fields::common;
use super::headers::{self, HEADERS, Headers};
use super::login::{BEARER, Login, PASSWORD, USERNAME};
use super::route::grouped_by;
use super::{Channel, HttpRequest, Kind, Message, Request, Texts, url};
use crate::alert::Notice;
use crate::outcome::Timestamp;
use crate::probe::http::oauth2::keys::OAUTH2;
use crate::text::hex;
use crate::yaml::{Key, Keys, Mapping, Secret, SecretText};
use ring::hmac;
use serde_json::{Map, Value, json};
use std::sync::Arc;

const KEYS: Keys = &[
    &URL,
    &HMAC_SECRET,
    &USERNAME,
    &PASSWORD,
    &BEARER,
    &OAUTH2,
    &HEADERS,
];

const URL: Key<SecretText> =
    super::url_key("The address. Its path may contain a token; it is not shown.");

const HMAC_SECRET: Key<SecretText> = Key::optional(
    "hmac_secret",
    SecretText,
    "Signs the body: the header `X-Slod-Signature-256` is `sha256=` and the HMAC-SHA256 in hexadecimal.",
);

pub const KIND: Kind = Kind {
    key: Key::optional(
        "webhook",
        Mapping(KEYS),
        "An HTTP POST with the payload of Alertmanager's webhook (version 4). The header `Idempotency-Key` is the same for each attempt to deliver a message.",
    ),
    example: "{ url: \"http://127.0.0.1:8080/alerts\", hmac_secret: example }",
    has_texts: false,
    escape: None,
    is_web: true,
    read: |section| {
        let (url, login) = (url(section, &URL), Login::read(section));
        let hmac_secret = section.secret(&HMAC_SECRET);
        let headers = headers::read(section);
        let webhook = Webhook {
            url: Secret::new(url?),
            hmac_secret,
            login: login?,
            headers: headers?,
        };
        Some(Arc::new(webhook))
    },
};

#[derive(Debug)]
struct Webhook {
    url: Secret,
    hmac_secret: Option<Secret>,
    login: Login,
    headers: Headers,
}

impl Channel for Webhook {
    fn requests(&self, message: &Message, _: &Texts, _: Timestamp) -> Vec<Request> {
        let body = payload(message);
        let mut request = HttpRequest::json(self.url.reveal(), &message.key, &body);
        if let Some(secret) = &self.hmac_secret {
            let signature = signature(secret, &request.body);
            request = request.with("x-slod-signature-256", signature);
        }
        let request = self.login.add(request);
        vec![headers::with(request, &self.headers).into()]
    }
}

fn signature(secret: &Secret, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.reveal().as_bytes());
    let signature = hmac::sign(&key, body);
    format!("sha256={}", hex(signature.as_ref()))
}

/// The payload described at
/// <https://prometheus.io/docs/alerting/latest/configuration/#webhook_config>.
pub(super) fn payload(message: &Message) -> Value {
    let alerts: Vec<_> = message.notices.iter().map(alert).collect();
    json!({
        "version": "4",
        "groupKey": message.incident,
        "truncatedAlerts": 0,
        "status": message.status(),
        "receiver": message.receiver,
        "groupLabels": group_labels(message),
        "commonLabels": common(message, |notice| &notice.labels),
        "commonAnnotations": common(message, |notice| &notice.annotations),
        "externalURL": "",
        "alerts": alerts,
    })
}

/// The labels by which the route groups, if the alerts have them.
fn group_labels(message: &Message) -> Map<String, Value> {
    let Some(first) = message.notices.first() else {
        return Map::new();
    };
    let names = grouped_by(&message.group).into_iter();
    let pairs = names.filter_map(|name| Some((name.to_owned(), first.label(name)?.into())));
    pairs.collect()
}

fn alert(notice: &Notice) -> Value {
    json!({
        "status": if notice.is_resolved() { "resolved" } else { "firing" },
        "labels": notice.labels,
        "annotations": notice.annotations,
        "startsAt": notice.from.to_rfc3339(),
        "endsAt": notice.to.map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), Timestamp::to_rfc3339),
        "generatorURL": notice.annotations.get("page_url").map_or("", String::as_str),
        "fingerprint": format!("{:016x}", notice.fingerprint()),
    })
}
