//! Reads the options of the kind, reporting each error at its key.

mod credentials;
mod expect;

pub use credentials::{read_authorization, warn_of_open_secrets};
pub use expect::{read_bodies, read_expect, read_json, refuse_checks_of_no_body};

use super::expect::Expect;
use super::keys::{self, Address};
use super::proxy::Proxy;
use super::request::Request;
use super::sent::{fitting_version, read_headers};
use super::transport::Transport;
use super::{HttpProbe, Version};
use crate::diagnostic::Severity;
use crate::probe::dial::{Host, SocketPath, Tls, TlsOptions, options};
use crate::yaml::{Key, Section};
use http::header::{ACCEPT, ACCEPT_ENCODING, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method};
use hyper::body::Bytes;
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
    let probe = HttpProbe::of(section, request);
    let follow = section.get(&keys::FOLLOW_REDIRECTS);
    let max = section.get(&keys::MAX_REDIRECTS);
    let body_limit = section.get(&keys::BODY_LIMIT);
    let (probe, expect) = (probe?, expect?);
    if expect.wants_body() && body_limit.is_some_and(|limit| limit > CHECKED_MAX) {
        section.error(
            "out-of-range",
            &keys::BODY_LIMIT,
            "this is too large for a body that `expect` checks",
            "expected at most 16MiB",
        );
    }
    refuse_what_has_no_body(section, &probe.request, &expect);
    if follow == Some(true) {
        expect::warn_of_followed_redirects(section, &expect);
    }
    Some(HttpProbe {
        expect: Arc::new(expect),
        redirects: max.filter(|_| follow == Some(true)),
        body_limit: body_limit?,
        ..probe
    })
}

/// Rejects bodies that HTTP does not allow (RFC 9110, sections 6.4.1 and 9.3.8).
fn refuse_what_has_no_body(section: &Section<'_>, request: &Request, expect: &Expect) {
    if request.method == Method::TRACE && !request.body.is_empty() {
        let problem = "a TRACE request has no body";
        section.error("conflict", &keys::BODY, problem, "remove `body`");
    }
    refuse_checks_of_no_body(section, &request.method, expect);
}

/// Reads the HTTP version to use, and rejects headers that it cannot carry.
pub fn read_version(section: &Section<'_>, request: Option<&Request>) -> Version {
    let version = section.get(&keys::HTTP_VERSION).unwrap_or(Version::Auto);
    request.map_or(version, |request| {
        fitting_version(section, request, version)
    })
}

/// Reads how requests reach the server, from the keys that all kinds over HTTP share.
pub fn read_transport(
    section: &Section<'_>,
    request: Option<&Request>,
    version: Version,
    socket: Option<SocketPath>,
) -> Option<Transport> {
    let tls = read_tls(section, version, request);
    let proxy = read_proxy(section).map(Box::new);
    let host = match &proxy {
        _ if socket.is_some() => None,
        Some(proxy) => Some(proxy.host.clone()),
        None => request.and_then(|request| Host::of(&request.url)),
    };
    let family = options::read_family(section, host.as_ref());
    if version == Version::Http2 && proxy.is_some() && !request.is_none_or(Request::is_secure) {
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
        socket,
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
    let mut headers = standard_headers();
    if section.get(&keys::COMPRESSION).unwrap_or(true) {
        headers.insert(
            ACCEPT_ENCODING,
            HeaderValue::from_static("gzip, br, deflate"),
        );
    }
    read_request_with(section, headers, url, method, body)
}

fn standard_headers() -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(STANDARD);
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    headers
}

/// The request of a section without the key `compression`, whose answers only show what became of it.
pub(super) fn read_post(section: &Section<'_>, url: Option<Url>) -> Option<Request> {
    let (method, body) = (Some(Method::POST), Bytes::new());
    read_request_with(section, standard_headers(), url, method, body)
}

/// Reads the headers and the credentials.
fn read_request_with(
    section: &Section<'_>,
    mut headers: HeaderMap,
    url: Option<Url>,
    method: Option<Method>,
    body: Bytes,
) -> Option<Request> {
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
    if request.is_some_and(Request::is_secure) {
        options::refuse_untrusting(section, &keys::TLS, &own)?;
    }
    Some((own, foreign.build(section, &keys::TLS)?))
}

/// Reads the socket at which the server is.
pub(super) fn read_socket(section: &Section<'_>) -> Option<SocketPath> {
    let socket = section.get(&keys::UNIX_SOCKET);
    if socket.is_some() && section.has(&keys::PROXY) {
        section.error(
            "conflict",
            &keys::UNIX_SOCKET,
            "`unix_socket` and `proxy` are mutually exclusive",
            "remove one of them",
        );
    }
    socket
}

fn read_proxy(section: &Section<'_>) -> Option<Proxy> {
    let url = read_url(section, &keys::PROXY);
    let auth = section.section(&keys::PROXY_AUTH);
    let credentials = auth.as_ref().and_then(credentials::basic);
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
