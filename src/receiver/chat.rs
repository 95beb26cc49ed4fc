//! Chat services whose incoming webhook is a single secret address.

use super::reply::confirmed;
use super::{Channel, HttpRequest, Message, Reply, Request, Texts, url};
use crate::outcome::Timestamp;
use crate::yaml::{Key, Keys, Secret, SecretText, Section};
use serde_json::Value;
use std::sync::Arc;

pub(super) const KEYS: Keys = &[&URL];

const URL: Key<SecretText> = super::url_key("The address of the incoming webhook, with its token.");

/// Builds the JSON document for a message and its texts.
type Payload = fn(&Message, &Texts) -> Value;

#[derive(Debug)]
struct Chat {
    url: Secret,
    payload: Payload,
}

pub(super) fn read(section: &Section<'_>, payload: Payload) -> Option<Arc<dyn Channel>> {
    let url = Secret::new(url(section, &URL)?);
    Some(Arc::new(Chat { url, payload }))
}

impl Channel for Chat {
    fn requests(&self, message: &Message, texts: &Texts, _: Timestamp) -> Vec<Request> {
        let body = (self.payload)(message, texts);
        vec![HttpRequest::json(self.url.reveal(), &message.key, &body).into()]
    }

    /// A workflow answers 202 without a body, or with JSON from one of its own steps; the older
    /// connectors answer `1`, or the text of an error with the same status. Errors of workflows are
    /// in `error`.
    fn reply(&self, status: u16, body: &[u8]) -> Option<Reply> {
        let json = serde_json::from_slice::<Value>(body).ok();
        let is_good = json.is_some_and(|json| json.get("error").is_none());
        let is_confirmed = is_good || body.trim_ascii().is_empty();
        confirmed(status, is_confirmed, "no text, or JSON without `error`")
    }
}
