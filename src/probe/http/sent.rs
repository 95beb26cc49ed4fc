//! Reads the configured headers, and rejects those that cannot be sent as written.

use super::Version;
use super::headers::is_secret;
use super::keys;
use super::request::Request;
use crate::diagnostic::Severity;
use crate::yaml::{Declared, Section, Spot, shown_name};
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, TE, TRANSFER_ENCODING, UPGRADE,
};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::net::Ipv6Addr;

/// Adds the configured headers to the default ones; `false` if one is invalid.
pub fn read_headers(section: &Section<'_>, headers: &mut HeaderMap) -> bool {
    let mut seen: Vec<HeaderName> = Vec::new();
    let mut faultless = true;
    for (name, value, at) in section.map(&keys::HEADERS) {
        match field(&name, value.reveal()) {
            Ok((name, _)) if seen.contains(&name) => {
                let message = format!("duplicate header `{name}` (case does not matter)");
                section
                    .reader()
                    .error("duplicate-key", &at, message, "remove one of them");
                faultless = false;
            }
            Ok((name, sent)) => {
                if sent.is_sensitive() {
                    redact(section, value.reveal(), &at);
                }
                seen.push(name.clone());
                headers.insert(name, sent);
            }
            Err((message, help)) => {
                section.reader().error("invalid-value", &at, message, help);
                faultless = false;
            }
        }
    }
    if seen.contains(&AUTHORIZATION) {
        let keys: [&dyn Declared; 2] = [&keys::BEARER, &keys::BASIC_AUTH];
        let written = keys
            .into_iter()
            .find_map(|key| Some((key, section.written_name(key)?)));
        if let Some((key, name)) = written {
            let message = format!("both `{name}` and the header Authorization are set");
            section.error("conflict", key, message, "remove one of them");
            faultless = false;
        }
    }
    faultless
}

/// Redacts a credential with and without its scheme.
fn redact(section: &Section<'_>, value: &str, at: &Spot) {
    let reader = section.reader();
    let token = value.split_once(' ').map_or(value, |(_, token)| token);
    reader.redact(value, "<secret>");
    reader.redact(token, "<secret>");
    reader.note_secret(at);
}

fn field(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), (String, &'static str)> {
    let Ok(name) = HeaderName::try_from(name) else {
        let message = format!("`{}` is not a valid header name", shown_name(name));
        return Err((message, "names of letters, digits and dashes"));
    };
    let Ok(mut value) = HeaderValue::try_from(value) else {
        let message = format!("the value of `{name}` is not valid in a header");
        return Err((message, "a value on one line, without control characters"));
    };
    if name == HOST && !is_host(value.as_bytes()) {
        let message = "the value of `host` is neither a host nor a host with its port".to_owned();
        let help = "such as `app.example`, `app.example:8443` or `[::1]:8080`; a name with non-ASCII letters in its ASCII form (`xn--...`)";
        return Err((message, help));
    }
    value.set_sensitive(is_secret(&name));
    Ok((name, value))
}

/// Whether a value is `host[:port]` (RFC 9110, section 7.2; RFC 3986, section 3.2.2). Servers
/// reject anything else.
pub fn is_host(value: &[u8]) -> bool {
    let Ok(value) = std::str::from_utf8(value) else {
        return false;
    };
    let is_port = |port: &str| {
        let digits = port.bytes().all(|byte| byte.is_ascii_digit());
        digits && (port.is_empty() || port.parse::<u16>().is_ok())
    };
    if let Some((address, rest)) = value
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        let is_rest = rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port);
        return is_rest && address.parse::<Ipv6Addr>().is_ok();
    }
    let (name, port) = value.split_once(':').unwrap_or((value, ""));
    let is_in_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&byte);
    name.bytes().all(is_in_name) && is_port(port)
}

/// The version that can carry the request's headers. Reports headers that no allowed version can
/// carry.
pub fn fitting_version(section: &Section<'_>, request: &Request, version: Version) -> Version {
    check_length(section, request);
    warn_of_untyped_body(section, request);
    let Some(name) = http1_only(&request.headers) else {
        if version == Version::Http2 {
            warn_of_dropped(section, &request.headers);
        }
        return version;
    };
    if version == Version::Http2 {
        let message = format!("`{name}` is not valid in HTTP/2");
        let at = field_spot(section, &name);
        section.reader().error(
            "invalid-value",
            &at,
            message,
            "`http_version: 1.1` or `auto`",
        );
        return version;
    }
    Version::Http1
}

