//! The keys of the `http` kind.

use super::Version;
use super::expect::status_range;
use super::json::JsonAbsence;
use super::oauth2::keys::OAUTH2;
use crate::probe::dial::{SocketFile, expected_host, options, web_address};
use crate::probe::pattern::{Pattern, bytes_regex};
use crate::yaml::{
    Bool, Choice, Form, Integer, Key, Keys, List, Map, Mapping, Parsed, Scalar, SecretText, Size,
    Structure, Text,
};
use http::Method;
use regex::bytes::Regex;
use std::ops::RangeInclusive;
use url::{ParseError, Url};

pub const KEYS: Keys = &[
    &URL,
    &METHOD,
    &HEADERS,
    &BODY,
    &BEARER,
    &BASIC_AUTH,
    &OAUTH2,
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
    &UNIX_SOCKET,
];

/// An address, which may also be in a file, since its path may contain a token.
#[derive(Clone, Copy, Debug)]
pub struct Address {
    /// Without and with TLS.
    schemes: [&'static str; 2],
}

impl Address {
    pub const HTTP: Self = Self {
        schemes: ["http", "https"],
    };
    pub const WEBSOCKET: Self = Self {
        schemes: ["ws", "wss"],
    };

    /// The same address with a valid scheme: that of a WebSocket is often written as a web address, and vice versa.
    fn with_scheme(&self, written: &str) -> Option<String> {
        let [plain, secure] = self.schemes;
        let (scheme, rest) = written.split_once("://")?;
        let scheme = match scheme {
            "http" | "ws" => plain,
            "https" | "wss" => secure,
            _ => return None,
        };
        Some(format!("{scheme}://{rest}"))
    }
}

impl Form for Address {
    fn describe(&self) -> String {
        "URL".to_owned()
    }

    fn structure(&self) -> Structure {
        Structure::ValueOrFile
    }
}

impl Scalar for Address {
    type Value = Url;

    fn expected(&self, written: &str) -> String {
        let [plain, secure] = self.schemes;
        let example = format!("an address such as {secure}://example.org/health");
        // Values with variables get no specific explanation.
        if written.is_empty() || written.contains("${") {
            return example;
        }
        let with_scheme = || format!("{example}, with the scheme {plain} or {secure}");
        let port = "a port from 1 to 65535 after the host";
        match Url::parse(written) {
            Err(ParseError::InvalidPort) => port.to_owned(),
            Ok(url) if url.port() == Some(0) => port.to_owned(),
            Err(ParseError::RelativeUrlWithoutBase) => with_scheme(),
            Ok(url) if !self.schemes.contains(&url.scheme()) => with_scheme(),
            Ok(_) | Err(_) => expected_host(host_of(written)).to_owned(),
        }
    }

    fn parse(&self, text: &str) -> Option<Url> {
        web_address(text, &self.schemes)
    }

    fn likely(&self, written: &str) -> Vec<String> {
        // A suggestion would show credentials.
        if written.contains(['@', '?', '$']) {
            return Vec::new();
        }
        let is_address = written.contains(['.', ':']) || written.starts_with("localhost");
        let is_plain = is_address && !written.contains("://");
        let added = || is_plain.then(|| format!("{}://{written}", self.schemes[0]));
        self.with_scheme(written)
            .or_else(added)
            .into_iter()
            .collect()
    }
}

/// A status or a range, such as `200-299` or `301`.
#[derive(Clone, Copy, Debug)]
pub struct StatusForm;

impl Form for StatusForm {
    fn describe(&self) -> String {
        "status or range".to_owned()
    }
}

impl Scalar for StatusForm {
    type Value = RangeInclusive<u16>;

    fn expected(&self, _: &str) -> String {
        "a status from 100 to 999 or a range such as 200-299".to_owned()
    }

    fn parse(&self, text: &str) -> Option<RangeInclusive<u16>> {
        status_range(text)
    }

    fn likely(&self, written: &str) -> Vec<String> {
        let class = written.trim().to_lowercase();
        let class = class
            .strip_suffix("xx")
            .or_else(|| class.strip_suffix(".."));
        let range = class.map(|class| format!("{class}00-{class}99"));
        let joined: String = written.split_whitespace().collect();
        range.into_iter().chain([joined]).collect()
    }
}

/// A `JSONPath` query that must have no result.
#[derive(Clone, Copy, Debug)]
pub struct Query;

impl Form for Query {
    fn describe(&self) -> String {
        "JSONPath query".to_owned()
    }
}

impl Scalar for Query {
    type Value = JsonAbsence;

    fn expected(&self, written: &str) -> String {
        let fault = JsonAbsence::new(written).err();
        let fault = fault.map_or_else(String::new, |fault| format!(": {fault}"));
        format!("a JSONPath query such as `$.errors`{fault}")
    }

