//! Converts the address of a target to the keys of its probe.

use super::authorization::credentials;
use super::context::Context;
use super::http::host_of;
use super::module::{Module, Prober};
use super::value::{Map, Value};
use crate::import::document::{Spot, escaped};
use crate::import::requests::{hide_target, is_secret, segments};
use url::Url;

/// The target of a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub address: String,
    /// The parameter `hostname`: the host to request.
    pub hostname: Option<String>,
    pub spot: Spot,
}

/// The keys of the probe kind, or why there are none.
pub(super) fn keys(module: &Module, target: &Target, of: &Context<'_>) -> Result<Map, String> {
    let address = target.address.as_str();
    match module.prober {
        Prober::Http => http(module, target, of, ["http", "https"]),
        Prober::WebSocket => http(module, target, of, ["ws", "wss"]),
        Prober::Unix => {
            let address = Value::plain(&format!("unix:{address}"));
            Ok(Map::of([("address", address)]).and(&module.keys))
        }
        Prober::Tcp => {
            let mut keys = Map::of([("address", Value::plain(address))]).and(&module.keys);
            if let (Some(host), Some(Value::Map(tls))) = (&target.hostname, keys.get("tls"))
                && tls.get("server_name").is_none()
            {
                keys.set_in("tls", "server_name", Value::plain(host));
            }
            Ok(keys)
        }
        Prober::Dns => Ok(Map::of([("server", Value::plain(&server(address)))]).and(&module.keys)),
        Prober::Icmp => Ok(Map::of([("host", Value::plain(address))]).and(&module.keys)),
        Prober::Grpc => {
            let (_, address) = address.split_once("://").unwrap_or(("", address));
            let address = address.trim_end_matches('/');
            Ok(Map::of([("address", Value::plain(address))]).and(&module.keys))
        }
    }
}

/// In a config, an IPv6 address of a name server has brackets.
fn server(address: &str) -> String {
    match address.parse::<std::net::Ipv6Addr>() {
        Ok(_) => format!("[{address}]"),
        Err(_) => address.to_owned(),
    }
}

/// The keys of a kind over HTTP, whose addresses have one of these schemes: without TLS, which is the default, and with
/// TLS.
fn http(
    module: &Module,
    target: &Target,
    of: &Context<'_>,
    [plain, secure]: [&str; 2],
) -> Result<Map, String> {
    let scheme = target.address.split_once("://").map(|(scheme, _)| scheme);
    let address = match target.address.as_str() {
        address if scheme.is_some_and(|one| one == plain || one == secure) => address.to_owned(),
        address => format!("{plain}://{address}"),
    };
    let Ok(url) = Url::parse(&address) else {
        return Err(format!(
            "it is not an address such as {secure}://example.org/"
        ));
    };
    let mut keys = Map::of([(
        "url",
        Value::Text(without_secrets(&url, &address, target, of)),
    )]);
    keys = keys.and(&module.keys);
    let has_credentials = !url.username().is_empty() || url.password().is_some();
    // A token replaces them in the exporter as well.
    let is_authorized = keys
        .get("basic_auth")
        .or_else(|| keys.get("oauth2"))
        .is_some();
    if has_credentials && !is_authorized {
        keys.set_map("basic_auth", credentials(&url, "target", of, &target.spot));
    }
    if let Some(host) = &target.hostname {
        keys.set_in("headers", "Host", Value::plain(host));
    }
    let has_name =
        matches!(keys.get("tls"), Some(Value::Map(tls)) if tls.get("server_name").is_some());
    if let Some(host) = host_of(&keys).filter(|_| url.scheme() == secure && !has_name) {
        let name = host
            .rsplit_once(':')
            .map_or(host.as_str(), |(name, _)| name);
        keys.set_in("tls", "server_name", Value::Text(name.to_owned()));
    }
    Ok(keys)
}

/// Whether a text is an address with credentials, or with something that looks like a token.
pub(super) fn has_secret(text: &str) -> bool {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let (host, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    !scheme.is_empty() && host.contains('@') || hide_target(host, target) != target
}

/// The address without credentials, and with variables for everything that looks like a token.
fn without_secrets(url: &Url, address: &str, target: &Target, of: &Context<'_>) -> String {
    let has_credentials = !url.username().is_empty() || url.password().is_some();
    let mut plain = url.clone();
    let _ = (plain.set_username(""), plain.set_password(None));
    let address = if has_credentials {
        plain.as_str()
    } else {
        address
    };
    let (scheme, rest) = address.split_once("://").unwrap_or(("http", address));
    let (rest, query) = rest
        .split_once('?')
        .map_or((rest, None), |(rest, query)| (rest, Some(query)));
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let part = |name: &str, value: &str, is_secret: bool| {
        if is_secret {
            of.reference(&format!("target_{name}"), value, &target.spot)
        } else {
            escaped(value)
        }
    };
    let path = segments(url.host_str().unwrap_or_default(), path);
    let path = path.map(|(segment, is_secret)| part("path", segment, is_secret));
    let path = path.collect::<Vec<_>>().join("/");
    let pair = |pair: &str| match pair.split_once('=') {
        Some((name, value)) => {
            let value = part(name, value, is_secret(name, value));
            format!("{}={value}", escaped(name))
        }
        None => part("query", pair, is_secret("query", pair)),
    };
    let query = query.map(|query| query.split('&').map(pair).collect::<Vec<_>>().join("&"));
    let query = query.map_or_else(String::new, |query| format!("?{query}"));
    format!("{scheme}://{}{path}{query}", escaped(host))
}
