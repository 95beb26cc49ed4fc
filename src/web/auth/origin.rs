//! Protection against web pages that use the browser of a user who can reach the daemon.
//!
//! A page of another origin can make a browser send requests with the user's address and stored password,
//! but requests that change something then have `Origin` or `Sec-Fetch-Site`, and the page cannot read the
//! responses. A page whose name resolves to the daemon (DNS rebinding) has the same origin for the browser
//! and can read them, but its name is in `Host`. Programs such as Prometheus and curl cannot be misused
//! this way, so their read requests are accepted under any host name.

use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Version, header};
use std::net::IpAddr;

/// Headers that only browsers send: a page can change the first, but not remove it.
const OF_BROWSERS: [&str; 4] = ["accept-language", "sec-fetch-site", "origin", "referer"];

/// The host of a request, as named by the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// No `Host`, as permitted by HTTP/1.0; browsers always send one.
    Unnamed,
    /// In lower case.
    Named(Authority),
    /// Invalid name, several names, or none where one is required (RFC 9112, 3.2).
    Invalid,
}

impl Target {
    pub fn of(parts: &Parts) -> Self {
        if let Some(authority) = parts.uri.authority() {
            return Self::named(authority.as_str());
        }
        let mut hosts = parts.headers.get_all(header::HOST).iter();
        match (hosts.next(), hosts.next()) {
            (None, _) if parts.version == Version::HTTP_11 => Self::Invalid,
            (None, _) => Self::Unnamed,
            (Some(host), None) => host.to_str().map_or(Self::Invalid, Self::named),
            (Some(_), Some(_)) => Self::Invalid,
        }
    }

    fn named(text: &str) -> Self {
        match text.to_ascii_lowercase().parse::<Authority>() {
            Ok(authority) if is_valid(&authority) => Self::Named(authority),
            _ => Self::Invalid,
        }
    }

    /// Whether no other party can make this name resolve to the daemon.
    pub fn is_own(&self, machine: Option<&str>, allowed: &[String]) -> bool {
        match self {
            Self::Unnamed => true,
            Self::Named(authority) => is_own(authority.host(), machine, allowed),
            Self::Invalid => false,
        }
    }
}

/// Whether host and port are syntactically valid.
fn is_valid(authority: &Authority) -> bool {
    let (host, text) = (authority.host(), authority.as_str());
    // User information precedes the host.
    let Some(port) = text.strip_prefix(host) else {
        return false;
    };
    let has_port = port.is_empty() || port == ":" || authority.port_u16().is_some();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    let is_name = host.starts_with('[') || host.chars().all(is_plain);
    has_port && is_name && url::Host::parse(host).is_ok()
}

fn is_own(host: &str, machine: Option<&str>, allowed: &[String]) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let name = host.strip_suffix('.').unwrap_or(host);
    let is_local = name == "localhost" || name.ends_with(".localhost");
    bare.parse::<IpAddr>().is_ok()
        || is_local
        || machine.is_some_and(|machine| machine.eq_ignore_ascii_case(name))
        || allowed.iter().any(|allowed| allowed == name)
}

pub fn is_browser(headers: &HeaderMap) -> bool {
    OF_BROWSERS.iter().any(|name| headers.contains_key(*name))
}

/// Whether a page of another origin made a browser send this request.
pub fn is_foreign(headers: &HeaderMap, target: &Target, allowed: &[String]) -> bool {
    let mut sites = headers.get_all("sec-fetch-site").iter();
    let is_other = |site: &str| site != "same-origin" && site != "none";
    if sites.any(|site| site.to_str().map_or(true, is_other)) {
        return true;
    }
    let mut origins = headers.get_all(header::ORIGIN).iter();
    origins.any(|origin| {
        let origin = origin.to_str().unwrap_or_default().to_ascii_lowercase();
        !is_same(&origin, target, allowed)
    })
}

