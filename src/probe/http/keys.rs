//! The keys of the `http` kind.

use crate::probe::dial::options;
use crate::yaml::{Key, Shape};

pub const HTTP: &[Key] = &[
    Key::required(
        "url",
        Shape::Url,
        "The address: `http` or `https`, without credentials. If its path holds a token, write it as `${NAME}`, or the whole address in a file: what comes from there is never shown.",
    ),
    Key::optional("method", Shape::Text, "GET", "The request's method."),
    Key::optional(
        "headers",
        Shape::Map(&Shape::Secret),
        "",
        "Headers to send. Their values are never shown, and to another origin only `Accept`, `Accept-Encoding`, `Accept-Language`, `Cache-Control`, `Pragma` and `User-Agent` are sent. `Host` becomes `:authority` over HTTP/2. Headers that only HTTP/1.1 has, such as `Upgrade`, make `http_version: auto` speak HTTP/1.1.",
    ),
    Key::optional(
        "body",
        Shape::Secret,
        "",
        "The request's body, never sent to another origin. A file is sent as it is, with its final line break.",
    ),
    Key::optional(
        "bearer",
        Shape::Secret,
        "",
        "A token, sent as `Authorization: Bearer`.",
    ),
    Key::optional(
        "basic_auth",
        Shape::Section(CREDENTIALS),
        "",
        "User and password, sent as `Authorization: Basic`.",
    ),
    Key::optional(
        "expect",
        Shape::Section(EXPECT),
        "",
        "What a good answer looks like.",
    ),
    Key::optional(
        "follow_redirects",
        Shape::Bool,
        "true",
        "Whether redirects are followed, with the cookies that they set. If not, the redirect itself is judged.",
    ),
    Key::optional(
        "max_redirects",
        Shape::Integer(0, 50),
        "10",
        "How many redirects are followed; one more is bad. Only `http` and `https` are followed.",
    ),
    Key::optional(
        "body_limit",
        Shape::Size,
        "1MiB",
        "Bytes of the decoded body that are read, at most 256MiB, or 16MiB if `expect` looks into it. A larger body is bad and read no further.",
    ),
    Key::optional(
        "compression",
        Shape::Bool,
        "true",
        "Whether gzip, br and deflate are accepted. Whatever comes is decoded, zstd included.",
    ),
    Key::optional(
        "tls",
        Shape::Section(options::TLS),
        "",
        "How `https` is verified.",
    ),
    options::IP_VERSION,
    Key::optional(
        "http_version",
        Shape::Choice(&["auto", "1.1", "2"]),
        "auto",
        "`auto` leaves it to ALPN; `2` without TLS speaks HTTP/2 from the start.",
    ),
    Key::optional(
        "proxy",
        Shape::Url,
        "",
        "An `http` proxy. `https` is tunnelled through it by CONNECT, whose time is a part of the phase `tls`; `resolve` and `connect` are those of the proxy.",
    ),
    Key::optional(
        "proxy_auth",
        Shape::Section(CREDENTIALS),
        "",
        "User and password for the proxy.",
    ),
];

pub const CREDENTIALS: &[Key] = &[
    Key::required("username", Shape::Text, "The user."),
    Key::required("password", Shape::Secret, "The password."),
];

pub const EXPECT: &[Key] = &[
    Key::optional(
        "status",
        Shape::List(&Shape::Text),
        "[200-299]",
        "Good statuses: numbers or ranges.",
    ),
    Key::optional(
        "headers",
        Shape::Map(&Shape::Text),
        "",
        "Headers that must be there, each with a regular expression that one of its values matches.",
    ),
    Key::optional(
        "body",
        Shape::List(&Shape::Text),
        "",
        "Regular expressions that the body must match, each of them. They are tried on the decoded text and on its bytes.",
    ),
    Key::optional(
        "body_not",
        Shape::List(&Shape::Text),
        "",
        "Regular expressions that neither the body's text nor its bytes may match. A body that cannot be decoded is bad.",
    ),
    Key::optional(
        "json",
        Shape::Map(&Shape::Text),
        "",
        "JSONPath queries, each with a value that every result must equal, or with an operator (`==`, `!=`, `<`, `<=`, `>`, `>=`, `~` for a regular expression) and a value, such as `\">= 3\"`. A query without a result is bad. Numbers are compared by all their digits; a text equals a number only if it is written the same.",
    ),
];
