//! Validation of hosts, and what is expected instead of an invalid one. Pure.

use super::Host;
use url::Url;

/// Maximum length of a name in bytes, and of each of its labels (RFC 1035).
const NAME_MAX: usize = 253;
const LABEL_MAX: usize = 63;

impl Host {
    /// Parses a host as written in an address, and returns it with its displayed form. Accepts every
    /// name that the system's resolver accepts, which are more than a URL allows.
    pub fn written(text: &str) -> Option<(Self, String)> {
        if let Ok(host) = url::Host::parse(text) {
            let shown = host.to_string();
            return can_be_resolved(&host).then(|| (host.into(), shown));
        }
        let name = is_name(text).then(|| text.to_ascii_lowercase())?;
        Some((Self::Name(name.as_str().into()), name))
    }
}

/// Parses the address of a web service: one of these schemes, `://`, and a host. Unlike a browser, does not
/// take the beginning of the path for a host that is missing.
pub fn web_address(text: &str, schemes: &[&str]) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let (scheme, rest) = text.trim_start().split_once("://")?;
    let is_written = scheme.eq_ignore_ascii_case(url.scheme()) && !rest.starts_with(['/', '\\']);
    let is_valid = schemes.contains(&url.scheme()) && url.port() != Some(0);
    (is_valid && is_written && can_be_resolved(&url.host()?)).then_some(url)
}

/// Whether a host is an address, or a name that can exist.
fn can_be_resolved(host: &url::Host<impl AsRef<str>>) -> bool {
    match host {
        url::Host::Domain(name) => is_name(name.as_ref()),
        url::Host::Ipv4(_) | url::Host::Ipv6(_) => true,
    }
}

/// What is expected instead of a host that is not valid in a URL.
pub fn expected_host(host: &str) -> &'static str {
    let mut labels = labels(host);
    if host.contains("://") {
        "a host without a scheme such as `tcp://`"
    } else if host.contains(':') && host.contains('%') {
        "an IPv6 address without a zone such as `%eth0`: a link-local address can only be probed by a name that the system resolves to it, such as one of mDNS"
    } else if host.contains([':', '[', ']']) {
        "an IPv6 address in brackets, such as [2001:db8::1]"
    } else if host.is_empty() {
        "a host, such as example.org"
    } else if labels.clone().any(str::is_empty) {
        "a host without empty parts between its dots, such as example.org"
    } else if labels.clone().any(|label| label.len() > LABEL_MAX) || host.len() > NAME_MAX {
        "a host of at most 253 characters, 63 between two dots"
    } else if labels.clone().all(is_number) {
        "an IPv4 address of four numbers from 0 to 255, such as 192.0.2.1"
    } else if labels.clone().any(is_punycode) {
        "a name whose labels with `xn--` are valid Punycode; it can also be written in Unicode"
    } else if labels.next_back().is_some_and(is_any_number) {
        "a host whose last label is not a number, because URLs treat such a host as an IPv4 address: use its IP address, and set the name as `Host` in `headers`"
    } else {
        "a host of letters, digits, `-`, `_` and `.`, such as example.org"
    }
}

/// Whether the resolver accepts the name: labels of letters, digits, dashes and underscores, with at
/// least one letter in the name. Names without letters are malformed IPv4 addresses.
fn is_name(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_label =
        |label: &str| (1..=LABEL_MAX).contains(&label.len()) && label.bytes().all(is_part);
    text.len() <= NAME_MAX
        && labels(text).all(is_label)
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// The labels of a name, which may end in a dot.
fn labels(name: &str) -> std::str::Split<'_, char> {
    name.strip_suffix('.').unwrap_or(name).split('.')
}

fn is_number(label: &str) -> bool {
    label.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a label is a part of an IPv4 address in a URL, which may be hexadecimal.
fn is_any_number(label: &str) -> bool {
    is_number(label) || label.starts_with("0x") || label.starts_with("0X")
}

fn is_punycode(label: &str) -> bool {
    let begin = label.get(..4);
    begin.is_some_and(|begin| begin.eq_ignore_ascii_case("xn--"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_the_resolver_takes_are_hosts() {
        for (text, shown) in [
            ("example.org", "example.org"),
            ("My_App", "my_app"),
            ("app.1", "app.1"),
            ("Task.1.", "task.1."),
            ("xn--a.test", "xn--a.test"),
            ("a.0x1", "a.0x1"),
            ("m\u{fc}nchen.test", "xn--mnchen-3ya.test"),
        ] {
            let (host, written) = Host::written(text).expect(text);
            assert_eq!(written, shown);
            assert_eq!(host, Host::Name(shown.into()));
        }
        let (host, shown) = Host::written("[::1]").expect("an address");
        assert_eq!(
            (host, &*shown),
            (Host::Address([0_u16, 0, 0, 0, 0, 0, 0, 1].into()), "[::1]")
        );
    }

    #[test]
    fn errors_are_specific() {
        let long = format!("{}.1", "a".repeat(64));
        let longer = "a.".repeat(127);
        for (text, expected) in [
            ("", "a host, such as"),
            ("256.1.1.1", "an IPv4 address"),
            ("1.2.3.4.5", "an IPv4 address"),
            ("tcp://db", "without a scheme"),
            ("::1", "in brackets"),
            ("[::g]", "in brackets"),
            ("[fe80::1%lo]", "without a zone"),
            ("[fe80::1%25lo]", "without a zone"),
            ("a b", "a host of letters"),
            ("a..1", "without empty parts"),
            ("a..b", "without empty parts"),
            (".a", "without empty parts"),
            ("a..", "without empty parts"),
            ("a!b", "a host of letters"),
            (&long, "63 between two dots"),
            (&longer, "at most 253 characters"),
        ] {
            assert!(Host::written(text).is_none(), "{text}");
            let help = expected_host(text);
            assert!(help.contains(expected), "{text}: {help}");
        }
        // In a URL.
        assert!(expected_host("app.1").contains("last label is not a number"));
        assert!(expected_host("app.0x1").contains("last label is not a number"));
        assert!(expected_host("xn--a.test").contains("Punycode"));
    }

    #[test]
    fn web_addresses_have_a_host_that_can_exist() {
        let is_valid = |text: &str| web_address(text, &["http", "https"]).is_some();
        let long = format!("https://{}.test/", "a".repeat(64));
        for text in [
            "http://example.org",
            "HTTP://My_App.:8080/x",
            "https://m\u{fc}nchen.test/?a=//b",
            "http://[::1]:80",
            "http://127.0.0.1/",
        ] {
            assert!(is_valid(text), "{text}");
        }
        for text in [
            "http:///x",
            "http://\\x",
            "http:/x",
            "http:x?://y",
            "http://a..b/",
            "http://.a/",
            "http://a../",
            "http://a!b/",
            "http://a:0/",
            "ftp://a/",
            "//a/",
            &long,
        ] {
            assert!(!is_valid(text), "{text}");
        }
    }
}
