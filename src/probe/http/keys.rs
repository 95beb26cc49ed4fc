//! The keys of the `http` kind.

use super::Version;
use super::expect::status_range;
use crate::probe::dial::options;
use crate::yaml::{
    Bool, Choice, FilePath, Integer, Key, Keys, List, Map, Mapping, Parsed, SecretText, Size, Text,
};
use http::Method;
use regex::bytes::Regex;
use std::ops::RangeInclusive;
use url::Url;

pub const KEYS: Keys = &[
    &URL,
    &METHOD,
    &HEADERS,
    &BODY,
    &BODY_FILE,
    &BEARER,
    &BASIC_AUTH,
    &EXPECT,
    &FOLLOW_REDIRECTS,
    &MAX_REDIRECTS,
    &BODY_LIMIT,
    &COMPRESSION,
    &TLS,
    &options::IP_VERSION,
    &HTTP_VERSION,
    &PROXY,
    &PROXY_AUTH,
];

const ADDRESS: Parsed<Url> = Parsed {
    label: "URL",
    expected: "an address such as https://example.org/health",
    parse: |text| {
        let url = Url::parse(text).ok()?;
        let is_http = matches!(url.scheme(), "http" | "https");
        (is_http && url.host().is_some()).then_some(url)
    },
};

const REGEX: Parsed<Regex> = Parsed {
    label: "regular expression",
    expected: "a regular expression",
    parse: |text| Regex::new(text).ok(),
};

pub const URL: Key<Parsed<Url>> = Key::required(
    "url",
    ADDRESS,
    "The address: `http` or `https`, without credentials.",
);

pub const METHOD: Key<Parsed<Method>> = Key::with_default(
    "method",
    Parsed {
        label: "text",
        expected: "a method such as GET or POST",
        parse: |text| Method::from_bytes(text.as_bytes()).ok(),
    },
    "GET",
    "The request's method.",
);

pub const HEADERS: Key<Map<Text>> = Key::optional(
    "headers",
    Map::of(Text),
    "Headers to send. Values of headers such as `Authorization`, `Cookie` or `X-Api-Key` are secrets: never shown, and never sent to another origin. `Host` becomes `:authority` over HTTP/2. Headers that exist only in HTTP/1.1, such as `Upgrade`, make `http_version: auto` use HTTP/1.1.",
);

pub const BODY: Key<Text> = Key::optional("body", Text, "The request's body.");

pub const BODY_FILE: Key<FilePath> = Key::optional(
    "body_file",
    FilePath,
    "A file that contains the request's body.",
);

pub const BEARER: Key<SecretText> = Key::optional(
    "bearer",
    SecretText,
    "A token, sent as `Authorization: Bearer`.",
);

pub const BASIC_AUTH: Key<Mapping> = Key::optional(
    "basic_auth",
    CREDENTIALS,
    "User and password, sent as `Authorization: Basic`.",
);

pub const EXPECT: Key<Mapping> = Key::optional(
    "expect",
    Mapping(&[
        &EXPECT_STATUS,
        &EXPECT_HEADERS,
        &EXPECT_BODY,
        &EXPECT_BODY_NOT,
        &EXPECT_JSON,
    ]),
    "The expected response.",
);

pub const FOLLOW_REDIRECTS: Key<Bool> = Key::with_default(
    "follow_redirects",
    Bool,
    "true",
    "Whether redirects are followed, with the cookies that they set. If not, the redirect itself is checked.",
);

pub const MAX_REDIRECTS: Key<Integer> = Key::with_default(
    "max_redirects",
    Integer(0, 50),
    "10",
    "Maximum number of redirects; more are bad. Only redirects to `http` and `https` are followed.",
);

/// A larger body is no health check any more, and would cost more memory than all the rest.
pub const BODY_LIMIT: Key<Size> = Key::with_default(
    "body_limit",
    Size { max_mib: 256 },
    "1MiB",
    "Maximum size of the decoded body. A larger body is bad, and the rest of it is not read.",
);

pub const COMPRESSION: Key<Bool> = Key::with_default(
    "compression",
    Bool,
    "true",
    "Whether to accept gzip, br and deflate. Bodies are decoded in any case, including zstd.",
);

pub const TLS: Key<Mapping> = Key::optional("tls", options::TLS, "TLS options for `https`.");

pub const HTTP_VERSION: Key<Choice<Version>> = Key::with_default(
    "http_version",
    Choice(&[
        ("auto", Version::Auto),
        ("1.1", Version::Http1),
        ("2", Version::Http2),
    ]),
    "auto",
    "`auto` negotiates by ALPN; `2` without TLS uses HTTP/2 with prior knowledge.",
);

pub const PROXY: Key<Parsed<Url>> = Key::optional(
    "proxy",
    ADDRESS,
    "An `http` proxy. `https` is tunneled through it by CONNECT, whose time is part of the phase `tls`; `resolve` and `connect` are those of the proxy.",
);

pub const PROXY_AUTH: Key<Mapping> = Key::optional(
    "proxy_auth",
    CREDENTIALS,
    "User and password for the proxy.",
);

const CREDENTIALS: Mapping = Mapping(&[&USERNAME, &PASSWORD]);

pub const USERNAME: Key<Text> = Key::required("username", Text, "The user.");

pub const PASSWORD: Key<SecretText> = Key::required("password", SecretText, "The password.");

pub const EXPECT_STATUS: Key<List<Parsed<RangeInclusive<u16>>>> = Key::with_default(
    "status",
    List::of(Parsed {
        label: "status or range",
        expected: "a status from 100 to 999 or a range such as 200-299",
        parse: status_range,
    }),
    "200-299",
    "Good statuses: numbers or ranges.",
);

pub const EXPECT_HEADERS: Key<Map<Text>> = Key::optional(
    "headers",
    Map::of(Text),
    "Required headers, each with a regular expression that one of its values must match.",
);

pub const EXPECT_BODY: Key<List<Parsed<Regex>>> = Key::optional(
    "body",
    List::of(REGEX),
    "Regular expressions that must all match the body. They are applied to the decoded text and to its bytes.",
);

pub const EXPECT_BODY_NOT: Key<List<Parsed<Regex>>> = Key::optional(
    "body_not",
    List::of(REGEX),
    "Regular expressions that must match neither the body's text nor its bytes. A body that cannot be decoded is bad.",
);

pub const EXPECT_JSON: Key<Map<Text>> = Key::optional(
    "json",
    Map {
        item: Text,
        null: Some("null"),
    },
    "JSONPath queries, each with a value that every result must be equal to, or with an operator (`==`, `!=`, `<`, `<=`, `>`, `>=`, `~` for a regular expression) and a value, such as `\">= 3\"`. A query without a result is bad. Numbers are compared exactly; a string equals a number only if it is written in the same way.",
);
