//! The keys of OAuth 2.0 client credentials, named as in Prometheus.

use crate::probe::dial::options;
use crate::probe::http::keys::{self, Address};
use crate::yaml::{Key, Keys, List, Map, Mapping, SecretText, Text};

/// Maximum number of scopes.
const MAX_SCOPES: usize = 50;

pub const OAUTH2: Key<Mapping> = Key::optional(
    "oauth2",
    Mapping(KEYS),
    "OAuth 2.0 client credentials (RFC 6749, section 4.4): a token is requested, and sent as `Authorization: Bearer`. The token is shared by everything with the same settings, requested again before it expires or after a status 401 or 403 (at most once a minute), and never sent to another origin. Requesting it is not a part of an attempt. Without a token, an attempt is void (`token`), a message to a receiver is retried, and a load run does not start.",
);

const KEYS: Keys = &[
    &CLIENT_ID,
    &CLIENT_SECRET,
    &TOKEN_URL,
    &SCOPES,
    &ENDPOINT_PARAMS,
    &keys::TLS,
    &options::IP_VERSION,
    &keys::HTTP_VERSION,
    &keys::PROXY,
    &keys::PROXY_AUTH,
];

pub const CLIENT_ID: Key<Text> = Key::required("client_id", Text, "The client's identifier.");

pub const CLIENT_SECRET: Key<SecretText> = Key::required(
    "client_secret",
    SecretText,
    "The client's secret. It is sent as `Authorization: Basic`, or in the body to servers that reject that.",
);

pub const TOKEN_URL: Key<Address> = Key::required(
    "token_url",
    Address::HTTP,
    "The address that tokens are requested from: `http` or `https`, without credentials. Redirects are not followed.",
);

pub const SCOPES: Key<List<Text>> = Key::optional(
    "scopes",
    List::up_to(MAX_SCOPES, Text),
    "The scopes to request.",
);

pub const ENDPOINT_PARAMS: Key<Map<SecretText>> = Key::optional(
    "endpoint_params",
    Map::of(SecretText),
    "Further parameters of the request, such as `audience`. Their values are never shown.",
);
