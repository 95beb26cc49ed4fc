//! Alertmanager's API v2: every alert is sent to every member of a cluster.

use super::headers::{self, HEADERS, Headers};
use super::login::{BEARER, Login, PASSWORD, USERNAME};
use super::reply::{confirmed, is_page};
use super::{Channel, HttpRequest, Kind, Message, Reply, Request, Texts};
use crate::alert::Notice;
use crate::outcome::Timestamp;
use crate::probe::http::oauth2::keys::OAUTH2;
use crate::yaml::{Key, Keys, List, Mapping, Span};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const KEYS: Keys = &[
    &URLS, &RESEND, &USERNAME, &PASSWORD, &BEARER, &OAUTH2, &HEADERS,
];

const URLS: Key<List<super::Parsed<String>>> = Key::required(
    "urls",
    List::up_to(10, super::BASE),
    "Addresses of all members of the cluster, such as `http://127.0.0.1:9093`.",
);

const RESEND: Key<Span> = Key::with_default(
    "resend",
    Span::within(Duration::from_secs(5), Duration::from_mins(10)),
    "1m",
    "How often firing alerts are sent again. Alertmanager considers an alert resolved if it is not sent again within four times this interval.",
);

pub const KIND: Kind = Kind {
    key: Key::optional(
        "alertmanager",
        Mapping(KEYS),
        "Alertmanager's API v2. Alertmanager groups, silences and routes the alerts; `SlodWatchdog` always fires, for a dead man's switch.",
    ),
    example: "{ urls: [\"http://127.0.0.1:9093\"] }",
    has_texts: false,
    escape: None,
    is_web: true,
    read: |section| {
        let (urls, resend) = (section.all(&URLS), section.get(&RESEND));
        let (login, headers) = (Login::read(section)?, headers::read(section)?);
        let resend = resend?;
        (!urls.is_empty()).then(|| {
            let channel = Alertmanager {
                urls,
                resend,
                login,
                headers,
            };
            Arc::new(channel) as Arc<dyn Channel>
        })
    },
};

#[derive(Debug)]
struct Alertmanager {
    urls: Vec<String>,
    resend: Duration,
    login: Login,
    headers: Headers,
}

impl Alertmanager {
    fn alert(&self, notice: &Notice, now: Timestamp) -> Value {
        // If slod stops, the alert resolves as well.
        let ends = notice.to.unwrap_or_else(|| now.after(self.resend * 4));
        json!({
            "labels": notice.labels,
            "annotations": notice.annotations,
            // Alertmanager rejects an alert that ends before it starts, as after the clock was set back.
            "startsAt": notice.from.min(ends).to_rfc3339(),
            "endsAt": ends.to_rfc3339(),
            "generatorURL": notice.annotations.get("page_url").map_or("", String::as_str),
        })
    }
}

impl Channel for Alertmanager {
    fn requests(&self, message: &Message, _: &Texts, now: Timestamp) -> Vec<Request> {
        let alerts: Vec<_> = message
            .notices
            .iter()
            .map(|notice| self.alert(notice, now))
            .collect();
        let body = Value::from(alerts);
        let requests = self.urls.iter().map(|url| {
            let url = format!("{url}/api/v2/alerts");
            let request = HttpRequest::json(&url, &message.key, &body);
            let request = self.login.add(request);
            headers::with(request, &self.headers).into()
        });
        requests.collect()
    }

    /// Alertmanager answers without a body.
    fn reply(&self, status: u16, body: &[u8]) -> Option<Reply> {
        confirmed(status, !is_page(body), "no text")
    }

    fn resend_every(&self) -> Option<Duration> {
        Some(self.resend)
    }
}
