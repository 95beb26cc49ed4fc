//! The `http` prober.

use super::authorization;
use super::context::{Context, file_path, ip_version};
use super::expect;
use super::keys::{Keys, text};
use super::oauth2;
use super::tls;
use super::value::{Map, Value};
use crate::import::document::At;
use crate::import::requests::{hide_body, is_secret};
use crate::units;

/// The limit for modules without one: the largest for a body that `expect` checks.
pub(super) const BODY_LIMIT: &str = "16MiB";
const HOST: &str = "host";
const ACCEPT_ENCODING: &str = "Accept-Encoding";

/// Keys without an equivalent in slod, with the remark about each.
const LEFT_OUT: [(&str, &str); 5] = [
    ("no_proxy", "the probe uses its `proxy` for every address"),
    (
        "proxy_from_environment",
        "slod reads no proxies from the environment; set `proxy`",
    ),
    (
        "proxy_connect_header",
        "slod sends only `proxy_auth` to proxies",
    ),
    ("enable_http3", "slod supports HTTP/1.1 and HTTP/2"),
    (
        "fail_if_ssl",
        "slod also accepts a response over TLS; with an `http://` address and `follow_redirects: false` there is none",
    ),
];

/// Imports a probe without its address.
pub(super) fn read(keys: &Keys<'_>, of: &Context<'_>) -> Result<Map, String> {
    let mut probe = Map::default();
    if let Some(method) = keys.filled("method")? {
        probe.set("method", Value::plain(&method));
    }
    probe.set_map("headers", headers(keys, of)?);
    body(keys, of, &mut probe)?;
    authorization::read(keys, of, &mut probe)?;
    oauth2::read(keys, of, &mut probe)?;
    let mut expected = expect::read(keys, of)?;
    compression(keys, &mut probe, &mut expected)?;
    probe.set_map("expect", expected);
    if follows_no_redirects(keys)? {
        probe.set("follow_redirects", Value::Bool(false));
    }
    body_limit(keys, &mut probe)?;
    probe.set_map("tls", tls::read(keys)?);
    ip_version(keys, &mut probe)?;
    version(keys, &mut probe)?;
    authorization::proxy(keys, of, &mut probe)?;
    let why = "slod also accepts a response without TLS. An `https://` address has none unless it is redirected to one; to check that `http://` redirects to TLS, use `follow_redirects: false` with `expect: { status: [301, 302, 307, 308], headers: { Location: '^https://' } }`";
    keys.left_out("fail_if_not_ssl", why);
    for (name, why) in LEFT_OUT {
        keys.left_out(name, why);
    }
    keys.rest();
    Ok(probe)
}

pub(super) fn headers(keys: &Keys<'_>, of: &Context<'_>) -> Result<Map, String> {
    let mut headers = Map::default();
    for (name, at) in keys
        .keys("headers")?
        .iter()
        .flat_map(|keys| keys.at.entries())
    {
        let value = text(at)?;
        headers.set(&name, header(&name, &value, at, of));
    }
    for (name, at) in keys
        .keys("http_headers")?
        .iter()
        .flat_map(|keys| keys.at.entries())
    {
        let sources = Keys::of(at)?;
        let (values, secrets) = (sources.texts("values")?, sources.items("secrets")?);
        for file in sources.items("files")? {
            file.remark(format!("the header `{name:.60}` is in a file, which slod does not support for headers: set the variable to its content"));
            headers.set(&name, of.secret(&name, file));
        }
        if let Some(at) = secrets.first() {
            headers.set(&name, of.secret(&name, *at));
        }
        if !values.is_empty() {
            headers.set(&name, header(&name, &values.join(", "), at, of));
        }
        if values.len() + secrets.len() > 1 {
            at.remark(format!(
                "only one header `{name:.60}` is sent, with the joined values or one of them"
            ));
        }
        sources.rest();
    }
    Ok(headers)
}

fn header(name: &str, value: &str, at: At<'_>, of: &Context<'_>) -> Value {
    if is_secret(name, value) {
        of.secret(name, at)
    } else {
        Value::plain(value)
    }
}

