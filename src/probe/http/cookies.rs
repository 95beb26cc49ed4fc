//! The cookies of one attempt: kept across its redirects by the rules of browsers, then dropped.

use super::{cookie_date, is_loopback};
use cookie_store::{Cookie, CookieStore};
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue};
use std::cmp::Reverse;
use url::Url;

/// Maximum number of cookies, the minimum that browsers support; further ones are ignored.
const MAX_COOKIES: usize = 180;
/// Maximum size of a name and its value in bytes, as in browsers (RFC 6265bis, section 5.7).
const MAX_BYTES: usize = 4096;
/// Maximum size of a `Set-Cookie` value in bytes, including attributes.
const MAX_SET: usize = 8192;
/// Offset of the private-use characters that stand for non-ASCII bytes in the text of a cookie.
/// Servers choose the encoding of a cookie, which clients do not know; these characters have no
/// meaning, not even as white space.
const BYTES: u32 = 0xe000;

/// The cookies of one attempt, or of one virtual user of a load run.
#[derive(Default)]
pub struct Cookies(CookieStore);

impl Cookies {
    /// Stores the cookies that an answer from `url` sets.
    pub fn keep(&mut self, headers: &HeaderMap, url: &Url) {
        let values = headers.get_all(SET_COOKIE).iter();
        for value in values.filter(|value| is_small(value.as_bytes())) {
            let text = with_readable_expiry(&text(value.as_bytes()));
            // A cookie that is invalid by the rules is ignored, as in browsers.
            let Ok(cookie) = Cookie::parse(text, url) else {
                continue;
            };
            // Only a secure origin may set such a cookie (RFC 6265bis, section 5.7).
            let is_allowed = cookie.secure() != Some(true) || is_secure(url);
            if is_allowed && obeys_name_prefix(&cookie) && self.has_room_for(&cookie) {
                let _ = self.0.insert(cookie.into_owned(), url);
            }
        }
    }

    /// A cookie that replaces another one needs no additional room.
    fn has_room_for(&self, cookie: &Cookie<'_>) -> bool {
        let domain = String::from(&cookie.domain);
        self.0.iter_any().count() < MAX_COOKIES
            || self.0.contains_any(&domain, &cookie.path, cookie.name())
    }

    pub fn is_empty(&self) -> bool {
        self.0.iter_any().next().is_none()
    }