    fn parse(&self, text: &str) -> Option<JsonAbsence> {
        JsonAbsence::new(text).ok()
    }
}

/// The part of an address where its host should be.
fn host_of(address: &str) -> &str {
    let rest = address.split_once("//").map_or(address, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or(rest);
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    match host.rsplit_once(':') {
        Some((before, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => before,
        _ => host,
    }
}

const REGEX: Pattern<Regex> = Pattern(bytes_regex);

pub const URL: Key<Address> = Key::required(
    "url",
    Address::HTTP,
    "The address: `http` or `https`, without credentials. If its path contains a token, write the token as `${NAME}`, or put the whole address in a file; values from variables and files are never shown.",
);

pub const METHOD: Key<Parsed<Method>> = Key::with_default(
    "method",
    Parsed {
        label: "HTTP method",
        expected: "a method such as GET or POST, in upper case; CONNECT is reserved for proxies",
        parse: method,
    },
    "GET",
    "The request's method.",
);

/// Parses a method. Methods are case-sensitive: servers know GET, but not `get`.
fn method(text: &str) -> Option<Method> {
    const STANDARD: [&str; 8] = [
        "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH",
    ];
    let in_wrong_case = |name: &&str| name.eq_ignore_ascii_case(text) && *name != text;
    let refused = text.eq_ignore_ascii_case("CONNECT") || STANDARD.iter().any(in_wrong_case);
    Method::from_bytes(text.as_bytes())
        .ok()
        .filter(|_| !refused)
}

pub const HEADERS: Key<Map<SecretText>> = Key::optional(
    "headers",
    Map::of(SecretText),
    "Headers to send. Their values are never shown, and only `Accept`, `Accept-Encoding`, `Accept-Language`, `Cache-Control`, `Pragma` and `User-Agent` are sent to another origin. `Host` becomes `:authority` over HTTP/2. Headers that exist only in HTTP/1.1, such as `Upgrade`, make `http_version: auto` use HTTP/1.1.",
);

pub const BODY: Key<SecretText> = Key::optional(
    "body",
    SecretText,
    "The request's body, never sent to another origin. A file is sent unchanged, including its final line break. `Content-Type` is not added: set it in `headers`.",
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
        &EXPECT_HEADERS_NOT,
        &EXPECT_BODY,
        &EXPECT_BODY_NOT,
        &EXPECT_JSON,
        &EXPECT_JSON_NOT,
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
    "Maximum number of redirects; exceeding it is bad. Only redirects to `http` and `https` are followed.",
);

/// A larger body is unusual for a health check, and would use more memory than everything else.
pub const BODY_LIMIT: Key<Size> = Key::with_default(
    "body_limit",
    Size { max_mib: 256 },
    "1MiB",
    "Maximum size of the decoded body, at most 16MiB if `expect` checks it. A larger body is bad, and the rest of it is not read.",
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
    "`auto` negotiates by ALPN. `2` is bad if the server does not choose HTTP/2 by ALPN; without TLS, it uses prior knowledge.",
);

pub const PROXY: Key<Address> = Key::optional(
    "proxy",
    Address::HTTP,
    "An `http` proxy. `https` is tunneled through it by CONNECT, whose duration is part of the phase `tls`; the phases `resolve` and `connect` are for the proxy.",
);

pub const PROXY_AUTH: Key<Mapping> = Key::optional(
    "proxy_auth",
    CREDENTIALS,
    "User and password for the proxy.",
);

pub const UNIX_SOCKET: Key<SocketFile> = Key::optional(
    "unix_socket",
    SocketFile,
    "Connects to this Unix socket of the machine, such as `/run/docker.sock`, instead of the host in the address, as curl does with `--unix-socket`. The host is still sent as `Host`, and certificates must be valid for it. Redirects to another origin are followed over the network.",
);

const CREDENTIALS: Mapping = Mapping(&[&USERNAME, &PASSWORD]);

pub const USERNAME: Key<Text> = Key::required("username", Text, "The user.");

pub const PASSWORD: Key<SecretText> = Key::required("password", SecretText, "The password.");

pub const EXPECT_STATUS: Key<List<StatusForm>> = Key::with_default(
    "status",
    List::of(StatusForm),
    "200-299",
    "Good statuses: numbers or ranges.",
);

pub const EXPECT_HEADERS: Key<Map<Text>> = Key::optional(
    "headers",
    Map::of(Text),
    "Required headers, each with a regular expression that one of its values must match.",
);

pub const EXPECT_HEADERS_NOT: Key<Map<Text>> = Key::optional(
    "headers_not",
    Map::of(Text),
    "Regular expressions for headers, each of which no value of its header may match. A response without the header is good.",
);

pub const EXPECT_BODY: Key<List<Pattern<Regex>>> = Key::optional(
    "body",
    List::of(REGEX),
    "Regular expressions that must all match the body. They are matched against the decoded text and its bytes. Braces that repeat nothing are literal, as in `{\"status\":\"ok\"}`.",
);

pub const EXPECT_BODY_NOT: Key<List<Pattern<Regex>>> = Key::optional(
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

pub const EXPECT_JSON_NOT: Key<List<Query>> = Key::optional(
    "json_not",
    List::of(Query),
    "JSONPath queries that must have no result, such as `$.errors` or `$.checks[?@.status != 'ok']`. A body that is not JSON is bad.",
);