fn body(keys: &Keys<'_>, of: &Context<'_>, probe: &mut Map) -> Result<(), String> {
    if let (Some(body), Some(at)) = (keys.filled("body")?, keys.get("body")) {
        let is_secret = hide_body("", &body) != body;
        let body = if is_secret {
            of.secret("body", at)
        } else {
            Value::plain(&body)
        };
        probe.set("body", body);
    }
    if let (Some(path), Some(at)) = (keys.filled("body_file")?, keys.get("body_file")) {
        probe.set("body_file", file_path(at, &path));
    }
    Ok(())
}

/// The exporter decodes only the configured encoding, and fails if the response does not have it.
fn compression(keys: &Keys<'_>, probe: &mut Map, expected: &mut Map) -> Result<(), String> {
    let Some(coding) = keys.filled("compression")? else {
        return Ok(());
    };
    let has_encoding = matches!(probe.get("headers"), Some(Value::Map(headers)) if headers.has_header(ACCEPT_ENCODING));
    if !has_encoding {
        probe.set_in("headers", ACCEPT_ENCODING, Value::plain(&coding));
    }
    if coding != "identity" {
        expected.set_in(
            "headers",
            "Content-Encoding",
            Value::plain(&format!("^{coding}$")),
        );
        let at = keys.get("compression").unwrap_or(keys.at);
        at.remark("`compression` becomes the header `Accept-Encoding`, which some versions of the exporter do not send, and the expected header `Content-Encoding`");
    }
    Ok(())
}

fn follows_no_redirects(keys: &Keys<'_>) -> Result<bool, String> {
    let (follow, not) = (
        keys.boolean("follow_redirects")?,
        keys.boolean("no_follow_redirects")?,
    );
    Ok(not.unwrap_or(follow == Some(false)))
}

/// Imports a size, whose units are powers of 1,024, including those written as KB and MB.
fn body_limit(keys: &Keys<'_>, probe: &mut Map) -> Result<(), String> {
    let written = keys.filled("body_size_limit")?.filter(|size| size != "0");
    let Some(written) = written else {
        probe.set("body_limit", Value::plain(BODY_LIMIT));
        return Ok(());
    };
    let number = written.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = written[number.len()..]
        .trim_end_matches('B')
        .trim_end_matches('i');
    let size = format!(
        "{number}{}",
        if unit.is_empty() {
            String::new()
        } else {
            format!("{unit}iB")
        }
    );
    let at = keys.get("body_size_limit").unwrap_or(keys.at);
    match units::size(&size) {
        Some(_) => probe.set("body_limit", Value::plain(&size)),
        None => return Err(at.fault("`body_size_limit` is not a size", "a size such as 10MB")),
    }
    Ok(())
}

fn version(keys: &Keys<'_>, probe: &mut Map) -> Result<(), String> {
    let is_without_2 = keys.boolean("enable_http2")? == Some(false);
    if is_without_2 {
        probe.set("http_version", Value::plain("1.1"));
    }
    let versions = keys.texts("valid_http_versions")?;
    let Some(at) = keys
        .get("valid_http_versions")
        .filter(|_| !versions.is_empty())
    else {
        return Ok(());
    };
    let has = |number: &str| {
        versions
            .iter()
            .any(|version| version.starts_with(&format!("HTTP/{number}")))
    };
    match (has("1.1"), has("2")) {
        (_, true) if !has("1") => probe.set("http_version", Value::plain("2")),
        (true, false) => {
            probe.set("http_version", Value::plain("1.1"));
            if !is_without_2 {
                at.remark("`valid_http_versions` becomes `http_version: 1.1`: HTTP/2 is not offered, so a server that prefers it is good as well");
            }
        }
        (false, false) => at.remark("`valid_http_versions` is left out: slod accepts HTTP/1.0, 1.1 and 2; `http_version` requires one of the last two"),
        (_, true) => {}
    }
    if !has("1.0") && has("1.1") {
        at.remark("slod also accepts an HTTP/1.0 response");
    }
    Ok(())
}

/// The value of the header `Host`, which the exporter also expects in certificates.
pub(super) fn host_of(probe: &Map) -> Option<String> {
    let Some(Value::Map(headers)) = probe.get("headers") else {
        return None;
    };
    match headers.find_header(HOST) {
        Some(Value::Text(host)) => Some(host.clone()),
        _ => None,
    }
}
