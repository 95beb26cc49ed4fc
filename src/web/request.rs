//! Extractors for the query and the body of a request, with consistent errors.

use super::fields::{Fields, quoted};
use super::problem::{Problem, too_large};
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::error::Category;
use std::convert::Infallible;
use std::fmt;
use std::time::Duration;
use tokio::time::timeout;
use url::form_urlencoded;

/// Timeout for a request's body. It must be shorter than that of the whole request: a change that begins is
/// completed, also after its client got an error.
const BODY_TIMEOUT: Duration = Duration::from_secs(15);

/// The parameters of a query.
#[derive(Debug)]
pub struct Query(Vec<(String, Value)>);

impl Query {
    fn of(parts: &Parts) -> Self {
        let query = parts.uri.query().unwrap_or_default();
        let pairs = form_urlencoded::parse(query.as_bytes());
        Self(
            pairs
                .map(|(name, value)| (name.into_owned(), value.into_owned().into()))
                .collect(),
        )
    }

    /// All values of the only parameter, which may be repeated, as a list.
    pub fn all(self, name: &str) -> Result<Fields, Problem> {
        let (named, others): (Vec<_>, Vec<_>) = self.0.into_iter().partition(|one| one.0 == name);
        Fields::of_query(others, &[name]).map(drop)?;
        let values = named.into_iter().map(|(_, value)| value).collect();
        Fields::of_query(vec![(name.to_owned(), Value::Array(values))], &[name])
    }

    /// The parameters of these names; others are ignored, for addresses outside of the API.
    pub fn some(mut self, names: &[&str]) -> Result<Fields, Problem> {
        self.0.retain(|(name, _)| names.contains(&&**name));
        self.only(names)
    }

    /// Restricts the parameters to these names.
    pub fn only(self, names: &[&str]) -> Result<Fields, Problem> {
        Fields::of_query(self.0, names)
    }
}

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts))
    }
}

/// Rejects parameters for paths that take none: a misspelled parameter, or one for another path, must not
/// look as if it had an effect.
pub async fn without_parameters(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    match Query::of(&parts).only(&[]) {
        Ok(_none) => next.run(Request::from_parts(parts, body)).await,
        Err(problem) => problem.into_response(),
    }
}

/// Object in a JSON body; `None` for other JSON values.
#[derive(Debug)]
pub struct JsonBody(Option<Pairs>);

impl JsonBody {
    /// Restricts the keys to these names; `title` is the title of errors.
    pub fn only(self, title: &'static str, names: &[&str]) -> Result<Fields, Problem> {
        let Some(Pairs(pairs)) = self.0 else {
            let expected = format!("expected a JSON object with {}", quoted(names));
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, title).because(expected));
        };
        Fields::of_body(title, pairs, names)
    }
}

impl<S: Send + Sync> FromRequest<S> for JsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        // Pages of other sites cannot send this content type without a CORS preflight.
        if !is_kind(request.headers(), "application/json") {
            let title = "the body must be JSON, with the header `Content-Type: application/json`";
            return Err(unsupported(title));
        }
        check_coding(request.headers())?;
        let body = read(request, state).await?;
        match serde_json::from_slice(&body) {
            Ok(pairs) => Ok(Self(Some(pairs))),
            Err(error) if error.classify() == Category::Data => Ok(Self(None)),
            Err(error) => Err(not_json(&body, &error)),
        }
    }
}

/// Fields of a form on a page of slod.
#[derive(Debug)]
pub struct FormBody(Vec<(String, Value)>);

impl FormBody {
    /// Restricts the fields to these names; `title` is the title of errors.
    pub fn only(self, title: &'static str, names: &[&str]) -> Result<Fields, Problem> {
        Fields::of_body(title, self.0, names)
    }
}

impl<S: Send + Sync> FromRequest<S> for FormBody {
    type Rejection = Problem;

    /// Pages of other sites can send this content type. Browsers reveal them by one of two headers, which are
    /// checked for all changes; without both, the sender is unknown.
    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let headers = request.headers();
        let is_revealed = ["sec-fetch-site", "origin"];
        if !is_revealed
            .into_iter()
            .any(|name| headers.contains_key(name))
        {
            let title = "this address is for the forms of pages: use the API";
            return Err(Problem::new(StatusCode::FORBIDDEN, title));
        }
        if !is_kind(headers, "application/x-www-form-urlencoded") {
            return Err(unsupported("the body must be a form"));
        }
        check_coding(headers)?;
        let body = read(request, state).await?;
        let pairs = form_urlencoded::parse(&body);
        let pairs = pairs.map(|(name, value)| (name.into_owned(), value.into_owned().into()));
        Ok(Self(pairs.collect()))
    }
}

