//! The keys of the `websocket` kind.

use crate::probe::dial::options;
use crate::probe::http::Address;
use crate::probe::http::keys as shared;
use crate::probe::http::oauth2::keys::OAUTH2;
use crate::yaml::{Key, Keys, List, Map, Mapping, Parsed, SecretText};

pub const KEYS: Keys = &[
    &URL,
    &HEADERS,
    &SUBPROTOCOLS,
    &shared::BEARER,
    &shared::BASIC_AUTH,
    &OAUTH2,
    &SEND,
    &EXPECT,
    &TLS,
    &options::IP_VERSION,
    &PROXY,
    &shared::PROXY_AUTH,
    &shared::UNIX_SOCKET,
];

pub const URL: Key<Address> = Key::required(
    "url",
    Address::WEBSOCKET,
    "The address: `ws` or `wss`, without credentials. If it contains a token, write the token as `${NAME}`, or put the whole address in a file; values from variables and files are never shown.",
);

pub const HEADERS: Key<Map<SecretText>> = Key::optional(
    "headers",
    Map::of(SecretText),
    "Headers of the request that opens the WebSocket, such as `Origin` or `Cookie`. Their values are never shown. `Connection`, `Upgrade` and the headers that start with `Sec-WebSocket-` are set by slod.",
);

pub const SUBPROTOCOLS: Key<List<Parsed<String>>> = Key::optional(
    "subprotocols",
    List::of(Parsed {
        label: "subprotocol",
        expected: "a name without spaces and separators, such as graphql-transport-ws",
        parse: |text| is_token(text).then(|| text.to_owned()),
    }),
    "Subprotocols to offer, the preferred one first. The server must choose one of them, as in browsers; without this key, it must choose none.",
);

pub const SEND: Key<SecretText> = Key::optional(
    "send",
    SecretText,
    "The text message to send once the WebSocket is open, at most 64 KiB. A file is sent unchanged, including its final line break.",
);

pub const EXPECT: Key<Mapping> = Key::optional(
    "expect",
    Mapping(&[&shared::EXPECT_BODY, &shared::EXPECT_JSON]),
    "What one message of the server must contain; `{}` accepts any message. Earlier messages that do not contain it are skipped. Without this key, no message is awaited.",
);

const TLS: Key<Mapping> = Key::optional("tls", options::TLS, "TLS options for `wss`.");

const PROXY: Key<Address> = Key::optional(
    "proxy",
    Address::HTTP,
    "An `http` proxy, which is asked for a tunnel by CONNECT, also for `ws` (RFC 6455). Its duration is part of the phase `tls`; the phases `resolve` and `connect` are for the proxy.",
);

/// Whether a name is a token (RFC 9110, section 5.6.2).
fn is_token(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_part)
}
