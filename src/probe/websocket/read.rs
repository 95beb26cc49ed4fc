//! Reads the options of the kind, reporting each error at its key.

use super::{WebSocketProbe, keys};
use crate::probe::http::expect::Expect;
use crate::probe::http::keys as shared;
use crate::probe::http::read::{AGENT, read_authorization, read_bodies, read_json, read_url};
use crate::probe::http::request::Request;
use crate::probe::http::sent::{field_spot, read_headers};
use crate::probe::http::{HttpProbe, Version};
use crate::yaml::Section;
use http::header::{
    CONNECTION, CONTENT_LENGTH, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING,
    UPGRADE, USER_AGENT,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use hyper::body::Bytes;
use std::sync::Arc;

/// Maximum size of the message to send.
const SENT_MAX: usize = 64 << 10;

/// Builds a probe, after reporting every error.
pub fn read(section: &Section<'_>) -> Option<WebSocketProbe> {
    let url = read_url(section, &keys::URL);
    let subprotocols = section.all(&keys::SUBPROTOCOLS);
    let headers = read_handshake(section, &subprotocols);
    let send = read_send(section);
    let expect = section.section(&keys::EXPECT).map(|expect| Expect {
        body: read_bodies(&expect, &shared::EXPECT_BODY),
        json: read_json(&expect),
        ..Expect::default()
    });
    let request = url.zip(headers).map(|(url, headers)| Request {
        url,
        method: Method::GET,
        headers,
        body: Bytes::new(),
        cookies: None,
        redirect_auth: None,
    });
    Some(WebSocketProbe {
        http: HttpProbe::by_version(section, request, Version::Http1)?,
        subprotocols,
        send,
        expect: expect.map(Arc::new),
    })
}

/// The headers of the request, without the key that is different in each attempt.
fn read_handshake(section: &Section<'_>, subprotocols: &[String]) -> Option<HeaderMap> {
    let mut configured = HeaderMap::new();
    let mut faultless = read_headers(section, &mut configured);
    for name in configured.keys().filter(|name| is_reserved(name)) {
        let help = if name == SEC_WEBSOCKET_PROTOCOL {
            "use `subprotocols`"
        } else {
            "remove it"
        };
        let message = format!("`{name}` is set by slod itself");
        let at = field_spot(section, name);
        section.reader().error("invalid-value", &at, message, help);
        faultless = false;
    }
    let mut headers = HeaderMap::new();
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    if !subprotocols.is_empty() {
        let offered = HeaderValue::try_from(subprotocols.join(", ")).ok()?;
        headers.insert(SEC_WEBSOCKET_PROTOCOL, offered);
    }
    headers.extend(configured);
    if let Some(value) = read_authorization(section) {
        headers.insert(http::header::AUTHORIZATION, value);
    }
    faultless.then_some(headers)
}

fn is_reserved(name: &HeaderName) -> bool {
    name.as_str().starts_with("sec-websocket-")
        || [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE].contains(name)
}

fn read_send(section: &Section<'_>) -> Option<String> {
    let bytes = section.secret_bytes(&keys::SEND)?;
    if bytes.is_empty() || bytes.len() > SENT_MAX {
        section.error(
            "invalid-value",
            &keys::SEND,
            format!("the message to send has {} bytes", bytes.len()),
            "1 byte to 64 KiB; remove the key to send nothing",
        );
    }
    let text = String::from_utf8(bytes);
    let refuse = |_| {
        let message = "the message to send is not valid UTF-8, which text messages are";
        section.error("invalid-value", &keys::SEND, message, "a text in UTF-8");
    };
    text.map_err(refuse).ok()
}
