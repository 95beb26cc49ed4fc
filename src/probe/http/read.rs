//! Reads the options of the kind, reporting each error at its key.

use super::expect::Expect;
use super::json::JsonCondition;
use super::keys::{self, Address};
use super::oauth2;
use super::proxy::Proxy;
use super::request::{Request, is_redirect};
use super::sent::{fitting_version, read_headers};
use super::transport::Transport;
use super::{HttpProbe, Version};
use crate::diagnostic::Severity;
use crate::probe::dial::{Tls, TlsOptions, options};
use crate::probe::evaluate::Evaluator;
use crate::probe::pattern::{self, bytes_regex};
use crate::yaml::{Key, Map, Section, Text, shown_name};
use http::header::{ACCEPT, ACCEPT_ENCODING, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use hyper::body::Bytes;
use regex::bytes::Regex;
use std::sync::Arc;
use url::{Position, Url};

pub const AGENT: &str = concat!("slod/", env!("CARGO_PKG_VERSION"));
/// Maximum size of a body that is checked; beyond it, expressions and JSON would take too much time
/// and memory.
pub(super) const CHECKED_MAX: u64 = 16 << 20;
/// Number of headers that are sent by default.
const STANDARD: usize = 3;

pub(super) fn read(section: &Section<'_>) -> Option<HttpProbe> {
    let url = read_url(section, &keys::URL);
    let (method, body) = (
        section.get(&keys::METHOD),
        section.secret_bytes(&keys::BODY),
    );
    let body = body.map(Bytes::from).unwrap_or_default();
    let request = read_request(section, url, method, body);
    let expect = read_expect(section);
    let transport = read_transport(section, request.as_ref());
    let tokens = oauth2::read(section, request.as_ref());
    let follow = section.get(&keys::FOLLOW_REDIRECTS);
    let max = section.get(&keys::MAX_REDIRECTS);
    let body_limit = section.get(&keys::BODY_LIMIT);
    let (request, expect) = (request?, expect?);
    if expect.wants_body() && body_limit.is_some_and(|limit| limit > CHECKED_MAX) {
        section.error(
            "out-of-range",
            &keys::BODY_LIMIT,
            "this is too large for a body that `expect` checks",
            "expected at most 16MiB",
        );
    }
    refuse_what_has_no_body(section, &request, &expect);
    if follow == Some(true) {
        warn_of_followed_redirects(section, &expect);
    }
    warn_of_open_secrets(section, &request, tokens.is_some());
    Some(HttpProbe {
        request,
        expect: Arc::new(expect),
        evaluator: Evaluator::default(),
        redirects: max.filter(|_| follow == Some(true)),
        body_limit: body_limit?,
        transport: transport?,
        tokens,
    })
}

/// Warns if only redirects are expected although they are followed: the status of the last answer counts.
fn warn_of_followed_redirects(section: &Section<'_>, expect: &Expect) {
    let mut statuses = expect.status.iter().cloned().flatten();
    if expect.status.is_empty() || !statuses.all(is_redirect) {
        return;
    }
    section.reader().report(
        Severity::Warning,
        "redirect-followed",
        &section.spot_of(&keys::EXPECT),
        "the expected `status` is a redirect, but redirects are followed".to_owned(),
        Some("add `follow_redirects: false` to check the redirect itself".to_owned()),
    );
}

/// Rejects bodies that HTTP does not allow (RFC 9110, sections 6.4.1 and 9.3.8).
fn refuse_what_has_no_body(section: &Section<'_>, request: &Request, expect: &Expect) {
    if request.method == Method::TRACE && !request.body.is_empty() {
        let problem = "a TRACE request has no body";
        section.error("conflict", &keys::BODY, problem, "remove `body`");
    }
    refuse_checks_of_no_body(section, &request.method, expect);
}

/// Rejects checks of the body of a response that has none.
pub fn refuse_checks_of_no_body(section: &Section<'_>, method: &Method, expect: &Expect) {
    if !expect.wants_body() {
        return;
    }
    let never = |status: u16| status < 200 || [204, 205, 304].contains(&status);
    if *method == Method::HEAD {
        section.error(
            "conflict",
            &keys::METHOD,
            "a response to HEAD has no body, but `expect` checks it",
            "use GET, or check only the status and headers",
        );
    } else if !expect.status.is_empty() && expect.status.iter().cloned().flatten().all(never) {
        section.error(
            "conflict",
            &keys::EXPECT,
            "a response with the expected `status` has no body, but `expect` checks it",
            "check only the status and headers",
        );
    }
}

/// Reads how requests reach the server, from the keys that all kinds over HTTP share.
pub fn read_transport(section: &Section<'_>, request: Option<&Request>) -> Option<Transport> {
    let version = section.get(&keys::HTTP_VERSION).unwrap_or(Version::Auto);
    let version = request.map_or(version, |request| {
        fitting_version(section, request, version)
    });
    let tls = read_tls(section, version, request);
    let proxy = read_proxy(section);
    let family = section.get(&options::IP_VERSION);
    if version == Version::Http2 && proxy.is_some() && !request.is_none_or(Request::is_https) {
        section.error(
            "conflict",
            &keys::HTTP_VERSION,
            "a proxy forwards requests for `http://` addresses by HTTP/1.1 only",
            "`http_version: 1.1` or `auto`, an `https://` address, or no `proxy`",
        );
    }
    let (tls, foreign_tls) = tls?;
    Some(Transport {
        version,
        family: family?,
        tls,
        foreign_tls,
        proxy,
    })
}

/// Reads an `http` or `https` address without credentials. If it is in a file, everything after the
/// host is a secret.
pub fn read_url(section: &Section<'_>, key: &Key<Address>) -> Option<Url> {
    let url = section.value_or_file(key)?;
    if section.written_name(key).as_deref() == Some(key.name) {
        warn_of_token(section, key, &url);
    } else {
        let secret = &url[Position::BeforePath..];
        section.reader().redact(secret, "/<secret>");
    }
    if !url.username().is_empty() || url.password().is_some() {
        section.error(
            "credentials-in-url",
            key,
            "the address contains credentials, which would be visible",
            "use `basic_auth` or `proxy_auth` instead",
        );
        return None;
    }
    Some(url)
}

/// Warns of a token in an address that is written in the config, since it would be shown with the
/// address.
fn warn_of_token(section: &Section<'_>, key: &Key<Address>, url: &Url) {
    let (reader, at) = (section.reader(), section.spot_of(key));
    if reader.is_from_environment(&at) {
        return;
    }
    let pairs = url.query_pairs();
    let tokens: Vec<_> = pairs
        .filter(|(name, value)| names_a_secret(name) && !value.is_empty())
        .collect();
    let Some((name, _)) = tokens.first() else {
        return;
    };
    for (_, value) in &tokens {
        reader.redact(value, "<secret>");
    }
    reader.note_secret(&at);
    reader.report(
        Severity::Warning,
        "secret-in-url",
        &at,
        format!("`{name:.40}` in the address looks like a secret; its value is not shown"),
        Some(format!(
            "write it as `${{NAME}}`, or put the address in a separate file (`{}_file`)",
            key.name
        )),
    );
}

/// Whether a name denotes a secret, such as `token`, `api_key`, `X-Amz-Signature` or `accessToken`.
pub(super) fn names_a_secret(name: &str) -> bool {
    const WORDS: [&str; 8] = [
        "auth",
        "key",
        "apikey",
        "sig",
        "pwd",
        "pass",
        "passwd",
        "credential",
    ];
    const ENDS: [&str; 4] = ["token", "secret", "password", "signature"];
    let name = name.to_ascii_lowercase();
    let mut words = name.split(|c: char| !c.is_ascii_alphanumeric());
    ENDS.iter().any(|end| name.ends_with(end)) || words.any(|word| WORDS.contains(&word))
}

/// Reads what all requests of the section have in common: headers and credentials.
pub(super) fn read_request(
    section: &Section<'_>,
    url: Option<Url>,
    method: Option<Method>,
    body: Bytes,
) -> Option<Request> {
    let mut headers = HeaderMap::with_capacity(STANDARD);
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    if section.get(&keys::COMPRESSION).unwrap_or(true) {
        headers.insert(
            ACCEPT_ENCODING,
            HeaderValue::from_static("gzip, br, deflate"),
        );
    }
    let faultless = read_headers(section, &mut headers);
    let authorization = read_authorization(section);
    let mut request = Request {
        url: url?,
        method: method?,
        headers,
        body,
        cookies: None,
        redirect_auth: None,
    };
    if let Some(value) = authorization {
        request.authorize(value);
    }
    faultless.then_some(request)
}

pub fn read_authorization(section: &Section<'_>) -> Option<HeaderValue> {
    let bearer = section.secret(&keys::BEARER);
    let basic = section.section(&keys::BASIC_AUTH);
    if bearer.is_some() && basic.is_some() {
        section.error(
            "conflict",
            &keys::BASIC_AUTH,
            "`bearer` and `basic_auth` are mutually exclusive",
            "remove one of them",
        );
    }
    let Some(token) = bearer else {
        return credentials(&basic?);
    };
    let is_token = |token: &str| !token.is_empty() && !token.contains(char::is_whitespace);
    let token = Some(token.reveal()).filter(|token| is_token(token));
    let value = token.and_then(|token| Request::secret(&format!("Bearer {token}")));
    if value.is_none() {
        section.error(
            "invalid-value",
            &keys::BEARER,
            "the value is empty, has spaces, or is not valid in a header",
            "a token on one line",
        );
    }
    value
}

fn credentials(section: &Section<'_>) -> Option<HeaderValue> {
    let (username, password) = (
        section.get(&keys::USERNAME),
        section.secret(&keys::PASSWORD),
    );
    let (username, password) = (username?, password?);
    if username.contains(':') {
        section.error(
            "invalid-value",
            &keys::USERNAME,
            "a user with a colon cannot be sent: the server takes what follows it as the password (RFC 7617)",
            "expected a user without `:`",
        );
        return None;
    }
    let value = Request::basic(&username, password.reveal())?;
    // Servers may echo the header without decoding it.
    if let Some(encoded) = value.to_str().ok().and_then(|text| text.split_once(' ')) {
        section.reader().redact(encoded.1, "<secret>");
    }
    Some(value)
}

/// Reads `expect` of a section.
pub fn read_expect(section: &Section<'_>) -> Option<Expect> {
    let expect = section.section_or_empty(&keys::EXPECT)?;
    let mut json = Vec::new();
    for (query, wanted, at) in expect.map(&keys::EXPECT_JSON) {
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
        status: expect.all(&keys::EXPECT_STATUS),
        headers: read_patterns(&expect, &keys::EXPECT_HEADERS),
        headers_not: read_patterns(&expect, &keys::EXPECT_HEADERS_NOT),
        body: expect.all(&keys::EXPECT_BODY),
        body_not: expect.all(&keys::EXPECT_BODY_NOT),
        json,
        json_not: expect.all(&keys::EXPECT_JSON_NOT),
    })
}

