//! A request that is built once and sent many times.

use super::headers::is_harmless;
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use hyper::body::Bytes;
use percent_encoding::percent_decode_str;
use url::Url;

/// Headers that describe the body, and are dropped with it (RFC 9110, section 15.4; RFC 9530).
const ABOUT_BODY: [&str; 10] = [
    "content-digest",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-type",
    "digest",
    "last-modified",
    "repr-digest",
    "transfer-encoding",
];

#[derive(Clone, Debug)]
pub struct Request {
    pub url: Url,
    pub method: Method,
    /// All headers, except those that depend on the connection. Secret values are marked as sensitive, which
    /// also masks them in `Debug`.
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Replaces the configured `Cookie`, once the attempt has received cookies.
    pub cookies: Option<HeaderValue>,
    /// The credentials in a redirect's address: used for its origin only, and if no others are configured.
    pub redirect_auth: Option<HeaderValue>,
}

/// Why a redirect is not followed.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    /// The address is invalid.
    Unreadable,
    /// The scheme is neither `http` nor `https`.
    Scheme(String),
}

impl Request {
    /// Basic credentials as a header value; `None` if they are not valid in a header.
    pub fn basic(username: &str, password: &str) -> Option<HeaderValue> {
        use base64::Engine as _;
        let encoded =
            base64::engine::general_purpose::STANDARD.encode(format!("{username}:{password}"));
        Self::secret(&format!("Basic {encoded}"))
    }

    /// A header value that is never shown.
    pub fn secret(value: &str) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(value).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    pub fn authorize(&mut self, value: HeaderValue) {
        self.headers.insert(AUTHORIZATION, value);
    }

    /// The address for display, without the query, which may contain keys.
    pub fn shown(&self) -> String {
        match self.url.query() {
            Some(_) => format!("{}?…", &self.url[..url::Position::AfterPath]),
            None => self.url[..url::Position::AfterPath].to_owned(),
        }
    }

    /// What a service may repeat that is secret, or may be: the body, the query, and hidden headers.
    pub fn secrets(&self) -> Vec<Bytes> {
        let query = self.url.query().unwrap_or_default().as_bytes();
        let hidden = self.headers.values().filter(|value| value.is_sensitive());
        let texts = [query].into_iter().chain(hidden.map(HeaderValue::as_bytes));
        let texts = texts.map(Bytes::copy_from_slice);
        texts.chain([self.body.clone()]).collect()
    }

    /// Whether both requests have the same scheme, host and port.
    pub fn same_origin(&self, other: &Self) -> bool {
        self.url.origin() == other.url.origin()
    }

    /// The request for a redirect, by the rules of browsers: 301 and 302 turn POST into GET, and 303 turns
    /// everything except GET and HEAD into GET. Another origin receives no body, and only harmless headers.
    pub fn redirected(
        &self,
        status: StatusCode,
        location: &str,
        origin: &Self,
    ) -> Result<Self, Refused> {
        let mut url = self.url.join(location).map_err(|_| Refused::Unreadable)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refused::Scheme(url.scheme().to_owned()));
        }
        if url.host().is_none() {
            return Err(Refused::Unreadable);
        }
        // They are sent as a header, and never shown with the address.
        let redirect_auth = credentials(&url);
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let mut next = Self {
            url,
            cookies: None,
            ..self.clone()
        };
        if self.redirect_auth.is_some() {
            next.headers.remove(AUTHORIZATION);
        }
        let kept = self.redirect_auth.clone();
        next.redirect_auth = redirect_auth.or_else(|| kept.filter(|_| next.same_origin(self)));
        let becomes_get = match status.as_u16() {
            301 | 302 => next.method == Method::POST,
            303 => !matches!(next.method, Method::GET | Method::HEAD),
            _ => false,
        };
        if becomes_get {
            next.method = Method::GET;
            next.body = Bytes::new();
            for name in ABOUT_BODY {
                next.headers.remove(name);
            }
        }
        if !next.same_origin(origin) {
            next.body = Bytes::new();
            let names: Vec<_> = next.headers.keys().cloned().collect();
            for name in names.into_iter().filter(|name| !is_harmless(name)) {
                next.headers.remove(name);
            }
        }
        next.use_redirect_auth();
        Ok(next)
    }

    /// Sends the credentials in a redirect's address, unless others are configured for this origin.
    fn use_redirect_auth(&mut self) {
        if self.headers.contains_key(AUTHORIZATION) {
            self.redirect_auth = None;
        } else if let Some(value) = self.redirect_auth.clone() {
            self.authorize(value);
        }
    }

    /// Whether it is sent over TLS.
    pub fn is_secure(&self) -> bool {
        matches!(self.url.scheme(), "https" | "wss")
    }

    pub fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or(80)
    }

    /// The server's authority: the configured Host, or else that of the URL.
    pub fn authority(&self) -> String {
        let host = self.headers.get(HOST);
        host.and_then(|host| host.to_str().ok())
            .map_or_else(|| self.url_authority(), str::to_owned)
    }

    /// The address as the server knows it, which determines the domain of cookies.
    pub fn cookie_url(&self) -> Url {
        let asked = format!(
            "{}://{}{}",
            self.url.scheme(),
            self.authority(),
            self.path()
        );
        Url::parse(&asked).unwrap_or_else(|_| self.url.clone())
    }

    /// The URL's host, with its port unless it is the scheme's default.
    pub fn url_authority(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        self.url
            .port()
            .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    pub fn path(&self) -> &str {
        &self.url[url::Position::BeforePath..url::Position::AfterQuery]
    }
}

