//! Requests in wire format. The constant parts are serialized once, before the run.

use crate::body::Body;
use crate::head::{Keep, tokens};
use crate::http1::{JOINED_MAX, Outgoing};
use crate::plan::Cookies;
use crate::request::Request;
use crate::template::Values;
use crate::watch::NewWatch;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, HOST, TRANSFER_ENCODING};
use http::uri::{Authority, Scheme};
use http::{HeaderName, HeaderValue, Uri};
use http_body_util::Full;
use std::fmt;
use std::io::Write as _;

/// A request that is prepared to be sent any number of times.
pub struct Step {
    pub request: Request,
    /// The constant headers in HTTP/1.1 format.
    fixed: Vec<u8>,
    /// Headers that are written for each request.
    connection: Option<HeaderValue>,
    cookie: Option<HeaderValue>,
    has_length: bool,
    /// Whether it asks the server to close the connection, which must not be used afterwards (RFC 9112,
    /// section 9.6).
    pub closes: bool,
}

/// Header values may be secrets.
impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.request.fmt(f)
    }
}

/// A step with the values and cookies to send it with.
pub struct Message<'a> {
    pub step: &'a Step,
    pub values: Values<'a>,
    pub cookies: Option<&'a dyn Cookies>,
}

/// A request in HTTP/2 form.
pub type Http2Message = http::Request<Full<Bytes>>;

impl Step {
    pub fn new(request: Request) -> Self {
        let mut fixed = Vec::new();
        for (name, value) in &request.headers {
            let is_own = [CONNECTION, CONTENT_LENGTH, COOKIE, TRANSFER_ENCODING].contains(name);
            let is_made = request
                .templated_headers
                .iter()
                .any(|(made, _)| made == name);
            if !is_own && !is_made {
                write_header(&mut fixed, name, value);
            }
        }
        let header = |name| request.headers.get(name).cloned();
        let connection: Option<HeaderValue> = header(CONNECTION);
        let closes = connection.as_ref().is_some_and(|value| {
            let mut options = tokens(value.as_bytes());
            options.any(|one| one.eq_ignore_ascii_case(b"close"))
        });
        Self {
            fixed,
            closes,
            connection,
            cookie: header(COOKIE),
            has_length: request.headers.contains_key(CONTENT_LENGTH),
            request,
        }
    }
}

impl Message<'_> {
    /// Whether its target is one of this server.
    pub fn has_target(&self) -> bool {
        self.step.request.uri(self.values).is_some()
    }

    /// The body of the response to it.
    pub fn new_body(&self) -> Body {
        let request = &self.step.request;
        Body {
            bytes: request.needs_body().then(Vec::new),
            watch: request.watch.as_ref().map(|NewWatch(new)| new()),
            ..Body::default()
        }
    }

    /// Which headers of the response are needed.
    pub fn keep(&self) -> Keep {
        if self.step.request.needs_headers() {
            Keep::All
        } else if self.cookies.is_some() {
            Keep::Cookies
        } else {
            Keep::Nothing
        }
    }

    /// Writes it in HTTP/1.1 format; `None` if a required value is missing or not valid in a header.
    pub fn write(&self, keep_alive: bool, out: &mut Outgoing) -> Option<()> {
        let Step { request, fixed, .. } = self.step;
        let uri = request.uri(self.values)?;
        let body = request.body(self.values)?;
        let head = &mut out.head;
        head.clear();
        head.extend_from_slice(request.method.as_str().as_bytes());
        head.push(b' ');
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        head.extend_from_slice(target.as_bytes());
        head.extend_from_slice(b" HTTP/1.1\r\n");
        head.extend_from_slice(fixed);
        for (name, value) in self.templated_headers() {
            write_header(head, name, &value?);
        }
        if let Some(value) = self.authorization() {
            write_header(head, &AUTHORIZATION, &value);
        }
        if let Some(value) = self.cookie(&uri).ok()? {
            write_header(head, &COOKIE, &value);
        }
        if !keep_alive {
            head.extend_from_slice(b"Connection: close\r\n");
        } else if let Some(value) = &self.step.connection {
            write_header(head, &CONNECTION, value);
        }
        if !body.is_empty() || self.step.has_length {
            write!(head, "Content-Length: {}\r\n", body.len()).ok()?;
        }
        head.extend_from_slice(b"\r\n");
        if body.len() <= JOINED_MAX {
            head.extend_from_slice(&body);
            out.body = Bytes::new();
        } else {
            out.body = body;
        }
        Some(())
    }

    /// Converts it to HTTP/2; `None` if a required value is missing or not valid in a header.
    pub fn to_http2(&self, scheme: &Scheme) -> Option<Http2Message> {
        let Step { request, .. } = self.step;
        let uri = request.uri(self.values)?;
        let body = request.body(self.values)?;
        let mut headers = request.headers.clone();
        for (name, value) in self.templated_headers() {
            headers.insert(name, value?);
        }
        if let Some(value) = self.authorization() {
            headers.insert(AUTHORIZATION, value);
        }
        if let Some(value) = self.cookie(&uri).ok()? {
            headers.insert(COOKIE, value);
        }
        // HTTP/2 expresses these differently.
        for name in [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
            headers.remove(name);
        }
        let host = headers.remove(HOST)?;
        let mut parts = uri.into_owned().into_parts();
        parts.scheme = Some(scheme.clone());
        parts.authority = Some(Authority::try_from(host.as_bytes()).ok()?);
        let mut message = http::Request::new(Full::new(body));
        *message.method_mut() = request.method.clone();
        *message.uri_mut() = Uri::from_parts(parts).ok()?;
        *message.headers_mut() = headers;
        Some(message)
    }

    fn authorization(&self) -> Option<HeaderValue> {
        self.step.request.credentials.as_ref()?.authorization()
    }

    /// The headers with templates; the value is `None` if it is missing or invalid.
    fn templated_headers(&self) -> impl Iterator<Item = (&HeaderName, Option<HeaderValue>)> {
        let made = self.step.request.templated_headers.iter();
        let made = made.filter(|(name, _)| *name != COOKIE);
        made.map(|(name, template)| {
            let value = template.fill(self.values);
            (
                name,
                value.and_then(|text| HeaderValue::try_from(text).ok()),
            )
        })
    }

    /// The `Cookie` header, if there is one; an error if a required value is missing or invalid.
    fn cookie(&self, uri: &Uri) -> Result<Option<HeaderValue>, ()> {
        let mut made = self.step.request.templated_headers.iter();
        let configured = match made.find(|(name, _)| *name == COOKIE) {
            Some((_, template)) => {
                let value = template.fill(self.values).ok_or(())?;
                Some(HeaderValue::try_from(value).map_err(drop)?)
            }
            None => self.step.cookie.clone(),
        };
        let kept = self
            .cookies
            .and_then(|cookies| cookies.header(uri, configured.as_ref()));
        Ok(kept.or(configured))
    }
}

/// Writes the name in title case, as probes do: some servers accept no other case.
fn write_header(out: &mut Vec<u8>, name: &HeaderName, value: &HeaderValue) {
    let mut before = b'-';
    for byte in name.as_str().bytes() {
        out.push(if before == b'-' {
            byte.to_ascii_uppercase()
        } else {
            byte
        });
        before = byte;
    }
    out.extend_from_slice(b": ");
    out.extend_from_slice(value.as_bytes());
    out.extend_from_slice(b"\r\n");
}