    /// The `Cookie` header for `url`: the `configured` cookies, except those with the name of a
    /// stored one, followed by the stored cookies.
    pub fn header(&self, url: &Url, configured: Option<&HeaderValue>) -> Option<HeaderValue> {
        let mut cookies = self.0.matches(url);
        if cookies.is_empty() {
            return None;
        }
        // Longer paths first; cookies with equal paths are already in the order in which they were
        // set.
        cookies.sort_by_key(|cookie| Reverse(cookie.path.as_ref().len()));
        let replaced = |pair: &str| {
            let name = pair.split('=').next().unwrap_or_default().trim();
            cookies.iter().any(|cookie| cookie.name() == name)
        };
        let configured = configured.map(|value| text(value.as_bytes()));
        let kept = configured.iter().flat_map(|value| value.split(';'));
        let kept = kept
            .map(str::trim)
            .filter(|pair| !pair.is_empty() && !replaced(pair));
        let given = cookies.iter().map(|cookie| pair(cookie));
        let all: Vec<String> = kept.map(str::to_owned).chain(given).collect();
        let mut value = HeaderValue::try_from(bytes(&all.join("; "))).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// Whether a `Set-Cookie` value is within the limits.
fn is_small(set: &[u8]) -> bool {
    let pair = set.split(|byte| *byte == b';').next().unwrap_or_default();
    set.len() <= MAX_SET && pair.len() <= MAX_BYTES
}

/// Whether an origin uses TLS, or is a loopback address, which browsers treat alike.
fn is_secure(url: &Url) -> bool {
    url.scheme() == "https" || is_loopback(url)
}

/// Whether a cookie meets the requirements of its name prefix (RFC 6265bis). Browsers and curl
/// reject others.
fn obeys_name_prefix(cookie: &Cookie<'_>) -> bool {
    let begins = |prefix: &str| {
        let begin = cookie.name().get(..prefix.len());
        begin.is_some_and(|begin| begin.eq_ignore_ascii_case(prefix))
    };
    let is_secure = cookie.secure() == Some(true);
    let is_of_host = cookie.domain().is_none() && cookie.path.as_ref() == "/";
    (is_secure || !begins("__Secure-")) && (is_secure && is_of_host || !begins("__Host-"))
}

/// A `Set-Cookie` value whose last valid `Expires` is rewritten in a format that the library reads.
/// The library supports three formats, browsers many more. An `Expires` that is not a date is
/// ignored.
fn with_readable_expiry(set: &str) -> String {
    let mut parts = set.split(';');
    let pair = parts.next().unwrap_or_default();
    let expiry = |part: &str| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let is_expiry = name.trim().eq_ignore_ascii_case("expires");
        is_expiry.then(|| cookie_date::parse(value))
    };
    let mut kept = vec![pair.to_owned()];
    let mut expires = None;
    for part in parts {
        match expiry(part) {
            Some(date) => expires = date.or(expires),
            None => kept.push(part.to_owned()),
        }
    }
    kept.extend(expires.map(|date| format!("Expires={}", date.format("%a, %d %b %Y %T GMT"))));
    kept.join(";")
}

fn text(bytes: &[u8]) -> String {
    let char_of = |byte: &u8| match byte {
        byte if byte.is_ascii() => Some(char::from(*byte)),
        byte => char::from_u32(BYTES + u32::from(*byte)),
    };
    bytes.iter().filter_map(char_of).collect()
}

fn bytes(text: &str) -> Vec<u8> {
    let byte_of = |c: char| u8::try_from(u32::from(c).checked_sub(BYTES).unwrap_or(u32::from(c)));
    text.chars().filter_map(|c| byte_of(c).ok()).collect()
}

fn pair(cookie: &Cookie<'_>) -> String {
    let (name, value) = cookie.name_value();
    format!("{name}={value}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().expect("valid")
    }

    fn kept(from: &str, set: &[&str]) -> Cookies {
        let mut headers = HeaderMap::new();
        for value in set {
            headers.append(SET_COOKIE, value.parse().expect("valid"));
        }
        let mut cookies = Cookies::default();
        cookies.keep(&headers, &url(from));
        cookies
    }

    fn sent(cookies: &Cookies, to: &str) -> String {
        let header = cookies.header(&url(to), None);
        header.map_or_else(String::new, |value| {
            value.to_str().expect("ASCII").to_owned()
        })
    }

    #[test]
    fn cookies_go_where_browsers_send_them() {
        let from = "https://app.test/login/x";
        let (here, www) = ("https://app.test/", "https://www.app.test/");
        let table = [
            ("a=1", "https://app.test/login/y", "a=1"),
            ("a=1", "https://app.test/other", ""),
            ("a=1; Path=/", "https://app.test/other", "a=1"),
            ("a=1; Path=/", "http://app.test/", "a=1"),
            ("a=1; Path=/; Secure", "http://app.test/", ""),
            (
                "a=1; Path=/; Secure; HttpOnly; SameSite=Strict",
                here,
                "a=1",
            ),
            ("a=1; Path=/", www, ""),
            ("a=1; Path=/; Domain=app.test", www, "a=1"),
            ("a=1; Path=/; Domain=other.test", "https://other.test/", ""),
            ("a=1; Path=/; Domain=other.test", here, ""),
            ("a=1; Path=/; Max-Age=0", here, ""),
            (
                "a=1; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
                here,
                "",
            ),
            ("a=b=c; Path=/", here, "a=b=c"),
            ("__Secure-a=1; Path=/", here, ""),
            ("__Secure-a=1; Path=/; Secure", here, "__Secure-a=1"),
            ("__Host-a=1; Path=/; Secure", here, "__Host-a=1"),
            ("__Host-a=1; Secure", "https://app.test/login/x", ""),
            ("__host-a=1; Path=/; Secure; Domain=app.test", here, ""),
        ];
        for (set, to, wanted) in table {
            assert_eq!(sent(&kept(from, &[set]), to), wanted, "{set} to {to}");
        }
        for loopback in [
            "http://127.0.0.1:1/",
            "http://localhost:1/",
            "http://[::1]:1/",
        ] {
            let cookies = kept(loopback, &["a=1; Secure"]);
            assert_eq!(sent(&cookies, loopback), "a=1", "{loopback}");
        }
        let open = kept(
            "http://app.test/",
            &["a=1; Path=/", "a=2; Path=/; Secure", "b=3; Secure"],
        );
        for to in ["http://app.test/", "https://app.test/"] {
            assert_eq!(sent(&open, to), "a=1", "{to}");
        }
    }

    #[test]
    fn a_cookie_is_replaced_removed_and_put_before_shorter_paths() {
        let from = "http://a.test/";
        let cookies = kept(
            from,
            &[
                "a=1; Path=/",
                "a=2; Path=/",
                "b=3; Path=/x",
                "c=4",
                "c=; Max-Age=0",
            ],
        );
        assert_eq!(sent(&cookies, "http://a.test/x/y"), "b=3; a=2");
        let configured = HeaderValue::from_static("keep=1; a=old;");
        let header = cookies
            .header(&url(from), Some(&configured))
            .expect("a cookie");
        assert_eq!(header, "keep=1; a=2");
        assert!(header.is_sensitive());
        assert_eq!(
            Cookies::default().header(&url(from), Some(&configured)),
            None
        );
    }

    #[test]
    fn an_expiry_in_any_spelling_removes_its_cookie() {
        let from = "http://a.test/";
        for past in [
            "Expires=Thu, 1 Jan 1970 00:00:00 GMT",
            "expires = Thu, 01 Jan 1970 00:00:00 UTC",
            "Expires=Thu, 01 Jan 1970 00:00:00 -0000",
            "Expires=Thu, 01 Jan 1970 00:00:00",
            "Expires=Thu Jan 01 1970 00:00:00 GMT+0000",
            "Expires=Fri, 01 Jan 2100 00:00:00 GMT; Expires=1 Jan 70 0:0:0; Expires=never",
        ] {
            let expired = format!("a=; {past}");
            let cookies = kept(from, &["a=1", &expired]);
            assert_eq!(sent(&cookies, from), "", "{past}");
        }
        for future in [
            "Expires=1 jan 2100 0:0:0; Path=/",
            "Expires=never",
            "Expires",
            "Expires=Thu, 1 Jan 1970 00:00:00 GMT; Expires=1-Jan-2100 0:0:0",
            "Expires=Thu, 1 Jan 1970 00:00:00 GMT; Max-Age=60",
        ] {
            let set = format!("a=1; {future}");
            assert_eq!(sent(&kept(from, &[&set]), from), "a=1", "{future}");
        }
    }

    #[test]
    fn cookies_with_equal_paths_are_sent_by_age() {
        let set = ["z=1", "a=2", "m=3", "z=4", "b=5; Path=/x"];
        let cookies = kept("http://a.test/", &set);
        assert_eq!(sent(&cookies, "http://a.test/x"), "b=5; z=4; a=2; m=3");
    }

    #[test]
    fn bytes_of_any_encoding_are_sent_back() {
        for value in [b"a=\xfc\xff".as_slice(), "a=\u{fc}\u{e0}".as_bytes()] {
            let mut headers = HeaderMap::new();
            let set = HeaderValue::from_bytes(value).expect("valid");
            headers.append(SET_COOKIE, set);
            let mut cookies = Cookies::default();
            cookies.keep(&headers, &url("http://a.test/"));
            let configured = HeaderValue::from_bytes(b"b=\xe9").expect("valid");
            let header = cookies.header(&url("http://a.test/"), Some(&configured));
            let wanted = [b"b=\xe9; ", value].concat();
            assert_eq!(header.expect("a cookie").as_bytes(), wanted);
        }
    }

    #[test]
    fn a_full_jar_still_replaces_a_cookie() {
        let mut many: Vec<_> = (0..MAX_COOKIES).map(|n| format!("n{n}=1")).collect();
        many.push("n7=2".to_owned());
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        let header = sent(&kept("http://a.test/", &many), "http://a.test/");
        assert!(header.contains("n7=2"), "{header}");
    }

    #[test]
    fn the_jar_is_bounded() {
        let many: Vec<_> = (0..1000).map(|n| format!("n{n}=1")).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        let from = "http://a.test/";
        assert_eq!(
            sent(&kept(from, &many), from).split("; ").count(),
            MAX_COOKIES
        );
        let paths: Vec<_> = (0..1000).map(|n| format!("a=1; Path=/{n}")).collect();
        let paths: Vec<_> = paths.iter().map(String::as_str).collect();
        assert_eq!(kept(from, &paths).0.iter_any().count(), MAX_COOKIES);
        let set = |value: usize, more: usize| {
            format!("a={}; Path=/; x={}", "x".repeat(value), "y".repeat(more))
        };
        for (set, is_kept) in [
            (set(MAX_BYTES - 2, 1000), true),
            (set(MAX_BYTES - 1, 0), false),
            (set(1, MAX_SET), false),
        ] {
            let cookies = sent(&kept(from, &[&set]), from);
            assert_eq!(cookies.starts_with("a=x"), is_kept);
        }
    }
}