/// Whether an origin is the host that the request was sent to. A proxy may have replaced the host, so an
/// allowed name is accepted too.
fn is_same(origin: &str, target: &Target, allowed: &[String]) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else {
        return false;
    };
    let (Target::Named(origin), true) =
        (Target::named(authority), matches!(scheme, "http" | "https"))
    else {
        return false;
    };
    let port = |authority: &Authority| {
        let usual = if scheme == "https" { 443 } else { 80 };
        authority.port_u16().unwrap_or(usual)
    };
    let is_target = match target {
        Target::Named(target) => target.host() == origin.host() && port(target) == port(&origin),
        Target::Unnamed | Target::Invalid => false,
    };
    is_target || allowed.iter().any(|allowed| allowed == origin.host())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    fn parts(headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).expect("a request").into_parts().0
    }

    #[test]
    fn a_name_that_no_host_can_have_is_invalid() {
        for host in [
            "a b",
            "a@b",
            "u:p@127.0.0.1",
            "127.0.0.1:99999",
            "127.0.0.1:http",
            "127.0.0.1:-1",
            "[::1",
            "[::g]",
            "::1",
            "999.1.1.1",
            "1.2.3.4.5",
            "a%00b",
            "a/b",
            "a?b",
            "",
            ":80",
            "a,b",
            "<script>",
        ] {
            let seen = Target::of(&parts(&[("host", host)]));
            assert_eq!(seen, Target::Invalid, "{host}");
        }
        for host in [
            "a",
            "a:80",
            "a:",
            "a_b.c-d.",
            "[::1]:1",
            "127.1",
            "xn--bcher-kva.example",
            "LOCALHOST:65535",
        ] {
            let seen = Target::of(&parts(&[("host", host)]));
            assert!(matches!(seen, Target::Named(_)), "{host}");
        }
    }

    #[test]
    fn only_names_that_others_cannot_take_are_own() {
        let allowed = ["slod.example.com".to_owned()];
        for (host, own) in [
            ("127.0.0.1:9771", true),
            ("[::1]:9771", true),
            ("192.0.2.7", true),
            ("localhost", true),
            ("LOCALHOST:80", true),
            ("localhost.", true),
            ("a.localhost", true),
            ("Machine:1", true),
            ("slod.example.com", true),
            ("SLOD.example.com.:443", true),
            ("evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("localhost.evil.example", false),
            ("evillocalhost", false),
            ("x.slod.example.com", false),
            ("slod.example.com.evil.example", false),
            ("a@localhost", false),
            ("localhost, evil.example", false),
            ("", false),
        ] {
            let target = Target::of(&parts(&[("host", host)]));
            assert_eq!(target.is_own(Some("machine"), &allowed), own, "{host}");
        }
        let twice = parts(&[("host", "localhost"), ("host", "evil.example")]);
        assert!(!Target::of(&twice).is_own(None, &[]));
        let mut unnamed = parts(&[]);
        assert_eq!(Target::of(&unnamed), Target::Invalid);
        unnamed.version = Version::HTTP_10;
        assert!(Target::of(&unnamed).is_own(None, &[]));
        // HTTP/2 and the absolute form of HTTP/1.1: `Host` is ignored.
        let mut absolute = parts(&[("host", "localhost")]);
        absolute.uri = "http://evil.example/".parse().expect("a URI");
        assert!(!Target::of(&absolute).is_own(None, &[]));
    }

    #[test]
    fn requests_of_other_pages_are_foreign() {
        let allowed = ["slod.example.com".to_owned()];
        let host = ("host", "127.0.0.1:9771");
        for (headers, foreign) in [
            (vec![host], false),
            (vec![host, ("origin", "http://127.0.0.1:9771")], false),
            (vec![host, ("origin", "https://127.0.0.1:9771")], false),
            (vec![host, ("origin", "https://slod.example.com")], false),
            (vec![host, ("origin", "http://127.0.0.1:3000")], true),
            (vec![host, ("origin", "http://127.0.0.1")], true),
            (vec![host, ("origin", "http://localhost:9771")], true),
            (vec![host, ("origin", "https://evil.example")], true),
            (vec![host, ("origin", "null")], true),
            (vec![host, ("origin", "")], true),
            (vec![host, ("origin", "file://127.0.0.1:9771")], true),
            (vec![host, ("origin", "http://x@127.0.0.1:9771")], true),
            (vec![host, ("sec-fetch-site", "same-origin")], false),
            (vec![host, ("sec-fetch-site", "none")], false),
            (vec![host, ("sec-fetch-site", "same-site")], true),
            (vec![host, ("sec-fetch-site", "cross-site")], true),
            (
                vec![
                    host,
                    ("sec-fetch-site", "none"),
                    ("origin", "http://a.test"),
                ],
                true,
            ),
            (vec![("host", "slod"), ("origin", "http://slod")], false),
            (vec![("host", "slod:80"), ("origin", "http://slod")], false),
            (vec![("origin", "http://slod")], true),
        ] {
            let parts = parts(&headers);
            let target = Target::of(&parts);
            assert_eq!(
                is_foreign(&parts.headers, &target, &allowed),
                foreign,
                "{headers:?}"
            );
        }
    }
}
