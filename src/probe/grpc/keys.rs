//! The keys of the `grpc` kind.

use super::message::Serving;
use super::status::Code;
use crate::probe::dial::{ServerAddress, options};
use crate::yaml::{Choice, Key, Keys, List, Map, Mapping, Parsed, SecretText, Text};
use http::uri::Authority;

pub const KEYS: Keys = &[
    &ADDRESS,
    &SERVICE,
    &TLS,
    &AUTHORITY,
    &METADATA,
    &EXPECT,
    &options::IP_VERSION,
];

pub const ADDRESS: Key<ServerAddress> = Key::required(
    "address",
    ServerAddress,
    "Host and port, such as `api.example.org:443` or `[::1]:50051`, or the Unix socket of a server on this machine, such as `unix:/run/containerd/containerd.sock`.",
);

pub const SERVICE: Key<Text> = Key::with_default(
    "service",
    Text,
    "",
    "The service to check, such as `my.package.MyService`; empty for the server as a whole.",
);

pub const TLS: Key<Mapping> = Key::optional(
    "tls",
    options::TLS,
    "Uses TLS with these options; `{}` uses the defaults. Without this key, the connection is not encrypted.",
);

pub const AUTHORITY: Key<Parsed<Authority>> = Key::optional(
    "authority",
    Parsed {
        label: "host, or host and port",
        expected: "a host with or without a port, such as api.example.org",
        parse: |text| {
            text.parse()
                .ok()
                .filter(|one: &Authority| !one.as_str().contains('@'))
        },
    },
    "The `:authority` of the request instead of `address`, for proxies that route by it. To change the TLS name, set `tls.server_name`.",
);

pub const METADATA: Key<Map<SecretText>> = Key::optional(
    "metadata",
    Map::of(SecretText),
    "Metadata to send, such as `authorization`. Values are never shown; the values of names that end in `-bin` are written in Base64.",
);

pub const EXPECT: Key<Mapping> = Key::optional(
    "expect",
    Mapping(&[&CODE, &SERVING]),
    "The expected answer.",
);

pub const CODE: Key<List<Choice<Code>>> = Key::with_default(
    "code",
    List::of(Choice(Code::NAMES)),
    "OK",
    "Good gRPC statuses. A server without the health service answers UNIMPLEMENTED; a server that does not know `service` answers NOT_FOUND.",
);

pub const SERVING: Key<List<Choice<Serving>>> = Key::with_default(
    "serving",
    List::of(Choice(Serving::NAMES)),
    "SERVING",
    "Good serving states in an answer with the status OK.",
);