/// Warns of headers that have no meaning in HTTP/2, which conveys them differently.
fn warn_of_dropped(section: &Section<'_>, headers: &HeaderMap) {
    let names = [
        CONNECTION,
        HeaderName::from_static("keep-alive"),
        HeaderName::from_static("proxy-connection"),
    ];
    for name in names.iter().filter(|name| headers.contains_key(*name)) {
        section.reader().report(
            Severity::Warning,
            "not-sent",
            &field_spot(section, name),
            format!("HTTP/2 has no header `{name}`, so it is not sent"),
            Some("remove it, or set `http_version: 1.1`".to_owned()),
        );
    }
}

/// The first header that only HTTP/1.1 can carry as written.
fn http1_only(headers: &HeaderMap) -> Option<HeaderName> {
    let only = |name: &HeaderName, value: &[u8]| match *name {
        UPGRADE | TRANSFER_ENCODING => true,
        CONNECTION => {
            !value.eq_ignore_ascii_case(b"close") && !value.eq_ignore_ascii_case(b"keep-alive")
        }
        TE => !value.eq_ignore_ascii_case(b"trailers"),
        // It becomes `:authority`.
        HOST => Authority::try_from(value).is_err(),
        _ => name == "http2-settings",
    };
    let mut fields = headers.iter();
    let found = fields.find(|(name, value)| only(name, value.as_bytes()));
    found.map(|(name, _)| name.clone())
}

/// Checks that the headers that define the length of the body match it.
fn check_length(section: &Section<'_>, request: &Request) {
    let length = request.headers.get(CONTENT_LENGTH);
    let coding = request.headers.get(TRANSFER_ENCODING);
    let body = request.body.len();
    let fault = match (length, coding) {
        (Some(_), Some(_)) => Some((
            CONTENT_LENGTH,
            "Content-Length and Transfer-Encoding are mutually exclusive".to_owned(),
            "remove one of them",
        )),
        (Some(length), None) if length.as_bytes() != body.to_string().as_bytes() => Some((
            CONTENT_LENGTH,
            format!("Content-Length does not match the body of {body} bytes"),
            "remove it: the length of the body is sent automatically",
        )),
        (None, Some(_)) if body == 0 => Some((
            TRANSFER_ENCODING,
            "Transfer-Encoding requires a body".to_owned(),
            "add a `body`, or remove it",
        )),
        (None, Some(coding)) if !ends_chunked(coding) => Some((
            TRANSFER_ENCODING,
            "the last transfer coding of a request is always `chunked`".to_owned(),
            "`chunked`, or a list that ends with `chunked`",
        )),
        _ => None,
    };
    if let Some((name, message, help)) = fault {
        let at = field_spot(section, &name);
        section.reader().error("invalid-value", &at, message, help);
    }
}

/// Warns of a body without `Content-Type`. slod adds none, and many frameworks reject such a request or ignore its
/// body.
fn warn_of_untyped_body(section: &Section<'_>, request: &Request) {
    if request.body.is_empty() || request.headers.contains_key(CONTENT_TYPE) {
        return;
    }
    let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(&request.body).is_ok();
    let likely = if is_json {
        "application/json"
    } else {
        "application/x-www-form-urlencoded"
    };
    section.reader().report(
        Severity::Warning,
        "body-without-type",
        &section.spot_of(&keys::BODY),
        "the request has a body, but no Content-Type".to_owned(),
        Some(format!(
            "set it in `headers`, such as `Content-Type: {likely}`"
        )),
    );
}

fn ends_chunked(coding: &HeaderValue) -> bool {
    let last = coding.as_bytes().rsplit(|byte| *byte == b',').next();
    last.is_some_and(|last| last.trim_ascii().eq_ignore_ascii_case(b"chunked"))
}

/// The position of a configured header.
pub fn field_spot(section: &Section<'_>, name: &HeaderName) -> Spot {
    let headers = section.map(&keys::HEADERS).into_iter();
    let mut found = headers.filter(|(written, _, _)| written.eq_ignore_ascii_case(name.as_str()));
    found
        .next()
        .map_or_else(|| section.spot_of(&keys::HEADERS), |(_, _, at)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_with_or_without_a_port() {
        for host in [
            "app.test",
            "app_1",
            "app.1",
            "APP.test.",
            "app.test:8080",
            "app.test:",
            "127.0.0.1:80",
            "[::1]",
            "[2001:db8::1]:65535",
            "xn--mnchen-3ya.test",
            "",
        ] {
            assert!(field("Host", host).is_ok(), "{host}");
        }
        for other in [
            "a b",
            "http://x/",
            "x/y",
            "u@x",
            "x:99999",
            "x:http",
            "x:-1",
            "::1",
            "[::1",
            "[::1]8080",
            "[x]:80",
            "[fe80::1%25lo]",
            "münchen.test",
            "a,b c",
            "\"x\"",
        ] {
            let (message, _) = field("host", other).expect_err(other);
            assert!(message.contains("neither a host"), "{message}");
        }
    }
}
