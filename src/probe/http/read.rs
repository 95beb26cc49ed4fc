//! The kind's part of the config, every fault at its place.

use super::expect::{Expect, status_range};
use super::json::JsonCondition;
use super::keys;
use super::proxy::Proxy;
use super::request::Request;
use super::sent::{fitting_version, read_headers};
use super::{HttpProbe, Version};
use crate::diagnostic::Severity;
use crate::probe::dial::{Tls, TlsOptions, options};
use crate::probe::evaluate::Evaluator;
use crate::probe::pattern::{self, bytes_regex};
use crate::yaml::Section;
use http::header::{ACCEPT, ACCEPT_ENCODING, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use hyper::body::Bytes;
use std::sync::Arc;
use url::Url;

const AGENT: &str = concat!("slod/", env!("CARGO_PKG_VERSION"));
/// The default of `body_limit`.
const BODY_LIMIT: u64 = 1 << 20;
/// Above this, expressions and JSON would take more time and memory than a probe may.
const JUDGED_MAX: u64 = 16 << 20;
/// Above this a body is no health check any more, and would cost more memory than all the rest.
const BODY_LIMIT_MAX: u64 = 256 << 20;

pub fn read(section: &Section<'_>) -> Option<HttpProbe> {
    let url = read_url(section, "url");
    let request = read_request(section, url);
    let expect = read_expect(section);
    let version = section.choice(
        "http_version",
        &[
            ("auto", Version::Auto),
            ("1.1", Version::Http1),
            ("2", Version::Http2),
        ],
    );
    let version = version.unwrap_or(Version::Auto);
    let version = request.as_ref().map_or(version, |request| {
        fitting_version(section, request, version)
    });
    let tls = read_tls(section, version);
    let follow = section.bool("follow_redirects").unwrap_or(true);
    let max = section.integer("max_redirects", 0..=50).unwrap_or(10);
    let proxy = read_proxy(section);
    let body_limit = section.size("body_limit").unwrap_or(BODY_LIMIT);
    if body_limit > BODY_LIMIT_MAX {
        section.error(
            "invalid-value",
            "body_limit",
            "this is too large",
            "at most 256MiB",
        );
    }
    let (request, expect) = (request?, expect?);
    if expect.wants_body() && body_limit > JUDGED_MAX {
        section.error(
            "invalid-value",
            "body_limit",
            "this is too large for a body that `expect` looks into",
            "at most 16MiB",
        );
    }
    let (tls, foreign_tls) = tls?;
    if request.method == Method::HEAD && expect.wants_body() {
        section.error(
            "conflict",
            "method",
            "an answer to HEAD has no body, but `expect` looks into it",
            "use GET, or expect a status and headers only",
        );
    }
    warn_of_open_secrets(section, &request);
    Some(HttpProbe {
        request,
        expect: Arc::new(expect),
        evaluator: Evaluator::default(),
        redirects: follow.then(|| u32::try_from(max).unwrap_or(0)),
        body_limit,
        version,
        family: options::family(section),
        tls,
        foreign_tls,
        proxy,
    })
}

/// An `http` or `https` address without credentials.
fn read_url(section: &Section<'_>, name: &str) -> Option<Url> {
    let url = parse_url(section, name)?;
    if !url.username().is_empty() || url.password().is_some() {
        section.error(
            "credentials-in-url",
            name,
            "the address holds credentials, which would be shown with it",
            "write them as basic_auth (or proxy_auth) instead",
        );
        return None;
    }
    Some(url)
}

/// What an address in a file has behind its host is a secret.
fn parse_url(section: &Section<'_>, name: &str) -> Option<Url> {
    let read = |text: &str| {
        let url = Url::parse(text).ok();
        url.filter(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some())
    };
    let expected = "an address such as https://example.org/health";
    let file = format!("{name}_file");
    if !section.has(&file) {
        return section.parse(name, expected, read);
    }
    let url = read(&section.text_or_file(name)?);
    match &url {
        Some(url) => section
            .reader()
            .redact(&url[url::Position::BeforePath..], "/<secret>"),
        None => section.error(
            "invalid-value",
            &file,
            "the file holds no address",
            expected,
        ),
    }
    url
}

fn read_request(section: &Section<'_>, url: Option<Url>) -> Option<Request> {
    let method = section.parse("method", "a method such as GET or POST", |text| {
        Method::from_bytes(text.as_bytes()).ok()
    });
    let mut headers = HeaderMap::new();
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    if section.bool("compression").unwrap_or(true) {
        headers.insert(
            ACCEPT_ENCODING,
            HeaderValue::from_static("gzip, br, deflate"),
        );
    }
    let faultless = read_headers(section, &mut headers);
    if section.has("body") && section.has("body_file") {
        section.error(
            "conflict",
            "body_file",
            "both `body` and `body_file` are given",
            "keep one of them",
        );
    }
    let body = section
        .text("body")
        .map(Bytes::from)
        .or_else(|| section.file("body_file").map(Bytes::from));
    let authorization = read_authorization(section);
    let mut request = Request {
        url: url?,
        method: method.unwrap_or(Method::GET),
        headers,
        body: body.unwrap_or_default(),
        cookies: None,
    };
    if let Some(value) = authorization {
        request.authorize(value);
    }
    faultless.then_some(request)
}

fn read_authorization(section: &Section<'_>) -> Option<HeaderValue> {
    let bearer = section.secret("bearer");
    let basic = section.section("basic_auth", keys::CREDENTIALS);
    if bearer.is_some() && basic.is_some() {
        section.error(
            "conflict",
            "basic_auth",
            "both `bearer` and `basic_auth` are given",
            "keep one of them",
        );
    }
    let Some(token) = bearer else {
        return credentials(&basic?);
    };
    let value = Request::secret(&format!("Bearer {}", token.reveal()));
    if value.is_none() {
        section.error(
            "invalid-value",
            "bearer",
            "this cannot be sent in a header",
            "a token in one line",
        );
    }
    value
}

fn credentials(section: &Section<'_>) -> Option<HeaderValue> {
    let (username, password) = (section.text("username"), section.secret("password"));
    Request::basic(&username?, password?.reveal())
}

fn read_expect(section: &Section<'_>) -> Option<Expect> {
    let Some(expect) = section.section("expect", keys::EXPECT) else {
        return (!section.has("expect")).then(|| Expect {
            status: vec![200..=299],
            headers: vec![],
            body: vec![],
            body_not: vec![],
            json: vec![],
        });
    };
    let status = expect.texts(
        "status",
        "a status from 100 to 999 or a range such as 200-299",
        status_range,
    );
    let regex = |name| expect.texts(name, pattern::EXPECTED, bytes_regex);
    let mut headers = Vec::new();
    for (name, wanted, at) in expect.text_map("headers") {
        match (HeaderName::try_from(&name), bytes_regex(&wanted)) {
            (Ok(name), Some(wanted)) => headers.push((name, wanted)),
            _ => expect.reader().error(
                "invalid-value",
                &at,
                format!(
                    "`{name}` is not the name of a header, or its value is not {}",
                    pattern::EXPECTED
                ),
                "such as `Content-Type: ^application/json`",
            ),
        }
    }
    let mut json = Vec::new();
    for (query, wanted, at) in expect.json_map("json") {
        match JsonCondition::new(&query, &wanted) {
            Ok(condition) => json.push(condition),
            Err(fault) => expect.reader().error(
                "invalid-value",
                &at,
                fault,
                "such as `\"$.status\": ok` or `\"$.queue\": \"< 100\"`",
            ),
        }
    }
    Some(Expect {
        status: if status.is_empty() {
            vec![200..=299]
        } else {
            status
        },
        headers,
        body: regex("body"),
        body_not: regex("body_not"),
        json,
    })
}

/// For the configured origin, and for all others, which never see the client certificate.
fn read_tls(section: &Section<'_>, version: Version) -> Option<(Tls, Tls)> {
    let mut own = section
        .section("tls", options::TLS)
        .map_or_else(TlsOptions::default, |tls| TlsOptions::read(&tls));
    own.alpn = match version {
        Version::Auto => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        Version::Http1 => vec![b"http/1.1".to_vec()],
        Version::Http2 => vec![b"h2".to_vec()],
    };
    let foreign = own.for_others();
    own.build(section).zip(foreign.build(section))
}

fn read_proxy(section: &Section<'_>) -> Option<Proxy> {
    let url = read_url(section, "proxy");
    let auth = section.section("proxy_auth", keys::CREDENTIALS);
    if auth.is_some() && !section.has("proxy") && !section.has("proxy_file") {
        section.error(
            "missing-key",
            "proxy_auth",
            "`proxy` is missing",
            "the address of the proxy",
        );
    }
    let url = url?;
    if url.scheme() != "http" {
        section.error(
            "invalid-value",
            "proxy",
            "only http proxies are spoken to",
            "such as http://proxy.example:3128",
        );
        return None;
    }
    Proxy::new(&url, auth.as_ref().and_then(credentials))
}

/// Credentials over plain `http` can be read on the way; on loopback there is no way.
fn warn_of_open_secrets(section: &Section<'_>, request: &Request) {
    let loopback = match request.url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if !request.is_https() && !loopback && request.headers.values().any(HeaderValue::is_sensitive) {
        let help = "use https".to_owned();
        section.reader().report(
            Severity::Warning,
            "open-credentials",
            &section.spot_of("url"),
            "credentials are sent over plain http".to_owned(),
            Some(help),
        );
    }
}