/// Whether an answer with this status and a `Location` is followed.
pub fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

/// The user and password of an address as Basic credentials, as curl, Go and browsers send them.
fn credentials(url: &Url) -> Option<HeaderValue> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let plain = |part| percent_decode_str(part).decode_utf8_lossy();
    let password = url.password().unwrap_or_default();
    Request::basic(&plain(url.username()), &plain(password))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: Method, url: &str) -> Request {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, Request::secret("Bearer abc").expect("valid"));
        headers.insert("x-api-key", HeaderValue::from_static("k"));
        headers.insert("x-trace", HeaderValue::from_static("t"));
        headers.insert("x-access-key", HeaderValue::from_static("a"));
        headers.insert("accept-language", HeaderValue::from_static("de"));
        Request {
            url: url.parse().expect("valid"),
            method,
            headers,
            body: Bytes::from_static(b"b"),
            cookies: None,
            redirect_auth: None,
        }
    }

    fn follow(from: &Request, status: u16, location: &str) -> Result<Request, Refused> {
        from.redirected(StatusCode::from_u16(status).expect("valid"), location, from)
    }

    #[test]
    fn bodies_and_headers_stay_with_their_origin() {
        let from = request(Method::PUT, "https://a.test/x");
        let same = follow(&from, 307, "/y").expect("followed");
        assert_eq!((same.headers.len(), same.body.len()), (5, 1));
        for elsewhere in [
            "https://b.test/",
            "https://a.test:8443/",
            "http://a.test/",
            "//b.test/",
        ] {
            let next = follow(&from, 308, elsewhere).expect("followed");
            let left: Vec<_> = next.headers.keys().map(http::HeaderName::as_str).collect();
            assert_eq!(left, ["accept-language"], "{elsewhere}");
            assert!(next.body.is_empty(), "{elsewhere}");
        }
    }

    #[test]
    fn configured_host_headers_stay_with_their_origin() {
        let mut from = request(Method::GET, "https://127.0.0.1:8443/x?y");
        assert_eq!(from.authority(), "127.0.0.1:8443");
        from.headers
            .insert(HOST, HeaderValue::from_static("lab.test"));
        assert_eq!(from.authority(), "lab.test");
        assert_eq!(from.cookie_url().as_str(), "https://lab.test/x?y");
        let same = follow(&from, 302, "/y").expect("followed");
        assert_eq!(same.authority(), "lab.test");
        let other = follow(&from, 302, "https://b.test/").expect("followed");
        assert_eq!(other.authority(), "b.test");
    }

    #[test]
    fn secrets_stay_removed_after_returning_to_the_origin() {
        let origin = request(Method::GET, "https://a.test/");
        let away = follow(&origin, 302, "https://b.test/").expect("followed");
        let back = away
            .redirected(StatusCode::FOUND, "https://a.test/", &origin)
            .expect("followed");
        assert!(!back.headers.contains_key(AUTHORIZATION));
    }

    #[test]
    fn credentials_of_a_redirect_go_to_its_origin_alone() {
        let sent = |request: &Request| {
            let value = request.headers.get(AUTHORIZATION)?;
            assert!(value.is_sensitive());
            Some(value.to_str().expect("ASCII").to_owned())
        };
        let basic = |pair: &str| {
            use base64::Engine as _;
            let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
            Some(format!("Basic {encoded}"))
        };
        let origin = request(Method::GET, "https://a.test/");
        let go = |from: &Request, location: &str| {
            let next = from.redirected(StatusCode::FOUND, location, &origin);
            next.expect("followed")
        };
        let there = go(&origin, "https://us:pa%40ss@b.test/x");
        assert_eq!(there.url.as_str(), "https://b.test/x");
        assert_eq!(sent(&there), basic("us:pa@ss"));
        assert_eq!(sent(&go(&there, "/y")), basic("us:pa@ss"));
        assert_eq!(sent(&go(&there, "https://other@b.test/")), basic("other:"));
        for elsewhere in ["http://b.test/", "https://c.test/", "https://a.test/"] {
            let next = go(&there, elsewhere);
            assert_eq!(sent(&next), None, "{elsewhere}");
            assert_eq!(sent(&go(&next, "https://b.test/")), None, "{elsewhere}");
        }
        // Configured credentials are kept.
        let own = go(&origin, "https://us:pass@a.test/x");
        assert_eq!(sent(&own).as_deref(), Some("Bearer abc"));
        assert_eq!(sent(&go(&own, "/y")).as_deref(), Some("Bearer abc"));
        let mut open = origin.clone();
        open.headers.remove(AUTHORIZATION);
        let own = open.redirected(StatusCode::FOUND, "//us:pass@a.test/x", &open);
        assert_eq!(sent(&own.expect("followed")), basic("us:pass"));
    }

    #[test]
    fn methods_change_as_browsers_change_them() {
        for (method, becomes_get) in [
            ("POST", &[301, 302, 303][..]),
            ("PUT", &[303]),
            ("DELETE", &[303]),
            ("OPTIONS", &[303]),
            ("PURGE", &[303]),
            ("GET", &[]),
            ("HEAD", &[]),
        ] {
            let method: Method = method.parse().expect("valid");
            for status in [301, 302, 303, 307, 308] {
                let from = request(method.clone(), "http://a.test/");
                let next = follow(&from, status, "/").expect("followed");
                let wanted = if becomes_get.contains(&status) {
                    (Method::GET, 0)
                } else {
                    (method.clone(), 1)
                };
                assert_eq!((next.method, next.body.len()), wanted, "{method} {status}");
            }
        }
    }

    #[test]
    fn body_headers_are_dropped_with_the_body() {
        let mut from = request(Method::POST, "http://a.test/");
        for name in ABOUT_BODY {
            let value = HeaderValue::from_static("x");
            assert!(from.headers.insert(name, value).is_none(), "{name}");
        }
        let kept = follow(&from, 307, "/").expect("followed");
        assert_eq!(kept.headers.len(), 5 + ABOUT_BODY.len());
        let gone = follow(&from, 302, "/").expect("followed");
        assert_eq!(gone.headers.len(), 5);
    }

    #[test]
    fn only_http_redirects_are_followed() {
        let from = request(Method::GET, "http://a.test/");
        assert_eq!(
            follow(&from, 302, "file:///etc/passwd").err(),
            Some(Refused::Scheme("file".to_owned()))
        );
        assert_eq!(
            follow(&from, 302, "http://").err(),
            Some(Refused::Unreadable)
        );
        let bare = follow(&from, 302, "http://u:p@b.test/").expect("followed");
        assert_eq!(bare.url.as_str(), "http://b.test/");
    }

    #[test]
    fn a_query_is_not_reported() {
        let request = request(Method::GET, "https://a.test/x?key=hush#part");
        assert_eq!(request.shown(), "https://a.test/x?…");
    }

    #[test]
    fn debug_masks_secrets() {
        assert!(!format!("{:?}", request(Method::GET, "http://a.test/")).contains("abc"));
    }
}