async fn read<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    let body = timeout(BODY_TIMEOUT, Bytes::from_request(request, state)).await;
    let late = |_| {
        Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "the body did not arrive in time",
        )
    };
    let body = body.map_err(late)?;
    body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        status => Problem::new(status, "the body ended before it was complete"),
    })
}

fn unsupported(title: &'static str) -> Problem {
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, title)
}

fn is_kind(headers: &HeaderMap, expected: &str) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case(expected)
}

fn check_coding(headers: &HeaderMap) -> Result<(), Problem> {
    let is_plain = |coding: &HeaderValue| coding.as_bytes().eq_ignore_ascii_case(b"identity");
    let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
    if codings.all(is_plain) {
        return Ok(());
    }
    // RFC 9110, 12.5.3: lists what would be accepted.
    let problem = unsupported("the body must not be compressed: leave out `Content-Encoding`");
    let identity = HeaderValue::from_static("identity");
    Err(problem.with(header::ACCEPT_ENCODING, identity))
}

fn not_json(body: &[u8], error: &serde_json::Error) -> Problem {
    let reason = match error.classify() {
        _ if body.is_empty() => "the body is empty".to_owned(),
        Category::Eof => "it ends too early".to_owned(),
        _ => format!("see line {}, column {}", error.line(), error.column()),
    };
    Problem::new(StatusCode::BAD_REQUEST, "the body is not valid JSON").because(reason)
}

/// Members of an object in order, including duplicates.
#[derive(Debug)]
struct Pairs(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor)
    }
}

struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Pairs;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Pairs(pairs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use futures_util::stream::pending;
    use tokio::time::Instant;

    async fn read(headers: &[(&str, &str)], body: &str) -> Result<JsonBody, Problem> {
        let request = headers.iter().fold(Request::post("/"), |request, one| {
            request.header(one.0, one.1)
        });
        let request = request.body(Body::from(body.to_owned())).expect("valid");
        JsonBody::from_request(request, &()).await
    }

    #[tokio::test]
    async fn a_body_is_one_object_of_json() {
        let json = ("content-type", "Application/JSON; charset=utf-8");
        for (headers, body, status) in [
            (&[json][..], "{\"a\":1}", None),
            (&[json, ("content-encoding", "identity")], "{}", None),
            (&[json, ("content-encoding", "gzip")], "{}", Some(415)),
            (&[("content-type", "text/plain")], "{}", Some(415)),
            (&[], "{}", Some(415)),
            (&[json], "", Some(400)),
            (&[json], "{", Some(400)),
            (&[json], "{} x", Some(400)),
            (&[json], "{\"a\":}", Some(400)),
        ] {
            let read = read(headers, body).await;
            let found = read.err().map(|problem| problem.status().as_u16());
            assert_eq!(found, status, "{headers:?} {body}");
        }
        for body in ["[]", "1", "\"a\"", "null"] {
            let read = read(&[json], body).await.expect("JSON");
            let problem = read.only("invalid", &["a", "b"]).expect_err("no object");
            assert_eq!(problem.status(), 422);
            let expected = "expected a JSON object with `a`, `b`";
            assert_eq!(problem.detail(), Some(expected));
        }
        let twice = read(&[json], "{\"a\":1,\"a\":2}").await.expect("JSON");
        let problem = twice.only("invalid", &["a"]).expect_err("given twice");
        assert_eq!(problem.detail(), Some("`a` is given twice"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_without_an_end_is_given_up_before_its_request() {
        let body = Body::from_stream(pending::<Result<Bytes, Infallible>>());
        let request = Request::post("/").header("content-type", "application/json");
        let (started, request) = (Instant::now(), request.body(body).expect("valid"));
        let problem = JsonBody::from_request(request, &()).await;
        assert_eq!(problem.expect_err("no end").status(), 408);
        assert_eq!(started.elapsed(), BODY_TIMEOUT);
        assert!(BODY_TIMEOUT < crate::web::REQUEST_TIMEOUT);
    }
}