/// Reads the expressions for headers at a key of `expect`.
fn read_patterns(expect: &Section<'_>, key: &Key<Map<Text>>) -> Vec<(HeaderName, Regex)> {
    let mut headers = Vec::new();
    for (name, wanted, at) in expect.map(key) {
        match (HeaderName::try_from(&name), bytes_regex(&wanted)) {
            (Ok(name), Some(wanted)) => headers.push((name, wanted)),
            _ => expect.reader().error(
                "invalid-value",
                &at,
                format!(
                    "`{}` is not a valid header name, or its value is not {}",
                    shown_name(&name),
                    pattern::expected(&wanted)
                ),
                "such as `Content-Type: ^application/json`",
            ),
        }
    }
    headers
}

/// Reads the TLS options for the configured origin, and for all others, which never receive the
/// client certificate.
fn read_tls(
    section: &Section<'_>,
    version: Version,
    request: Option<&Request>,
) -> Option<(Tls, Tls)> {
    let mut own = section
        .section(&keys::TLS)
        .map_or_else(TlsOptions::default, |tls| TlsOptions::read(&tls));
    own.alpn = match version {
        Version::Auto => &[b"h2", b"http/1.1"],
        Version::Http1 => &[b"http/1.1"],
        Version::Http2 => &[b"h2"],
    };
    let foreign = own.for_others();
    let own = own.build(section, &keys::TLS)?;
    // Plain `http` needs no trusted certificates, unless a redirect leads to `https`.
    if request.is_some_and(Request::is_https) {
        options::refuse_untrusting(section, &keys::TLS, &own)?;
    }
    Some((own, foreign.build(section, &keys::TLS)?))
}

fn read_proxy(section: &Section<'_>) -> Option<Proxy> {
    let url = read_url(section, &keys::PROXY);
    let auth = section.section(&keys::PROXY_AUTH);
    let credentials = auth.as_ref().and_then(credentials);
    if auth.is_some() && !section.has(&keys::PROXY) {
        section.error(
            "missing-key",
            &keys::PROXY_AUTH,
            "`proxy` is missing",
            "the address of the proxy",
        );
    }
    let url = url?;
    if url.scheme() != "http" {
        section.error(
            "invalid-value",
            &keys::PROXY,
            "only http proxies are supported",
            "such as http://proxy.example:3128",
        );
        return None;
    }
    Proxy::new(&url, credentials)
}

/// Warns of credentials over plain `http`, which can be read in transit, except on loopback. `has_token`
/// means that attempts add one.
pub fn warn_of_open_secrets(section: &Section<'_>, request: &Request, has_token: bool) {
    warn_if_open(section, &keys::URL, request, has_token);
}

/// Same as [`warn_of_open_secrets`], for an address at a key.
pub(super) fn warn_if_open(
    section: &Section<'_>,
    key: &Key<Address>,
    request: &Request,
    has_token: bool,
) {
    let loopback = match request.url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let has_secret = has_token || request.headers.values().any(HeaderValue::is_sensitive);
    if !request.is_https() && !loopback && has_secret {
        let help = "use https".to_owned();
        section.reader().report(
            Severity::Warning,
            "open-credentials",
            &section.spot_of(key),
            "credentials are sent over plain http".to_owned(),
            Some(help),
        );
    }
}
